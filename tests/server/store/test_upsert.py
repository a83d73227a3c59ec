"""Rows are there once each with their newest values, however many are given at once."""

from __future__ import annotations

import sqlite3
from typing import Any, Self

import psycopg
import pytest
from sqlalchemy import Engine, func, select

from whenthen_server.store import tables
from whenthen_server.store.database import reading, writing
from whenthen_server.store.schema import metadata
from whenthen_server.store.upsert import upserting_plain

KEYS = ("series_id", "at_us")
NAMES = ("series_id", "at_us", "received_us", "number", "other")
Row = tuple[int, int, int, float | None, str | None]


def keep(database: Engine, rows: list[Row]) -> None:
    with writing(database) as connection:
        upserting_plain(connection, tables.samples, KEYS, NAMES, rows)


def kept(database: Engine) -> list[Row]:
    with reading(database) as connection:
        found = connection.execute(select(tables.samples).order_by(*(tables.samples.c[name] for name in KEYS)))
        return [tuple(row) for row in found]


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 255, 256, 257, 700])
def test_every_row_is_kept_as_it_was_given(database: Engine, count: int) -> None:
    metadata.create_all(database)
    rows: list[Row] = [(1, at, 5, at / 7, None) if at % 3 else (1, at, 5, None, '"é"') for at in range(count)]
    keep(database, rows)

    assert kept(database) == rows


def test_a_row_that_is_there_gets_its_new_values_and_the_others_stay(database: Engine) -> None:
    metadata.create_all(database)
    keep(database, [(1, at, 5, 0.5, None) for at in range(40)])
    keep(database, [(1, 7, 6, None, '"on"'), (1, 40, 6, 1.5, None)])

    assert [row for row in kept(database) if row[2] == 6] == [(1, 7, 6, None, '"on"'), (1, 40, 6, 1.5, None)]
    assert len(kept(database)) == 41


def test_rows_of_keys_alone_may_be_there_already(database: Engine) -> None:
    metadata.create_all(database)
    for _ in range(2):
        with writing(database) as connection:
            upserting_plain(connection, tables.hours_due, ("series_id", "hour_us"), ("series_id", "hour_us"), [(1, 0)])

    with reading(database) as connection:
        assert connection.execute(select(func.count()).select_from(tables.hours_due)).scalar_one() == 1


def test_many_rows_take_few_statements(database: Engine) -> None:
    metadata.create_all(database)
    statements: list[str] = []
    with writing(database) as connection:
        overhear(connection.connection.driver_connection, statements)
        upserting_plain(connection, tables.samples, KEYS, NAMES, [(1, at, 5, 0.5, None) for at in range(700)])

    assert sum(statement.startswith("INSERT") for statement in statements) == 5


def overhear(driver: Any, statements: list[str]) -> None:
    """Have each statement that a driver's connection is given written down."""

    class Overheard(psycopg.Cursor[Any]):
        def execute(self, query: Any, *given: Any, **options: Any) -> Self:
            statements.append(query)
            return super().execute(query, *given, **options)

    if isinstance(driver, sqlite3.Connection):
        driver.set_trace_callback(statements.append)
    else:
        driver.cursor_factory = Overheard


def test_rows_are_refused_where_nobody_would_commit_them(database: Engine) -> None:
    metadata.create_all(database)

    with database.connect() as connection, pytest.raises(ValueError, match="begin a transaction first"):
        upserting_plain(connection, tables.samples, KEYS, NAMES, [(1, 1, 5, 0.5, None)])
