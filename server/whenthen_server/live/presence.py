"""Which devices are there: heard of lately, or connected.

Anything heard from a device (a reading, a status, its connection) is a heartbeat. A device that was silent for longer
than its ``stale_after_seconds``, or lost its connection and did not come back, has gone. Both are events of the rules:
``device_connected`` and ``device_disconnected``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, ClassVar

from sqlalchemy import bindparam, update

from whenthen.clock import SECOND_US
from whenthen.model.event import Event
from whenthen.runtime.writer import Core, Turn
from whenthen_server.store.journal import connection_of
from whenthen_server.store.places import DeviceRecord, Places
from whenthen_server.store.tables import devices

LOST_US = 15 * SECOND_US
"""So long a device may take to come back after it lost its connection."""
WRITE_US = 30 * SECOND_US
"""So often it is written down when devices were heard last; that one came or went is written at once."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a device is: *status* in its own word, *seen_us* when it was last heard (microseconds since the epoch)."""

    device_id: str
    online: bool
    status: str
    data: Mapping[str, Any] = field(default_factory=dict)
    seen_us: int | None = None


@dataclass(frozen=True, slots=True)
class NotePresence:
    """Write down when devices were *seen* (instants by device), and which of them came or went, by *online*."""

    writes: ClassVar[bool] = True
    places: Places
    seen: Mapping[str, int]
    online: Mapping[str, bool]

    def apply(self, core: Core) -> None:
        """Keep it, and let rules know who came and went."""
        known = self.places.devices_by_id
        changed: dict[str, DeviceRecord] = {}
        for device_id in {*self.seen, *self.online} & known.keys():
            record = known[device_id]
            seen_us = max(self.seen.get(device_id, 0), record.seen_us or 0) or None
            changed[device_id] = replace(record, seen_us=seen_us, online=self.online.get(device_id, record.online))
        rows = [{"device": one.id, "now_online": one.online, "now_seen": one.seen_us} for one in changed.values()]
        if rows:
            statement = update(devices).where(devices.c.id == bindparam("device"))
            new: dict[str, Any] = {"online": bindparam("now_online"), "seen_us": bindparam("now_seen")}
            connection_of(core).execute(statement.values(new), rows)
        for device_id, record in changed.items():
            was_online, known[device_id] = known[device_id].online, record
            if was_online != record.online:
                _tell(core, record, self.places)


def _tell(core: Core, record: DeviceRecord, places: Places) -> None:
    name = "device_connected" if record.online else "device_disconnected"
    room = places.rooms.get(record.room_id)
    event = Event(
        name, core.received_us, {"device": record.id}, record.id, record.room_id, room.farm_id if room else None
    )
    core.fired(core.engine.handle(event), f"event {name}")
    status = "online" if record.online else "offline"
    core.announce("device_status", Status(record.id, record.online, status, seen_us=record.seen_us))


@dataclass(frozen=True, slots=True)
class TellStatus:
    """Tell clients what a device says of itself; it is not kept."""

    writes: ClassVar[bool] = False
    status: Status

    def apply(self, core: Core) -> None:
        """Announce it."""
        core.announce("device_status", replace(self.status, seen_us=core.received_us))


class Presence:
    """Remembers who was heard; decides at each tick who came and went. Safe for any thread."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = Lock()
        self._heard: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._connected: dict[str, int] = {}
        self._written_us = 0

    def heard(self, device_id: str, at_us: int) -> None:
        """Note a heartbeat."""
        with self._lock:
            self._heard[device_id] = max(at_us, self._heard.get(device_id, 0))
            self._lost.pop(device_id, None)

    def take(self, turn: Turn) -> None:
        """Note the heartbeats of a commit."""
        for device_id, at_us in {sample.device: sample.received_us for sample in turn.samples}.items():
            self.heard(device_id, at_us)

    def connected(self, device_id: str, at_us: int) -> None:
        """Note that a device has opened a connection."""
        with self._lock:
            self._connected[device_id] = self._connected.get(device_id, 0) + 1
        self.heard(device_id, at_us)

    def disconnected(self, device_id: str, at_us: int) -> None:
        """Note that a device's connection has ended; with the last one it has some seconds to come back."""
        with self._lock:
            left = self._connected.get(device_id, 1) - 1
            if left > 0:
                self._connected[device_id] = left
                return
            self._connected.pop(device_id, None)
            self._heard[device_id] = max(at_us, self._heard.get(device_id, 0))
            self._lost[device_id] = at_us + LOST_US

    def leaving(self, device_id: str, at_us: int) -> None:
        """Note that a device said that it goes."""
        with self._lock:
            self._heard[device_id] = max(at_us, self._heard.get(device_id, 0))
            self._lost[device_id] = at_us

    def tick(self, now_us: int) -> NotePresence | None:
        """Return what there is to write down at *now_us*, if anything."""
        with self._lock:
            for device_id in self._connected:
                self._heard[device_id] = now_us
            online = self._changes(now_us)
            due = now_us - self._written_us >= WRITE_US
            if not online and not (due and self._heard):
                return None
            seen = dict(self._heard) if due else {one: self._heard[one] for one in online if one in self._heard}
            self._written_us = now_us if due else self._written_us
            for device_id in seen:
                self._heard.pop(device_id)
        return NotePresence(self._places, seen, online)

    def again(self, note: NotePresence) -> None:
        """Take back what could not be written."""
        with self._lock:
            for device_id, at_us in note.seen.items():
                self._heard[device_id] = max(at_us, self._heard.get(device_id, 0))

    def _changes(self, now_us: int) -> dict[str, bool]:
        changes = {}
        for record in list(self._places.devices_by_id.values()):
            last_us = max(self._heard.get(record.id, 0), record.seen_us or 0)
            until_us = last_us + round(record.stale_after_seconds * SECOND_US)
            until_us = min(until_us, self._lost.get(record.id, until_us))
            is_there = bool(last_us) and now_us < until_us
            if is_there != record.online and (record.online or record.id in self._heard):
                changes[record.id] = is_there
            elif not is_there:
                self._lost.pop(record.id, None)
        return changes
