"""A copy made while the server writes is one moment's state, and the server can be started on it."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen_server.store.backup import BackupError, backup
from whenthen_server.store.database import open_database, writing
from whenthen_server.store.journal import open_journal

REGISTRY = load_registry()
RULE = {
    "id": "r",
    "name": "r",
    "trigger": {"type": "sensor", "config": {"sensor": "t"}},
    "conditions": [],
    "actions": [{"type": "emit_event", "config": {"event": "e"}}],
}


def test_a_copy_made_under_load_holds_all_that_was_acknowledged_before_and_runs(tmp_path: Path) -> None:
    source, dest = tmp_path / "live.db", tmp_path / "copy.db"
    acknowledged: list[int] = []
    going, enough = threading.Event(), threading.Event()
    journal = open_journal(f"sqlite:///{source}")
    with Runtime(REGISTRY, journal) as runtime:
        runtime.put_rule(RULE)

        def load() -> None:
            number = 0
            while not enough.is_set():
                number += 1
                runtime.take("d", {"t": number})
                acknowledged.append(number)
                if number == 20:
                    going.set()

        thread = threading.Thread(target=load)
        thread.start()
        going.wait()
        before = len(acknowledged)
        backup(f"sqlite:///{source}", dest)
        after = len(acknowledged)
        enough.set()
        thread.join()
    journal.engine.dispose()

    copy = sqlite3.connect(dest)
    stored = [round(number) for (number,) in copy.execute("SELECT number FROM samples ORDER BY at_us")]
    firings = copy.execute("SELECT count(*) FROM executions").fetchone()[0]
    copy.close()
    assert stored == list(range(1, len(stored) + 1))
    assert before <= len(stored) <= after + 1
    assert firings == len(stored)
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600

    restored = open_journal(f"sqlite:///{dest}")
    with Runtime(REGISTRY, restored) as runtime:
        assert runtime.writer.engine.newest("d", "t") is not None
        assert runtime.take("d", {"t": 0.5}).status == "stored"
    restored.engine.dispose()


def test_a_copy_that_fails_leaves_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    dest = tmp_path / "copy.db"
    dest.write_bytes(b"the one before")
    (tmp_path / "bad.db").write_bytes(b"this is no database" * 100)

    with pytest.raises(BackupError, match="cannot be written"):
        backup(f"sqlite:///{tmp_path / 'bad.db'}", dest)
    assert dest.read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.db", "copy.db"]


@pytest.mark.parametrize("name", ["absent.db", "live.db"])
def test_what_makes_no_sense_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "live.db").touch()
    with pytest.raises(BackupError, match=r"there is no database|is the database itself"):
        backup(f"sqlite:///{tmp_path / name}", tmp_path / "live.db")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_is_dumped_and_can_be_restored(database_url: str, tmp_path: Path) -> None:
    journal = open_journal(database_url)
    with Runtime(REGISTRY, journal) as runtime:
        runtime.take("d", {"t": 41})
    journal.engine.dispose()
    backup(database_url, tmp_path / "copy.dump")

    url = make_url(database_url)
    schema = str(url.query["options"]).partition("search_path=")[2]
    engine = open_database(database_url)
    with writing(engine) as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    where = [f"--host={url.host}", f"--port={url.port}", f"--username={url.username}", f"--dbname={url.database}"]
    subprocess.run(["pg_restore", *where, str(tmp_path / "copy.dump")], check=True)  # noqa: S607 - found as pg_dump is
    with writing(engine) as connection:
        assert connection.exec_driver_sql("SELECT number FROM samples").scalar_one() == 41
    engine.dispose()


def test_without_pg_dump_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump, which is not installed"):
        backup("postgresql://nobody@127.0.0.1/none", tmp_path / "copy.dump")
    assert list(tmp_path.iterdir()) == []
