"""What rules can be made of: the schema of rules, and the plugins that it was composed from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from whenthen.dsl.schema import compose
from whenthen_server.api.dispatch import to_json
from whenthen_server.api.etag import etag_of
from whenthen_server.api.parts import Parts
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route

_NAMES = {"type": "array", "items": {"type": "string"}}

SCHEMAS: dict[str, Any] = {
    "Plugin": {
        "type": "object",
        "required": ["name", "package", "version", "registered", "problems", "status"],
        "properties": {
            "name": {"type": "string"},
            "package": {"type": "string", "description": "The distribution it came from"},
            "version": {"type": "string"},
            "registered": {"type": "object", "description": "Names by kind", "additionalProperties": _NAMES},
            "problems": {**_NAMES, "description": "Why it, or a part of it, was left out"},
            "status": {"enum": ["loaded", "skipped"]},
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Composed:
    """The schema of rules as it is sent, and its tag: what is installed stays the same while the server runs."""

    text: bytes
    tag: str


def routes(parts: Parts) -> list[Route]:
    """Return ``/api/automation/schema`` and ``/api/automation/plugins``."""
    schema = to_json(compose(parts.registry))
    return [_schema(_Composed(schema, etag_of(schema.decode()))), _plugins(parts)]


@route(
    "GET",
    "/api/automation/schema",
    resource="schema",
    verb="read",
    summary="The JSON Schema of rules, with every trigger, condition and action that is installed",
    answer={"type": "object"},
    etag=True,
)
def _schema(composed: _Composed, _request: Request) -> Answer:
    return Answer(composed.text, headers={"Content-Type": "application/json", "ETag": composed.tag})


@route(
    "GET",
    "/api/automation/plugins",
    resource="plugin",
    verb="list",
    summary="The plugins, what each registered, and why one was left out",
    answer={
        "type": "object",
        "required": ["plugins"],
        "properties": {"plugins": {"type": "array", "items": {"$ref": "#/components/schemas/Plugin"}}},
    },
)
def _plugins(parts: Parts, _request: Request) -> Answer:
    return Answer({"plugins": [asdict(record) for record in parts.registry.plugins]})
