"""Cursors: where a list goes on, as one opaque word."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from math import isfinite
from typing import Any

from whenthen_server.problems import BadRequest

MAX_CHARACTERS = 1_000
_LARGEST = 2**63 - 1
SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_CHARACTERS,
    "description": "Where to go on: `next` of the page before",
}
"""The query parameter ``cursor`` of a list."""


def encode_cursor(position: Sequence[str | int | float | None]) -> str:
    """Return the word for a position: the sort key of the last thing on the page.

    It is no secret and holds no right: whoever reads on is checked anew.

    >>> decode_cursor(encode_cursor([1760000000000000, "dev-1"]), (int, str))
    (1760000000000000, 'dev-1')
    """
    text = json.dumps(list(position), separators=(",", ":"), allow_nan=False)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> tuple[Any, ...]:
    """Return the position that a cursor names; its values are of *kinds*, integers within 64 bits.

    Raises ``BadRequest`` for a word that this list did not give out.
    """
    try:
        padded = cursor[: MAX_CHARACTERS + 1].encode("ascii") + b"=" * (-len(cursor) % 4)
        position = json.loads(urlsafe_b64decode(padded)) if len(cursor) <= MAX_CHARACTERS else None
    except (ValueError, Base64Error, RecursionError):
        position = None
    fits = isinstance(position, list) and len(position) == len(kinds)
    if not fits or not all(_is(value, kind) for value, kind in zip(position or (), kinds, strict=True)):
        error = {"pointer": "/cursor", "message": "is not a cursor of this list", "hint": "leave it out to begin anew"}
        title = "The query is not valid"
        raise BadRequest("The cursor is not one of this list.", code="invalid_cursor", title=title, errors=[error])
    return tuple(position or ())


def _is(value: Any, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str) and value.isprintable()
    if kind is int:
        return type(value) is int and abs(value) <= _LARGEST
    return type(value) in (int, float) and isfinite(value)
