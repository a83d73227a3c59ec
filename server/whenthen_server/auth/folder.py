"""The data folder and the files of secrets in it: only the account that runs the server reads them.

A folder that others can read, or that is empty, is repaired: ``mkdir`` makes them so, and its secrets were shut all the
same. One with something in it that others can write to, and a file of secrets that others can read, are refused: what
is in it may be planted, or known, by now.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from whenthen.errors import WhenthenError

_log = logging.getLogger(__name__)
_KEY_FILE = "signing.key"
_KEY_BYTES = 32


class UnsafeFolderError(WhenthenError):
    """A data folder, or a file of secrets in it, that others can get at; the message says what to do."""

    code = "unsafe_data_folder"


def prepare_folder(folder: Path) -> None:
    """Make the data folder, mode 0700, or close it to others; call it before a database is made in it.

    Raises ``UnsafeFolderError`` for one that belongs to another account, or that holds something and that others could
    write to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _has_owners():
        return
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise UnsafeFolderError(f"{folder} belongs to another account; choose a data folder of your own")
    was_writable = bool(found.st_mode & 0o022)
    if was_writable:
        _demand_empty(folder)
    if found.st_mode & 0o077:
        folder.chmod(0o700)
        _log.warning("%s was open to others; it is closed now (mode 0700)", folder)
    if was_writable:
        _demand_empty(folder)  # once more: until now somebody could have put something there


def _demand_empty(folder: Path) -> None:
    if any(folder.iterdir()):
        raise UnsafeFolderError(
            f"others could write to {folder}, so what is in it may not be yours; "
            f"look at it, then run: chmod 700 '{folder}'"
        )


def signing_key(folder: Path) -> bytes:
    """Return the installation's 32 random bytes, made when they are not there yet.

    Raises ``UnsafeFolderError`` for a file that others can read or that is no such key.
    """
    path = folder / _KEY_FILE
    if not os.path.lexists(path):
        _publish(folder, _KEY_FILE, secrets.token_hex(_KEY_BYTES), replace=False)
    try:
        key = bytes.fromhex(read_secret(path))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise UnsafeFolderError(f"{path} holds no signing key; restore it from a backup, or delete it to get a new one")
    return key


def read_secret(path: Path) -> str:
    """Return what is in a file of mode 0600, without the line's end.

    Raises ``UnsafeFolderError`` for a link, for anything but a file, and for one that others can read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise UnsafeFolderError(f"{path} cannot be read as a plain file: {error.strerror}") from error
    try:
        _check(path, os.fstat(descriptor))
        return os.read(descriptor, 4096).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeFolderError(f"{path} is no plain file")
    if _has_owners() and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
        raise UnsafeFolderError(
            f"others can read {path} (mode {stat.S_IMODE(found.st_mode):04o}), so its secret may be known; "
            f"delete it to get a new one (keys and sessions end), or, if nobody has seen it: chmod 600 '{path}'"
        )


def write_secret(path: Path, text: str) -> None:
    """Put a secret into a file of mode 0600, in place of what was there; it is on the disk on return."""
    _publish(path.parent, path.name, text, replace=True)


def _publish(folder: Path, name: str, text: str, *, replace: bool) -> None:
    """Write a file beside its place first, so that nobody ever sees half of it, then move it there."""
    draft = folder / f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(folder / name)
        else:
            _link(draft, folder / name)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(folder)


def _link(draft: Path, path: Path) -> None:
    """Give a file its name unless another process was faster: then its file is the one."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        _log.info("%s was made by another process in the same moment", path)


def _sync_folder(folder: Path) -> None:
    if not _has_owners():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _has_owners() -> bool:
    """Return whether files have owners and modes here; on Windows the folder's access list has to do."""
    return hasattr(os, "geteuid")
