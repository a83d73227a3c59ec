"""Appends a line to a file once: whole or not at all, below one folder only.

A file is locked while a line is looked for and written, so processes take turns. What a crash left of a line is cut off
by the next one who writes; whoever wrote it had no answer yet and tries again.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "archive"
"""The folder below the one that is given, made when it is not there."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def append_once(below: Path, name: str, day: str, line: str) -> tuple[str, bool]:
    """Append *line* to the file of a *name* and *day*; return its path below *below*, and whether it was not there yet.

    ``ValueError`` for a name that is none, ``OSError`` when it cannot be written; the file is then as it was.
    """
    if not _NAME.fullmatch(name) or not _DAY.fullmatch(day) or "\n" in line or not line:
        raise ValueError(f"{name!r} is not small letters, digits, - and _, or the line is none")
    data = line.encode() + b"\n"
    with _folder(below) as folder, _locked(folder, f"{name}-{day}.lp") as file:
        size = _cut_to_whole_lines(file)
        new = not _holds(file, size, data)
        if new:
            _write(file, size, data)
            if size == 0:
                os.fsync(folder)  # the file's name, too, must outlast a loss of power
    return f"{FOLDER}/{name}-{day}.lp", new


@contextmanager
def _folder(below: Path) -> Iterator[int]:
    """Open our folder, which is a folder itself: a link could lead anywhere."""
    parent = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            os.mkdir(FOLDER, 0o750, dir_fd=parent)
            os.fsync(parent)
        except FileExistsError:
            pass
        folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def _locked(folder: int, name: str) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    file = os.open(name, flags, 0o640, dir_fd=folder)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise OSError(errno.EINVAL, "not a file of its own", name)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)  # which gives up the lock


def _cut_to_whole_lines(file: int) -> int:
    """Return the size of the file after cutting off a last line that has no end."""
    size = os.fstat(file).st_size
    if size == 0 or os.pread(file, 1, size - 1) == b"\n":
        return size
    with mmap.mmap(file, size, access=mmap.ACCESS_READ) as text:
        whole = text.rfind(b"\n") + 1
    os.ftruncate(file, whole)
    return whole


def _holds(file: int, size: int, data: bytes) -> bool:
    if size < len(data):
        return False
    with mmap.mmap(file, size, access=mmap.ACCESS_READ) as text:
        return text[: len(data)] == data or text.find(b"\n" + data) >= 0


def _write(file: int, size: int, data: bytes) -> None:
    try:
        written = 0
        while written < len(data):
            written += os.pwrite(file, data[written:], size + written)
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise
