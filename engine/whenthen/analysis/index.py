"""Which rules may have to do with each other: by what they set, move and do, and where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations as choose
from itertools import product

from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.findings import Kind
from whenthen.analysis.graph import echoes
from whenthen.extend.action import ControlRule, RunRule

Pair = tuple[Facts, Facts]
Spot = tuple[str, str] | None
"""Where something is done: ``("device", id)``, ``("room", id)``, or ``None`` for anywhere."""

_Entry = tuple[Kind, str, Spot]

_HARMLESS = frozenset({"rule_control", "run_rule", "emit_event"})
"""What acts on rules is looked at where rules cause each other."""


class Index:
    """Rules by what they do and where; only rules that share that are compared."""

    def __init__(self) -> None:
        self._rules: dict[tuple[Kind, str], dict[Spot, dict[str, Facts]]] = defaultdict(dict)

    def add(self, facts: Facts) -> None:
        """Take a rule in."""
        for kind, name, spot in _entries(facts):
            self._rules[kind, name].setdefault(spot, {})[facts.id] = facts

    def remove(self, facts: Facts) -> None:
        """Forget a rule."""
        for kind, name, spot in _entries(facts):
            spots = self._rules.get((kind, name), {})
            spots.get(spot, {}).pop(facts.id, None)
            if not spots.get(spot, True):
                del spots[spot]

    def pairs(self) -> Iterator[tuple[Kind, str, Pair]]:
        """Yield every pair that may conflict: in what way, and over what."""
        for (kind, name), spots in sorted(self._rules.items()):
            yield from ((kind, name, pair) for pair in _pairs(spots))

    def pairs_with(self, facts: Facts) -> Iterator[tuple[Kind, str, Pair]]:
        """Yield the pairs of one rule with the others."""
        for kind, name in dict.fromkeys((kind, name) for kind, name, _ in _entries(facts)):
            own = {spot for one, other, spot in _entries(facts) if (one, other) == (kind, name)}
            spots = self._rules.get((kind, name), {})
            near = [rules for spot, rules in spots.items() if any(_may_be_one(spot, one) for one in own)]
            others = {rule_id: other for rules in near for rule_id, other in rules.items() if rule_id != facts.id}
            for other in sorted(others.values(), key=lambda one: one.id):
                yield kind, name, (facts, other) if facts.id < other.id else (other, facts)


def _pairs(spots: dict[Spot, dict[str, Facts]]) -> Iterator[Pair]:
    """Yield pairs of rules at spots that may be one, each once, in order."""
    seen: set[tuple[str, str]] = set()
    ordered = sorted(spots, key=repr)
    wide = [spot for spot in ordered if spot is None or spot[0] == "room"]
    for here in ordered:
        within = ((one, other) for one, other in choose(spots[here].values(), 2))
        beside = (
            pair for there in wide if there != here and _may_be_one(here, there)
            for pair in product(spots[here].values(), spots[there].values())
        )  # fmt: skip
        for one, other in (*within, *beside):
            first, second = (one, other) if one.id < other.id else (other, one)
            if first is not second and (first.id, second.id) not in seen:
                seen.add((first.id, second.id))
                yield first, second


def _may_be_one(here: Spot, there: Spot) -> bool:
    return here is None or there is None or here == there or here[0] != there[0]


def _entries(facts: Facts) -> Iterator[_Entry]:
    """Yield what a rule does, and where, as often as it does it."""
    spot = _spot(facts)
    for write in (*facts.writes, *facts.clears):
        yield "action_conflict", write.channel, _spot_of(facts, write)
    for write in facts.writes:
        for quantity in write.physical.moves:
            yield "environment_conflict", quantity, spot
        if write.sensitive:
            yield "condition_bypass", f"{write.channel} {write.value}", spot
    for call in facts.calls:
        if not call.repeatable and call.type not in _HARMLESS:
            yield "action_duplicate", call.same, None if call.elsewhere else spot
        if call.sensitive:
            yield "condition_bypass", call.command, spot
    yield from (("condition_bypass", name, None) for name in _forced(facts))
    if facts.scheduled and not facts.listens:
        yield from (("condition_block", name, spot) for name in _clocked(facts))


def _spot(facts: Facts) -> Spot:
    scope = facts.rule.scope
    if scope.room is not None:
        return ("room", scope.room)
    return None if scope.device is None else ("device", scope.device)


def _spot_of(facts: Facts, write: Write) -> Spot:
    if write.device is not None:
        return ("device", write.device)
    return _spot(facts)


def _forced(facts: Facts) -> Iterator[str]:
    """Yield the rules that are run whatever their conditions say, and a rule's own names if it may be one of them."""
    for cause in facts.causes:
        if isinstance(cause, RunRule) and cause.force:
            yield f"rule {cause.rule}"
    if any(write.sensitive for write in facts.writes) or any(call.sensitive for call in facts.calls):
        yield f"rule {facts.id}"
        yield f"rule {facts.rule.name}"


def _clocked(facts: Facts) -> Iterator[str]:
    """Yield the names by which rules on schedules may spoil each other's conditions."""
    for write in facts.writes:
        yield from (f"sensor {sensor}" for sensor, _ in echoes(write) if write.known)
    yield from (f"sensor {sensor}" for _, sensor, _ in facts.reads)
    yield from (f"rule {cause.rule}" for cause in facts.causes if isinstance(cause, ControlRule))
    yield from (f"rule {facts.id}", f"rule {facts.rule.name}")
