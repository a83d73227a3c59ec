"""Commands to devices: each has a key, a time to live, and an end.

``queued`` until the device can be reached, ``sent`` until it answers; then ``acknowledged`` or ``rejected``,
``timed_out`` when it did not answer in time, ``expired`` when it could not be reached in time, ``unknown`` when the
server stopped while it was being sent and it must not be sent again, ``withdrawn`` when a person called it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    RowMapping,
    Table,
    Text,
    func,
    select,
    text,
    update,
)

from whenthen.clock import SECOND_US
from whenthen.errors import WhenthenError
from whenthen.model.firing import Delivery
from whenthen.runtime.writer import Core
from whenthen_server.store.journal import connection_of
from whenthen_server.store.paging import Place, page
from whenthen_server.store.places import Places, UnknownPlaceError
from whenthen_server.store.schema import metadata

State = Literal["queued", "sent", "acknowledged", "rejected", "timed_out", "expired", "unknown", "withdrawn"]

MAX_QUEUED = 50
"""So many commands wait for one device at most; Azure IoT Hub's limit for one device."""

TTL_SECONDS = 300.0
ACK_SECONDS = 30.0

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("delivery", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("sent_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("result", JSON),
    Index("ix_commands_device_id_created_us", "device_id", "created_us"),
    Index("ix_commands_ended_us", "ended_us"),
    Index(
        "ix_commands_open",
        "state",
        sqlite_where=text("state IN ('queued', 'sent')"),
        postgresql_where=text("state IN ('queued', 'sent')"),
    ),
)


class QueueOfDeviceFullError(WhenthenError):
    """So many commands wait for the device already."""

    code = "device_queue_full"


class CommandStateError(WhenthenError):
    """The command has ended already, or was never sent."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class Command:
    """One command; its ``id`` is its idempotency key. Instants in microseconds since the epoch."""

    id: str
    device_id: str
    name: str
    params: Mapping[str, Any]
    delivery: Delivery
    who: str
    state: State
    created_us: int
    expires_us: int
    sent_us: int | None = None
    ended_us: int | None = None
    result: Any = None


@dataclass(frozen=True, slots=True)
class QueueCommand:
    """Queue a command; one with the same *id* is there already and is returned as it is."""

    writes: ClassVar[bool] = True
    places: Places
    id: str
    device_id: str
    name: str
    params: Mapping[str, Any]
    who: str
    delivery: Delivery = "idempotent"
    ttl_seconds: float = TTL_SECONDS

    def apply(self, core: Core) -> Command:
        """Keep it; raises ``UnknownPlaceError`` or ``QueueOfDeviceFullError``."""
        connection = connection_of(core)
        known = find(connection, self.id)
        if known is not None:
            return known
        if self.device_id not in self.places.devices_by_id:
            raise UnknownPlaceError(f"there is no device {self.device_id!r}")
        waiting = select(func.count()).where(commands.c.device_id == self.device_id, commands.c.state == "queued")
        if connection.execute(waiting).scalar_one() >= MAX_QUEUED:
            raise QueueOfDeviceFullError(f"{MAX_QUEUED} commands wait for {self.device_id!r} already")
        now_us = core.received_us
        expires_us = now_us + round(self.ttl_seconds * SECOND_US)
        command = Command(
            self.id,
            self.device_id,
            self.name,
            dict(self.params),
            self.delivery,
            self.who,
            "queued",
            now_us,
            expires_us,
        )
        row = {name: getattr(command, name) for name in commands.c.keys()}  # noqa: SIM118 - a column collection
        connection.execute(commands.insert(), row)
        core.announce("command", command)
        return command


@dataclass(frozen=True, slots=True)
class SendQueued:
    """Mark a device's queued commands as sent, before they are; return those that are to be sent now, oldest first.

    *again* includes those that were sent and not answered: for a device that asks for its commands after a break.
    """

    writes: ClassVar[bool] = True
    device_id: str
    again: bool = False

    def apply(self, core: Core) -> list[Command]:
        """Mark them; those whose time is over expire instead."""
        connection, now_us = connection_of(core), core.received_us
        states = ("queued", "sent") if self.again else ("queued",)
        wanted = select(commands).where(commands.c.device_id == self.device_id, commands.c.state.in_(states))
        found = [_command(row) for row in connection.execute(wanted.order_by(commands.c.created_us)).mappings()]
        live = [
            one for one in found if one.expires_us > now_us and (one.state == "queued" or one.delivery == "idempotent")
        ]
        for one in found:
            if one.expires_us <= now_us and one.state == "queued":
                _move(core, one.id, "expired", ended_us=now_us)
        return [_move(core, one.id, "sent", sent_us=now_us) for one in live]


@dataclass(frozen=True, slots=True)
class EndCommand:
    """Note a device's answer, or that a person withdraws a command that waits."""

    writes: ClassVar[bool] = True
    id: str
    state: Literal["acknowledged", "rejected", "withdrawn"]
    result: Any = None
    device_id: str | None = None

    def apply(self, core: Core) -> Command:
        """Keep the answer; the same answer twice is one. Raises ``UnknownPlaceError`` or ``CommandStateError``.

        An answer that comes after the time for it is over is kept all the same: it is what happened.
        """
        command = find(connection_of(core), self.id)
        if command is None or (self.device_id is not None and command.device_id != self.device_id):
            raise UnknownPlaceError(f"there is no command {self.id!r}")
        if command.state == self.state:
            return command
        possible = ("queued",) if self.state == "withdrawn" else ("queued", "sent", "timed_out", "unknown")
        if command.state not in possible:
            raise CommandStateError(
                f"the command is {command.state} already, which cannot be changed; send a new one if need be"
            )
        return _move(core, self.id, self.state, ended_us=core.received_us, result=self.result)


@dataclass(frozen=True, slots=True)
class CloseCommands:
    """End what waits or was sent for too long. At the start, *interrupted* ends what may not be sent twice."""

    writes: ClassVar[bool] = True
    ack_seconds: float = ACK_SECONDS
    interrupted: bool = False

    def apply(self, core: Core) -> int:
        """Return how many ended."""
        connection, now_us = connection_of(core), core.received_us
        late_us = now_us - round(self.ack_seconds * SECOND_US)
        open_ones = select(commands).where(commands.c.state.in_(("queued", "sent")))
        ended = 0
        for row in connection.execute(open_ones).mappings().all():
            one = _command(row)
            state: State | None = None
            if one.state == "queued" and one.expires_us <= now_us:
                state = "expired"
            elif one.state == "sent" and self.interrupted and one.delivery == "at_most_once":
                state = "unknown"
            elif one.state == "sent" and (one.sent_us or 0) <= late_us:
                state = "timed_out"
            if state is not None:
                _move(core, one.id, state, ended_us=now_us)
                ended += 1
        return ended


def any_open(connection: Connection) -> bool:
    """Tell whether any command waits or was sent without an answer."""
    open_one = select(commands.c.id).where(commands.c.state.in_(("queued", "sent"))).limit(1)
    return connection.execute(open_one).first() is not None


def find(connection: Connection, command_id: str) -> Command | None:
    """Return a command, or ``None``."""
    row = connection.execute(select(commands).where(commands.c.id == command_id)).mappings().first()
    return None if row is None else _command(row)


def listed(
    connection: Connection,
    device_ids: list[str],
    *,
    state: str | None,
    limit: int,
    after: Place | None = None,
) -> tuple[list[Command], Place | None]:
    """Return commands of some devices, newest first, and where the next page begins (``None``: no more)."""
    found = select(commands).where(commands.c.device_id.in_(device_ids))
    if state is not None:
        found = found.where(commands.c.state == state)
    order = commands.c.created_us, commands.c.id
    return page(connection, found, order, limit=limit, after=after, made=_command)


def _move(core: Core, command_id: str, state: State, **columns: Any) -> Command:
    connection = connection_of(core)
    connection.execute(update(commands).where(commands.c.id == command_id), {"state": state, **columns})
    moved = find(connection, command_id)
    if moved is None:
        raise UnknownPlaceError(f"there is no command {command_id!r}")
    core.announce("command", moved)
    return moved


def _command(row: RowMapping) -> Command:
    return Command(**row)
