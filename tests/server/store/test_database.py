"""Transactions: what is committed is there, what failed is not, and writers wait for one another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from whenthen_server.store.database import open_database, reading, writing


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT coalesce(sum(n), 0) FROM t")).scalar_one())


@pytest.fixture
def table(database: Engine) -> Engine:
    with writing(database) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))
    return database


def test_a_transaction_that_fails_leaves_nothing(table: Engine) -> None:
    def fail() -> None:
        with writing(table) as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert count(table) == 0


def test_writers_that_first_read_lose_nothing(table: Engine) -> None:
    lock = "LOCK TABLE t IN EXCLUSIVE MODE" if table.dialect.name == "postgresql" else "SELECT 1"

    def add_one(_: int) -> None:
        with writing(table) as connection:
            connection.execute(text(lock))
            n = connection.execute(text("SELECT n FROM t")).scalar_one()
            connection.execute(text("UPDATE t SET n = :n"), {"n": n + 1})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add_one, range(120)))

    assert count(table) == 120


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'w.db'}").connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_new_database_is_closed_to_others(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/new.db")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    engine.dispose()

    assert modes == dict.fromkeys(("new.db", "new.db-wal", "new.db-shm"), 0o600)
