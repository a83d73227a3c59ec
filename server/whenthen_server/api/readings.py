"""Readings: taken one by one or in lists, each with its own verdict; and the newest of each sensor."""

from __future__ import annotations

from typing import Any

from whenthen.runtime.items import TakeReadings
from whenthen_server.api.commit import committed
from whenthen_server.api.dispatch import MAX_ERRORS
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import LISTED, NEXT, by_id, devices_in, page_of, path_device, path_room
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.shapes import shaped
from whenthen_server.api.verdicts import told
from whenthen_server.store.database import reading
from whenthen_server.store.readings import Value, latest

MAX_READINGS = 5_000

SENSORS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 300},
    "maxItems": 100,
    "description": "Only these sensors",
}
_STATUSES = ["stored", "partly_stored", "duplicate", "refused"]
_VALUE = {"type": ["number", "string", "boolean", "null"]}
_READINGS = {"type": "array", "items": {"$ref": "#/components/schemas/Value"}}

SCHEMAS: dict[str, Any] = {
    "Readings": {
        "description": (
            "One reading or a list of them. A reading is an object of sensors and values, or has them in data, or names"
            " one in sensor_type and value; beside them may stand timestamp and device_id. A value is a number, a text,"
            " true, false, null or an object of numbers."
        ),
        "type": ["object", "array"],
        "minProperties": 1,
        "minItems": 1,
        "maxItems": MAX_READINGS,
        "items": {"description": "One reading"},
        "examples": [
            {"temperature": 21.5},
            {"sensor_type": "temperature", "value": 21.5},
            {"timestamp": "2026-01-01T00:00:00Z", "data": {"temperature_c": 18.5, "humidity_pct": 85.2}},
        ],
    },
    "Verdicts": {
        "type": "object",
        "required": ["stored", "counts", "verdicts"],
        "properties": {
            "stored": {"type": "integer", "description": "Values that were stored"},
            "counts": {
                "type": "object",
                "description": "Readings by verdict",
                "additionalProperties": {"type": "integer"},
            },
            "verdicts": {
                "type": "array",
                "description": "What became of each reading, in their order",
                "items": {"enum": _STATUSES},
            },
            "errors": {
                "type": "array",
                "description": f"Why something was not stored, the first {MAX_ERRORS}",
                "items": {"$ref": "#/components/schemas/Fault"},
            },
        },
    },
    "Fault": {
        "type": "object",
        "required": ["pointer", "message", "hint"],
        "properties": {name: {"type": "string"} for name in ("pointer", "message", "hint", "code")},
    },
    "Value": {
        "type": "object",
        "required": ["sensor", "value", "at", "received_at"],
        "properties": {
            "sensor": {"type": "string"},
            "value": _VALUE,
            "at": {**TOLD, "description": "When it was measured"},
            "received_at": {**TOLD, "description": "When it came"},
        },
    },
    "Newest": {
        "type": "object",
        "required": ["device_id", "readings"],
        "properties": {"device_id": {"type": "string"}, "name": {"type": "string"}, "readings": _READINGS},
    },
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes that take readings and those that give the newest."""
    return [_sent(rooms), _newest(rooms), _telemetry(rooms)]


@route(
    "POST",
    "/api/devices/<device_id>/data",
    resource="reading",
    verb="create",
    summary="Send one reading or a list; each is stored or refused by itself",
    place=path_device,
    body={"$ref": "#/components/schemas/Readings"},
    answer={"$ref": "#/components/schemas/Verdicts"},
    batch=True,
)
def _sent(rooms: Rooms, request: Request) -> Answer:
    body, device_id, now_us = request.body, request.path["device_id"], rooms.runtime.now_us()
    if isinstance(body, dict):
        found = [shaped(body, device_id, "", now_us)]
    else:
        found = [shaped(item, device_id, f"/{index}", now_us) for index, item in enumerate(body)]
    given = [one.given for one in found if one.given is not None]
    taken = committed(rooms.runtime, TakeReadings(given)) if given else []
    # What the runtime was given is counted with its commit.
    if len(given) < len(found):
        rooms.metrics.readings.labels("refused").inc(len(found) - len(given))
    return Answer(told(found, taken))


@route(
    "GET",
    "/api/devices/<device_id>/latest",
    resource="reading",
    verb="read",
    summary="The newest value of each sensor of a device",
    place=path_device,
    answer={"$ref": "#/components/schemas/Newest"},
)
def _newest(rooms: Rooms, request: Request) -> Answer:
    with reading(rooms.database) as connection:
        found = latest(connection, request.path["device_id"])
    return Answer({"device_id": request.path["device_id"], "readings": [shown(one) for one in found]})


@route(
    "GET",
    "/api/rooms/<room_id>/telemetry",
    resource="reading",
    verb="list",
    summary="The newest value of each sensor of the devices of a room",
    place=path_room,
    query={**LISTED, "properties": {"sensor": SENSORS, **LISTED["properties"]}},
    answer={
        "type": "object",
        "required": ["devices"],
        "properties": {
            "devices": {"type": "array", "items": {"$ref": "#/components/schemas/Newest"}},
            "next": NEXT,
        },
    },
)
def _telemetry(rooms: Rooms, request: Request) -> Answer:
    wanted = request.query.get("sensor")
    found, after = by_id(devices_in(rooms, request.path["room_id"]), request.query)
    told = []
    with reading(rooms.database) as connection:
        for device in found:
            values = [one for one in latest(connection, device.id) if wanted is None or one.sensor in wanted]
            told.append({"device_id": device.id, "name": device.name, "readings": [shown(one) for one in values]})
    return Answer(page_of("devices", told, after))


def shown(value: Value) -> dict[str, Any]:
    """Return a stored value as REST shows it."""
    return {
        "sensor": value.sensor,
        "value": value.value,
        "at": iso(value.at_us),
        "received_at": iso(value.received_us),
    }
