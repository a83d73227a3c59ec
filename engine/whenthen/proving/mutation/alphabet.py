"""What a timeline for one rule may be made of: values around its limits, waits around its times, its events.

The mutants are asked as well as the original, so that there is a value on each side of a limit that has moved.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from whenthen.clock import DAY_US, MINUTE_US, SECOND_US, seconds_us
from whenthen.dsl.compiled import CompiledRule, Node
from whenthen.dsl.reads import refs_below
from whenthen.extend.formula import SensorRef
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import EventTrigger
from whenthen.model.reading import Scalar
from whenthen.proving.mutation.alter import is_time, other_text
from whenthen.proving.mutation.scene import Scene

_SPREAD = (0, 1, 10, 50, 100, 1000)
"""Numbers for a sensor about which a rule says nothing that could be read from it."""
_MOST_VALUES = 24


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Values by (device, sensor); waits, and the least of them that matters (*unit_us*), in microseconds.

    *objects* are sensors that are sent as an object of numbers, with the sensors that this becomes.
    """

    values: Mapping[tuple[str, str], tuple[Scalar | None, ...]]
    objects: Mapping[str, tuple[str, ...]]
    waits_us: tuple[int, ...]
    unit_us: int
    events: tuple[EventTrigger, ...]
    marks_us: tuple[int, ...]
    runs: bool
    restarts: bool
    daily: bool


def alphabet_of(original: CompiledRule, others: Sequence[CompiledRule], registry: Registry, scene: Scene) -> Alphabet:
    """Return what timelines for a rule and its mutants are made of."""
    rules = (original, *others)
    refs = dict.fromkeys(ref for rule in rules for ref in _refs(rule))
    by_sensor = {ref.sensor: _values(ref.sensor, rules, registry) for ref in refs}
    values = {(device, ref.sensor): by_sensor[ref.sensor] for ref in refs for device in scene.sources(ref)}
    objects = _objects(original, by_sensor)
    for whole in objects:
        values = {key: found for key, found in values.items() if key[1] != whole}
    times = sorted({time for rule in rules for time in _times(rule.document)})
    unit_us = min([SECOND_US, *(max(1, time_us // 10) for time_us in times)])
    waits = sorted({wait for time_us in times for wait in (time_us - unit_us, time_us, time_us + unit_us) if wait > 0})
    waiting = bool(times) or any(trigger.scheduled for trigger in original.triggers)
    return Alphabet(
        values,
        objects,
        tuple(waits) or (SECOND_US, MINUTE_US),
        unit_us,
        tuple({repr(event): event for rule in rules for event in rule.event_triggers}.values()),
        tuple(mark for mark in (original.valid_from_us, original.valid_until_us) if mark is not None),
        runs=bool(original.cooldown_us) or not (original.sensor_triggers or original.event_triggers),
        restarts=waiting,
        daily=original.time_dependent or any(trigger.scheduled for trigger in original.triggers),
    )


def numbers_in(value: Any) -> Iterator[float]:
    """Yield every number in a config, those in its expressions too."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "expression":
                yield from constants(str(inner))
            elif not is_time(key):
                yield from numbers_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers_in(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def constants(source: str) -> Iterator[float]:
    """Yield the numbers of an expression.

    >>> list(constants("abs(a - b) > 2 or c < 7.5"))
    [2, 7.5]
    """
    for node in ast.walk(ast.parse(source.strip(), mode="eval")):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield node.value


def _refs(rule: CompiledRule) -> Iterator[SensorRef]:
    yield from rule.reads
    yield from (SensorRef(trigger.sensor, trigger.device) for trigger in rule.sensor_triggers)
    # An action whose text asks for what nobody has sent fails, and then nobody sees what is wrong with it.
    asked = {name for plan in (*rule.actions, *rule.clear_actions) for name in plan.template.names}
    yield from (SensorRef(name) for name in sorted(asked - rule.known_names))


def _values(sensor: str, rules: Iterable[CompiledRule], registry: Registry) -> tuple[Scalar | None, ...]:
    """Return values of a sensor: each limit, between limits, beyond them; texts and booleans that are compared with."""
    limits: set[float] = set()
    others: dict[Scalar, None] = {}
    loose = False
    for rule in rules:
        cuts = dict(zip(rule.reads, rule.cuts, strict=True))
        for node in _nodes(rule):
            reads = {ref.sensor for ref in refs_below(node, rule.variables, registry)}
            if node.children or sensor not in reads:
                continue
            given = [cuts[ref] for ref in cuts if ref.sensor == sensor]
            if None in given:
                loose = True
                limits.update(numbers_in(node.condition.config))
                limits.update(number for one in rule.variables.values() for number in constants(one.source))
            limits.update(float(f"{cut:.12g}") for numbers in given for cut in numbers or ())
            others.update(dict.fromkeys(_texts(node.condition.config)))
    if others:
        limits = set()
    found: list[Scalar | None] = [*_around(limits)] if limits else [] if others else [*_SPREAD]
    if loose and limits:
        found = [*dict.fromkeys([0, *(-limit for limit in sorted(limits)), *found])]
    spaced = found if len(found) <= _MOST_VALUES else found[:: len(found) // _MOST_VALUES + 1]
    return (*spaced, *others, None)


def _around(limits: Iterable[float]) -> list[float]:
    """Return the limits, a number between each two, and one on either side."""
    known = sorted(limits)
    between = [(low + high) / 2 for low, high in pairwise(known)]
    return [_whole(number) for number in sorted({_beyond(known[0], -1), *known, *between, _beyond(known[-1], 1)})]


def _beyond(limit: float, side: int) -> float:
    return limit + side * (abs(limit) / 10 or 1)


def _whole(number: float) -> float:
    neat = float(f"{number:.9g}")
    return int(neat) if neat.is_integer() else neat


def _texts(config: Mapping[str, Any]) -> Iterator[Scalar]:
    """Yield the texts and booleans that a condition compares with, and one other text."""
    for key in ("value", "from", "to"):
        value = config.get(key)
        if isinstance(value, bool):
            yield from (value, not value)
        elif isinstance(value, str):
            yield from (value, other_text(value))


def _nodes(rule: CompiledRule) -> Iterator[Node]:
    guards = [plan.guard for plan in (*rule.actions, *rule.clear_actions) if plan.guard is not None]
    waiting = [*rule.conditions, *guards]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


def _objects(rule: CompiledRule, by_sensor: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return triggers on a sensor that is read in parts only: it is sent as an object."""
    found = {}
    for trigger in rule.sensor_triggers:
        parts = tuple(name for name in by_sensor if name.startswith(f"{trigger.sensor}_"))
        if parts and all(ref.sensor != trigger.sensor for ref in rule.reads):
            found[trigger.sensor] = parts
    return found


def _times(document: Any, key: str = "") -> Iterator[int]:
    """Yield every length of time in a document, in microseconds."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _times(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from _times(value, key)
    elif is_time(key) and isinstance(document, int | float) and document > 0:
        time_us = seconds_us(document / 1_000 if key.endswith("_ms") else document)
        if 0 < time_us <= 31 * DAY_US:
            yield time_us
