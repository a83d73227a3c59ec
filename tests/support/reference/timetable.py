"""When schedules run and when local time matches, found by looking at every minute of a day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = 60_000_000
DAY = 1440 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def wall(at: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone)


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def day_matches(config: dict[str, Any], weekday: int) -> bool:
    return "days" not in config or DAYS[weekday % 7] in [name.lower()[:3] for name in config["days"]]


def time_holds(config: dict[str, Any], local: datetime) -> bool:
    """Tell whether a ``time`` condition holds; a range over midnight belongs to the day on which it starts."""
    minute = local.hour * 60 + local.minute
    today, yesterday = day_matches(config, local.weekday()), day_matches(config, local.weekday() - 1)
    if "time" in config:
        return today and minute == minutes(config["time"])
    if "time_range" not in config:
        return today
    start, end = map(minutes, config["time_range"])
    if start < end:
        return today and start <= minute < end
    return (today and minute >= start) or (yesterday and minute < end)


@lru_cache(maxsize=4096)
def _changes(text: str, zone: ZoneInfo, day: int) -> list[int]:
    """Return the minutes of a UTC day at which a ``time`` condition's truth differs from the minute before."""
    config = json.loads(text)
    first = day * DAY - MINUTE
    truths = [time_holds(config, wall(first + index * MINUTE, zone)) for index in range(1441)]
    return [first + index * MINUTE for index in range(1, 1441) if truths[index] is not truths[index - 1]]


def next_change(config: dict[str, Any], zone: ZoneInfo, after: int) -> int | None:
    """Return the next instant at which a ``time`` condition changes, within nine days."""
    text = json.dumps(config, sort_keys=True)
    days = range(after // DAY, after // DAY + 10)
    return next((at for day in days for at in _changes(text, zone, day) if at > after), None)


def next_run(config: dict[str, Any], zone: ZoneInfo, after: int, until: int) -> int | None:
    """Return the first run of a schedule later than *after* and not later than *until*."""
    if "every_seconds" in config:
        period = round(config["every_seconds"] * 1_000_000)
        due = (after // period + 1) * period
        return due if due <= until else None
    text = json.dumps(config, sort_keys=True)
    days = range(after // DAY, until // DAY + 1)
    return next((at for day in days for at in _runs(text, zone, day) if after < at <= until), None)


@lru_cache(maxsize=4096)
def _runs(text: str, zone: ZoneInfo, day: int) -> list[int]:
    config = json.loads(text)
    return [at for at in range(day * DAY, (day + 1) * DAY, MINUTE) if any(_match(config, at, zone))]


def _match(config: dict[str, Any], at: int, zone: ZoneInfo) -> Iterator[bool]:
    """Yield whether a schedule matches, for each minute that the wall clock comes to or leaps over at an instant."""
    local, before = wall(at, zone).replace(tzinfo=None), wall(at - MINUTE, zone).replace(tzinfo=None)
    every_hour = "cron" in config and config["cron"].split()[1].startswith("*")
    matches = _cron if "cron" in config else _daily
    if every_hour:
        yield matches(config, local)
    elif not wall(at, zone).fold:
        leap = max(1, int((local - before) / timedelta(minutes=1)))
        yield from (matches(config, local - timedelta(minutes=back)) for back in range(leap))


def _daily(config: dict[str, Any], local: datetime) -> bool:
    return local.hour * 60 + local.minute == minutes(config["at"]) and day_matches(config, local.weekday())


def _cron(config: dict[str, Any], local: datetime) -> bool:
    minute, hour, day, month, weekday = config["cron"].split()
    by_day, by_weekday = _field(day, local.day), _field(weekday, local.isoweekday() % 7)
    either = not day.startswith("*") and not weekday.startswith("*")
    days = (by_day or by_weekday) if either else (by_day and by_weekday)
    return _field(minute, local.minute) and _field(hour, local.hour) and _field(month, local.month) and days


def _field(field: str, value: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        first, last = (0, 59) if low == "*" else (int(low), int(high or low))
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False
