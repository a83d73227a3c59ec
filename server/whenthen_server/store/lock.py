"""One server for one folder: a lock that the kernel lets go of when its holder ends, however it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from whenthen.errors import WhenthenError

try:
    import fcntl
except ImportError:  # Windows; there a second server is found out by its port only
    fcntl = None  # type: ignore[assignment]

NAME = "server.lock"
_PAUSE_SECONDS = 0.05


class InUseError(WhenthenError):
    """What another server uses at this moment; the message says which process that is."""

    code = "in_use"


class Lock:
    """Holds a file's lock until ``release``, or until the process ends.

    A folder's lock is taken for the data folder, a file's beside an SQLite file that lies elsewhere. Whoever holds it
    has left its process id in it: for people, since after a ``kill -9`` the id stays and the lock does not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self, patience_seconds: float) -> None:
        """Take the lock; wait a little for a server that is just ending. Raises ``InUseError``."""
        if fcntl is None:
            return
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + patience_seconds
        while not _locked(file):
            if time.monotonic() >= until:
                holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(file)
                raise InUseError(
                    f"another whenthen, process {holder}, uses {self._path.parent}; "
                    "stop it, or give this one a data folder and a database of its own"
                )
            time.sleep(_PAUSE_SECONDS)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let go. The file stays: another process may be waiting for it at this very moment."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
