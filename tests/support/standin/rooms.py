"""A made-up resource with all that routes can have: paths, queries, bodies, places, versions, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whenthen_server.api import cursor
from whenthen_server.api.etag import demand_match, etag_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.problems import Conflict

ROOM = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 50},
        "beds": {"type": "integer", "minimum": 0, "maximum": 1000},
        "limit": {"type": "number"},
    },
    "additionalProperties": False,
}
SCHEMAS = {"Room": ROOM}
_ROOM = {"$ref": "#/components/schemas/Room"}
_LISTED = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "cursor": cursor.SCHEMA,
        "names": {"type": "array", "items": {"type": "string", "maxLength": 10}},
        "warm": {"type": "boolean"},
        "above": {"type": "number"},
    },
}


class Rooms:
    """Rooms in memory; ``made`` counts how often one was made."""

    def __init__(self, *, harmless: bool = False) -> None:
        self.harmless = harmless
        self.made = 0
        self.version = 1

    def routes(self) -> list[Route]:
        return [one(self) for one in (_listed, _made, _read, _changed, _aired, _history)]


def _place(_rooms: Rooms, request: Request) -> Any:
    room = request.path["room_id"]
    return None if room == "absent" else "theirs" if room == "theirs" else "ours"


@route("GET", "/api/rooms", resource="room", verb="list", summary="Rooms", query=_LISTED)
def _listed(rooms: Rooms, request: Request) -> Answer:
    query = dict(request.query)
    if "cursor" in query:
        query["cursor"] = list(cursor.decode_cursor(query["cursor"], (int, str)))
    return Answer({"query": query, "next": cursor.encode_cursor([rooms.made, "room-1"])})


@route("POST", "/api/rooms", resource="room", verb="create", summary="Make a room", body=_ROOM, status=201)
def _made(rooms: Rooms, request: Request) -> Answer:
    rooms.made += 1
    if request.body["name"] == "broken" and not rooms.harmless:
        raise ZeroDivisionError("secret reason")
    if request.body["name"] == "taken":
        raise Conflict("There is a room of that name.")
    headers = {"Location": f"/api/rooms/{rooms.made}"}
    return Answer({**request.body, "number": rooms.made}, headers=headers)


@route("GET", "/api/rooms/<room_id>", resource="room", verb="read", summary="A room", place=_place, etag=True)
def _read(rooms: Rooms, request: Request) -> Answer:
    return Answer(dict(request.path), headers={"ETag": etag_of("room", rooms.version)})


@route(
    "PUT",
    "/api/rooms/<room_id>",
    resource="room",
    verb="update",
    summary="Change a room",
    place=_place,
    body=_ROOM,
    etag=True,
)
def _changed(rooms: Rooms, request: Request) -> Answer:
    demand_match(request.headers, etag_of("room", rooms.version))
    rooms.version += 1
    return Answer(request.body, headers={"ETag": etag_of("room", rooms.version)})


@route("POST", "/api/rooms/<room_id>/air", resource="room", verb="update", summary="Air it", status=204)
def _aired(_rooms: Rooms, _request: Request) -> Answer:
    return Answer()


@route(
    "GET",
    "/api/rooms/<room_id>/history",
    resource="room",
    verb="read",
    summary="CSV",
    place=_place,
    content_type="text/csv",
)
def _history(_rooms: Rooms, _request: Request) -> Answer:
    def lines() -> Iterator[bytes]:
        yield b"at,temperature\n"
        yield b"2026-01-01T00:00:00Z,21.5\n"

    return Answer(lines(), headers={"Content-Type": "text/csv; charset=utf-8"})
