"""Brings the tables to the version that this program needs: each step is one transaction, there or not at all.

A new step is a module in ``versions/``; a test compares the outcome with ``metadata``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from whenthen.errors import WhenthenError
from whenthen_server.store.database import open_database, reading, writing

_ONE_AT_A_TIME = 0x77686E
"""The advisory lock on PostgreSQL that a process holds while it changes tables; SQLite has its write lock."""


class MigrationError(WhenthenError):
    """The tables cannot be brought to the version that this program needs."""

    code = "cannot_migrate"


def upgrade(url: str) -> None:
    """Bring the database at *url* to this program's version. Raises ``MigrationError``."""
    engine = open_database(url)
    try:
        upgrade_engine(engine)
    finally:
        engine.dispose()


def current(url: str) -> str | None:
    """Return the version of the tables at *url*, ``None`` if there are none."""
    engine = open_database(url)
    try:
        with reading(engine) as connection:
            return _version(connection)
    finally:
        engine.dispose()


def head() -> str:
    """Return the version that this program needs.

    >>> head()
    '0002'
    """
    return str(_scripts().get_current_head())


def upgrade_engine(engine: Engine) -> None:
    """Bring the tables to this program's version; a kill at any moment leaves the old version or a later one.

    Raises ``MigrationError`` for tables of a newer program, or that are not ours.
    """
    with reading(engine) as connection:
        if _version(connection) == head():
            return
    with writing(engine) as connection:
        # Seen again under the lock: another process may have done it meanwhile.
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_AT_A_TIME})
        found = _version(connection)
        if found == head():
            return
        _demand_known(connection, found)
        _run(connection)


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _demand_known(connection: Connection, found: str | None) -> None:
    scripts = _scripts()
    if found is None:
        if inspect(connection).has_table("engine_state"):
            raise MigrationError(
                "the database has tables without a version, as whenthen made before its first release; "
                "begin with an empty database"
            )
        return
    if found not in {step.revision for step in scripts.walk_revisions()}:
        raise MigrationError(
            f"the database is of version {found}, which is newer than this program: "
            f"it knows versions up to {head()}; install the newer whenthen, or restore a backup from before"
        )


def _run(connection: Connection) -> None:
    scripts = _scripts()

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 - as Alembic's own ``command.upgrade`` does

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        # Alembic sees the transaction that is open and makes none of its own; on SQLite it would make none at all.
        environment.configure(connection=connection)
        environment.run_migrations()


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))
