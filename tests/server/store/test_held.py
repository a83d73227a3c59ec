"""The writer's connection: held from commit to commit, never mended in passing, and on PostgreSQL a lock."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from databases.postgres import own_postgres
from sqlalchemy import Engine, text

from whenthen.runtime import JournalError
from whenthen.runtime.journal import JournalLostError
from whenthen.runtime.records import Sample
from whenthen_server.store.database import open_database, reading, writing
from whenthen_server.store.held import LOCK_CLASS, Held
from whenthen_server.store.journal import SqlJournal
from whenthen_server.store.lock import InUseError
from whenthen_server.store.migrations import upgrade_engine

SAMPLE = Sample("dev-1", "temperature", 21.5, 1_000_000, 1_000_000)
PID = text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = :kind AND objid = :schema AND granted")
SCHEMA = text("SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema()")


@pytest.fixture
def held(database: Engine) -> Generator[Held]:
    upgrade_engine(database)
    found = Held(database)
    found.take()
    yield found
    found.release()


@pytest.fixture
def postgres() -> Generator[Engine]:
    with own_postgres() as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


def kept(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM samples")).scalar_one())


def cut(engine: Engine) -> None:
    """End the connection that holds the lock, as PostgreSQL does when it is restarted."""
    with engine.connect() as connection:
        key = {"kind": LOCK_CLASS, "schema": connection.execute(SCHEMA).scalar_one()}
        pid = connection.execute(PID, key).scalar_one()
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_what_a_held_connection_wrote_is_there(database: Engine, held: Held) -> None:
    journal = SqlJournal(database, held=held)

    for _ in range(3):
        with journal.transaction() as transaction:
            transaction.samples([SAMPLE])

    assert kept(database) == 1


def test_what_raises_leaves_nothing_and_the_connection_goes_on(database: Engine, held: Held) -> None:
    journal = SqlJournal(database, held=held)

    def fail() -> None:
        with journal.transaction() as transaction:
            transaction.samples([SAMPLE])
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert kept(database) == 0
    with journal.transaction() as transaction:
        transaction.samples([SAMPLE])

    assert kept(database) == 1


def test_what_the_driver_raises_is_no_commit(database: Engine, held: Held) -> None:
    journal = SqlJournal(database, held=held)
    with writing(database) as connection:
        connection.execute(text("DROP TABLE samples"))

    with pytest.raises(JournalError, match="nothing can be stored at present"), journal.transaction() as transaction:
        transaction.samples([SAMPLE])


def test_a_locked_file_costs_one_transaction(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'w.db'}")
    upgrade_engine(engine)
    held = Held(engine)
    held.take()
    journal = SqlJournal(engine, held=held)
    with held.writing() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 1")

    with writing(engine), pytest.raises(JournalError, match="locked"), journal.transaction() as transaction:
        transaction.samples([SAMPLE])
    with journal.transaction() as transaction:
        transaction.samples([SAMPLE])

    assert kept(engine) == 1
    held.release()
    engine.dispose()


def test_a_second_server_is_refused_with_where_the_first_is(postgres: Engine) -> None:
    first, second = Held(postgres), Held(postgres)
    first.take()

    with pytest.raises(InUseError, match=r"another whenthen, connected from 127\.0\.0\.1 as process \d+ of PostgreSQL"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_two_schemas_of_a_database_are_two_databases(postgres: Engine) -> None:
    with own_postgres() as url:
        other = open_database(url)
        first, second = Held(postgres), Held(other)
        first.take()
        second.take()

        second.release()
        first.release()
        other.dispose()


def test_a_broken_connection_is_not_mended_in_passing(postgres: Engine) -> None:
    upgrade_engine(postgres)
    held = Held(postgres)
    held.take()
    journal = SqlJournal(postgres, held=held)

    cut(postgres)
    for _ in range(2):
        with pytest.raises(JournalError), journal.transaction() as transaction:
            transaction.samples([SAMPLE])
    held.take()
    with journal.transaction() as transaction:
        transaction.samples([SAMPLE])

    assert kept(postgres) == 1
    held.release()


def test_a_database_that_another_took_meanwhile_is_lost(postgres: Engine) -> None:
    upgrade_engine(postgres)
    first, second = Held(postgres), Held(postgres)
    first.take()
    cut(postgres)
    second.take()

    with pytest.raises(JournalError), SqlJournal(postgres, held=first).transaction() as transaction:
        transaction.samples([SAMPLE])
    with pytest.raises(JournalLostError, match="broke, and another whenthen, connected from"):
        first.take()

    assert kept(postgres) == 0
    second.release()
