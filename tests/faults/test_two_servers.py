"""Two servers on one folder: the second is told who is there, and a killed one is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LONG_SECONDS = 60


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
        assert process.stdout.readline().startswith("whenthen is at http://127.0.0.1:")
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
    assert "Traceback" not in said
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
