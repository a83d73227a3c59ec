"""``time``: a schedule starts an evaluation: cron, a time of day, an interval, or the sun."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from astral import Observer
from astral.sun import sunrise, sunset
from cronsim import CronSim, CronSimError

from whenthen import Place, Problem, Schedule, Trigger, load_schema, seconds_us, to_us
from whenthen_plugins.localtime import (
    DAYS,
    MINUTE_US,
    clock_minutes,
    clock_problems,
    day_problems,
    days_around,
    first_instant,
    passes,
    wall,
    weekday,
    zone_of,
    zone_problems,
)

_FORMS = ("cron", "at", "every_seconds", "sun")
_FIELDS = 5
_POLAR_DAYS = 400
_KEPT = 64
_LAST_MINUTE = 24 * 60 - 1
_NICKNAMES = {
    "@hourly": "write 0 * * * *",
    "@daily": "write 0 0 * * *",
    "@midnight": "write 0 0 * * *",
    "@weekly": "write 0 0 * * 0",
    "@monthly": "write 0 0 1 * *",
    "@yearly": "write 0 0 1 1 *",
    "@annually": "write 0 0 1 1 *",
}
_REFERENCE = datetime(2024, 1, 1, tzinfo=UTC)


class TimeComes(Trigger):
    """Starts on schedule. What daylight saving does to it stands in ``docs/language.md``."""

    type = "time"
    schema = load_schema("trigger.time")
    examples = ({"cron": "0 8 * * *"}, {"at": "08:00", "days": ["Mon", "Fri"]}, {"every_seconds": 900})

    def schedule(self, place: Place) -> Schedule | None:
        """Return the schedule; the sun's needs to know where it is."""
        config = self.config
        named = config.get("timezone")
        zone = place.zone if named is None else zone_of(named) or place.zone
        if "every_seconds" in config:
            return Every(seconds_us(config["every_seconds"]))
        if "cron" in config:
            return Cron(config["cron"], zone)
        if "at" in config:
            return Daily(clock_minutes(config["at"]) or 0, _weekdays(config), zone)
        latitude = config.get("latitude", place.latitude)
        longitude = config.get("longitude", place.longitude)
        if latitude is None or longitude is None:
            return None
        return Sun(config["sun"], Observer(latitude, longitude), config.get("offset_minutes", 0))

    def problems(self) -> Iterable[Problem]:
        """Exactly one form, which comes at some time, in a zone that exists."""
        config = self.config
        given = [name for name in _FORMS if name in config]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            yield Problem("bad_value", "", f"give exactly one of cron, at, every_seconds and sun, not {found}", "")
            return
        yield from zone_problems(config.get("timezone"))
        if "days" in config and "at" not in config:
            yield Problem("bad_value", "/days", "days goes with at", "put the days into the cron line")
        if "offset_minutes" in config and "sun" not in config:
            yield Problem("bad_value", "/offset_minutes", "offset_minutes goes with sun", "leave it out")
        if "at" in config:
            yield from clock_problems(config["at"], "/at")
            yield from day_problems(config.get("days", ()))
        if "cron" in config:
            yield from _cron_problems(config["cron"])
        if "every_seconds" in config and seconds_us(config["every_seconds"]) < 1:
            yield Problem("bad_value", "/every_seconds", "is shorter than a microsecond", "for example 900")

    def describe(self) -> str:
        """Return the schedule as it is written."""
        return ", ".join(f"{name} {value}" for name, value in self.config.items())


def _weekdays(config: object) -> frozenset[int]:
    names = config.get("days", DAYS) if isinstance(config, dict) else DAYS
    return frozenset(day for day in map(weekday, names) if day is not None)


def _cron_problems(line: str) -> Iterator[Problem]:
    fields = line.split()
    if len(fields) != _FIELDS:
        message = f"a cron line has five fields, not {len(fields)}"
        shape = "minute hour day month weekday, for example 0 8 * * *"
        yield Problem("bad_cron", "/cron", message, _NICKNAMES.get(line.strip().lower(), shape))
        return
    try:
        next(CronSim(line, _REFERENCE))
    except CronSimError as error:
        if _is_readable(" ".join([*fields[:3], "*", fields[4]])) and _is_readable(
            " ".join([*fields[:2], "*", *fields[3:]])
        ):
            # Day and month can each be read, so it is the two together that the reader refuses.
            yield _never(line)
        else:
            yield Problem("bad_cron", "/cron", f"{line!r} cannot be read: {error}", "for example 0 8 * * 1-5")
    except StopIteration:
        yield _never(line)


def _is_readable(line: str) -> bool:
    try:
        CronSim(line, _REFERENCE)
    except CronSimError:
        return False
    return True


def _never(line: str) -> Problem:
    return Problem("bad_cron", "/cron", f"{line!r} never comes", "no such date exists")


class Every:
    """Every so many microseconds, counted from 1970-01-01T00:00Z."""

    def __init__(self, period_us: int) -> None:
        self._period_us = period_us

    def next_after(self, after_us: int) -> int:
        """Return the next multiple of the period."""
        return (after_us // self._period_us + 1) * self._period_us


class Daily:
    """A time of day on some days: in a gap at its end, doubled the first time."""

    def __init__(self, minutes: int, weekdays: frozenset[int], zone: tzinfo) -> None:
        self._minutes = minutes
        self._weekdays = weekdays
        self._zone = zone

    def next_after(self, after_us: int) -> int | None:
        """Return the first instant of the time of day on one of the days."""
        for day in days_around(after_us, self._zone, 1, 8):
            if day.weekday() in self._weekdays:
                instant = first_instant(day, self._minutes, self._zone)
                if instant > after_us:
                    return instant
        return None


class Sun:
    """Sunrise or sunset, moved by some minutes; a day without it has no run.

    The days asked for are the sun's own, by longitude: on a civil day the sun may set twice (just after midnight and
    just before the next, as in Iceland in summer), of which astral would tell one.
    """

    def __init__(self, event: str, observer: Observer, offset_minutes: float) -> None:
        self._when: Callable[..., datetime] = sunrise if event == "sunrise" else sunset
        self._observer = observer
        self._offset_us = seconds_us(offset_minutes * 60)
        self._solar = timezone(timedelta(minutes=round(observer.longitude * 4)))

    def next_after(self, after_us: int) -> int | None:
        """Return the next event, looking some 400 days ahead for places where the sun stays away."""
        start = wall(after_us - self._offset_us, self._solar).date()
        for offset in range(-1, _POLAR_DAYS):
            instant = self._on(start + timedelta(days=offset))
            if instant is not None and instant > after_us:
                return instant
        return None

    def _on(self, day: date) -> int | None:
        try:
            event = self._when(self._observer, date=day, tzinfo=self._solar)
        except ValueError:
            return None
        return to_us(event.replace(microsecond=0)) + self._offset_us


class Cron:
    """A cron line on the wall clock.

    cronsim reads the line and finds its days; the zone is put to their minutes here. With an hour field that begins
    with ``*`` each matching minute of both passes of a doubled hour runs, and none in a gap; other times run once,
    those in a gap together at its end, doubled ones on the first pass (ruling 20).
    """

    def __init__(self, line: str, zone: tzinfo) -> None:
        fields = line.split()
        parsed = CronSim(line, _REFERENCE)
        self._days = " ".join(["0", "0", *fields[2:]])
        self._minutes = sorted(hour * 60 + minute for hour in parsed.hours for minute in parsed.minutes)
        self._zone = zone
        self._every_hour = fields[1].startswith("*")
        self._runs: list[int] = []
        self._known_from_us = 0

    def next_after(self, after_us: int) -> int | None:
        """Return the next run."""
        if not self._runs or not self._known_from_us <= after_us < self._runs[-1]:
            self._runs = self._following(after_us)
            self._known_from_us = after_us
        index = bisect_right(self._runs, after_us)
        return self._runs[index] if index < len(self._runs) else None

    def _following(self, after_us: int) -> list[int]:
        """Return some runs later than *after_us*, in order and without gaps between the first and the last."""
        start = datetime.combine(wall(after_us, self._zone).date(), time()) - timedelta(days=1, minutes=1)
        runs: set[int] = set()
        until_us, enough = None, date.max
        for midnight in CronSim(self._days, start):
            day = midnight.date()
            if day > enough:
                break
            runs.update(instant for instant in self._on(day) if instant > after_us)
            if until_us is None and len(runs) >= _KEPT:
                # A clock set back over midnight mixes the runs of neighbouring days, so two more days are looked at.
                until_us, enough = max(runs), day + timedelta(days=2)
        ordered = sorted(runs)
        return ordered if until_us is None else ordered[: bisect_right(ordered, until_us)]

    def _on(self, day: date) -> list[int]:
        """Return the runs of one local day, in no order and some of them twice."""
        first, last = (passes(day, minutes, self._zone) for minutes in (0, _LAST_MINUTE))
        if first[0] == first[1] and last[0] == last[1] and last[0] - first[0] == _LAST_MINUTE * MINUTE_US:
            return [first[0] + minutes * MINUTE_US for minutes in self._minutes]
        return [instant for minutes in self._minutes for instant in self._instants(day, minutes)]

    def _instants(self, day: date, minutes: int) -> Iterable[int]:
        early, late = passes(day, minutes, self._zone)
        if self._every_hour:
            return () if late < early else (early, late)
        return (first_instant(day, minutes, self._zone),)
