"""What a timeline for one rule may be made of: values around its limits, waits around its times, its events.

The mutants are asked as well as the original, so that there is a value on each side of a limit that has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from whenthen.analysis.matters import Interest, interests, parts_of, spans_us
from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.extend.formula import SensorRef
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import EventTrigger
from whenthen.model.reading import Scalar
from whenthen.proving.mutation.alter import other_text
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
    matters = interests(rules, registry)
    by_sensor = {ref.sensor: _values(matters.get(ref.sensor, Interest())) for ref in refs}
    values = {(device, ref.sensor): by_sensor[ref.sensor] for ref in refs for device in scene.sources(ref)}
    objects = _objects(original, by_sensor)
    for whole in objects:
        values = {key: found for key, found in values.items() if key[1] != whole}
    times = sorted({span_us for rule in rules for span_us in spans_us(rule.document)})
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


def _refs(rule: CompiledRule) -> Iterator[SensorRef]:
    yield from rule.reads
    yield from (SensorRef(trigger.sensor, trigger.device) for trigger in rule.sensor_triggers)
    # An action whose text asks for what nobody has sent fails, and then nobody sees what is wrong with it.
    asked = {name for plan in (*rule.actions, *rule.clear_actions) for name in plan.template.names}
    yield from (SensorRef(name) for name in sorted(asked - rule.known_names))


def _values(interest: Interest) -> tuple[Scalar | None, ...]:
    """Return values of a sensor: each limit, between limits, beyond them; the texts and booleans, and one other."""
    others = tuple(dict.fromkeys(one for word in interest.words for one in (word, _other(word))))
    limits = () if others else interest.limits
    found: list[Scalar | None] = [*_around(limits)] if limits else [] if others else [*_SPREAD]
    if interest.loose and limits:
        found = [*dict.fromkeys([0, *(-limit for limit in sorted(limits)), *found])]
    spaced = found if len(found) <= _MOST_VALUES else found[:: len(found) // _MOST_VALUES + 1]
    return (*spaced, *others, None)


def _other(word: str | bool) -> str | bool:
    return other_text(word) if isinstance(word, str) else not word


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


def _objects(rule: CompiledRule, sensors: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return triggers on a sensor that is read in parts only: it is sent as an object."""
    read = {ref.sensor for ref in rule.reads}
    return {whole: parts for whole, parts in parts_of([rule], sensors).items() if whole not in read}
