"""The OpenAPI 3.1 document, made of the same routes and schemas that answer and check requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.route import Route

_CREDENTIALS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, a device's key or a provider's token"},
    "device": {"type": "apiKey", "in": "header", "name": "X-Device-Key", "description": "A device's key"},
    "session": {"type": "apiKey", "in": "cookie", "name": "whenthen", "description": "A person in a browser"},
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes it safe to send the request again: the same key and request get the first answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the version that you change; a stale one gets 412",
    "schema": {"type": "string"},
}


def openapi(routes: Iterable[Route], named: Mapping[str, Any], *, version: str) -> dict[str, Any]:
    """Return the document for the documented *routes* and the *named* schemas."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.documented:
            paths.setdefault(route.openapi_path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "whenthen",
            "version": version,
            "description": "Devices, readings, commands and rules. Every failure is an application/problem+json.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [*({name: []} for name in _CREDENTIALS), {}],
        "paths": paths,
        "components": {
            "schemas": dict(named),
            "securitySchemes": dict(_CREDENTIALS),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _identifier(route),
        "summary": route.summary,
        "tags": [route.resource],
        "parameters": _parameters(route),
        "responses": {
            str(route.status): _answer(route),
            "default": {
                "description": "The request failed",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {"application/json": {"schema": dict(route.body)}},
        }
    return operation


def _identifier(route: Route) -> str:
    """Return a name that generated clients can use, such as ``get_api_rooms_room_id``."""
    words = route.path.replace("<", "").replace(">", "").replace("-", "_").strip("/").split("/")
    return "_".join([route.method.lower(), *words])


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [{"name": name, "in": "path", "required": True, "schema": dict(ID)} for name in route.parameters]
    query = route.query or {}
    required = query.get("required", ())
    in_query = []
    for name, schema in query.get("properties", {}).items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required, "schema": schema}
        if schema.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        in_query.append(parameter)
    in_header = [_IDEMPOTENCY] if route.method == "POST" else []
    if route.etag and route.method in ("PUT", "PATCH", "DELETE"):
        in_header.append(_IF_MATCH)
    return [*in_path, *in_query, *in_header]


def _answer(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.etag:
        answer["headers"] = {"ETag": {"description": "Names this version", "schema": {"type": "string"}}}
    if route.status != HTTPStatus.NO_CONTENT:
        answer["content"] = {route.content_type: {"schema": dict(route.answer or {})}}
        answer["content"] |= {other: {"schema": {"type": "string"}} for other in route.other_types}
    return answer
