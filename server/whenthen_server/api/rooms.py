"""Rooms of farms: where devices stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whenthen.clock import to_us
from whenthen_server.api.ids import new_id
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.one_place import OnePlace, Words
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import (
    LISTED,
    NAME,
    add,
    answer_of,
    by_id,
    change_of,
    checked_name,
    farm_place,
    new_of,
    page_of,
    path_farm,
    path_room,
    refused,
    within,
)
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Place, may, reach
from whenthen_server.store.places import RoomRecord

_FIELDS: dict[str, Any] = {
    "name": NAME,
    "stage": {"type": ["string", "null"], "minLength": 1, "maxLength": 100, "description": "What grows there just now"},
}
_NEW_HOME: dict[str, Any] = {"type": "string", "maxLength": 200, "description": "The farm to move it to"}
_EXAMPLE = {"id": "fruiting-1", "name": "Fruiting 1", "stage": "fruiting"}
_ROOM = {"$ref": "#/components/schemas/RoomOfFarm"}

SCHEMAS: dict[str, Any] = {
    "RoomOfFarm": {
        "type": "object",
        "required": ["id", "farm_id", "name", "stage", "created_at"],
        "properties": {"id": {"type": "string"}, "farm_id": {"type": "string"}, **_FIELDS, "created_at": TOLD},
    },
    "NewRoom": new_of(_FIELDS, _EXAMPLE),
    "RoomChange": change_of({**_FIELDS, "farm_id": _NEW_HOME}),
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of rooms themselves."""
    return [_listed(rooms), _made(rooms), *_ONE.routes(rooms, {"$ref": "#/components/schemas/RoomChange"})]


@route(
    "GET",
    "/api/farms/<farm_id>/rooms",
    resource="room",
    verb="list",
    summary="The rooms of a farm that you may see",
    place=path_farm,
    query=LISTED,
    answer=answer_of("rooms", "RoomOfFarm"),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    seen, farm_id = reach(request.caller, "room", "list"), request.path["farm_id"]
    here = [one for one in list(rooms.places.rooms.values()) if one.farm_id == farm_id]
    found, after = by_id((one for one in here if within(seen, Place(farm_id, one.id))), request.query)
    return Answer(page_of("rooms", [_shown(rooms, one) for one in found], after))


@route(
    "POST",
    "/api/farms/<farm_id>/rooms",
    resource="room",
    verb="create",
    summary="Make a room in a farm",
    place=path_farm,
    body={"$ref": "#/components/schemas/NewRoom"},
    answer=_ROOM,
    status=201,
)
def _made(rooms: Rooms, request: Request) -> Answer:
    own = {"id": new_id("room"), "farm_id": request.path["farm_id"], "created_us": to_us(rooms.clock.now())}
    room = RoomRecord(**{**own, **checked_name(request.body)})
    add(rooms, request, room)
    return Answer(_shown(rooms, room), headers={"Location": f"/api/rooms/{room.id}"})


def _changes(rooms: Rooms, request: Request, room: RoomRecord) -> Mapping[str, Any]:
    changes = checked_name(request.body)
    if changes.get("farm_id", room.farm_id) != room.farm_id:
        _demand_move(rooms, request, room, changes["farm_id"])
    return changes


def _demand_move(rooms: Rooms, request: Request, room: RoomRecord, farm_id: str) -> None:
    """Let a room go to another farm only where it could be removed here and made there."""
    rooms.demand(request.caller, "room", "delete", Place(room.farm_id, room.id))
    there = farm_place(rooms, farm_id)
    if there is None or not may(request.caller, "room", "create", there):
        raise refused("/farm_id", "there is no such farm, or you may not make rooms in it", "look at /api/farms")


def _shown(_rooms: Rooms, room: RoomRecord) -> dict[str, Any]:
    return {
        "id": room.id,
        "farm_id": room.farm_id,
        "name": room.name,
        "stage": room.stage,
        "created_at": iso(room.created_us),
    }


_ONE = OnePlace(
    "room",
    "/api/rooms/<room_id>",
    Words("One room", "Change a room, or move it to another farm", "Remove a room in which no device stands any more"),
    answer=_ROOM,
    place=path_room,
    kept=lambda rooms: rooms.places.rooms,
    changes=_changes,
    shown=_shown,
)
