"""How far back what a rule remembers can reach, so that no more than that is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whenthen.clock import DAY_US, SECOND_US, seconds_us
from whenthen.dsl.compiled import CompiledRule, Node
from whenthen.extend.formula import SensorRef
from whenthen_server.store.recorded import Series

_LEAST_US = 3_600 * SECOND_US
LONGEST_US = 31 * DAY_US


@dataclass(frozen=True, slots=True)
class Memory:
    """What a rule's conditions can remember.

    *window_us*: so far back at least; 0: nothing but the newest values counts. *bands*: by sensor, the interval in
    which a value leaves open what is remembered, as with hysteresis: the last one outside of it decides. *steps*: the
    sensors of which the value before the newest counts, however old. *warm_us*: so long after the beginning may a
    condition seem false that only has not seen enough, which would arm a rule that fires on edges. *sticks*: it stays
    what it was at the newest value, as the window of a change does.
    """

    window_us: int = 0
    warm_us: int = 0
    bands: Mapping[SensorRef, tuple[float, float]] | None = None
    steps: Collection[SensorRef] = ()
    sticks: bool = False


def memory_of(rule: CompiledRule, paths: Collection[str]) -> Memory:
    """Return how far back a rule remembers; *paths* are its conditions that keep something, as the engine tells them.

    A condition's own durations and windows (``…_seconds``) bound it, and an hour more, because what is unknown
    meanwhile may put it off.
    """
    keeping = [node for node in _nodes(rule) if node.path in paths]
    if not keeping:
        return Memory(_LEAST_US if rule.edge else 0)
    total = sum(_seconds(node) for node in keeping)
    bands: dict[SensorRef, tuple[float, float]] = {}
    steps: set[SensorRef] = set()
    for node in keeping:
        if _seconds(node):
            continue
        cuts = node.condition.cuts()
        if cuts is None:
            steps.update(node.condition.sensors())
        else:
            bands.update({ref: (min(points), max(points)) for ref, points in cuts.items() if points})
    warm_us = seconds_us(total) if rule.edge else 0
    window_us = min(_LEAST_US + seconds_us(total), LONGEST_US)
    sticks = any(node.condition.cuts() is None for node in keeping)
    return Memory(window_us, warm_us, bands, steps, sticks)


def read_sensors(rule: CompiledRule) -> list[str]:
    """Return the sensors on which a rule's conditions hang."""
    return sorted({one.sensor for one in rule.reads})


def cuts_of(rule: CompiledRule, series: Series) -> dict[int, tuple[float, ...]]:
    """Return, by the id of a series, the numbers at which alone something can change.

    A series is left out of which every reading matters: how old a value is, or what several come to.
    """
    found: dict[int, tuple[float, ...]] = {}
    for series_id, (device, sensor) in series.items():
        refs = [pair for pair in zip(rule.reads, rule.cuts, strict=True) if _means(pair[0], device, sensor)]
        plain = [cuts for ref, cuts in refs if cuts is not None and ref.max_age_us is None and ref.aggregate is None]
        if refs and len(plain) == len(refs):
            found[series_id] = tuple(sorted({cut for cuts in plain for cut in cuts}))
    return found


def _means(ref: SensorRef, device: str, sensor: str) -> bool:
    return ref.sensor == sensor and ref.device in (None, device)


def _nodes(rule: CompiledRule) -> Iterator[Node]:
    guards = [plan.guard for plan in (*rule.actions, *rule.clear_actions) if plan.guard is not None]
    yield from _below([*rule.conditions, *guards])


def _below(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _below(node.children)


def _seconds(node: Node) -> float:
    config: Mapping[str, Any] = node.condition.config
    found = (value for key, value in config.items() if key.endswith("_seconds") and key != "max_age_seconds")
    return sum(value for value in found if isinstance(value, int | float))
