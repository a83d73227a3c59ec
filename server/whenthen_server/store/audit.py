"""The audit log: who did what, when. Never a secret, never the value of a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from whenthen.runtime.writer import Core
from whenthen_server.store.database import writing
from whenthen_server.store.journal import connection_of
from whenthen_server.store.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One deed: *actor* as ``kind:id``, *action* as ``resource.verb``; the instant in microseconds since the epoch."""

    id: int
    at_us: int
    actor: str
    action: str
    what: Mapping[str, Any]


def note(engine: Engine, actor: str, action: str, what: Mapping[str, Any], at_us: int) -> None:
    """Write a deed down."""
    with writing(engine) as connection:
        connection.execute(audit.insert(), {"at_us": at_us, "actor": actor, "action": action, "what": dict(what)})


def note_in(core: Core, actor: str, action: str, what: Mapping[str, Any]) -> None:
    """Write a deed down in the commit that is being made: both are kept, or neither."""
    row = {"at_us": core.received_us, "actor": actor, "action": action, "what": dict(what)}
    connection_of(core).execute(audit.insert(), row)


def listed(
    connection: Connection, *, limit: int, before: int | None = None, farms: Sequence[str] | None = None
) -> tuple[list[Entry], int | None]:
    """Return deeds, those in *farms* or all, newest first, and where the next page begins (``None``: no more)."""
    found = select(audit).order_by(audit.c.id.desc()).limit(limit + 1)
    if farms is not None:
        found = found.where(audit.c.what["farm"].as_string().in_(farms))
    if before is not None:
        found = found.where(audit.c.id < before)
    rows = [Entry(**row) for row in connection.execute(found).mappings()]
    page = rows[:limit]
    return page, page[-1].id if len(rows) > limit else None


def forget(connection: Connection, before_us: int) -> int:
    """Drop what is older than *before_us*; return how much."""
    return connection.execute(delete(audit).where(audit.c.at_us < before_us)).rowcount
