"""Instants as REST writes them: ISO 8601 in UTC, with Z; read with any offset, but never without one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from whenthen.clock import from_us, to_us

SCHEMA: dict[str, Any] = {
    "type": "string",
    "maxLength": 40,
    "pattern": ("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"),
    "examples": ["2026-01-01T00:00:00Z"],
    "description": "ISO 8601 date and time with an offset, such as 2026-01-01T00:00:00Z",
}
"""An instant in a body or a query, as far as a pattern can tell."""

TOLD: dict[str, Any] = {"type": "string", "description": "ISO 8601, UTC"}
"""An instant in an answer."""

_YEARS = range(1970, 2101)


def iso(instant_us: int) -> str:
    """Return microseconds since the epoch as a text.

    >>> iso(1_767_225_600_500_000)
    '2026-01-01T00:00:00.500000Z'
    """
    return from_us(instant_us).isoformat().replace("+00:00", "Z")


def iso_or_none(instant_us: int | None) -> str | None:
    """Return the same, or ``None`` for what has not happened."""
    return None if instant_us is None else iso(instant_us)


def read_instant(text: str) -> int:
    """Return a text as microseconds since the epoch.

    Raises ``ValueError`` with a sentence for a person.

    >>> read_instant("2026-01-01T01:00:00+01:00") == read_instant("2026-01-01T00:00:00Z")
    True
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("this is no instant; write it as 2026-01-01T00:00:00Z") from None
    if instant.tzinfo is None:
        raise ValueError("there is no offset; add Z or one such as +01:00")
    if instant.year not in _YEARS:
        raise ValueError(f"the year is not between {_YEARS[0]} and {_YEARS[-1]}")
    return max(0, to_us(instant))
