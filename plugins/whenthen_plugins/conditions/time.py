"""``time``: the subject's local time matches a minute, a range, days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any

from whenthen import Binding, Check, Condition, Problem, Truth, load_schema
from whenthen_plugins.localtime import (
    DAYS,
    HOUR_US,
    clock_minutes,
    clock_problems,
    day_problems,
    days_around,
    next_transition,
    passes,
    wall,
    weekday,
    zone_of,
    zone_problems,
)

_DAY_MINUTES = 24 * 60


class TimeCondition(Condition):
    """True while the wall clock matches; its boundaries are observed without a reading (ruling 5)."""

    type = "time"
    schema = load_schema("condition.time")
    examples = ({"time_range": ["09:00", "17:00"], "days": ["Mon", "Fri"]}, {"time": "08:00"})

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        found = map(weekday, config.get("days", DAYS))
        self._weekdays = frozenset(day for day in found if day is not None)
        self._start, self._end = _span(config)
        self._known: dict[tzinfo, tuple[int, int, bool]] = {}

    def holds(self, at_us: int, zone: tzinfo) -> bool:
        """Tell whether the wall clock matches at an instant; a range belongs to the day on which it starts."""
        local = wall(at_us, zone)
        minutes = local.hour * 60 + local.minute
        today = local.date()
        if self._start < self._end:
            return self._start <= minutes < self._end and today.weekday() in self._weekdays
        if minutes >= self._start:
            return today.weekday() in self._weekdays
        return minutes < self._end and (today - timedelta(days=1)).weekday() in self._weekdays

    def compile(self, bind: Binding) -> Check:
        """Return the check, which works its truth out anew only at boundaries."""
        named = self.config.get("timezone")
        zone = bind.zone if named is None else zone_of(named) or bind.zone
        since_us, until_us, truth = 0, 0, False

        def check(now_us: int) -> Truth:
            nonlocal since_us, until_us, truth
            if not since_us <= now_us < until_us:
                since_us, until_us, truth = self._span_at(now_us, zone)
            bind.wake(until_us)
            return truth

        return check

    def _span_at(self, now_us: int, zone: tzinfo) -> tuple[int, int, bool]:
        """Return since when (or earlier), until when and how it holds; subjects of one zone share what was found."""
        known = self._known.get(zone)
        if known is None or not known[0] <= now_us < known[1]:
            known = (now_us, self.next_change(now_us, zone), self.holds(now_us, zone))
            self._known[zone] = known
        return known

    def next_change(self, after_us: int, zone: tzinfo) -> int:
        """Return the next instant at which the truth changes, or one in nine days when it does not by then."""
        truth, instant_us = self.holds(after_us, zone), after_us
        while instant_us < after_us + 9 * 24 * HOUR_US:
            instant_us = self.next_boundary(instant_us, zone)
            if self.holds(instant_us, zone) is not truth:
                break
        return instant_us

    def next_boundary(self, after_us: int, zone: tzinfo) -> int:
        """Return the next instant at which the truth may change, at most a day ahead (microseconds)."""
        boundaries = [
            instant
            for day in days_around(after_us, zone, 1, 1)
            for minutes in {self._start % _DAY_MINUTES, self._end % _DAY_MINUTES, 0}
            for instant in passes(day, minutes, zone)
        ]
        transition = next_transition(after_us, zone, 24 * HOUR_US)
        if transition is not None:
            boundaries.append(transition)
        later = [boundary for boundary in boundaries if boundary > after_us]
        return min([*later, after_us + 24 * HOUR_US])

    def problems(self) -> Iterable[Problem]:
        """Say what is not a minute, a range or days, well written, in a zone that exists."""
        config = self.config
        if "time" in config and "time_range" in config:
            yield Problem("bad_value", "", "time and time_range are both given", "use one of them")
        if not config.keys() & {"time", "time_range", "days"}:
            yield Problem("bad_value", "", "give time, time_range or days", "")
        yield from zone_problems(config.get("timezone"))
        yield from day_problems(config.get("days", ()))
        if "time" in config:
            yield from clock_problems(config["time"], "/time")
        for index, text in enumerate(config.get("time_range", ())):
            yield from clock_problems(text, f"/time_range/{index}")
        if "time_range" in config:
            start, end = map(clock_minutes, config["time_range"])
            if start is not None and start == end:
                yield Problem("bad_value", "/time_range", "start and end are equal", "for the whole day leave it out")

    def describe(self) -> str:
        """Return the time as it is written."""
        return "time " + ", ".join(f"{name} {value}" for name, value in self.config.items())


def _span(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return first and last-plus-one minute of the day; an end that is not later wraps midnight."""
    if "time" in config:
        start = clock_minutes(config["time"]) or 0
        return start, start + 1
    if "time_range" in config:
        first, last = map(clock_minutes, config["time_range"])
        return first or 0, last or 0
    return 0, _DAY_MINUTES
