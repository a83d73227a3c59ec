"""Events: something happened, and rules may listen to it."""

from __future__ import annotations

from typing import Any

from whenthen.model.event import SYSTEM_EVENTS
from whenthen.runtime.items import TakeEvent
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import device_place, farm_place, refused, room_place
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import NOWHERE, Place, Reach, may, reach

_CONCERNS = {"device": device_place, "room": room_place, "farm": farm_place}

SCHEMAS: dict[str, Any] = {
    "NewEvent": {
        "type": "object",
        "required": ["event"],
        "properties": {
            "event": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "Its name",
                "not": {
                    "description": "the name of an event that only whenthen itself raises",
                    "enum": sorted(SYSTEM_EVENTS),
                },
            },
            "data": {"type": "object", "description": "What rules may want to know of it"},
            "device": {**ID, "description": "The device that it concerns"},
            "room": {**ID, "description": "The room that it concerns"},
            "farm": {**ID, "description": "The farm that it concerns"},
        },
        "additionalProperties": False,
        "examples": [{"event": "door_opened", "data": {"door": "cellar"}}],
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return ``POST /api/events``."""
    return [_happened(rooms)]


def _place(rooms: Rooms, request: Request) -> Place | None:
    # Who may raise none anywhere is told so before the body is looked at.
    if reach(request.caller, "event", "create") == Reach():
        return NOWHERE
    return _concerned(rooms, request)


@route(
    "POST",
    "/api/events",
    resource="event",
    verb="create",
    summary="Let something have happened, now, to a device, a room, a farm or everybody",
    place=_place,
    body={"$ref": "#/components/schemas/NewEvent"},
    answer={
        "type": "object",
        "required": ["fired"],
        "properties": {"fired": {"type": "integer", "description": "How many rules it made fire"}},
    },
)
def _happened(rooms: Rooms, request: Request) -> Answer:
    body = request.body
    concerns = {name: body[name] for name in _CONCERNS if name in body}
    return Answer({"fired": committed(rooms.runtime, TakeEvent(body["event"], body.get("data", {}), **concerns))})


def _concerned(rooms: Rooms, request: Request) -> Place:
    """Return whom a body says that the event concerns; raises ``Unprocessable`` for what is not the caller's."""
    body = request.body if isinstance(request.body, dict) else {}
    named = [name for name in _CONCERNS if name in body]
    if not named:
        return NOWHERE
    if len(named) > 1:
        raise refused(f"/{named[1]}", "an event concerns one device, one room or one farm", f"leave out {named[1]}")
    place = _CONCERNS[named[0]](rooms, body[named[0]])
    if place is None or not may(request.caller, named[0], "read", place):
        raise refused(f"/{named[0]}", f"there is no such {named[0]}, or it is not yours to see", "look at /api/farms")
    return place
