"""Which names a log file may have: a few plain words below the folder, the same on every file system."""

from __future__ import annotations

import re
import unicodedata

from whenthen import ActionRefusedError

DEEPEST = 4
_LONGEST = 200
_LONGEST_PART_BYTES = 100
_PART = re.compile(r"\w(?:[\w. -]*[\w-])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_ROTATED = re.compile(r".*\.[0-9]+")


def path_parts(path: str) -> tuple[str, ...]:
    """Return the folders and the name of a log file, or raise ``ActionRefusedError`` with the reason.

    >>> path_parts("cellar/temperature log.csv")
    ('cellar', 'temperature log.csv')
    >>> path_parts("../rules.db")
    Traceback (most recent call last):
    ...
    whenthen.errors.ActionRefusedError: the file '../rules.db' is refused: '..' is no plain name
    """
    parts = tuple(path.split("/"))
    if len(path) > _LONGEST or len(parts) > DEEPEST:
        raise _refused(path, f"at most {_LONGEST} characters and {DEEPEST - 1} folders")
    for part in parts:
        # NFKC: a character that some system may read as another, as the full-width dot, is none of ours.
        if not _PART.fullmatch(part) or unicodedata.normalize("NFKC", part) != part:
            raise _refused(path, f"{part!r} is no plain name")
        if _RESERVED.fullmatch(part):
            raise _refused(path, f"{part!r} is a device on some systems")
        if len(part.encode()) > _LONGEST_PART_BYTES:
            raise _refused(path, f"a name has at most {_LONGEST_PART_BYTES} bytes")
    if _ROTATED.fullmatch(parts[-1]):
        raise _refused(path, "a name that ends in a number belongs to older parts of a log")
    return parts


def _refused(path: str, reason: str) -> ActionRefusedError:
    return ActionRefusedError(f"the file {path[:_LONGEST]!r} is refused: {reason}")
