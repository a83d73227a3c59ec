"""What farms, rooms and devices have in common: where they stand, who sees them, how they are listed and changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Any, Protocol, TypeVar

from whenthen_server.api import cursor
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import OWN
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.auth import Caller, Place, Reach, Role
from whenthen_server.auth.changes import read_name
from whenthen_server.problems import BadRequest, Unprocessable
from whenthen_server.store.places import DeviceRecord, FarmRecord, Record, RoomRecord
from whenthen_server.store.placing import AddPlace, ChangePlace, ClearPlace, Noted, inside_of

NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200, "description": "For people"}
LISTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        "cursor": cursor.SCHEMA,
    },
}
NEXT: dict[str, Any] = {"type": "string", "description": "The cursor of the next page; absent on the last one"}

_KINDS: Mapping[type, str] = {FarmRecord: "farm", RoomRecord: "room", DeviceRecord: "device"}


def new_of(fields: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of what a new place of these *fields* is made from; it has a name."""
    return {
        "type": "object",
        "required": ["name"],
        "properties": {"id": OWN, **fields},
        "additionalProperties": False,
        "examples": [dict(example)],
    }


def change_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a change of some of these *fields*."""
    return {"type": "object", "minProperties": 1, "properties": dict(fields), "additionalProperties": False}


class _Named(Protocol):
    @property
    def id(self) -> str:
        """Return the id."""


Thing = TypeVar("Thing", bound=_Named)


def answer_of(name: str, schema: str) -> dict[str, Any]:
    """Return the schema of a page of things that have a named schema."""
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
    return {"type": "object", "required": [name], "properties": {name: items, "next": NEXT}}


def page_of(name: str, shown: list[Any], position: Iterable[str | int] | None) -> dict[str, Any]:
    """Return one page; *position* is the sort key of its last thing when there are more."""
    return {name: shown} if position is None else {name: shown, "next": cursor.encode_cursor(list(position))}


def by_id(things: Iterable[Thing], query: Mapping[str, Any]) -> tuple[list[Thing], list[str] | None]:
    """Return the page of things that *query* asks for, in the order of their ids, and the position after it."""
    after = cursor.decode_cursor(query["cursor"], (str,))[0] if "cursor" in query else ""
    limit = query["limit"]
    found = nsmallest(limit + 1, (one for one in things if one.id > after), key=lambda one: one.id)
    return found[:limit], [found[limit - 1].id] if len(found) > limit else None


# Where things stand. A copy of each dictionary's values is taken before they are gone through: the writer may add one.


def farm_place(rooms: Rooms, farm_id: str) -> Place | None:
    """Return where a farm is, ``None`` if it is nowhere."""
    return Place(farm=farm_id) if farm_id in rooms.places.farms else None


def room_place(rooms: Rooms, room_id: str) -> Place | None:
    """Return where a room is."""
    room = rooms.places.rooms.get(room_id)
    return None if room is None else Place(farm=room.farm_id, room=room.id)


def device_place(rooms: Rooms, device_id: str) -> Place | None:
    """Return where a device is."""
    device = rooms.places.devices_by_id.get(device_id)
    room = None if device is None else rooms.places.rooms.get(device.room_id)
    return None if device is None or room is None else Place(room.farm_id, room.id, device.id)


def path_farm(rooms: Rooms, request: Request) -> Place | None:
    """Return where the farm of the path is; so are these three given to the routes."""
    return farm_place(rooms, request.path["farm_id"])


def path_room(rooms: Rooms, request: Request) -> Place | None:
    """Return where the room of the path is."""
    return room_place(rooms, request.path["room_id"])


def path_device(rooms: Rooms, request: Request) -> Place | None:
    """Return where the device of the path is."""
    return device_place(rooms, request.path["device_id"])


def devices_in(rooms: Rooms, room_id: str) -> list[DeviceRecord]:
    """Return the devices of a room."""
    return [one for one in list(rooms.places.devices_by_id.values()) if one.room_id == room_id]


def within(reach: Reach, place: Place | None) -> bool:
    """Return whether a place lies in what a caller reaches."""
    if place is None:
        return False
    return reach.everything or place.farm in reach.farms or (place.farm, place.room) in reach.rooms


# How they are changed


def actor_of(caller: Caller) -> str:
    """Return who did something, as the audit log writes it."""
    return f"{caller.kind}:{caller.id}"


def checked_name(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a body gives, its name fit for people; raises ``Unprocessable`` for one that is not."""
    return {**body, "name": read_name(body["name"])} if "name" in body else dict(body)


def add(rooms: Rooms, request: Request, record: Record) -> None:
    """Add a thing; raises ``Conflict`` when its id is taken."""
    reuse = request.caller.in_installation() >= Role.MANAGER
    _noted(rooms, request, AddPlace(rooms.places, record, reuse), record, "create")


def change(rooms: Rooms, request: Request, record: Record, changes: Mapping[str, Any]) -> Any:
    """Change some fields of a thing and return it as it is then."""
    item = ChangePlace(rooms.places, type(record), record.id, inside_of(record), changes)
    changed = _noted(rooms, request, item, record, "update", changed=sorted(changes))
    rooms.gate.forget()
    return changed


def clear(rooms: Rooms, request: Request, record: Record) -> None:
    """Remove a thing with all rights in it; raises ``Conflict`` while something stands in it."""
    item = ClearPlace(rooms.places, type(record), record.id, inside_of(record))
    _noted(rooms, request, item, record, "delete")
    rooms.gate.forget()


def _noted(rooms: Rooms, request: Request, item: Any, record: Record, verb: str, **more: Any) -> Any:
    kind = _KINDS[type(record)]
    what = {"farm": _farm_of(rooms, record), kind: record.id, **more}
    return committed(rooms.runtime, Noted(item, actor_of(request.caller), f"{kind}.{verb}", what))


def _farm_of(rooms: Rooms, record: Record) -> str | None:
    if isinstance(record, FarmRecord):
        return record.id
    if isinstance(record, RoomRecord):
        return record.farm_id
    room = rooms.places.rooms.get(record.room_id)
    return None if room is None else room.farm_id


def refused(pointer: str, message: str, hint: str) -> Unprocessable:
    """Return what to raise for one field of a body."""
    error = {"pointer": pointer, "message": message, "hint": hint, "code": "invalid"}
    return Unprocessable(f"{pointer}: {message} ({hint})", errors=[error])


def bad_query(name: str, message: str, hint: str) -> BadRequest:
    """Return what to raise for one parameter of a query."""
    error = {"pointer": f"/{name}", "message": message, "hint": hint, "code": "invalid_query"}
    title = "The query is not valid"
    return BadRequest(f"/{name}: {message} ({hint})", code="invalid_query", title=title, errors=[error])
