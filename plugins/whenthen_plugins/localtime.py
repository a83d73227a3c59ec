"""Local time: days and clock times as people write them, and what a wall clock shows when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from whenthen import Problem, from_us, to_us

MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MICROSECOND = timedelta(microseconds=1)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


def weekday(name: str) -> int | None:
    """Return 0 for Monday to 6 for Sunday, ``None`` for what is no English day.

    >>> weekday("Tue"), weekday("SUNDAY"), weekday("Sonntag")
    (1, 6, None)
    """
    lowered = name.lower()
    return next((index for index, day in enumerate(DAYS) if lowered in (day, day[:3])), None)


def clock_minutes(text: str) -> int | None:
    """Return minutes since midnight for ``HH:MM``, else ``None``.

    >>> clock_minutes("08:30"), clock_minutes("24:00")
    (510, None)
    """
    found = _CLOCK.fullmatch(text)
    return None if found is None else int(found[1]) * 60 + int(found[2])


@cache
def _zone_names() -> frozenset[str]:
    """Return every zone that may be named; ``localtime`` would be the host's, which no rule may depend on."""
    return frozenset(available_timezones()) - {"localtime"}


def zone_of(name: str) -> tzinfo | None:
    """Return an IANA zone, ``None`` when there is none of that name.

    >>> zone_of("Europe/Brussels"), zone_of("localtime")
    (zoneinfo.ZoneInfo(key='Europe/Brussels'), None)
    """
    try:
        return ZoneInfo(name) if name in _zone_names() else None
    except (ValueError, OSError):
        return None


def zone_problems(name: str | None) -> Iterator[Problem]:
    """Yield what is wrong with a config's ``timezone``."""
    if name is not None and zone_of(name) is None:
        near = get_close_matches(name, sorted(_zone_names()), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "for example Europe/Brussels"
        yield Problem("unknown_zone", "/timezone", f"there is no time zone {name!r}", hint)


def day_problems(days: Iterable[str]) -> Iterator[Problem]:
    """Yield what is wrong with a config's ``days``."""
    for index, name in enumerate(days):
        if weekday(name) is None:
            near = get_close_matches(name.lower(), DAYS, n=1)
            hint = f"did you mean {near[0].title()}?" if near else "English names, full or three letters"
            yield Problem("bad_value", f"/days/{index}", f"{name!r} is no day", hint)


def clock_problems(text: str, pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with a clock time."""
    if clock_minutes(text) is None:
        yield Problem("bad_value", pointer, f"{text!r} is no time of day", "write HH:MM, from 00:00 to 23:59")


def wall(at_us: int, zone: tzinfo) -> datetime:
    """Return what a clock on the wall shows at an instant."""
    return from_us(at_us).astimezone(zone)


def passes(day: date, minutes: int, zone: tzinfo) -> tuple[int, int]:
    """Return the instants that a wall time means under the offset before and the one after a change (microseconds).

    Both are the same but near a change: of a time that occurs twice the first is the earlier, of one that does not
    exist the first is the later.
    """
    naive = datetime.combine(day, time(minutes // 60, minutes % 60))
    shown_us = to_us(naive.replace(tzinfo=UTC))
    before, after = (naive.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return shown_us - before // _MICROSECOND, shown_us - after // _MICROSECOND


def first_instant(day: date, minutes: int, zone: tzinfo) -> int:
    """Return the first instant at which a wall clock shows a time or, in a gap, has passed it (microseconds).

    A time that occurs twice is meant the first time; one that does not exist comes at the end of the gap.

    >>> spring = first_instant(date(2026, 3, 29), 150, ZoneInfo("Europe/Berlin"))
    >>> from_us(spring).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    early, late = passes(day, minutes, zone)
    return early if late >= early else transition_between(late, early, zone)


def transition_between(low_us: int, high_us: int, zone: tzinfo) -> int:
    """Return the first minute after *low_us* at which the zone's offset is that of *high_us* (both microseconds)."""
    new = wall(high_us, zone).utcoffset()
    # Offsets change on whole minutes, so the search may stay on them.
    low, high = low_us // MINUTE_US, -(-high_us // MINUTE_US)
    while high - low > 1:
        middle = (low + high) // 2
        if wall(middle * MINUTE_US, zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return high * MINUTE_US


def next_transition(after_us: int, zone: tzinfo, within_us: int) -> int | None:
    """Return the next instant at which the zone's offset changes, if it does *within_us* microseconds."""
    old = wall(after_us, zone).utcoffset()
    step_us = 6 * HOUR_US
    low = after_us
    while low < after_us + within_us:
        high = low + step_us
        if wall(high, zone).utcoffset() != old:
            return transition_between(low, high, zone)
        low = high
    return None


def days_around(at_us: int, zone: tzinfo, before: int, after: int) -> list[date]:
    """Return the local dates from *before* days before an instant to *after* days after it."""
    today = wall(at_us, zone).date()
    return [today + timedelta(days=offset) for offset in range(-before, after + 1)]
