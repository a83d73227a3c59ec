"""What matters to rules: their sensors, the values of these at which something may change, and lengths of time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from whenthen.clock import DAY_US, SECOND_US
from whenthen.dsl.compiled import CompiledRule, Node
from whenthen.dsl.reads import refs_below
from whenthen.extend.registry import Registry

_UNITS = {"seconds": 1.0, "minutes": 60.0, "ms": 0.001, "interval": 1.0}
_LONGEST_US = 32 * DAY_US
_NUMBER = re.compile(r"-?\b\d{1,9}(?:\.\d{1,9})?\b", re.ASCII)
_COMPARED = ("value", "from", "to")
"""The fields of a condition's config that may hold a text or boolean to compare a sensor with."""


@dataclass(frozen=True, slots=True)
class Interest:
    """At which values of a sensor something may change.

    *cuts* are numbers of which conditions say that they alone count. Where some condition says nothing of that
    (*loose*), *mentioned* has the numbers in its config and in variables. *words* are the texts and booleans that the
    sensor is compared with.
    """

    cuts: tuple[float, ...] = ()
    mentioned: tuple[float, ...] = ()
    words: tuple[str | bool, ...] = ()
    loose: bool = False

    @property
    def limits(self) -> tuple[float, ...]:
        """Every number at which something may change."""
        return tuple(dict.fromkeys((*self.mentioned, *self.cuts)))


def interests(rules: Iterable[CompiledRule], registry: Registry) -> dict[str, Interest]:
    """Return what *rules* look for in each sensor that they read or that starts them."""
    found: dict[str, _Gathered] = {}
    for rule in rules:
        for sensor in (*(ref.sensor for ref in rule.reads), *(one.sensor for one in rule.sensor_triggers)):
            found.setdefault(sensor, _Gathered())
        for node in nodes_of(rule):
            if not node.children:
                for sensor in {ref.sensor: None for ref in refs_below(node, rule.variables, registry)}:
                    found.setdefault(sensor, _Gathered()).note(sensor, node, rule)
    return {sensor: gathered.interest() for sensor, gathered in found.items()}


@dataclass(slots=True)
class _Gathered:
    """An interest in the making; each kind of value in the order in which it was met."""

    cuts: dict[float, None] = field(default_factory=dict)
    mentioned: dict[float, None] = field(default_factory=dict)
    words: dict[str, str | bool] = field(default_factory=dict)
    loose: bool = False

    def note(self, sensor: str, node: Node, rule: CompiledRule) -> None:
        given = [cuts for ref, cuts in zip(rule.reads, rule.cuts, strict=True) if ref.sensor == sensor]
        config = _without_times(node.condition.config)
        if None in given:
            self.loose = True
            told = (config, [one.source for one in rule.variables.values()])
            self.mentioned.update(dict.fromkeys(numbers_in(told)))
        self.cuts.update(dict.fromkeys(float(f"{cut:.12g}") for numbers in given for cut in numbers or ()))
        compared = [config[name] for name in _COMPARED if name in config]
        self.words.update((repr(word), word) for word in texts_in(compared))

    def interest(self) -> Interest:
        return Interest(tuple(self.cuts), tuple(self.mentioned), tuple(self.words.values()), self.loose)


def nodes_of(rule: CompiledRule) -> Iterator[Node]:
    """Yield every condition of a rule, the inner ones and the guards of its actions among them."""
    guards = [plan.guard for plan in (*rule.actions, *rule.clear_actions) if plan.guard is not None]
    for top in (*rule.conditions, *guards):
        yield from below(top)


def below(node: Node) -> Iterator[Node]:
    """Yield a condition and all that are inside it."""
    yield node
    for child in node.children:
        yield from below(child)


def devices_heard(rule: CompiledRule) -> Iterator[str]:
    """Yield the devices that a rule's conditions and triggers name outright."""
    yield from (ref.device for ref in rule.reads if ref.device is not None)
    yield from (trigger.device for trigger in rule.sensor_triggers if trigger.device is not None)


def parts_of(rules: Iterable[CompiledRule], sensors: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the sensors that come as an object, with their parts: a trigger waits for ``a``, and ``a_x`` is read."""
    known = tuple(sensors)
    whole = dict.fromkeys(trigger.sensor for rule in rules for trigger in rule.sensor_triggers)
    parts = {name: tuple(part for part in known if part.startswith(f"{name}_")) for name in whole}
    return {name: found for name, found in parts.items() if found}


def spans_us(document: Any) -> Iterator[int]:
    """Yield the lengths of time in a document, told by the names of their fields, in microseconds.

    >>> list(spans_us({"cooldown_seconds": 60, "parts": [{"offset_minutes": -2, "run_ms": 5}], "value": 7}))
    [60000000, 120000000, 5000]
    """
    if isinstance(document, Mapping):
        for name, value in document.items():
            unit = unit_of(name)
            if unit is None or isinstance(value, bool) or not isinstance(value, int | float):
                yield from spans_us(value)
            elif 0 < abs(value) * unit * SECOND_US <= _LONGEST_US:
                yield round(abs(value) * unit * SECOND_US)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from spans_us(value)


def unit_of(name: str) -> float | None:
    """Return the seconds in the unit of a field of that name, ``None`` when it holds no time.

    >>> unit_of("duration_seconds"), unit_of("impact_duration_ms"), unit_of("value")
    (1.0, 0.001, None)
    """
    return _UNITS.get(name.rpartition("_")[2])


def numbers_in(value: Any) -> Iterator[float]:
    """Yield the finite numbers within a JSON value, those in texts (an expression's, say) among them.

    >>> list(numbers_in({"above": 5, "parts": [{"below": 7.5}, True, "co2 > -8"]}))
    [5, 7.5, -8.0]
    """
    if isinstance(value, str):
        yield from map(float, _NUMBER.findall(value)[:20])
    elif isinstance(value, int | float) and not isinstance(value, bool) and _fits(value):
        yield value
    else:
        yield from (number for inner in _inside(value) for number in numbers_in(inner))


def texts_in(value: Any) -> Iterator[str | bool]:
    """Yield the texts and booleans within a JSON value."""
    if isinstance(value, str | bool):
        yield value
    else:
        yield from (text for inner in _inside(value) for text in texts_in(inner))


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _fits(number: float) -> bool:
    return abs(number) < 1e300 if isinstance(number, int) else isfinite(number)


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_times(inner) for name, inner in value.items() if unit_of(name) is None}
    return [_without_times(inner) for inner in value] if isinstance(value, list | tuple) else value
