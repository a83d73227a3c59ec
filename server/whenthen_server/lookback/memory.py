"""How far back what a rule remembers can reach, so that no more than that is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whenthen.clock import DAY_US, SECOND_US, seconds_us
from whenthen.dsl.rule import CompiledRule, Node
from whenthen.extend.condition import SensorRef

LEAST_US = 3_600 * SECOND_US
LONGEST_US = 31 * DAY_US


@dataclass(frozen=True, slots=True)
class Memory:
    """What a rule's conditions can remember.

    *window_us*: so far back at least; 0: nothing but the newest values counts. *bands*: by sensor, the interval in
    which a value leaves open what is remembered, as with hysteresis: the last one outside of it decides. *steps*: the
    sensors of which the value before the newest counts, however old.
    """

    window_us: int = 0
    bands: Mapping[SensorRef, tuple[float, float]] | None = None
    steps: Collection[SensorRef] = ()


def memory_of(rule: CompiledRule, paths: Collection[str]) -> Memory:
    """Return how far back a rule remembers; *paths* are its conditions that keep something, as the engine tells them.

    A condition's own durations and windows (``…_seconds``) bound it, twice over, because what is unknown meanwhile may
    put it off; and an hour is looked at in any case.
    """
    keeping = [node for node in _nodes(rule) if node.path in paths]
    if not keeping:
        return Memory(LEAST_US if rule.edge else 0)
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
    window_us = min(max(LEAST_US, 2 * seconds_us(total)), LONGEST_US)
    return Memory(window_us, bands, steps)


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
