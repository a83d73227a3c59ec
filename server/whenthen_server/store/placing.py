"""Changes to farms, rooms and devices with all that hangs on them: rights, keys, commands, a line in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, select

from whenthen.runtime.intake import Item
from whenthen.runtime.writer import Core
from whenthen_server.store import tables
from whenthen_server.store.audit import note_in
from whenthen_server.store.commands import MAX_QUEUED, EndCommand, commands, listed
from whenthen_server.store.credentials import end_keys_of
from whenthen_server.store.journal import connection_of
from whenthen_server.store.members import forget_farm, forget_room
from whenthen_server.store.places import (
    DeviceRecord,
    FarmRecord,
    PlaceConflictError,
    Places,
    PutPlace,
    Record,
    RemovePlace,
    RoomRecord,
    UnknownPlaceError,
)

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Noted(Generic[Given]):
    """An item and a line about it in the audit log: both are kept, or neither.

    *actor* is ``kind:id``, *action* ``resource.verb``; *what* names things and holds no secret. With its ``farm`` the
    managers of that farm may read the line.
    """

    writes: ClassVar[bool] = True
    item: Item[Given]
    actor: str
    action: str
    what: Mapping[str, Any]

    def apply(self, core: Core) -> Given:
        """Write it down, and do it; raises what the item raises."""
        # First, since the item changes memory, too: nothing that can fail may come after it.
        note_in(core, self.actor, self.action, self.what)
        return self.item.apply(core)


@dataclass(frozen=True, slots=True)
class AddPlace:
    """Add a farm, room or device.

    Readings, commands and rules stay when a thing is removed. Who takes its id takes them over, so only who may see
    everything anyway may do that (*reuse*).
    """

    writes: ClassVar[bool] = True
    places: Places
    record: Record
    reuse: bool = False

    def apply(self, core: Core) -> Record:
        """Keep it; raises ``PlaceConflictError`` or ``UnknownPlaceError``."""
        record = self.record
        if not self.reuse and record.id not in self.places.table(type(record)) and _left(connection_of(core), record):
            raise PlaceConflictError(f"{record.id!r} was in use before; choose another id")
        return PutPlace(self.places, record, new=True).apply(core)


@dataclass(frozen=True, slots=True)
class ChangePlace:
    """Change some fields of a farm, room or device that stands in *inside* (a farm's or room's id), if in anything."""

    writes: ClassVar[bool] = True
    places: Places
    kind: type
    id: str
    inside: str | None
    changes: Mapping[str, Any]

    def apply(self, core: Core) -> Record:
        """Keep the change; raises ``UnknownPlaceError`` or ``PlaceConflictError``."""
        known = _standing(self.places, self.kind, self.id, self.inside)
        record: Record = replace(known, **self.changes)
        if isinstance(record, RoomRecord) and record.farm_id != self.inside:
            forget_room(connection_of(core), record.id)
        return PutPlace(self.places, record, new=False).apply(core)


@dataclass(frozen=True, slots=True)
class ClearPlace:
    """Remove a farm, room or device that stands in *inside*, with all rights in it, its keys, and what waits for it."""

    writes: ClassVar[bool] = True
    places: Places
    kind: type
    id: str
    inside: str | None

    def apply(self, core: Core) -> None:
        """Remove it; raises ``UnknownPlaceError`` or ``PlaceConflictError``. Have the gate forget afterwards."""
        _standing(self.places, self.kind, self.id, self.inside)
        connection, now_us = connection_of(core), core.received_us
        if self.kind is FarmRecord:
            forget_farm(connection, self.id, now_us)
        elif self.kind is RoomRecord:
            forget_room(connection, self.id)
        else:
            end_keys_of(connection, "dev", self.id, now_us)
            waiting, _ = listed(connection, [self.id], state="queued", limit=MAX_QUEUED)
            for command in waiting:
                EndCommand(command.id, "withdrawn").apply(core)
        RemovePlace(self.places, self.kind, self.id).apply(core)


def inside_of(record: Record) -> str | None:
    """Return the id of what a record stands in: a room's farm, a device's room."""
    if isinstance(record, RoomRecord):
        return record.farm_id
    return record.room_id if isinstance(record, DeviceRecord) else None


def _standing(places: Places, kind: type, place_id: str, inside: str | None) -> Record:
    """Return a record if it is still where its right was asked for."""
    known: Record | None = places.table(kind).get(place_id)
    if known is None:
        raise UnknownPlaceError(f"there is no {place_id!r}")
    if inside_of(known) != inside:
        raise PlaceConflictError(f"{place_id!r} was moved in this moment; look again")
    return known


def _left(connection: Connection, record: Record) -> bool:
    """Tell whether something is left of an earlier thing of the same id."""
    if isinstance(record, DeviceRecord):
        left = [tables.series.c.device_id == record.id, commands.c.device_id == record.id]
    elif isinstance(record, RoomRecord):
        left = [tables.rules.c.room_id == record.id]
    else:
        left = [tables.rules.c.farm_id == record.id]
    return any(_is_there(connection, condition) for condition in left)


def _is_there(connection: Connection, condition: ColumnElement[bool]) -> bool:
    return connection.execute(select(1).where(condition).limit(1)).first() is not None
