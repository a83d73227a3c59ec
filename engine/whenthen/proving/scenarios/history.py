"""A scenario's timeline as the steps of a history, repeated readings written out, silences left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from whenthen.clock import seconds_us
from whenthen.errors import Problem
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick, instant_of
from whenthen.proving.offsets import read_instant
from whenthen.proving.scenarios.entry import ENTRIES, checked_entry
from whenthen.proving.scenarios.rulebook import Rulebook

MOST_STEPS = 1_000_000
"""A history of more is a recording: replay it."""

_FOREVER_US = 1 << 62


@dataclass(frozen=True, slots=True)
class _Span:
    """When readings do not come, in microseconds: of a device, or of every one."""

    from_us: int
    before_us: int
    device: str | None = None

    def covers(self, reading: Reading) -> bool:
        return self.device in (None, reading.device) and self.from_us <= reading.received_us < self.before_us


@dataclass(frozen=True, slots=True)
class _Repeated:
    """A reading that comes again and again."""

    first: Reading
    every_us: int
    for_us: int

    def __len__(self) -> int:
        return self.for_us // self.every_us + 1

    def readings(self) -> Iterator[Reading]:
        for shift_us in range(0, self.for_us + 1, self.every_us):
            at_us = None if self.first.at_us is None else self.first.at_us + shift_us
            yield Reading(self.first.device, self.first.values, self.first.received_us + shift_us, at_us)


class History:
    """Reads the entries of a timeline, with times from *start_us* on; what is wrong is added to *problems*.

    >>> from datetime import UTC
    >>> problems: list[Problem] = []
    >>> entry = {"at": "1s", "device": "dev-1", "values": {"co2": 700}, "every_seconds": 10, "for_seconds": 10}
    >>> for step in History(0, UTC, Rulebook(), problems).steps([entry, {"at": "5s", "restart": True}]):
    ...     print(step)
    Reading(device='dev-1', values={'co2': 700}, received_us=1000000, at_us=None)
    Restart(at_us=5000000, down_us=0)
    Reading(device='dev-1', values={'co2': 700}, received_us=11000000, at_us=None)
    """

    def __init__(self, start_us: int, zone: tzinfo, rules: Rulebook, problems: list[Problem]) -> None:
        self._start_us = start_us
        self._zone = zone
        self._rules = rules
        self._problems = problems
        self._repeating: list[str] = []
        self._read: Mapping[str, Callable[[Mapping[str, Any], str], Step | _Repeated | _Span]] = {
            "values": self._reading,
            "event": self._event,
            "restart": self._restart,
            "run": self._run,
            "enable": self._switch,
            "disable": self._switch,
            "silence": self._silence,
            "at": lambda entry, pointer: Tick(self.instant(entry, "at", pointer)),
        }

    def steps(self, entries: Sequence[Any], pointer: str = "/timeline") -> tuple[Step, ...]:
        """Return the steps in order of time; what is at one instant, in the order of the entries."""
        objects = [entry for entry in entries if isinstance(entry, dict)]
        self._repeating = sorted({str(entry.get("device")) for entry in objects if "every_seconds" in entry})
        found: list[Step | _Repeated | _Span] = []
        for index, entry in enumerate(entries):
            kind = checked_entry(ENTRIES, entry, f"{pointer}/{index}", self._problems)
            if kind is not None:
                found.append(self._read[kind](entry, f"{pointer}/{index}"))
        repeated = [one for one in found if isinstance(one, _Repeated)]
        if sum(map(len, repeated)) + len(found) > MOST_STEPS:
            message = f"the timeline comes to more than {MOST_STEPS:,} steps"
            self._problems.append(
                Problem("too_long", pointer, message, "let readings come less often, or replay a file")
            )
            return ()
        gaps = [one for one in found if isinstance(one, _Span)]
        # While nobody is there, nobody hears: what comes at the very instant of the stop comes in the order given.
        gaps += [_Span(one.at_us + 1, one.at_us + one.down_us) for one in found if isinstance(one, Restart)]
        steps = [step for one in found if not isinstance(one, _Span) for step in _written_out(one, gaps)]
        return tuple(sorted(steps, key=instant_of))

    def instant(self, entry: Mapping[str, Any], field: str, pointer: str) -> int:
        """Return the instant that a field names, in microseconds; the start when it names none."""
        try:
            return read_instant(entry[field], self._start_us, self._zone)
        except ValueError as error:
            self._problems.append(Problem("bad_time", f"{pointer}/{field}", str(error)))
            return self._start_us

    def _reading(self, entry: Mapping[str, Any], pointer: str) -> Reading | _Repeated:
        at_us = self.instant(entry, "at", pointer)
        reading = Reading(entry["device"], entry["values"], at_us)
        if "received_at" in entry:
            reading = Reading(entry["device"], entry["values"], self.instant(entry, "received_at", pointer), at_us)
        if "every_seconds" not in entry:
            return reading
        return _Repeated(reading, max(seconds_us(entry["every_seconds"]), 1), seconds_us(entry["for_seconds"]))

    def _event(self, entry: Mapping[str, Any], pointer: str) -> Event:
        return Event(entry["event"], self.instant(entry, "at", pointer), entry.get("data", {}), *_concerned(entry))

    def _restart(self, entry: Mapping[str, Any], pointer: str) -> Restart:
        down = entry["restart"]
        down_seconds = down.get("down_seconds", 0) if isinstance(down, dict) else 0
        return Restart(self.instant(entry, "at", pointer), seconds_us(down_seconds))

    def _run(self, entry: Mapping[str, Any], pointer: str) -> RunByHand:
        rule_id = self._rules.find(entry["run"], f"{pointer}/run", self._problems)
        return RunByHand(self.instant(entry, "at", pointer), rule_id, *_concerned(entry), entry.get("force", False))

    def _switch(self, entry: Mapping[str, Any], pointer: str) -> Switch:
        way = "enable" if "enable" in entry else "disable"
        rule_id = self._rules.find(entry[way], f"{pointer}/{way}", self._problems)
        return Switch(self.instant(entry, "at", pointer), rule_id, enabled=way == "enable")

    def _silence(self, entry: Mapping[str, Any], pointer: str) -> _Span:
        if (silent := entry["silence"]) not in self._repeating:
            message = f"no readings of {silent!r} come again and again, so none can fail to"
            hint = f"there are {', '.join(self._repeating)}" if self._repeating else "give a reading every_seconds"
            self._problems.append(Problem("bad_value", f"{pointer}/silence", message, hint))
        from_us = self.instant(entry, "at", pointer)
        until_us = from_us + seconds_us(entry["for_seconds"]) if "for_seconds" in entry else _FOREVER_US
        return _Span(from_us, until_us, silent)


def _written_out(one: Step | _Repeated, gaps: Sequence[_Span]) -> Iterator[Step]:
    if isinstance(one, _Repeated):
        yield from (reading for reading in one.readings() if not any(gap.covers(reading) for gap in gaps))
    else:
        yield one


def _concerned(entry: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    return entry.get("device"), entry.get("room"), entry.get("farm")
