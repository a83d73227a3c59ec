"""Inserts rows, or gives those that are there already their new values: few statements, however many rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

MOST_ROWS = 256
"""So many rows go into one statement at most."""
_ANY_SIZE = 32
"""Up to here there is a statement for every number of rows, beyond for powers of two: the driver keeps 128 ready."""

_DRIVERS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
}
"""How each driver wants values that are given by position."""


def upserting(connection: Connection, table: Table, keys: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """Insert rows, or give those that are there already (by *keys*) their new values."""
    if not rows:
        return
    connection.execute(_upsert(connection.dialect.name, table, tuple(keys), tuple(rows[0])), rows)


def upserting_plain(
    connection: Connection, table: Table, keys: tuple[str, ...], names: tuple[str, ...], rows: Sequence[Sequence[Any]]
) -> None:
    """Do the same for rows of numbers and texts, each in the order of *names* and of a key of its own.

    They go past SQLAlchemy, straight to the driver, and many into one statement: at each step of one, SQLite's driver
    lets another thread run, and has to wait for it. The connection must be in a transaction that was begun explicitly
    (``begun``): SQLAlchemy would not commit what it has not seen. Raises what the driver raises.
    """
    if not connection.in_transaction():
        raise ValueError("begin a transaction first")
    driver: Any = connection.connection.driver_connection
    first = 0
    for size in _sizes(len(rows)):
        statement = _plain(connection.dialect.name, table, keys, names, size)
        driver.execute(statement, tuple(chain.from_iterable(rows[first : first + size])))
        first += size


def _sizes(count: int) -> Iterator[int]:
    """Yield how many rows each statement takes.

    >>> list(_sizes(30)), list(_sizes(700))
    ([30], [256, 256, 128, 32, 28])
    """
    while count:
        size = count if count <= _ANY_SIZE else min(MOST_ROWS, 1 << (count.bit_length() - 1))
        yield size
        count -= size


@lru_cache(maxsize=256)
def _plain(dialect: str, table: Table, keys: tuple[str, ...], names: tuple[str, ...], size: int) -> str:
    """Return an upsert of so many rows as the driver takes it."""
    statement = _upsert(dialect, table, keys, names).values([dict.fromkeys(names)] * size)
    return str(statement.compile(dialect=_DRIVERS[dialect]))


@cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Insert:
    """Return the statement; making it takes longer than running it."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    fresh = {name: insert.excluded[name] for name in names if name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=fresh) if fresh else insert.on_conflict_do_nothing()
