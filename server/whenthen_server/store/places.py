"""Farms, rooms and devices: kept in the database, and in memory for the engine, which asks at every reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy import Engine, Table, delete, func, select, update

from whenthen import Device, Farm
from whenthen.errors import WhenthenError
from whenthen.runtime.writer import Core
from whenthen_server.store import tables
from whenthen_server.store.database import reading, writing
from whenthen_server.store.journal import connection_of
from whenthen_server.store.upsert import upserting

DEFAULT_FARM = "default"
DEFAULT_ROOM = "default"
DEFAULT_STALE_AFTER_SECONDS = 900.0


class UnknownPlaceError(WhenthenError):
    """There is no such farm, room or device."""

    code = "not_found"


class PlaceConflictError(WhenthenError):
    """The id is taken, or something still stands in what is to be removed."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class FarmRecord:
    """A farm: *timezone* is an IANA name, *latitude* and *longitude* are degrees."""

    id: str
    name: str
    created_us: int
    timezone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """A room of a farm; *stage* is what grows there just now."""

    id: str
    farm_id: str
    name: str
    created_us: int
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device: *driver* says how it is reached, *capabilities* which sensors and actuators it has.

    *seen_us* is when it was last heard, in microseconds since the epoch.
    """

    id: str
    room_id: str
    name: str
    created_us: int
    type: str | None = None
    driver: str = "http"
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    stale_after_seconds: float = DEFAULT_STALE_AFTER_SECONDS
    online: bool = False
    seen_us: int | None = None


Record = FarmRecord | RoomRecord | DeviceRecord

_TABLES: dict[type, Table] = {FarmRecord: tables.farms, RoomRecord: tables.rooms, DeviceRecord: tables.devices}
_INSIDE: dict[type, tuple[type, str]] = {FarmRecord: (RoomRecord, "farm_id"), RoomRecord: (DeviceRecord, "room_id")}


class Places:
    """What there is, by id. Read by any thread; changed by the writer's only, through the items below."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.farms: dict[str, FarmRecord] = {}
        self.rooms: dict[str, RoomRecord] = {}
        self.devices_by_id: dict[str, DeviceRecord] = {}

    def load(self, now_us: int) -> None:
        """Read everything from the database; a new one is given its default farm and room."""
        with writing(self._engine) as connection:
            farm = {"id": DEFAULT_FARM, "name": "Default farm", "created_us": now_us}
            room = {"id": DEFAULT_ROOM, "farm_id": DEFAULT_FARM, "name": "Default room", "created_us": now_us}
            if connection.execute(select(func.count()).select_from(tables.farms)).scalar_one() == 0:
                upserting(connection, tables.farms, ["id"], [farm])
                upserting(connection, tables.rooms, ["id"], [room])
        self.read()

    def read(self) -> None:
        """Read everything from a database that is not new."""
        with reading(self._engine) as connection:
            self.farms = {row["id"]: FarmRecord(**row) for row in connection.execute(select(tables.farms)).mappings()}
            self.rooms = {row["id"]: RoomRecord(**row) for row in connection.execute(select(tables.rooms)).mappings()}
            rows = connection.execute(select(tables.devices)).mappings()
            self.devices_by_id = {row["id"]: DeviceRecord(**row) for row in rows}

    def table(self, kind: type) -> dict[str, Any]:
        """Return the records of one kind by id."""
        found: dict[type, dict[str, Any]] = {
            FarmRecord: self.farms,
            RoomRecord: self.rooms,
            DeviceRecord: self.devices_by_id,
        }
        return found[kind]

    def devices_in(self, room_id: str) -> list[DeviceRecord]:
        """Return the devices of a room."""
        return [device for device in list(self.devices_by_id.values()) if device.room_id == room_id]

    # The engine's directory

    def device(self, device_id: str) -> Device | None:
        """Return a device as the engine sees it."""
        found = self.devices_by_id.get(device_id)
        return None if found is None else self._seen_by_engine(found)

    def devices(self) -> Iterable[Device]:
        """Return every device as the engine sees it."""
        # Copied first, in one step: the writer may add a device meanwhile.
        return [self._seen_by_engine(found) for found in list(self.devices_by_id.values())]

    def farm(self, farm_id: str) -> Farm | None:
        """Return a farm as the engine sees it."""
        found = self.farms.get(farm_id)
        return None if found is None else Farm(found.id, found.timezone, found.latitude, found.longitude)

    def _seen_by_engine(self, found: DeviceRecord) -> Device:
        room = self.rooms.get(found.room_id)
        return Device(found.id, found.type, found.room_id, room.farm_id if room else None, found.stale_after_seconds)


@dataclass(frozen=True, slots=True)
class PutPlace:
    """Add a farm, room or device (*new*), or change one."""

    writes: ClassVar[bool] = True
    places: Places
    record: Record
    new: bool

    def apply(self, core: Core) -> Record:
        """Keep it, and have the engine follow; raises ``PlaceConflictError`` or ``UnknownPlaceError``."""
        record, places = self.record, self.places
        known = places.table(type(record))
        if self.new and record.id in known:
            raise PlaceConflictError(
                f"the id {record.id!r} is taken; choose another one, or change what has it with PATCH"
            )
        if not self.new and record.id not in known:
            raise UnknownPlaceError(f"there is no {record.id!r}")
        _check_inside(record, places)
        table = _TABLES[type(record)]
        row = {name: getattr(record, name) for name in table.c.keys()}  # noqa: SIM118 - a column collection
        if self.new:
            connection_of(core).execute(table.insert(), row)
        else:
            connection_of(core).execute(update(table).where(table.c.id == record.id), row)
        before = known.get(record.id)
        known[record.id] = record
        _follow(core, places, before, record)
        core.announce("place_changed", record)
        return record


@dataclass(frozen=True, slots=True)
class RemovePlace:
    """Remove a farm, room or device; a farm or room must be empty. Readings and executions stay."""

    writes: ClassVar[bool] = True
    places: Places
    kind: type
    id: str

    def apply(self, core: Core) -> None:
        """Remove it; raises ``UnknownPlaceError`` or ``PlaceConflictError``."""
        known = self.places.table(self.kind)
        if self.id not in known:
            raise UnknownPlaceError(f"there is no {self.id!r}")
        inside = _INSIDE.get(self.kind)
        if inside is not None:
            left = [one.id for one in self.places.table(inside[0]).values() if getattr(one, inside[1]) == self.id]
            if left:
                raise PlaceConflictError(
                    f"{self.id!r} still holds {len(left)}, such as {left[0]!r}; move or remove that first"
                )
        table = _TABLES[self.kind]
        connection_of(core).execute(delete(table).where(table.c.id == self.id))
        del known[self.id]
        if self.kind is DeviceRecord:
            core.fired(core.engine.rehouse([self.id]), "device removed")
        core.announce("place_removed", self.id)


def _check_inside(record: Record, places: Places) -> None:
    if isinstance(record, RoomRecord) and record.farm_id not in places.farms:
        raise UnknownPlaceError(f"there is no farm {record.farm_id!r}")
    if isinstance(record, DeviceRecord) and record.room_id not in places.rooms:
        raise UnknownPlaceError(f"there is no room {record.room_id!r}")


def _follow(core: Core, places: Places, before: Record | None, record: Record) -> None:
    """Have the engine follow a change that concerns where devices stand, or whose time they keep."""
    if isinstance(record, DeviceRecord):
        seen = ("room_id", "type", "stale_after_seconds")
        moved = [record.id] if before is None or _differ(before, record, seen) else []
    elif before is None:
        moved = []
    elif isinstance(record, RoomRecord):
        moved = [one.id for one in places.devices_in(record.id)] if _differ(before, record, ("farm_id",)) else []
    else:
        rooms = {room.id for room in places.rooms.values() if room.farm_id == record.id}
        changed = _differ(before, record, ("timezone", "latitude", "longitude"))
        moved = [one.id for one in places.devices_by_id.values() if changed and one.room_id in rooms]
    if moved:
        core.fired(core.engine.advance(core.received_us - 1), "time")
        core.fired(core.engine.rehouse(moved), "device moved")


def _differ(before: Record, after: Record, names: Iterable[str]) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)
