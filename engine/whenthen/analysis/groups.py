"""Rules that are fine in pairs and too much together: a limit that several settings share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations as choose

from whenthen.analysis.case import Case
from whenthen.analysis.conflicts import both_set
from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.findings import Finding
from whenthen.analysis.physics import Effects, Group
from whenthen.analysis.stageplay import Play
from whenthen.analysis.trial import Context, try_together

_FEWEST, _MOST = 3, 6
"""So many rules at least, and at most, are looked at together; two are a conflict of their own."""
_MOST_FINDINGS = 50

Load = tuple[Facts, Write, float]


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for the smallest sets of rules that go together and take more than a group's limit."""

    loads: Sequence[Load]
    limit: float

    def sets(self, size: int) -> Iterator[tuple[Load, ...]]:
        """Yield the sets of one size of which no smaller set is too much already."""
        yield from self._further((), (Case(),), 0, size)

    def _further(
        self, chosen: tuple[Load, ...], ways: tuple[Case, ...], start: int, size: int
    ) -> Iterator[tuple[Load, ...]]:
        if len(chosen) == size:
            amounts = sorted(amount for _, _, amount in chosen)
            if sum(amounts) > self.limit >= sum(amounts[1:]):
                yield chosen
            return
        for number in range(start, len(self.loads)):
            facts, write, _ = self.loads[number]
            if any(write.actuator == other.actuator for _, other, _ in chosen):
                continue
            met = [one.meet(other) for one in ways for other in facts.fires]
            left = tuple(way for way in met if way.possible)[:32]
            if left:
                yield from self._further((*chosen, self.loads[number]), left, number + 1, size)


def group_conflicts(context: Context, rules: Mapping[str, Facts], must: str | None = None) -> Iterator[Finding]:
    """Yield the sets of rules that break a group's limit together; with *must* those that have that rule in them."""
    for group in context.effects.groups:
        loads = [load for rule_id in sorted(rules) for load in _loads(context.effects, group, rules[rule_id])]
        told = 0
        for size in range(_FEWEST, _MOST + 1):
            for chosen in _Search(loads, group.limit).sets(size):
                if must is not None and must not in {facts.id for facts, _, _ in chosen}:
                    continue
                found = _judged(context, group, chosen)
                if found is not None:
                    yield found
                    told += 1
                if told >= _MOST_FINDINGS:
                    return


def _loads(effects: Effects, group: Group, facts: Facts) -> Iterator[Load]:
    for write in facts.writes:
        amount = effects.loads_of(group, write.channel, write.value, write.target) if write.known else 0.0
        if amount > 0:
            yield facts, write, amount


def _judged(context: Context, group: Group, chosen: Sequence[Load]) -> Finding | None:
    facts = [one for one, _, _ in chosen]
    if len({one.id for one in facts}) < len(facts):
        return None
    cast = context.placing.cast(facts) or context.placing.cast(facts, apart=True)
    if cast is None:
        return None
    wanted = [(one.id, write.channel) for one, write, _ in chosen]

    def observe(play: Play) -> bool:
        return both_set(play, wanted, context.within_us)

    total = sum(amount for _, _, amount in chosen)
    unit = f" {group.unit}" if group.unit else ""
    what = f"together they take {total:g}{unit} of {group.name}, whose limit is {group.limit:g}{unit}"
    shown = try_together(context, facts, cast, observe, f"all fire at once; {what}")
    if shown is None:
        return None
    names = ", ".join(repr(one.rule.name) for one in facts)
    pairs = max(one + other for (_, _, one), (_, _, other) in choose(chosen, 2))
    message = f"{names} can hold at once: {what}; no two of them take more than {pairs:g}{unit}"
    mend = "guard one of them with the opposite of the others' conditions, or give the load to one rule that counts"
    rules = tuple(sorted(one.id for one in facts))
    pointer = chosen[0][1].pointer
    return Finding("group_conflict", shown.grade, rules, message, mend, shown.witness, pointer, group.name, shown.proof)
