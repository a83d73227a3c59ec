"""The runtime's journal in a database: what belongs together is one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from whenthen.errors import UnknownRuleError
from whenthen.model.firing import ActionCall, Setting
from whenthen.runtime.journal import JournalError, RuleConflictError
from whenthen.runtime.records import ActionRow, Execution, Sample
from whenthen.runtime.writer import Core
from whenthen_server.store import tables
from whenthen_server.store.database import open_database, reading, writing
from whenthen_server.store.held import Held
from whenthen_server.store.migrations import upgrade_engine
from whenthen_server.store.readings import HOUR_US
from whenthen_server.store.upsert import upserting, upserting_plain

_MANY_HOURS = 100_000
_SAMPLE = ("series_id", "at_us", "received_us", "number", "other")
_SAMPLE_KEYS = ("series_id", "at_us")
_encode = json.JSONEncoder().encode
"""Made once: ``json.dumps`` looks at its options each time."""


class SqlJournal:
    """Keeps everything in the database behind *engine*; used by one writer at a time.

    *took* is told the seconds of every transaction that was committed. *held* is the connection that the writer keeps;
    without it each transaction takes one of the engine's.
    """

    def __init__(
        self, engine: Engine, took: Callable[[float], None] = lambda _seconds: None, held: Held | None = None
    ) -> None:
        self.engine = engine
        self._took = took
        self._writing = partial(writing, engine) if held is None else held.writing
        self._series: dict[tuple[str, str], int] = {}
        self._due: set[tuple[int, int]] = set()

    @contextmanager
    def transaction(self) -> Generator[SqlTransaction]:
        """Open a transaction, committed (and on the disk) at the end of the block.

        Raises ``JournalError`` if the database cannot be written: full, locked, gone.
        """
        begun = time.perf_counter()
        try:
            with available(self.engine), self._writing() as connection:
                yield SqlTransaction(connection, self._series, self._due)
            self._took(time.perf_counter() - begun)
        except BaseException:
            # What was learnt in a transaction that is undone may not be true.
            self._series.clear()
            self._due.clear()
            raise

    def rules(self) -> list[Mapping[str, Any]]:
        """Return the documents of all rules, in the order of their making."""
        found = select(tables.rules.c.document).where(tables.rules.c.removed_us.is_(None))
        with available(self.engine), reading(self.engine) as connection:
            return list(connection.scalars(found.order_by(tables.rules.c.created_us, tables.rules.c.id)))

    def engine_state(self) -> Mapping[str, Any]:
        """Return what the engine remembered."""
        state: dict[str, Any] = {}
        with available(self.engine), reading(self.engine) as connection:
            for part, key, row in connection.execute(select(tables.engine_state)):
                if key:
                    state.setdefault(part, {})[key] = row
                else:
                    state[part] = row["value"]
        return state

    def unfinished_actions(self) -> list[ActionRow]:
        """Return the actions that wait or were being sent, each execution's together and in order."""
        table = tables.actions
        found = select(table).where(table.c.state.in_(("waiting", "sending")))
        with available(self.engine), reading(self.engine) as connection:
            rows = connection.execute(found.order_by(table.c.execution_id, table.c.position)).mappings().all()
        return [ActionRow(**{**row, "call": call_of(row["call"])}) for row in rows]


@contextmanager
def available(engine: Engine) -> Generator[None]:
    """Word what the database or its driver raises as ``JournalError``."""
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise JournalError(f"nothing can be stored at present: {getattr(error, 'orig', None) or error}") from error


class SqlTransaction:
    """One transaction; items of the server's own may use its ``connection``."""

    def __init__(self, connection: Connection, series: dict[tuple[str, str], int], due: set[tuple[int, int]]) -> None:
        self.connection = connection
        self._series = series
        self._due = due

    def savepoint(self) -> AbstractContextManager[Any]:
        """Open a part that is undone by itself if it raises."""
        return self.connection.begin_nested()

    def samples(self, samples: Sequence[Sample]) -> None:
        """Keep values; the same instant of the same series has the newer one afterwards."""
        if not samples:
            return
        rows: dict[tuple[int, int], tuple[Any, ...]] = {}
        for sample in samples:
            series_id, at_us = self._series_id(sample.device, sample.sensor), sample.at_us
            rows[series_id, at_us] = series_id, at_us, sample.received_us, *_columns(sample.value)
        upserting_plain(self.connection, tables.samples, _SAMPLE_KEYS, _SAMPLE, list(rows.values()))
        self._note_hours({(series_id, at_us - at_us % HOUR_US) for series_id, at_us in rows}, samples[-1].received_us)

    def _note_hours(self, hours: set[tuple[int, int]], now_us: int) -> None:
        """Have hours summed up, again if need be; one that is not over yet needs to be noted only once."""
        open_hours = {hour for hour in hours if hour[1] + HOUR_US > now_us}
        new = hours - (self._due & open_hours)
        if not new:
            return
        rows = [{"series_id": series_id, "hour_us": hour_us} for series_id, hour_us in sorted(new)]
        upserting(self.connection, tables.hours_due, ["series_id", "hour_us"], rows)
        if len(self._due) > _MANY_HOURS:
            self._due.clear()
        self._due |= open_hours

    def _series_id(self, device: str, sensor: str) -> int:
        found = self._series.get((device, sensor))
        if found is None:
            upserting(
                self.connection, tables.series, ["device_id", "sensor"], [{"device_id": device, "sensor": sensor}]
            )
            wanted = select(tables.series.c.id).where(
                tables.series.c.device_id == device, tables.series.c.sensor == sensor
            )
            found = self._series[device, sensor] = int(self.connection.execute(wanted).scalar_one())
        return found

    def state(self, changes: Mapping[str, Any]) -> None:
        """Keep the engine's memory."""
        rows, gone = [], []
        for part, content in changes.items():
            if not isinstance(content, Mapping):
                rows.append((part, "", _encode({"value": content})))
                continue
            for key, row in content.items():
                if row is None:
                    gone.append({"gone_part": part, "gone_key": key})
                else:
                    rows.append((part, key, _encode(row)))
        if gone:
            table = tables.engine_state
            self.connection.execute(
                delete(table).where(table.c.part == bindparam("gone_part"), table.c.key == bindparam("gone_key")), gone
            )
        upserting_plain(self.connection, tables.engine_state, ("part", "key"), ("part", "key", "row"), rows)

    def executions(self, executions: Sequence[Execution]) -> None:
        """Keep firings."""
        rows = [
            {
                "id": execution.id,
                "at_us": execution.firing.at_us,
                "rule_id": execution.firing.rule_id,
                "rule": execution.firing.rule,
                "subject": execution.firing.subject,
                "kind": execution.firing.kind,
                "depth": execution.firing.depth,
                "counted": execution.firing.counted,
                "cause": execution.cause,
                "trace": execution.trace,
            }
            for execution in executions
        ]
        if rows:
            self.connection.execute(tables.executions.insert(), rows)

    def actions(self, new: Sequence[ActionRow], changed: Sequence[ActionRow]) -> None:
        """Keep new actions, and what became of older ones."""
        table = tables.actions
        if new:
            self.connection.execute(table.insert(), [_action_columns(row) for row in new])
        if changed:
            names = ("state", "due_us", "attempts", "result", "error", "finished_us")
            statement = update(table).where(table.c.key == bindparam("known_key"))
            rows = [{"known_key": row.key, **{name: getattr(row, name) for name in names}} for row in changed]
            self.connection.execute(statement.values({name: bindparam(name) for name in names}), rows)

    def put_rule(self, document: Mapping[str, Any], who: str, at_us: int, version: int | None) -> int:
        """Keep a rule's new version and return its number; raises ``RuleConflictError`` unless *version* is present."""
        rule_id = document["id"]
        present = self._version(rule_id)
        if version is not None and version != present:
            raise RuleConflictError(f"rule {rule_id!r} is at version {present}, not {version}", present)
        scope = document.get("scope", {})
        row = {
            "id": rule_id,
            "name": document["name"],
            "farm_id": scope.get("farm"),
            "room_id": scope.get("room"),
            "version": present + 1,
            "document": dict(document),
            "updated_us": at_us,
            "removed_us": None,
        }
        if present:
            self.connection.execute(update(tables.rules).where(tables.rules.c.id == rule_id), row)
        else:
            self.connection.execute(tables.rules.insert(), {**row, "created_us": at_us})
        self._keep_version(rule_id, present + 1, dict(document), who, at_us)
        return present + 1

    def remove_rule(self, rule_id: str, who: str, at_us: int, version: int | None) -> None:
        """Mark a rule as gone; raises ``UnknownRuleError`` or ``RuleConflictError``."""
        table = tables.rules
        there = select(table.c.id).where(table.c.id == rule_id, table.c.removed_us.is_(None))
        present = self._version(rule_id)
        if self.connection.execute(there).first() is None:
            raise UnknownRuleError(f"there is no rule {rule_id!r}")
        if version is not None and version != present:
            raise RuleConflictError(f"rule {rule_id!r} is at version {present}, not {version}", present)
        gone = {"removed_us": at_us, "version": present + 1}
        self.connection.execute(update(table).where(table.c.id == rule_id), gone)
        self._keep_version(rule_id, present + 1, None, who, at_us)

    def _version(self, rule_id: str) -> int:
        found = self.connection.execute(select(tables.rules.c.version).where(tables.rules.c.id == rule_id)).scalar()
        return int(found or 0)

    def _keep_version(
        self, rule_id: str, version: int, document: Mapping[str, Any] | None, who: str, at_us: int
    ) -> None:
        row = {"rule_id": rule_id, "version": version, "document": document, "who": who, "at_us": at_us}
        self.connection.execute(tables.rule_versions.insert(), row)


def connection_of(core: Core) -> Connection:
    """Return the connection of the commit that is being made, for an item that writes tables of the server's own."""
    transaction = core.transaction
    if not isinstance(transaction, SqlTransaction):
        raise TypeError("this item needs a journal in a database")
    return transaction.connection


def open_journal(url: str) -> SqlJournal:
    """Return a journal in the database at *url*, its tables made or brought up to date."""
    engine = open_database(url)
    upgrade_engine(engine)
    return SqlJournal(engine)


def _columns(value: Any) -> tuple[float | None, str | None]:
    """Return a sensor's value as its two columns."""
    if value.__class__ is float:
        return value, None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, json.dumps(value, ensure_ascii=False)
    return float(value), None


def _action_columns(row: ActionRow) -> dict[str, Any]:
    columns = {name: getattr(row, name) for name in tables.actions.c.keys()}  # noqa: SIM118 - a column collection
    columns["call"] = asdict(row.call)
    return columns


def call_of(stored: Mapping[str, Any]) -> ActionCall:
    """Return an action's call as it was kept."""
    sets = tuple(Setting(*one) for one in stored["sets"])
    return ActionCall(**{**stored, "targets": tuple(stored["targets"]), "sets": sets})
