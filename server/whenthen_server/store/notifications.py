"""Notifications to the people of a farm: what the action ``notify`` says inside the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    RowMapping,
    Table,
    Text,
    or_,
    select,
    tuple_,
    update,
)

from whenthen.runtime.writer import Core
from whenthen_server.store.journal import connection_of
from whenthen_server.store.paging import Place, page
from whenthen_server.store.places import UnknownPlaceError
from whenthen_server.store.schema import metadata
from whenthen_server.store.upsert import upserting

notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("farm_id", Text, nullable=False),
    Column("room_id", Text),
    Column("at_us", BigInteger, nullable=False),
    Column("level", Text, nullable=False),
    Column("title", Text),
    Column("message", Text, nullable=False),
    Column("recipients", JSON),
    Column("rule_id", Text),
    Column("read_us", BigInteger),
    Column("read_by", Text),
    Index("ix_notifications_farm_id_at_us", "farm_id", "at_us"),
    Index("ix_notifications_at_us", "at_us"),
)


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification; *recipients* ``None`` means everybody of the farm who may see the room."""

    id: str
    farm_id: str
    room_id: str | None
    at_us: int
    level: str
    title: str | None
    message: str
    recipients: Sequence[str] | None = None
    rule_id: str | None = None
    read_us: int | None = None
    read_by: str | None = None


@dataclass(frozen=True, slots=True)
class AddNotification:
    """Keep a notification; the same id twice is one."""

    writes: ClassVar[bool] = True
    notification: Notification

    def apply(self, core: Core) -> Notification:
        """Keep it and announce it."""
        row = {name: getattr(self.notification, name) for name in notifications.c.keys()}  # noqa: SIM118 - columns
        upserting(connection_of(core), notifications, ["id"], [row])
        core.announce("notification", self.notification)
        return self.notification


@dataclass(frozen=True, slots=True)
class ReadNotification:
    """Mark a notification as read."""

    writes: ClassVar[bool] = True
    id: str
    who: str

    def apply(self, core: Core) -> Notification:
        """Mark it; the first reader is kept. Raises ``UnknownPlaceError``."""
        connection = connection_of(core)
        first = notifications.c.id == self.id, notifications.c.read_us.is_(None)
        connection.execute(update(notifications).where(*first), {"read_us": core.received_us, "read_by": self.who})
        found = find(connection, self.id)
        if found is None:
            raise UnknownPlaceError(f"there is no notification {self.id!r}")
        core.announce("notification", found)
        return found


def find(connection: Connection, notification_id: str) -> Notification | None:
    """Return a notification, or ``None``."""
    row = connection.execute(select(notifications).where(notifications.c.id == notification_id)).mappings().first()
    return None if row is None else _notification(row)


def listed(  # noqa: PLR0913 - whose, which, and where to go on
    connection: Connection,
    farm_ids: Sequence[str] | None,
    *,
    unread: bool,
    limit: int,
    after: Place | None = None,
    rooms: Sequence[tuple[str, str]] = (),
) -> tuple[list[Notification], Place | None]:
    """Return notifications of farms (``None``: all) and of *rooms*, each given with its farm.

    They come newest first, with the position where the next page begins (``None``: no more).
    """
    found = select(notifications)
    if farm_ids is not None:
        in_room = tuple_(notifications.c.farm_id, notifications.c.room_id).in_(rooms)
        found = found.where(or_(notifications.c.farm_id.in_(farm_ids), in_room))
    if unread:
        found = found.where(notifications.c.read_us.is_(None))
    order = notifications.c.at_us, notifications.c.id
    return page(connection, found, order, limit=limit, after=after, made=_notification)


def _notification(row: RowMapping) -> Notification:
    return Notification(**row)
