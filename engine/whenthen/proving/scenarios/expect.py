"""What a scenario expects: so many firings of a rule within a window, or what an actuator is set to at an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whenthen.errors import Problem
from whenthen.model.firing import ActionCall, Firing, Kind
from whenthen.proving.scenarios.entry import EXPECTATIONS, checked_entry
from whenthen.proving.scenarios.history import History
from whenthen.proving.scenarios.rulebook import Rulebook

AT_LEAST_ONCE = None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a history: all from *start_us* on, within *bounds* (``from``, ``after``, ``until``, ``before``)."""

    start_us: int
    bounds: tuple[tuple[str, int], ...] = ()

    @property
    def from_us(self) -> int:
        """The first instant of it."""
        given = {"after": self.start_us - 1, **dict(self.bounds)}
        return max(given.get("from", self.start_us), given["after"] + 1)

    @property
    def until_us(self) -> int | None:
        """The last instant of it; ``None`` when it ends with the history."""
        return min(
            (at_us - (name == "before") for name, at_us in self.bounds if name in ("until", "before")), default=None
        )

    @property
    def last_us(self) -> int:
        """The last instant that it names."""
        return self.from_us if self.until_us is None else self.until_us

    def holds(self, at_us: int) -> bool:
        """Tell whether an instant lies in it."""
        return self.distance_us(at_us) == 0

    def distance_us(self, at_us: int) -> int:
        """Return how far an instant lies outside it."""
        if at_us < self.from_us:
            return self.from_us - at_us
        return 0 if self.until_us is None else max(0, at_us - self.until_us)


@dataclass(frozen=True, slots=True)
class Expected:
    """A rule fires or clears *count* times (0: never; ``None``: at least once) within a window.

    With *subject* or *action* only the firings for that subject, or with such an action that runs, are counted.
    *pointer* is where the scenario says so.
    """

    pointer: str
    rule_id: str
    kind: Kind
    count: int | None
    window: Window
    subject: str | None = None
    action: Mapping[str, Any] | None = None

    @property
    def last_us(self) -> int:
        """The last instant that it names."""
        return self.window.last_us

    def counts(self, firing: Firing) -> bool:
        """Tell whether a firing is of the rule, the kind, the subject and the action, whenever it happened."""
        return (
            firing.rule_id == self.rule_id
            and firing.kind == self.kind
            and (firing.counted or firing.kind == "cleared")
            and self.subject in (None, firing.subject)
            and (self.action is None or any(_fits(call, self.action) for call in firing.actions))
        )

    @property
    def about(self) -> bool:
        """Tell whether only some of the rule's firings are meant."""
        return self.subject is not None or self.action is not None

    def met(self, count: int) -> bool:
        """Tell whether so many firings are as expected."""
        return count > 0 if self.count is AT_LEAST_ONCE else count == self.count


@dataclass(frozen=True, slots=True)
class ExpectedSetting:
    """A *channel* of a device is set to *value* at *at_us*; of an object the keys given count, ``None``: not set."""

    pointer: str
    device: str
    channel: str
    value: Any
    at_us: int

    @property
    def last_us(self) -> int:
        """The last instant that it names."""
        return self.at_us


Expectation = Expected | ExpectedSetting


def read_expectations(
    entries: Sequence[Any], history: History, rules: Rulebook, start_us: int, problems: list[Problem]
) -> tuple[tuple[Expectation, ...], list[tuple[str, Any]]]:
    """Return what is expected, and (pointer, document) of each promise among it; what is wrong goes to *problems*."""
    expectations: list[Expectation] = []
    promises: list[tuple[str, Any]] = []
    for index, entry in enumerate(entries):
        pointer = f"/expect/{index}"
        kind = checked_entry(EXPECTATIONS, entry, pointer, problems)
        if kind == "invariant":
            promises.append((f"{pointer}/invariant", entry["invariant"]))
        elif kind == "is":
            at_us = history.instant(entry, "at", pointer)
            expectations.append(ExpectedSetting(pointer, entry["device"], entry["channel"], entry["is"], at_us))
        elif kind is not None:
            rule_id = rules.find(entry["rule"], f"{pointer}/rule", problems)
            window = _window(entry, history, pointer, start_us, problems)
            fate: Kind = "fired" if kind in ("fires", "never_fires") else "cleared"
            count = 0 if kind.startswith("never") else AT_LEAST_ONCE if entry[kind] is True else entry[kind]
            about = entry.get("subject"), entry.get("action")
            expectations.append(Expected(pointer, rule_id, fate, count, window, *about))
    return tuple(expectations), promises


def _window(entry: Mapping[str, Any], history: History, pointer: str, start_us: int, problems: list[Problem]) -> Window:
    named = [name for name in ("from", "after", "until", "before") if name in entry]
    window = Window(start_us, tuple((name, history.instant(entry, name, pointer)) for name in named))
    if window.last_us < window.from_us:
        problems.append(Problem("bad_value", pointer, "the window ends before it begins", "swap the two times?"))
    return window


def _fits(call: ActionCall, wanted: Mapping[str, Any]) -> bool:
    return call.runs and call.type == wanted["type"] and contains(call.config, wanted.get("config", {}))


def contains(value: Any, wanted: Any) -> bool:
    """Tell whether *value* is what is wanted; of an object only the keys wanted count, at any depth.

    >>> contains({"color": "red", "intensity": 100}, {"color": "red"}), contains(1, True), contains(1, 1.0)
    (True, False, True)
    """
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and contains(value[key], inner) for key, inner in wanted.items()
        )
    if isinstance(wanted, list):
        same_length = isinstance(value, list | tuple) and len(value) == len(wanted)
        return same_length and all(map(contains, value, wanted))
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)
