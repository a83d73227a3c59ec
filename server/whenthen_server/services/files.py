"""The ``log`` action: a line in the application's log, or in a file below one folder and nowhere else.

Every folder and file is opened relative to the descriptor of the one above, never through a symbolic link, and looked
at after it is open: there is no moment between check and use. Needs a POSIX system; see ``docs/server/outbound.md``.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from logging import Logger, getLevelNamesMapping
from pathlib import Path
from threading import Lock
from typing import Any

from whenthen import ActionRefusedError, RetryLaterError
from whenthen_server.services.lines import one_line
from whenthen_server.services.paths import path_parts

_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EFBIG, errno.EIO, errno.EEXIST})
"""Errors that a later attempt may not meet; ``EEXIST``: another process made the file at the same moment."""


class LogFiles:
    """Writes lines; safe to call from many threads of one process.

    *folder* is made when the first file is. A file larger than *size_limit* bytes becomes ``NAME.1``, the one before it
    ``NAME.2``, up to *backups*; there are at most *most_files* files and folders below *folder*.
    """

    def __init__(
        self,
        folder: Path,
        logger: Logger,
        *,
        size_limit: int = 10_000_000,
        backups: int = 10,
        most_files: int = 2_000,
    ) -> None:
        self._folder = folder
        self._logger = logger
        self._size_limit = size_limit
        self._backups = backups
        self._most_files = most_files
        self._lock = Lock()

    def log(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Write the one line of a ``log`` action and return where: ``{"logged": level}`` or ``{"file", "bytes"}``.

        The line is ``format``, or else ``message``. Raises ``ActionRefusedError`` for a file that may not be written,
        ``RetryLaterError`` when the disk is full.
        """
        line = one_line(str(config.get("format", config.get("message", ""))))
        if "file" not in config:
            level = str(config.get("level", "info"))
            self._logger.log(getLevelNamesMapping().get(level.upper(), 20), "%s", line)
            return {"logged": level}
        if os.open not in os.supports_dir_fd:
            raise ActionRefusedError("this system cannot open files safely; log without a file")
        path = str(config["file"])
        parts = path_parts(path)
        data = f"{line}\n".encode()
        try:
            with self._lock:
                self._write(parts, data, append=bool(config.get("append", True)))
        except OSError as error:
            if error.errno in _PASSING:
                raise RetryLaterError(f"the file {path!r} cannot be written now: {error.strerror}") from error
            raise _refused(path, error.strerror or "it cannot be opened") from error
        return {"file": path, "bytes": len(data)}

    def _write(self, parts: tuple[str, ...], data: bytes, *, append: bool) -> None:
        name = parts[-1]
        with ExitStack() as stack:
            folder = self._open_folder(stack, parts[:-1])
            file = self._open_file(stack, folder, name)
            size = _checked_size(file, name)
            if append and size and size + len(data) > self._size_limit:
                self._rotate(folder, name)
                file = self._open_file(stack, folder, name)
                size = _checked_size(file, name)
            if not append:
                os.ftruncate(file, 0)
                size = 0
            try:
                _write_all(file, data)
            except OSError:
                os.ftruncate(file, size)  # no half lines
                raise

    def _open_folder(self, stack: ExitStack, names: tuple[str, ...]) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not O_NOFOLLOW here: the operator may have put the data folder behind a link.
        folder = _opened(stack, os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for name in names:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                below = os.open(name, flags, dir_fd=folder)
            except FileNotFoundError:
                self._check_room()
                os.mkdir(name, 0o700, dir_fd=folder)
                below = os.open(name, flags, dir_fd=folder)
            folder = _opened(stack, below)
        return folder

    def _open_file(self, stack: ExitStack, folder: int, name: str) -> int:
        # O_NONBLOCK: a FIFO without a reader fails at once instead of waiting for one.
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            file = os.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            self._check_room()
            file = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        return _opened(stack, file)

    def _check_room(self) -> None:
        """Refuse one file more than there may be: a name that comes from a placeholder could make them without end."""
        count = sum(len(folders) + len(files) for _, folders, files in os.walk(self._folder))
        if count >= self._most_files:
            raise ActionRefusedError(
                f"there are {count} log files and folders already; {self._most_files} are the most"
            )

    def _rotate(self, folder: int, name: str) -> None:
        for number in range(self._backups - 1, -1, -1):
            older = f"{name}.{number}" if number else name
            try:
                os.rename(older, f"{name}.{number + 1}", src_dir_fd=folder, dst_dir_fd=folder)
            except FileNotFoundError:
                continue


def _opened(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _checked_size(file: int, name: str) -> int:
    """Return the size of an open file; refuse one that is no regular file, or that has another name besides."""
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise _refused(name, "it is no regular file")
    if status.st_nlink != 1:
        raise _refused(name, "it has another name elsewhere (a hard link)")
    return status.st_size


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _refused(path: str, reason: str) -> ActionRefusedError:
    return ActionRefusedError(f"the file {path!r} is refused: {reason}")
