"""Copies the database while it is written to; the copy is one moment's state, whole, or it is not there."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url

from whenthen.errors import WhenthenError

_LOCK_SECONDS = 30.0


class BackupError(WhenthenError):
    """No copy could be made; nothing is left of it."""

    code = "cannot_back_up"


def backup(url: str, dest: Path) -> None:
    """Copy the database at *url* to *dest*, replacing it only once the copy is whole and on the disk.

    SQLite gives a database file, PostgreSQL an archive for ``pg_restore``. Raises ``BackupError``.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        _written(dest, lambda file: _dump(parsed, file))
        return
    source = Path(parsed.database or "")
    if not source.is_file():
        raise BackupError(f"there is no database at {source}")
    if dest.exists() and dest.samefile(source):
        raise BackupError(f"{dest} is the database itself; name another file")
    _written(dest, lambda file: _copy(source, file))


def _written(dest: Path, write: Callable[[Path], None]) -> None:
    """Have a file written beside *dest*, then put it in its place."""
    beside = dest.with_name(f".{dest.name}.{os.getpid()}.part")
    try:
        # Made first, and for the owner alone: the copy holds what the database holds.
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        write(beside)
        _sync(beside)
        beside.replace(dest)
        if os.name != "nt":  # Windows opens no folders, and needs no such thing
            _sync(dest.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{dest} cannot be written: {error}") from error
    finally:
        beside.unlink(missing_ok=True)


def _copy(source: Path, file: Path) -> None:
    """Copy within one read transaction: writers go on, and none of what they write meanwhile is in it."""
    with (
        closing(sqlite3.connect(source, timeout=_LOCK_SECONDS, isolation_level=None)) as live,
        closing(sqlite3.connect(file, isolation_level=None)) as copy,
    ):
        live.execute("BEGIN")
        live.backup(copy)
        live.execute("ROLLBACK")
        # One file that needs no other beside it, wherever it is put.
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is not whole: {found}")


def _dump(url: URL, file: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupError(
            "a PostgreSQL database is copied by pg_dump, which is not installed; it comes with PostgreSQL"
        )
    given = {"dbname": url.database, "host": url.host, "port": url.port, "username": url.username}
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    schema = _schema(url)
    command = [program, "--format=custom", "--no-password", f"--file={file}", *options]
    # A password goes by the environment: arguments can be read by everybody on the machine.
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    ended = subprocess.run(  # noqa: S603 - the program is looked up, its arguments are ours
        [*command, *([f"--schema={schema}"] if schema else [])],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise BackupError(f"pg_dump failed: {said[-1] if said else f'exit code {ended.returncode}'}")


def _schema(url: URL) -> str | None:
    """Return the schema that the URL's ``options`` name, if they do."""
    options = url.query.get("options", "")
    _, found, schema = (options if isinstance(options, str) else " ".join(options)).partition("search_path=")
    return schema.split()[0] if found else None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
