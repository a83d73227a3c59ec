"""What has to be done from time to time: sum up hours, and let go of what was kept long enough, a slice at a time.

Every slice is one item for the writer, small enough that readings beside it hardly wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select

from whenthen.clock import DAY_US, seconds_us
from whenthen.runtime.writer import Core
from whenthen_server.settings import Settings
from whenthen_server.store.answers import answers
from whenthen_server.store.checkpoints import forget
from whenthen_server.store.commands import commands
from whenthen_server.store.credentials import forget_dead
from whenthen_server.store.journal import connection_of
from whenthen_server.store.notifications import notifications
from whenthen_server.store.readings import HOUR_US, sum_up
from whenthen_server.store.tables import actions, audit, executions, hours_due, samples, series

ROWS = 500
"""So many rows go in one slice; on the developer's machine some ten milliseconds."""

HOURS = 100
SERIES = 200
RULES = 50

Job = Callable[[Connection, int], bool]
"""One slice of a job at an instant (microseconds since the epoch); returns whether there is more to do."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long things are kept (microseconds), and how many of them."""

    readings_us: int
    audit_us: int
    history_us: int
    executions_per_rule: int
    answers_us: int
    answers: int

    @classmethod
    def of(cls, settings: Settings) -> Keeping:
        """Return what the settings say; without history, executions go as soon as their actions have ended."""
        history = settings.automation.history
        return cls(
            readings_us=settings.retention.readings_days * DAY_US,
            audit_us=settings.retention.audit_days * DAY_US,
            history_us=history.retention_days * DAY_US,
            executions_per_rule=history.max_records_per_rule if history.enabled else 0,
            answers_us=seconds_us(settings.limits.idempotency_hours * 3600),
            answers=settings.limits.idempotency_answers,
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of a job, as an item for the writer."""

    writes: ClassVar[bool] = True
    job: Job

    def apply(self, core: Core) -> bool:
        """Do it; return whether there is more to do."""
        return self.job(connection_of(core), core.received_us)


def jobs(keeping: Keeping) -> dict[str, Job]:
    """Return the jobs of one pass, by name; each is called until it says that there is no more to do."""
    return {
        "hours": lambda connection, now_us: sum_up(connection, now_us, HOURS) == HOURS,
        "readings": _Readings(keeping.readings_us),
        "executions": lambda connection, now_us: _old_executions(connection, now_us - keeping.history_us),
        "executions of a rule": _ManyExecutions(keeping.executions_per_rule),
        "checkpoints": lambda connection, now_us: forget(connection, now_us - keeping.readings_us, ROWS),
        "audit": lambda connection, now_us: _old(connection, audit, audit.c.at_us < now_us - keeping.audit_us),
        "commands": lambda connection, now_us: _old(
            connection, commands, commands.c.ended_us < now_us - keeping.history_us
        ),
        "notifications": lambda connection, now_us: _old(
            connection, notifications, notifications.c.at_us < now_us - keeping.history_us
        ),
        "answers": lambda connection, now_us: _old(
            connection, answers, answers.c.begun_us < now_us - keeping.answers_us
        ),
        "many answers": lambda connection, _now_us: _many_answers(connection, keeping.answers),
        "keys": lambda connection, now_us: forget_dead(connection, now_us - keeping.audit_us) < 0,
    }


class _Readings:
    """Lets go of old samples whose hours are summed up, some series at a time."""

    def __init__(self, keep_us: int) -> None:
        self._keep_us = keep_us
        self._after = 0

    def __call__(self, connection: Connection, now_us: int) -> bool:
        """Do a slice; the next one goes on with the same series if it was not done, else behind the last."""
        wanted = select(series.c.id).where(series.c.id > self._after).order_by(series.c.id).limit(SERIES)
        found = list(connection.scalars(wanted))
        # Whole hours: an hour that is half gone could not be summed up again if a late reading came for it.
        before_us = (now_us - self._keep_us) // HOUR_US * HOUR_US
        left = ROWS
        for series_id in found:
            left -= _old_samples(connection, series_id, before_us, left)
            if left <= 0:
                return True
            self._after = series_id
        if len(found) < SERIES:
            self._after = 0
            return False
        return True


def _old_samples(connection: Connection, series_id: int, before_us: int, most: int) -> int:
    """Delete a series' oldest samples; return how many."""
    due = select(func.min(hours_due.c.hour_us)).where(hours_due.c.series_id == series_id)
    due_us = connection.execute(due).scalar()
    until_us = before_us if due_us is None else min(before_us, due_us)
    old = and_(samples.c.series_id == series_id, samples.c.at_us < until_us)
    beyond = select(samples.c.at_us).where(old).order_by(samples.c.at_us).offset(most).limit(1)
    bound_us = connection.execute(beyond).scalar()
    if bound_us is not None:
        old = and_(samples.c.series_id == series_id, samples.c.at_us < bound_us)
    return connection.execute(delete(samples).where(old)).rowcount


def _unfinished() -> ColumnElement[bool]:
    """Tell which executions still have something to do."""
    return exists().where(actions.c.execution_id == executions.c.id, actions.c.state.in_(("waiting", "sending")))


def _old_executions(connection: Connection, before_us: int) -> bool:
    old = select(executions.c.id).where(executions.c.at_us < before_us, ~_unfinished())
    return _forget_executions(connection, connection.scalars(old.order_by(executions.c.at_us).limit(ROWS))) == ROWS


class _ManyExecutions:
    """Lets go of a rule's oldest executions when it has too many, some rules at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._after = ""

    def __call__(self, connection: Connection, _now_us: int) -> bool:
        """Do a slice, as for readings."""
        found = list(self._next_rules(connection))
        for rule_id in found:
            newest = select(executions.c.id).where(executions.c.rule_id == rule_id, ~_unfinished())
            order = executions.c.at_us.desc(), executions.c.id.desc()
            beyond = connection.scalars(newest.order_by(*order).offset(self._most).limit(ROWS))
            if _forget_executions(connection, beyond) == ROWS:
                return True
            self._after = rule_id
        if len(found) < RULES:
            self._after = ""
            return False
        return True

    def _next_rules(self, connection: Connection) -> Iterator[str]:
        """Return some rules that have executions: one step in the index for each, whatever their number."""
        rule_id: str | None = self._after
        for _ in range(RULES):
            rule_id = connection.scalar(select(func.min(executions.c.rule_id)).where(executions.c.rule_id > rule_id))
            if rule_id is None:
                return
            yield rule_id


def _forget_executions(connection: Connection, ids: Iterable[str]) -> int:
    gone = list(ids)
    if gone:
        connection.execute(delete(actions).where(actions.c.execution_id.in_(gone)))
        connection.execute(delete(executions).where(executions.c.id.in_(gone)))
    return len(gone)


def _old(connection: Connection, table: Table, old: ColumnElement[bool]) -> bool:
    """Delete some rows of a table with one key; return whether there may be more."""
    key = next(iter(table.primary_key))
    some = select(key).where(old).limit(ROWS)
    return connection.execute(delete(table).where(key.in_(some))).rowcount == ROWS


def _many_answers(connection: Connection, most: int) -> bool:
    beyond = select(answers.c.begun_us).order_by(answers.c.begun_us.desc()).offset(most).limit(1)
    bound_us = connection.execute(beyond).scalar()
    return bound_us is not None and _old(connection, answers, answers.c.begun_us <= bound_us)
