"""Opens the database: SQLite so that a commit is on the disk before it is acknowledged, or PostgreSQL as it comes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

LOCK_TIMEOUT_SECONDS = 5.0


def open_database(url: str) -> Engine:
    """Return an engine for a URL such as ``sqlite:///data/whenthen.db`` or ``postgresql://…``.

    SQLite runs in WAL mode with synchronous FULL: a commit that has returned survives a power cut (SQLite's
    documentation, "PRAGMA synchronous"). Raises SQLAlchemy's ``ArgumentError`` for a URL that is none.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_size=8, max_overflow=16)
    engine = create_engine(parsed, connect_args={"timeout": LOCK_TIMEOUT_SECONDS})
    event.listen(engine, "do_connect", _make_closed)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _make_closed(_dialect: Any, _record: Any, given: list[Any], _more: Any) -> None:
    """Make a file that is not there with mode 0600, as those beside it will have: SQLite would let others read them."""
    name = str(given[0])
    with suppress(OSError):  # what is wrong with the place, SQLite tells
        if not name.startswith(("file:", ":")) and not Path(name).exists():
            os.close(os.open(name, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver would otherwise begin transactions by itself, and late: see ``writing``.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """Open a transaction that will write, and commit it at the end."""
    with engine.connect() as connection, begun(connection):
        yield connection


@contextmanager
def begun(connection: Connection) -> Generator[None]:
    """Have a transaction on a connection, committed at the end; what goes past SQLAlchemy to the driver is in it.

    On SQLite it takes the write lock at once: a transaction that first reads and then wants to write fails with
    "database is locked", without waiting, if another wrote in between.
    """
    with connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """Open a connection that sees one state of the database throughout."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection
        connection.rollback()
