"""Which rule can set off which: by events, runs, what devices report, and what settings do to the world."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.physics import Effects
from whenthen.analysis.region import ANY, Domain, Key
from whenthen.extend.action import EmitEvent, RunRule
from whenthen.model.reading import Scalar

Means = Literal["event", "run", "echo", "world"]

_REPORTED = {"on": ("_on", True), "off": ("_on", False), "open": ("_open", True), "close": ("_open", False)}
"""How devices report a switch: ``light`` set on is also ``light_on`` true."""
_ALSO_SPELLED = {"close": "closed"}
"""Other words in which devices report a setting."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One rule sets off another: *sensor* and *value* for what is reported, *sign* for what moves, and how soon."""

    source: str
    target: str
    means: Means
    sensor: Key | None = None
    value: Scalar | None = None
    sign: int = 0
    at_once: bool = True


class Graph:
    """Rules by what sets them off. Edges are worked out when asked for."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self.facts: dict[str, Facts] = {}
        self._edges: dict[str, list[Edge]] = {}
        self._by_name: dict[str, dict[str, None]] = defaultdict(dict)
        self._by_event: dict[str, dict[str, None]] = defaultdict(dict)
        self._by_sensor: dict[str, dict[str, None]] = defaultdict(dict)

    def add(self, facts: Facts) -> None:
        """Take a rule in."""
        self._edges.clear()
        self.facts[facts.id] = facts
        for table, name in self._places(facts):
            table[name][facts.id] = None

    def remove(self, facts: Facts) -> None:
        """Forget a rule."""
        self._edges.clear()
        self.facts.pop(facts.id, None)
        for table, name in self._places(facts):
            table[name].pop(facts.id, None)

    def _places(self, facts: Facts) -> Iterator[tuple[dict[str, dict[str, None]], str]]:
        yield self._by_name, facts.id
        yield self._by_name, facts.rule.name
        for wanted in facts.rule.event_triggers:
            yield self._by_event, wanted.name
        for _, sensor in facts.listens:
            yield self._by_sensor, sensor

    def named(self, name: str) -> list[Facts]:
        """Return the rules of an id or name."""
        return [self.facts[rule_id] for rule_id in sorted(self._by_name.get(name, {}))]

    def edges(self, source: Facts) -> list[Edge]:
        """Return what a rule sets off, in a fixed order, each target once by the quickest means."""
        known = self._edges.get(source.id)
        if known is not None:
            return known
        best: dict[tuple[str, Key | None], Edge] = {}
        for edge in (*self._caused(source), *self._echoes(source), *self._moved(source)):
            best.setdefault((edge.target, edge.sensor), edge)
        found = sorted(best.values(), key=lambda edge: (edge.target, edge.means, repr(edge.sensor)))
        self._edges[source.id] = found
        return found

    def _caused(self, source: Facts) -> Iterator[Edge]:
        for cause in source.causes:
            if isinstance(cause, RunRule):
                for target in self.named(cause.rule):
                    yield Edge(source.id, target.id, "run")
            elif isinstance(cause, EmitEvent):
                yield from self._heard(source, cause.name, cause.data)
        yield from self._heard(source, "rule_fired", {"rule_id": source.id, "rule": source.rule.name})

    def _heard(self, source: Facts, name: str, data: Mapping[str, Any]) -> Iterator[Edge]:
        for rule_id in sorted(self._by_event.get(name, {})):
            for wanted in self.facts[rule_id].rule.event_triggers:
                if wanted.name == name and all(data.get(key) == value for key, value in wanted.match.items()):
                    yield Edge(source.id, rule_id, "event")
                    break

    def _echoes(self, source: Facts) -> Iterator[Edge]:
        for write in source.writes:
            if not write.known or write.delayed:
                continue
            for sensor, value in echoes(write):
                for rule_id in sorted(self._by_sensor.get(sensor, {})):
                    target = self.facts[rule_id]
                    key = (write.device, sensor, None)
                    if rule_id != source.id and key in target.reads and _domain_holds(target, key, value):
                        yield Edge(source.id, rule_id, "echo", key, value)

    def _moved(self, source: Facts) -> Iterator[Edge]:
        for write in source.writes:
            for quantity, sign in write.physical.moves.items():
                for sensor in self._effects.sensors_of(quantity):
                    key: Key = (None, sensor, None)
                    for rule_id in sorted(self._by_sensor.get(sensor, {})):
                        target = self.facts[rule_id]
                        if rule_id != source.id and key in target.reads and _reachable(source, target, key, sign):
                            yield Edge(source.id, rule_id, "world", key, None, sign, write.physical.at_once)


def echoes(write: Write) -> Iterator[tuple[str, Scalar]]:
    """Yield the sensors by which a device reports a setting, and what they say then."""
    value = write.value[0] if isinstance(write.value, list) and write.value else write.value
    if isinstance(value, str | int | float):
        yield write.channel, value
    if isinstance(value, str) and value in _ALSO_SPELLED:
        yield write.channel, _ALSO_SPELLED[value]
    if isinstance(value, str) and value in _REPORTED:
        ending, truth = _REPORTED[value]
        yield write.channel + ending, truth


def _domain_holds(target: Facts, key: Key, value: Scalar) -> bool:
    return any(case.box.get(key, ANY).holds(value) for case in target.fires)


def _reachable(source: Facts, target: Facts, key: Key, sign: int) -> bool:
    """Tell whether the target has a value in the direction in which the source's action moves its sensor."""
    here = [_ends(case.box.get(key, ANY)) for case in source.fires]
    there = [_ends(case.box[key]) for case in target.fires if key in case.box]
    if sign > 0:
        return any(high > low for low, _ in here for _, high in there)
    return any(low < high for _, high in here for low, _ in there)


def _ends(domain: Domain) -> tuple[float, float]:
    return (
        min((span.low for span in domain.spans), default=inf),
        max((span.high for span in domain.spans), default=-inf),
    )
