"""Rooms of farms: where devices stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whenthen.clock import to_us
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import (
    LISTED,
    NAME,
    add,
    answer_of,
    by_id,
    change,
    change_of,
    clear,
    farm_place,
    new_id,
    new_of,
    page_of,
    refused,
    room_place,
    within,
)
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Place, hidden, may, reach
from whenthen_server.auth.changes import read_name
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

    def in_farm(request: Request) -> Place | None:
        return farm_place(rooms, request.path["farm_id"])

    def place(request: Request) -> Place | None:
        return room_place(rooms, request.path["room_id"])

    def known(request: Request) -> RoomRecord:
        return rooms.places.rooms.get(request.path["room_id"]) or hidden("room")

    @route(
        "GET",
        "/api/farms/<farm_id>/rooms",
        resource="room",
        verb="list",
        summary="The rooms of a farm that you may see",
        place=in_farm,
        query=LISTED,
        answer=answer_of("rooms", "RoomOfFarm"),
    )
    def listed(request: Request) -> Answer:
        seen, farm_id = reach(request.caller, "room", "list"), request.path["farm_id"]
        here = [one for one in list(rooms.places.rooms.values()) if one.farm_id == farm_id]
        found, after = by_id((one for one in here if within(seen, Place(farm_id, one.id))), request.query)
        return Answer(page_of("rooms", [_shown(one) for one in found], after))

    @route(
        "POST",
        "/api/farms/<farm_id>/rooms",
        resource="room",
        verb="create",
        summary="Make a room in a farm",
        place=in_farm,
        body={"$ref": "#/components/schemas/NewRoom"},
        answer=_ROOM,
        status=201,
    )
    def made(request: Request) -> Answer:
        own = {"id": new_id("room"), "farm_id": request.path["farm_id"], "created_us": to_us(rooms.clock.now())}
        room = RoomRecord(**{**own, **_checked(request.body)})
        add(rooms, request, room)
        return Answer(_shown(room), headers={"Location": f"/api/rooms/{room.id}"})

    @route(
        "GET",
        "/api/rooms/<room_id>",
        resource="room",
        verb="read",
        summary="One room",
        place=place,
        answer=_ROOM,
    )
    def read(request: Request) -> Answer:
        return Answer(_shown(known(request)))

    @route(
        "PATCH",
        "/api/rooms/<room_id>",
        resource="room",
        verb="update",
        summary="Change a room, or move it to another farm",
        place=place,
        body={"$ref": "#/components/schemas/RoomChange"},
        answer=_ROOM,
    )
    def changed(request: Request) -> Answer:
        room, changes = known(request), _checked(request.body)
        if changes.get("farm_id", room.farm_id) != room.farm_id:
            _demand_move(rooms, request, room, changes["farm_id"])
        return Answer(_shown(change(rooms, request, room, changes)))

    @route(
        "DELETE",
        "/api/rooms/<room_id>",
        resource="room",
        verb="delete",
        summary="Remove a room in which no device stands any more",
        place=place,
        status=204,
    )
    def removed(request: Request) -> Answer:
        clear(rooms, request, known(request))
        return Answer()

    return [listed, made, read, changed, removed]


def _demand_move(rooms: Rooms, request: Request, room: RoomRecord, farm_id: str) -> None:
    """Let a room go to another farm only where it could be removed here and made there."""
    rooms.demand(request.caller, "room", "delete", Place(room.farm_id, room.id))
    there = farm_place(rooms, farm_id)
    if there is None or not may(request.caller, "room", "create", there):
        raise refused("/farm_id", "there is no such farm, or you may not make rooms in it", "look at /api/farms")


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "name": read_name(body["name"])} if "name" in body else dict(body)


def _shown(room: RoomRecord) -> dict[str, Any]:
    return {
        "id": room.id,
        "farm_id": room.farm_id,
        "name": room.name,
        "stage": room.stage,
        "created_at": iso(room.created_us),
    }
