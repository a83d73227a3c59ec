"""The server about itself: is it well, what does it count, who am I."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.parts import Parts
from whenthen_server.api.request import Caller, Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.metrics import CONTENT_TYPE

_STATES = ["ok", "degraded", "down"]

SCHEMAS: dict[str, Any] = {
    "Health": {
        "type": "object",
        "required": ["status", "parts"],
        "properties": {
            "status": {"enum": _STATES, "description": "The worst of the parts"},
            "parts": {
                "type": "object",
                "description": "Each part by name",
                "additionalProperties": {
                    "type": "object",
                    "required": ["status"],
                    "properties": {
                        "status": {"enum": _STATES, "description": "Degraded: works, but somebody should look"},
                        "detail": {"type": "string", "description": "For those who signed in: what is the matter"},
                    },
                },
            },
        },
    },
    "Me": {
        "type": "object",
        "required": ["kind", "id", "name", "roles", "rooms"],
        "properties": {
            "kind": {"enum": ["device", "person", "api_key"]},
            "id": {"type": "string"},
            "name": {"type": "string"},
            "roles": {
                "type": "object",
                "description": "Role by farm; * is every farm and the installation",
                "additionalProperties": {"type": "string"},
            },
            "rooms": {
                "type": "object",
                "description": "Role by room, beside those of the farm",
                "additionalProperties": {
                    "type": "object",
                    "required": ["farm", "role"],
                    "properties": {"farm": {"type": "string"}, "role": {"type": "string"}},
                },
            },
            "device_id": {"type": "string", "description": "The device, if one is asking"},
        },
    },
}


def routes(parts: Parts) -> list[Route]:
    """Return ``/health``, ``/metrics`` and ``/api/me``."""
    return [_health(parts), _metrics(parts), _me(parts)]


@route(
    "GET",
    "/health",
    resource="health",
    verb="read",
    summary="Whether each part of the server is well; 503 when one is down",
    answer={"$ref": "#/components/schemas/Health"},
)
def _health(parts: Parts, request: Request) -> Answer:
    states = parts.health()
    told = request.caller.kind != "anonymous"
    shown = {
        name: {"status": part.status, **({"detail": part.detail} if told and part.detail else {})}
        for name, part in states.items()
    }
    worst = max((part.status for part in states.values()), key=_STATES.index, default="ok")
    return Answer({"status": worst, "parts": shown}, 503 if worst == "down" else 200)


@route(
    "GET",
    "/metrics",
    resource="metrics",
    verb="read",
    summary="Counters in Prometheus's text format",
    answer={"type": "string"},
    content_type="text/plain",
)
def _metrics(parts: Parts, _request: Request) -> Answer:
    return Answer(parts.metrics.page(), headers={"Content-Type": CONTENT_TYPE})


@route(
    "GET",
    "/api/me",
    resource="me",
    verb="read",
    summary="Who is asking, and what roles they have",
    answer={"$ref": "#/components/schemas/Me"},
)
def _me(_parts: Parts, request: Request) -> Answer:
    return Answer(_shown(request.caller))


def _shown(caller: Caller) -> dict[str, Any]:
    shown = {
        "kind": caller.kind,
        "id": caller.id,
        "name": caller.name,
        "roles": {farm: role.word for farm, role in caller.roles.items()},
        "rooms": {room: {"farm": grant.farm, "role": grant.role.word} for room, grant in caller.rooms.items()},
    }
    return shown if caller.device_id is None else {**shown, "device_id": caller.device_id}
