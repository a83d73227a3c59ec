"""What rules did: executions with their traces, their actions with what became of them, and how many there were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sqlalchemy import Connection, func, literal, select, tuple_, update

from whenthen.errors import WhenthenError
from whenthen.runtime import QueueFullError
from whenthen.runtime.records import ActionRow
from whenthen.runtime.writer import MAX_WAITING, Core
from whenthen_server.store.journal import call_of, connection_of
from whenthen_server.store.rules import Who, note
from whenthen_server.store.tables import actions, executions

MAX_SCANNED = 5_000
"""So many executions are looked at for one page: a caller who may see few of them gets a short page and goes on."""

_ROWS_AT_ONCE = 500

REPLAYABLE = ("dead", "failed", "unknown", "expired")
"""The ends of an action after which a person may have it done once more."""

Position = tuple[int, str]


class NotReplayableError(WhenthenError):
    """The action has not failed: it waits, was done, or was never to be done."""

    code = "conflict"


class UnknownActionError(WhenthenError):
    """There is no such action."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One firing as it is kept; the instant in microseconds since the epoch."""

    id: str
    at_us: int
    rule_id: str
    rule: str
    subject: str
    kind: Literal["fired", "cleared"]
    depth: int
    counted: bool
    cause: str
    trace: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which executions: of a rule, a subject, a kind, with from_us <= at < to_us; ``None``: any."""

    rule_id: str | None = None
    subject: str | None = None
    kind: str | None = None
    from_us: int | None = None
    to_us: int | None = None


def find(connection: Connection, execution_id: str) -> ExecutionRecord | None:
    """Return an execution, or ``None``."""
    row = connection.execute(select(executions).where(executions.c.id == execution_id)).mappings().first()
    return None if row is None else ExecutionRecord(**row)


def listed(
    connection: Connection,
    wanted: Wanted,
    *,
    limit: int,
    before: Position | None = None,
    sees: Callable[[str], bool] = lambda _rule_id: True,
) -> tuple[list[ExecutionRecord], Position | None]:
    """Return executions, newest first, of the rules that *sees* lets pass, and where the next page begins.

    A page may be short, or empty, and another follow: see ``MAX_SCANNED``.
    """
    found = select(executions).order_by(executions.c.at_us.desc(), executions.c.id.desc())
    for name in ("rule_id", "subject", "kind"):
        value = getattr(wanted, name)
        if value is not None:
            found = found.where(executions.c[name] == value)
    if wanted.from_us is not None:
        found = found.where(executions.c.at_us >= wanted.from_us)
    if wanted.to_us is not None:
        found = found.where(executions.c.at_us < wanted.to_us)
    if before is not None:
        found = found.where(tuple_(executions.c.at_us, executions.c.id) < tuple_(*map(literal, before)))
    page: list[ExecutionRecord] = []
    last: Position | None = None
    scanned = 0
    streamed = found.limit(MAX_SCANNED).execution_options(yield_per=_ROWS_AT_ONCE)
    with connection.execute(streamed) as rows:
        for row in rows.mappings():
            if len(page) == limit:
                return page, last
            scanned += 1
            last = (row["at_us"], row["id"])
            if sees(row["rule_id"]):
                page.append(ExecutionRecord(**row))
    return page, last if scanned == MAX_SCANNED else None


def actions_of(connection: Connection, execution_ids: Sequence[str]) -> dict[str, list[ActionRow]]:
    """Return the actions of executions, by execution and in order."""
    found: dict[str, list[ActionRow]] = {execution_id: [] for execution_id in execution_ids}
    wanted = select(actions).where(actions.c.execution_id.in_(execution_ids)).order_by(actions.c.position)
    for row in connection.execute(wanted).mappings():
        found[row["execution_id"]].append(_action(row))
    return found


def last_fired(connection: Connection, rule_id: str, subjects: Iterable[str], until_us: int) -> dict[str, int]:
    """Return by subject when a rule last fired, and that counted, up to and at an instant."""
    table = executions
    fired = select(table.c.at_us).where(
        table.c.rule_id == rule_id, table.c.at_us <= until_us, table.c.kind == "fired", table.c.counted
    )
    found = {}
    for subject in subjects:
        newest = fired.where(table.c.subject == subject).order_by(table.c.at_us.desc()).limit(1)
        at_us = connection.execute(newest).scalar()
        if at_us is not None:
            found[subject] = at_us
    return found


def count_fired(connection: Connection, rule_id: str, until_us: int) -> int:
    """Return how often a rule fired, and that counted, up to and at an instant."""
    table = executions
    found = select(func.count()).where(
        table.c.rule_id == rule_id, table.c.at_us <= until_us, table.c.kind == "fired", table.c.counted
    )
    return int(connection.execute(found).scalar_one())


def ids_at(connection: Connection, rule_id: str, at_us: int) -> dict[str, str]:
    """Return by subject the ids of what a rule did at one instant."""
    found = select(executions.c.subject, executions.c.id).where(
        executions.c.rule_id == rule_id, executions.c.at_us == at_us
    )
    return {row.subject: row.id for row in connection.execute(found)}


def counted(connection: Connection, from_us: int, to_us: int) -> list[tuple[str, str, int]]:
    """Return (rule, kind, how many) of the executions with from_us <= at < to_us."""
    table = executions
    found = select(table.c.rule_id, table.c.kind, func.count()).where(table.c.at_us >= from_us, table.c.at_us < to_us)
    rows = connection.execute(found.group_by(table.c.rule_id, table.c.kind))
    return [(rule_id, kind, count) for rule_id, kind, count in rows]


def counted_actions(connection: Connection, from_us: int, to_us: int) -> list[tuple[str, str, int]]:
    """Return (rule, state, how many) of the actions of executions with from_us <= at < to_us."""
    found = (
        select(actions.c.rule_id, actions.c.state, func.count())
        .join(executions, executions.c.id == actions.c.execution_id)
        .where(executions.c.at_us >= from_us, executions.c.at_us < to_us)
    )
    rows = connection.execute(found.group_by(actions.c.rule_id, actions.c.state))
    return [(rule_id, state, count) for rule_id, state, count in rows]


@dataclass(frozen=True, slots=True)
class ReplayAction:
    """Have an action that failed for good done once more, with the same key and from the first attempt.

    What keeps keys does it once, however often it is replayed; one that is ``at_most_once`` may happen twice if its
    outcome was unknown. That is why a person decides it.
    """

    writes: ClassVar[bool] = True
    execution_id: str
    key: str
    who: Who

    def apply(self, core: Core) -> ActionRow:
        """Put it back; raises ``UnknownActionError``, ``NotReplayableError`` or ``QueueFullError``."""
        connection = connection_of(core)
        wanted = select(actions).where(actions.c.key == self.key, actions.c.execution_id == self.execution_id)
        found = connection.execute(wanted).mappings().first()
        if found is None:
            raise UnknownActionError("there is no such action")
        row = _action(found)
        if row.state not in REPLAYABLE or row.key in core.outbox.sending:
            raise NotReplayableError(f"the action is {row.state!r}; only {', '.join(REPLAYABLE)} can be replayed")
        if len(core.outbox) >= MAX_WAITING:
            raise QueueFullError(f"{MAX_WAITING} actions wait already")
        now_us, late_us = core.received_us, row.call.expires_after_us
        row.state, row.due_us, row.attempts = "waiting", now_us, 0
        row.result = row.error = row.finished_us = None
        row.expires_us = None if late_us is None else now_us + late_us
        row.parallel = True  # it waits for nobody: what stood before it has ended long ago
        again = {"expires_us": row.expires_us, "parallel": True, "state": "waiting", "due_us": now_us}
        connection.execute(update(actions).where(actions.c.key == self.key), again)
        what = {"rule": row.rule_id, "execution": self.execution_id, "action": self.key}
        note(core, self.who, "execution.run", what)
        core.turn.changed.append(row)
        core.outbox.add([row])
        return row


def _action(row: Mapping[Any, Any]) -> ActionRow:
    return ActionRow(**{**row, "call": call_of(row["call"])})
