"""Devices: registered with a key that is shown once, moved, removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from whenthen.clock import to_us
from whenthen_server.api.ids import OWN, new_id
from whenthen_server.api.instants import TOLD, iso, iso_or_none
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
    device_place,
    devices_in,
    page_of,
    path_device,
    path_room,
    refused,
    room_place,
    within,
)
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import NOWHERE, Place, Reach, hidden, may, reach
from whenthen_server.store.places import (
    DEFAULT_FARM,
    DEFAULT_ROOM,
    DEFAULT_STALE_AFTER_SECONDS,
    DeviceRecord,
)

_CHANNELS: dict[str, Any] = {"type": "array", "maxItems": 200}
_DEVICE_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 100}

_EXAMPLE = {
    "id": "esp32-1",
    "name": "Thermometer",
    "capabilities": {
        "sensors": [{"name": "temperature", "type": "number", "unit": "°C", "min": -40, "max": 85}],
        "actuators": [{"channel": "fan"}],
    },
}

SCHEMAS: dict[str, Any] = {
    "Capabilities": {
        "type": "object",
        "description": "What the device can measure and set",
        "properties": {
            "sensors": {
                **_CHANNELS,
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": _DEVICE_NAME,
                        "type": {"enum": ["number", "boolean", "text"]},
                        "unit": {"type": "string", "maxLength": 30},
                        "min": {"type": "number"},
                        "max": {"type": "number"},
                    },
                },
            },
            "actuators": {
                **_CHANNELS,
                "items": {"type": "object", "required": ["channel"], "properties": {"channel": _DEVICE_NAME}},
            },
        },
        "additionalProperties": False,
    },
    "Device": {
        "type": "object",
        "required": ["id", "name", "type", "room_id", "farm_id", "driver", "capabilities", "online", "seen_at"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "type": {"type": ["string", "null"]},
            "room_id": {"type": "string"},
            "farm_id": {"type": ["string", "null"]},
            "driver": {"type": "string"},
            "capabilities": {"type": "object"},
            "stale_after_seconds": {"type": "number"},
            "online": {"type": "boolean", "description": "Whether it was heard of lately"},
            "seen_at": {"type": ["string", "null"], "description": "When it was last heard"},
            "created_at": TOLD,
            "key": {"type": "string", "description": "The device's key; only in the answer to its registration"},
        },
    },
    "DeviceKey": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "key": {"type": "string", "description": "Shown once: nobody can look it up later"},
        },
    },
}
_DEVICE = {"$ref": "#/components/schemas/Device"}
_KEY_BODY: dict[str, Any] = {
    "type": "object",
    "properties": {"keep_old": {"type": "boolean", "description": "Let the old keys live on, for a change-over"}},
    "additionalProperties": False,
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of devices themselves."""
    # A driver is a plugin, so only here is it known what a device may be given.
    fields = _fields([*rooms.registry.drivers])
    everything = _new_device({"id": OWN, **fields})
    own = _new_device({name: one for name, one in everything["properties"].items() if name != "room_id"})
    return [
        _listed(rooms),
        replace(_registered(rooms), body=everything),
        _listed_in_room(rooms),
        replace(_registered_in_room(rooms), body=own),
        *_ONE.routes(rooms, change_of(fields)),
        _keyed(rooms),
    ]


def _in_wanted_room(rooms: Rooms, request: Request) -> Place | None:
    # Who may register nothing anywhere is told so before the body is looked at.
    if reach(request.caller, "device", "create") == Reach():
        return NOWHERE
    return room_place(rooms, _wanted_room(rooms, request))


@route(
    "GET",
    "/api/devices",
    resource="device",
    verb="list",
    summary="The devices that you may see",
    query=LISTED,
    answer=answer_of("devices", "Device"),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    seen = reach(request.caller, "device", "list")
    every = list(rooms.places.devices_by_id.values())
    return _page(rooms, request, (one for one in every if within(seen, device_place(rooms, one.id))))


@route(
    "POST",
    "/api/devices",
    resource="device",
    verb="create",
    summary="Register a device; without a room it goes to the default one",
    place=_in_wanted_room,
    answer=_DEVICE,
    status=201,
)
def _registered(rooms: Rooms, request: Request) -> Answer:
    return _register(rooms, request, _wanted_room(rooms, request))


@route(
    "GET",
    "/api/rooms/<room_id>/devices",
    resource="device",
    verb="list",
    summary="The devices of a room",
    place=path_room,
    query=LISTED,
    answer=answer_of("devices", "Device"),
)
def _listed_in_room(rooms: Rooms, request: Request) -> Answer:
    return _page(rooms, request, devices_in(rooms, request.path["room_id"]))


@route(
    "POST",
    "/api/rooms/<room_id>/devices",
    resource="device",
    verb="create",
    summary="Register a device in a room",
    place=path_room,
    answer=_DEVICE,
    status=201,
)
def _registered_in_room(rooms: Rooms, request: Request) -> Answer:
    return _register(rooms, request, request.path["room_id"])


@route(
    "POST",
    "/api/devices/<device_id>/key",
    resource="device_key",
    verb="create",
    summary="Give a device a new key, shown once; its old keys end",
    place=path_device,
    body=_KEY_BODY,
    body_required=False,
    answer={"$ref": "#/components/schemas/DeviceKey"},
    status=201,
)
def _keyed(rooms: Rooms, request: Request) -> Answer:
    keep_old = bool((request.body or {}).get("keep_old", False))
    place = path_device(rooms, request) or hidden("device")
    key = rooms.people.create_device_key(request.caller, place, keep_old=keep_old)
    return Answer({"id": key.id, "key": key.text}, again={"id": key.id})


def _changes(rooms: Rooms, request: Request, device: DeviceRecord) -> Mapping[str, Any]:
    changes = checked_name(request.body)
    if changes.get("room_id", device.room_id) != device.room_id:
        there = room_place(rooms, changes["room_id"])
        if there is None or not may(request.caller, "device", "update", there):
            raise _no_room()
    return changes


def _page(rooms: Rooms, request: Request, devices: Iterable[DeviceRecord]) -> Answer:
    found, after = by_id(devices, request.query)
    return Answer(page_of("devices", [shown(rooms, one) for one in found], after))


def _register(rooms: Rooms, request: Request, room_id: str) -> Answer:
    """Register a device in a room; its key is shown once."""
    given = {**checked_name(request.body), "room_id": room_id}
    device_id = given.pop("id", None) or new_id("dev")
    own = {"id": device_id, "name": device_id, "created_us": to_us(rooms.clock.now())}
    device = DeviceRecord(**{**own, **given})
    add(rooms, request, device)
    key = rooms.people.create_device_key(request.caller, device_place(rooms, device_id) or hidden("device"))
    told = shown(rooms, device)
    headers = {"Location": f"/api/devices/{device_id}"}
    return Answer({**told, "key": key.text}, headers=headers, again=told)


def shown(rooms: Rooms, device: DeviceRecord) -> dict[str, Any]:
    """Return a device as REST shows it."""
    room = rooms.places.rooms.get(device.room_id)
    return {
        "id": device.id,
        "name": device.name,
        "type": device.type,
        "room_id": device.room_id,
        "farm_id": None if room is None else room.farm_id,
        "driver": device.driver,
        "capabilities": dict(device.capabilities),
        "stale_after_seconds": device.stale_after_seconds,
        "online": device.online,
        "seen_at": iso_or_none(device.seen_us),
        "created_at": iso(device.created_us),
    }


def _new_device(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        "examples": [_EXAMPLE],
    }


def _fields(drivers: list[str]) -> dict[str, Any]:
    return {
        "name": NAME,
        "type": {**_DEVICE_NAME, "type": ["string", "null"], "description": "What actions aim at, such as led"},
        "room_id": {"type": "string", "maxLength": 200, "description": "Where it stands"},
        "driver": {"enum": sorted({"http", "socketio", *drivers}), "description": "How it is reached"},
        "capabilities": {"$ref": "#/components/schemas/Capabilities"},
        "stale_after_seconds": {
            "type": "number",
            "minimum": 1,
            "maximum": 31_536_000,
            "default": DEFAULT_STALE_AFTER_SECONDS,
            "description": "Silence after which its values count no more",
        },
    }


def _wanted_room(rooms: Rooms, request: Request) -> str:
    """Return the room that a body names, or else the default one; raises ``Unprocessable`` for one not to be had."""
    body = request.body if isinstance(request.body, dict) else {}
    room_id = body.get("room_id")
    there = room_place(rooms, _default_room(rooms) if room_id is None else room_id)
    if there is None or not may(request.caller, "device", "create", there):
        raise _no_room()
    return str(there.room)


def _default_room(rooms: Rooms) -> str:
    """Return the default farm's default room, or the first room there is when somebody removed that."""
    if DEFAULT_ROOM in rooms.places.rooms:
        return DEFAULT_ROOM
    inside = sorted(one.id for one in list(rooms.places.rooms.values()) if one.farm_id == DEFAULT_FARM)
    if not inside:
        raise refused("/room_id", "there is no default room", "name the room that the device stands in")
    return inside[0]


def _no_room() -> Exception:
    return refused("/room_id", "there is no such room, or you may not put devices into it", "look at /api/farms")


_ONE = OnePlace(
    "device",
    "/api/devices/<device_id>",
    Words(
        "One device",
        "Change a device, or move it to another room",
        "Remove a device and end its keys; its readings stay",
    ),
    answer=_DEVICE,
    place=path_device,
    kept=lambda rooms: rooms.places.devices_by_id,
    changes=_changes,
    shown=shown,
)
