"""Times of a scenario: so long after its start, or an instant outright; read, and told again."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.clock import DAY_US, MINUTE_US, SECOND_US, to_us

LONGEST_US = 3_660 * DAY_US
"""A history is no longer than ten years."""

_YEARS = range(1970, 2091)
"""A history may go on for ten years, and recordings end with 2100."""

_UNITS = {"d": DAY_US, "h": 60 * MINUTE_US, "m": MINUTE_US, "s": SECOND_US}
_OFFSET = re.compile("".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?){unit})?" for unit in _UNITS))
_HINT = "write 90, 90s, 1m30s, 2h, 1d2h, or 2026-01-05T08:00:00+01:00"


def read_span(value: Any) -> int:
    """Return a number of seconds, or a text such as ``1m30s``, in microseconds; raises ``ValueError`` with a sentence.

    >>> read_span("1m30s") == read_span(90) == 90_000_000
    True
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"is neither a number of seconds nor a text; {_HINT}")
    found = _span(f"{value:f}" if isinstance(value, float) else str(value).strip())
    if found is None:
        raise ValueError(f"{str(value)[:40]!r} is no time; {_HINT}")
    if not 0 <= found <= LONGEST_US:
        raise ValueError(f"{str(value)[:40]!r} is not between 0 and {LONGEST_US // DAY_US:,} days")
    return found


def read_instant(value: Any, start_us: int, zone: tzinfo) -> int:
    """Return an instant in microseconds: so long after *start_us*, or ISO 8601, without an offset in *zone*.

    Raises ``ValueError`` with a sentence, also for what lies before the start.

    >>> from datetime import UTC
    >>> read_instant("2026-01-05T08:01:30Z", read_start("2026-01-05T08:00:00", UTC), UTC) == read_instant(
    ...     "1m30s", read_start("2026-01-05T08:00:00", UTC), UTC
    ... )
    True
    """
    if not isinstance(value, str) or "-" not in value[1:]:
        return start_us + read_span(value)
    instant_us = read_start(value, zone)
    if not start_us <= instant_us <= start_us + LONGEST_US:
        where = "before the start" if instant_us < start_us else "more than ten years after the start"
        raise ValueError(f"{value!r} lies {where}")
    return instant_us


def read_start(text: str, zone: tzinfo) -> int:
    """Return an ISO 8601 time in microseconds; without an offset it is local to *zone*. Raises ``ValueError``."""
    try:
        instant = datetime.fromisoformat(text)
        instant_us = to_us(instant if instant.tzinfo else instant.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time; {_HINT}") from None
    if instant.year not in _YEARS:
        raise ValueError(f"the year of {text[:40]!r} is not between {_YEARS[0]} and {_YEARS[-1]}")
    return instant_us


def is_zone(name: str) -> bool:
    """Tell whether there is an IANA time zone of that name.

    >>> is_zone("Europe/Brussels"), is_zone("Europe/Brusels")
    (True, False)
    """
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # what zoneinfo raises depends on how the name is wrong
        return False
    return True


def told_span(span_us: int) -> str:
    """Return a span as ``read_span`` takes it.

    >>> [told_span(us) for us in (0, 90_000_000, 93_600_000_000, 1_500_000)]
    ['0s', '1m30s', '1d2h', '1.5s']
    """
    parts: list[str] = []
    for unit, size_us in _UNITS.items():
        if unit == "s" and (span_us or not parts):
            parts.append(f"{(Decimal(span_us) / SECOND_US).normalize():f}s")
        elif count := span_us // size_us:
            parts.append(f"{count}{unit}")
            span_us -= count * size_us
    return "".join(parts)


def _span(text: str) -> int | None:
    if not text or (match := _OFFSET.fullmatch(text)) is None:
        return _plain(text)
    return round(sum(Decimal(count) * _UNITS[unit] for unit, count in match.groupdict().items() if count))


def _plain(text: str) -> int | None:
    return round(Decimal(text) * SECOND_US) if re.fullmatch(r"\d+(\.\d+)?", text) else None
