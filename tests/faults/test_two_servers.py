"""Two servers on one folder or database: the second is told who is there, and a killed one is in nobody's way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread

import pytest
from databases.postgres import own_postgres
from killed.harness import wait_for
from sqlalchemy import Connection, Engine, text

from whenthen_server.store.database import open_database
from whenthen_server.store.held import LOCK_CLASS

LONG_SECONDS = 60
LOCK = text("SELECT pg_advisory_lock(:kind, CAST(:schema AS int))")


def serve(folder: Path, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "whenthen", "serve", "--port", "0", "--data", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings},
        start_new_session=True,
    )


@contextmanager
def served(folder: Path, **settings: str) -> Generator[subprocess.Popen[str]]:
    process = serve(folder, **settings)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("whenthen is at http://127.0.0.1:")
        (folder / "port").write_text(said.split("127.0.0.1:")[1].split("/")[0], encoding="ascii")
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=LONG_SECONDS)


def refusal(folder: Path, **settings: str) -> str:
    """Return what a server says that is not to start."""
    process = serve(folder, **settings)
    _, said = process.communicate(timeout=LONG_SECONDS)
    assert process.returncode == 2, said
    assert said.count("\n") == 1, said
    return said


def test_a_second_server_is_refused_with_the_process_that_is_there(tmp_path: Path) -> None:
    # Seen to fail with ``Lock.take`` that returns at once.
    with served(tmp_path / "data"):
        said = refusal(tmp_path / "data")
        holder = (tmp_path / "data" / "server.lock").read_text(encoding="ascii").strip()

    assert f"another whenthen, process {holder}, uses {tmp_path / 'data'}; stop it" in said


def test_a_second_server_is_kept_from_the_same_file_of_another_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    with served(tmp_path / "one", DATABASE_URL=url):
        assert f"uses {tmp_path};" in refusal(tmp_path / "two", DATABASE_URL=url)


def test_a_server_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    with served(tmp_path) as process:
        os.killpg(process.pid, signal.SIGKILL)
    assert (tmp_path / "server.lock").exists()

    with served(tmp_path) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG_SECONDS)
    assert process.returncode == 0


def test_a_database_that_is_none_ends_the_start_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "whenthen.db").write_text("this is a letter, not a database " * 100, encoding="ascii")

    assert "automation.storage.path: the database cannot be used: file is not a database" in refusal(tmp_path)


@pytest.fixture
def postgres() -> Generator[str]:
    with own_postgres() as url:
        yield url


def test_a_second_server_is_kept_from_the_same_postgresql_database(tmp_path: Path, postgres: str) -> None:
    # Seen to fail with ``Held.take`` that asks for no lock.
    with served(tmp_path / "one", DATABASE_URL=postgres):
        said = refusal(tmp_path / "two", DATABASE_URL=postgres)
    assert "another whenthen, connected from 127.0.0.1 as process" in said
    assert "uses this database; stop it, or give this one a database of its own" in said

    with served(tmp_path / "two", DATABASE_URL=postgres):
        pass


def test_a_server_whose_connection_broke_goes_on(tmp_path: Path, postgres: str) -> None:
    with served(tmp_path, DATABASE_URL=postgres), opened(postgres) as engine:
        assert add_farm(tmp_path, "one") == 201
        cut(engine)
        wait_for(lambda: add_farm(tmp_path, "two") == 201, "the server to have its database again")

        assert "uses this database" in refusal(tmp_path / "other", DATABASE_URL=postgres)


def test_a_server_whose_database_another_has_taken_ends_and_says_so(tmp_path: Path, postgres: str) -> None:
    # Seen to fail with a server that reconnects without asking for the lock.
    serving = served(tmp_path, DATABASE_URL=postgres)
    with serving as process, opened(postgres) as engine, engine.connect() as other:
        # It waits for the lock already when the connection breaks, so that the server cannot be faster.
        waiting = Thread(target=other.execute, args=(LOCK, key(other)))
        waiting.start()
        wait_for(lambda: queued(engine), "the other one to wait for the lock")
        cut(engine)
        waiting.join(LONG_SECONDS)
        assert add_farm(tmp_path, "mine") != 201
        _, said = process.communicate(timeout=LONG_SECONDS)
        kept = other.execute(text("SELECT count(*) FROM farms WHERE id = 'mine'")).scalar()

    assert process.returncode == 2, said
    assert "the connection to the database broke, and another whenthen, connected from 127.0.0.1" in said
    assert kept == 0


@contextmanager
def opened(url: str) -> Generator[Engine]:
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def key(connection: Connection) -> dict[str, int]:
    schema = connection.execute(text("SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema()"))
    return {"kind": LOCK_CLASS, "schema": schema.scalar_one()}


def cut(engine: Engine) -> None:
    """End the connection that holds the lock, as PostgreSQL does when it is restarted."""
    holder = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :kind AND objid = :schema"
    with engine.connect() as connection:
        pid = connection.execute(text(holder), key(connection)).scalar_one()
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def queued(engine: Engine) -> bool:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND classid = :kind AND objid = :schema"
    with engine.connect() as connection:
        return bool(connection.execute(text(waiting), key(connection)).scalar_one())


def add_farm(folder: Path, name: str) -> int:
    """Return the status with which a server answers, 0 if it does not."""
    owner = (folder / "owner.key").read_text(encoding="ascii").strip()
    headers = {"Authorization": f"Bearer {owner}", "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", int((folder / "port").read_text(encoding="ascii")), timeout=LONG_SECONDS)
    with closing(connection):
        try:
            connection.request("POST", "/api/farms", json.dumps({"id": name, "name": name}), headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
