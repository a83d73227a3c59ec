"""The tables of readings, rules, executions, actions and the engine's memory. Instants are whole microseconds, UTC."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from whenthen_server.store.schema import metadata

_Serial = BigInteger().with_variant(Integer, "sqlite")

farms = Table(
    "farms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", Text),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("created_us", BigInteger, nullable=False),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("farm_id", Text, ForeignKey("farms.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("stage", Text),
    Column("created_us", BigInteger, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("room_id", Text, ForeignKey("rooms.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("type", Text),
    Column("driver", Text, nullable=False),
    Column("capabilities", JSON, nullable=False),
    Column("stale_after_seconds", Double, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("seen_us", BigInteger),
    Column("created_us", BigInteger, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("device_id", Text, nullable=False),
    Column("sensor", Text, nullable=False),
    UniqueConstraint("device_id", "sensor"),
)
"""One row for each sensor of each device, so that a sample is a few numbers."""

samples = Table(
    "samples",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("received_us", BigInteger, nullable=False),
    Column("number", Double),
    Column("other", Text),
    sqlite_with_rowid=False,
)
"""One accepted value. Stored in the order of its key, without another index: a range of one series lies together, and
so does what is too old. ``number`` holds a number, ``other`` the JSON text of anything else."""

hours = Table(
    "hours",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour_us", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("least", Double, nullable=False),
    Column("greatest", Double, nullable=False),
    Column("last", Double, nullable=False),
    sqlite_with_rowid=False,
)
"""What the numbers of one hour of a series come to; kept when the samples are gone."""

hours_due = Table(
    "hours_due",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("hour_us", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""The hours that have samples which ``hours`` does not know yet."""

rules = Table(
    "rules",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("farm_id", Text, index=True),
    Column("room_id", Text, index=True),
    Column("version", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("removed_us", BigInteger),
)

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", JSON),
    Column("who", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Every version of every rule, and who made it; without a document: who removed it."""

engine_state = Table(
    "engine_state",
    metadata,
    Column("part", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("row", JSON, nullable=False),
    sqlite_with_rowid=False,
)

executions = Table(
    "executions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("cause", Text, nullable=False),
    Column("trace", JSON),
    Index("ix_executions_rule_id_at_us", "rule_id", "at_us"),
    Index("ix_executions_at_us", "at_us"),
)

actions = Table(
    "actions",
    metadata,
    Column("key", Text, primary_key=True),
    Column("execution_id", Text, nullable=False, index=True),
    Column("rule_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("call", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("parallel", Boolean, nullable=False),
    Column("together_us", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("result", JSON),
    Column("error", Text),
    Column("finished_us", BigInteger),
    Index(
        "ix_actions_unfinished",
        "state",
        sqlite_where=text("state IN ('waiting', 'sending')"),
        postgresql_where=text("state IN ('waiting', 'sending')"),
    ),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("what", JSON, nullable=False),
)
