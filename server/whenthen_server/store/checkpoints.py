"""What rules remembered, put aside every few hours: a look back goes on from there instead of from the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Connection, Table, Text, delete, func, insert, select

from whenthen.clock import SECOND_US
from whenthen.engine import Engine
from whenthen.runtime.writer import Core
from whenthen_server.store.journal import connection_of
from whenthen_server.store.schema import metadata

EVERY_US = 6 * 3_600 * SECOND_US
"""A look back then gives an engine at most so much of one-minute readings as it can look at in a few milliseconds."""

LEAST_US = 3_600 * SECOND_US
"""A process begins with a round only if the last is so old: one that crashes again and again must not fill the disk."""

INSTANCES = 200
"""So many, and rules, are looked at in one slice, but a rule's own together."""

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False, index=True),
    Column("instances", JSON, nullable=False),
    sqlite_with_rowid=False,
)
"""By subject, what a rule remembered when everything received up to an instant had been looked at."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a rule remembered at an instant, by subject."""

    at_us: int
    instances: Mapping[str, Any]


def newest(connection: Connection, rule_id: str, after_us: int, until_us: int) -> Checkpoint | None:
    """Return the newest checkpoint of a rule with after_us < at <= until_us, if there is one."""
    table = checkpoints
    found = select(table.c.at_us, table.c.instances).where(
        table.c.rule_id == rule_id, table.c.at_us > after_us, table.c.at_us <= until_us
    )
    row = connection.execute(found.order_by(table.c.at_us.desc()).limit(1)).first()
    return None if row is None else Checkpoint(row.at_us, row.instances)


class PutAside:
    """A slice of a round through all rules, as an item for the writer; a round begins *every_us*.

    Another begins with the process, since a stop changes what is remembered. The instant of an item is that of no
    reading, so what came before it and what came after it are told apart.
    """

    writes: ClassVar[bool] = True

    def __init__(self, every_us: int = EVERY_US) -> None:
        self._every_us = every_us
        self._due_us: int | None = None
        self._after: str | None = None
        """The rule behind which the round goes on; without one, no round is under way."""

    def apply(self, core: Core) -> bool:
        """Do a slice; return whether there is more to do."""
        connection, now_us = connection_of(core), core.received_us
        if self._due_us is None:
            self._due_us = (connection.scalar(select(func.max(checkpoints.c.at_us))) or 0) + LEAST_US
        if self._after is None:
            # A clock that was set back must not end it until it has caught up.
            if self._due_us - self._every_us <= now_us < self._due_us:
                return False
            self._due_us, self._after = now_us + self._every_us, ""
        core.fired(core.engine.advance(now_us - 1), "time")
        rules = sorted(one for one in core.engine.rule_ids if one > self._after)
        rows, self._after = _some(core.engine, rules, now_us)
        if rows:
            connection.execute(insert(checkpoints), rows)
        return self._after is not None


def _some(engine: Engine, rules: list[str], now_us: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of the first of *rules*, and the last of them that was looked at if others are left."""
    rows: list[dict[str, Any]] = []
    left = INSTANCES
    for looked, rule_id in enumerate(rules, 1):
        if engine.rule(rule_id).get("fire") == "edge" or engine.remembering(rule_id):
            instances = engine.kept(rule_id)
            if instances:
                rows.append({"rule_id": rule_id, "at_us": now_us, "instances": instances})
            left -= len(instances)
        left -= 1
        if left <= 0 and looked < len(rules):
            return rows, rule_id
    return rows, None


def forget(connection: Connection, before_us: int, most: int) -> bool:
    """Let go of some that are older than an instant; return whether there may be more."""
    table = checkpoints
    oldest = select(table.c.at_us).where(table.c.at_us < before_us).order_by(table.c.at_us).limit(most).subquery()
    until_us = connection.execute(select(func.max(oldest.c.at_us))).scalar()
    if until_us is None:
        return False
    return connection.execute(delete(table).where(table.c.at_us <= until_us)).rowcount >= most
