"""Commands to devices: sent, fetched by devices that ask, answered, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from whenthen_server.api.commit import committed
from whenthen_server.api.cursor import decode_cursor
from whenthen_server.api.ids import OWN, new_id
from whenthen_server.api.instants import TOLD, iso, iso_or_none
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import (
    LISTED,
    actor_of,
    answer_of,
    bad_query,
    device_place,
    devices_in,
    page_of,
    path_device,
    path_room,
    refused,
)
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Place, hidden
from whenthen_server.problems import Conflict
from whenthen_server.store import commands as store
from whenthen_server.store.commands import TTL_SECONDS, Command, EndCommand, QueueCommand, SendQueued, State
from whenthen_server.store.database import reading
from whenthen_server.store.placing import Noted

_STATES = list(get_args(State))
_ACTION: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 100, "examples": ["turn_on_fan"]}
_INSTANT = {"type": ["string", "null"]}
_SENT: dict[str, Any] = {
    "command_id": {**OWN, "description": "Your own id: sent twice, it is one command"},
    "action": {**_ACTION, "description": "What the device shall do"},
    "command": {**_ACTION, "description": "The same as action"},
    "value": {"description": "Short for params with one entry, value"},
    "params": {"type": "object", "maxProperties": 100, "description": "What the action needs to know"},
    "ttl_seconds": {
        "type": "number",
        "minimum": 1,
        "maximum": 604_800,
        "default": TTL_SECONDS,
        "description": "A device that cannot be reached for so long never gets it",
    },
    "delivery": {
        "enum": ["idempotent", "at_most_once"],
        "description": "Whether it may be sent again when nobody knows whether it arrived",
    },
}
_ONE_ACTION = [{"required": ["action"]}, {"required": ["command"]}]
_COMMAND = {"$ref": "#/components/schemas/Command"}
_LISTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "state": {"type": "string", "enum": _STATES},
        **LISTED["properties"],
    },
}
_AGAIN = {"type": "boolean", "description": "For a device: also those that it got and did not answer"}

SCHEMAS: dict[str, Any] = {
    "Command": {
        "type": "object",
        "required": ["command_id", "device_id", "action", "params", "state", "timestamp", "expires_at"],
        "properties": {
            "command_id": {"type": "string"},
            "device_id": {"type": "string"},
            "action": {"type": "string"},
            "value": {"description": "That of params, if there is one"},
            "params": {"type": "object"},
            "state": {"enum": _STATES},
            "timestamp": {**TOLD, "description": "When it was queued"},
            "expires_at": TOLD,
            "sent_at": _INSTANT,
            "ended_at": _INSTANT,
            "sent_by": {"type": "string"},
            "result": {"description": "What the device answered"},
        },
    },
    "NewCommand": {
        "type": "object",
        "properties": _SENT,
        "oneOf": _ONE_ACTION,
        "additionalProperties": False,
        "examples": [{"action": "set_humidity", "value": 90}],
    },
    "NewRoomCommand": {
        "type": "object",
        "required": ["device_id"],
        "properties": {
            "device_id": {"type": "string", "maxLength": 200, "description": "A device of the room"},
            "timestamp": {"type": "string", "maxLength": 40, "description": "Taken, and not used: our clock counts"},
            **_SENT,
        },
        "oneOf": _ONE_ACTION,
        "additionalProperties": False,
        "examples": [{"device_id": "actuator-001", "action": "set_humidity", "value": 90}],
    },
    "Acknowledgement": {
        "type": "object",
        "properties": {
            "status": {"enum": ["acknowledged", "rejected"], "default": "acknowledged"},
            "result": {"description": "Anything about it, such as a reason"},
        },
        "additionalProperties": False,
    },
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of commands."""
    sent_and_listed = (_sent_to_device, _listed_of_device, _sent_to_room, _listed_of_room)
    return [one(rooms) for one in (*sent_and_listed, _read, _withdrawn, _acknowledged)]


@route(
    "POST",
    "/api/devices/<device_id>/commands",
    resource="command",
    verb="send",
    summary="Send a command to a device; it waits until the device can be reached",
    place=path_device,
    body={"$ref": "#/components/schemas/NewCommand"},
    answer=_COMMAND,
    status=201,
)
def _sent_to_device(rooms: Rooms, request: Request) -> Answer:
    return _sent(rooms, request, request.path["device_id"])


@route(
    "GET",
    "/api/devices/<device_id>/commands",
    resource="command",
    verb="list",
    summary="Commands of a device, newest first; a device that asks for its queued ones gets them, oldest first",
    place=path_device,
    query={**_LISTED, "properties": {**_LISTED["properties"], "again": _AGAIN}},
    answer=answer_of("commands", "Command"),
    head=False,
)
def _listed_of_device(rooms: Rooms, request: Request) -> Answer:
    if request.caller.kind == "device" and request.query.get("state") == "queued":
        item = SendQueued(request.path["device_id"], again=request.query.get("again", False))
        return Answer({"commands": [shown(one) for one in committed(rooms.runtime, item)]})
    return _listed(rooms, request, [request.path["device_id"]])


@route(
    "POST",
    "/api/rooms/<room_id>/commands",
    resource="command",
    verb="send",
    summary="Send a command to a device of a room",
    place=path_room,
    body={"$ref": "#/components/schemas/NewRoomCommand"},
    answer=_COMMAND,
    status=201,
)
def _sent_to_room(rooms: Rooms, request: Request) -> Answer:
    device = rooms.places.devices_by_id.get(request.body["device_id"])
    if device is None or device.room_id != request.path["room_id"]:
        raise refused("/device_id", "there is no such device in the room", "look at the room's devices")
    return _sent(rooms, request, device.id)


@route(
    "GET",
    "/api/rooms/<room_id>/commands",
    resource="command",
    verb="list",
    summary="Commands of the devices of a room, newest first",
    place=path_room,
    query=_LISTED,
    answer=answer_of("commands", "Command"),
)
def _listed_of_room(rooms: Rooms, request: Request) -> Answer:
    return _listed(rooms, request, [one.id for one in devices_in(rooms, request.path["room_id"])])


def _found(rooms: Rooms, request: Request) -> Command | None:
    with reading(rooms.database) as connection:
        return store.find(connection, request.path["command_id"])


def _place(rooms: Rooms, request: Request) -> Place | None:
    command = _found(rooms, request)
    return None if command is None else device_place(rooms, command.device_id)


@route(
    "GET",
    "/api/commands/<command_id>",
    resource="command",
    verb="read",
    summary="One command and what became of it",
    place=_place,
    answer=_COMMAND,
)
def _read(rooms: Rooms, request: Request) -> Answer:
    return Answer(shown(_found(rooms, request) or hidden("command")))


@route(
    "DELETE",
    "/api/commands/<command_id>",
    resource="command",
    verb="delete",
    summary="Withdraw a command that has not been sent yet",
    place=_place,
    answer=_COMMAND,
)
def _withdrawn(rooms: Rooms, request: Request) -> Answer:
    item = EndCommand(request.path["command_id"], "withdrawn")
    place = _place(rooms, request) or hidden("command")
    return Answer(shown(committed(rooms.runtime, _noted(request, item, place, item.id, "delete"))))


@route(
    "POST",
    "/api/commands/<command_id>/ack",
    resource="command",
    verb="acknowledge",
    summary="Say what the device made of a command",
    place=_place,
    body={"$ref": "#/components/schemas/Acknowledgement"},
    body_required=False,
    answer=_COMMAND,
)
def _acknowledged(rooms: Rooms, request: Request) -> Answer:
    body = request.body or {}
    state = body.get("status", "acknowledged")
    item = EndCommand(request.path["command_id"], state, body.get("result"), request.caller.device_id)
    return Answer(shown(committed(rooms.runtime, item)))


def for_device(command: Command, **more: Any) -> dict[str, Any]:
    """Return a command as its device gets it, and *more* of it."""
    document = {
        "command_id": command.id,
        "device_id": command.device_id,
        "action": command.name,
        "params": dict(command.params),
        "timestamp": iso(command.created_us),
        "expires_at": iso(command.expires_us),
        **more,
    }
    return {**document, "value": command.params["value"]} if "value" in command.params else document


def shown(command: Command) -> dict[str, Any]:
    """Return a command as REST shows it."""
    return for_device(
        command,
        state=command.state,
        sent_at=iso_or_none(command.sent_us),
        ended_at=iso_or_none(command.ended_us),
        sent_by=command.who,
        result=command.result,
    )


def _sent(rooms: Rooms, request: Request, device_id: str) -> Answer:
    body: Mapping[str, Any] = request.body
    params = dict(body.get("params", {}))
    if "value" in body:
        if "value" in params:
            raise refused("/value", "stands in params, too", "give it once")
        params["value"] = body["value"]
    item = QueueCommand(
        rooms.places,
        body.get("command_id") or new_id("cmd"),
        device_id,
        body.get("action") or body["command"],
        params,
        who=actor_of(request.caller),
        delivery=body.get("delivery", "idempotent"),
        ttl_seconds=body.get("ttl_seconds", TTL_SECONDS),
    )
    place = device_place(rooms, device_id) or hidden("device")
    queued = committed(rooms.runtime, _noted(request, item, place, item.id, "send"))
    if (queued.device_id, queued.name, queued.params) != (item.device_id, item.name, item.params):
        # The answer holds nothing of the other command: it may be one that the caller must not see.
        raise Conflict("There is another command of this id. Choose a new id for a new command.")
    return Answer(shown(queued), headers={"Location": f"/api/commands/{queued.id}"})


def _noted(request: Request, item: Any, place: Place, command_id: str, verb: str) -> Noted[Command]:
    what = {"farm": place.farm, "device": place.device, "command": command_id}
    return Noted(item, actor_of(request.caller), f"command.{verb}", what)


def _listed(rooms: Rooms, request: Request, device_ids: list[str]) -> Answer:
    query = request.query
    if "again" in query:
        raise bad_query("again", "is for a device that asks for its queued commands", "leave it out")
    after = decode_cursor(query["cursor"], (int, str)) if "cursor" in query else None
    with reading(rooms.database) as connection:
        found, position = store.listed(
            connection, device_ids, state=query.get("state"), limit=query["limit"], after=after
        )
    return Answer(page_of("commands", [shown(one) for one in found], position))
