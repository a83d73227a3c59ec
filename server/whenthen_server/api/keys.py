"""API keys: what a person lets programs in with."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.credentials import LIFE, holder, life
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import read_instant
from whenthen_server.api.members import ROLE
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import LISTED, NAME, answer_of, by_id, page_of, refused
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.store.credentials import StoredKey
from whenthen_server.store.people import EVERYWHERE

SCHEMAS: dict[str, Any] = {
    "ApiKey": {
        "type": "object",
        "required": ["id", "name", "role", "farm_id", "created_at", "last_used_at", "expires_at"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "role": {
                "type": "string",
                "description": "The most that it may; never more than its maker",
            },
            "farm_id": {"type": "string", "description": "The farm it is for; * is every farm of its maker"},
            **LIFE,
        },
    },
    "NewApiKey": {
        "type": "object",
        "required": ["name", "role"],
        "properties": {
            "name": NAME,
            "role": ROLE,
            "farm_id": {"type": "string", "maxLength": 200, "default": EVERYWHERE},
            "expires_at": INSTANT,
        },
        "additionalProperties": False,
    },
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes below ``/api/keys``: for people, not for keys."""
    return [_listed(rooms), _made(rooms), _ended(rooms)]


@route(
    "GET",
    "/api/keys",
    resource="api_key",
    verb="list",
    summary="Your API keys; their secrets nobody has",
    query=LISTED,
    answer=answer_of("keys", "ApiKey"),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    found, after = by_id(rooms.people.api_keys(request.caller), request.query)
    return Answer(page_of("keys", [_shown(one) for one in found], after))


@route(
    "POST",
    "/api/keys",
    resource="api_key",
    verb="create",
    summary="Make an API key, shown once",
    body={"$ref": "#/components/schemas/NewApiKey"},
    answer={
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "key": {"type": "string", "description": "Shown once: nobody can look it up later"},
        },
    },
    status=201,
)
def _made(rooms: Rooms, request: Request) -> Answer:
    body = request.body
    farm_id = body.get("farm_id", EVERYWHERE)
    if farm_id != EVERYWHERE and farm_id not in rooms.places.farms:
        raise refused("/farm_id", "there is no such farm, or it is not yours to see", "look at /api/farms")
    key = rooms.people.create_api_key(
        request.caller, body["name"], body["role"], farm=farm_id, expires_us=_expires_us(body)
    )
    headers = {"Location": f"/api/keys/{key.id}"}
    return Answer({"id": key.id, "key": key.text}, headers=headers, again={"id": key.id})


@route(
    "DELETE",
    "/api/keys/<key_id>",
    resource="api_key",
    verb="delete",
    summary="End an API key",
    place=holder("api", "key_id"),
    status=204,
)
def _ended(rooms: Rooms, request: Request) -> Answer:
    rooms.people.end_api_key(request.caller, request.path["key_id"])
    return Answer()


def _expires_us(body: Any) -> int | None:
    if "expires_at" not in body:
        return None
    try:
        return read_instant(body["expires_at"])
    except ValueError as error:
        raise refused("/expires_at", str(error), "write it as 2027-01-01T00:00:00Z") from None


def _shown(key: StoredKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "farm_id": key.farm,
        **life(key),
    }
