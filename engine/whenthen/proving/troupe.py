"""The original rule and its mutants on stages of their own, taken through one history step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from whenthen.dsl.rule import CompiledRule, RuleCompiler
from whenthen.extend.condition import Truth
from whenthen.extend.registry import Registry
from whenthen.model.firing import ActionCall, Firing
from whenthen.model.step import Step, instant_of
from whenthen.proving.world import World
from whenthen.stage import Stage

Outcome = tuple[str, Truth]
"""A condition, by its pointer, and a truth that it had."""
Seen = tuple[Any, ...]


def seen(firing: Firing) -> Seen:
    """Return what a scenario can tell of a firing: when, for whom, of which kind, what it does and sets."""
    return (firing.at_us, firing.subject, firing.kind, firing.counted, [_seen_call(call) for call in firing.actions])


def _seen_call(call: ActionCall) -> Seen:
    # When an action runs that sets nothing is not to be seen: a firing tells what it does, channels tell when.
    sets = [(setting, call.after_us) for setting in call.sets]
    return (call.type, call.config, call.runs, sets)


class Ready(RuleCompiler):
    """A compiler for engines that hold one rule, which is compiled already."""

    def __init__(self, registry: Registry, rule: CompiledRule) -> None:
        super().__init__(registry)
        self.rule = rule

    def compile(self, document: Any) -> CompiledRule:  # noqa: ARG002 - there is but one
        """Return the one rule."""
        return self.rule


class Troupe:
    """One stage a rule; time begins just before *begin_us*, as in ``whenthen.replay.begin``."""

    def __init__(self, original: Ready, others: Mapping[int, Ready], world: World) -> None:
        self._world = world
        self._subjects = world.subjects()
        self._directory = world.directory
        self._original = original
        self._others = others
        self.original: Stage
        self.alive: dict[int, Stage] = {}
        self.outcomes: set[Outcome] = set()

    def begin(self, begin_us: int) -> None:
        """Put every rule on a new stage."""
        self.original = self._staged(self._original, begin_us)
        self.alive = {index: self._staged(ready, begin_us) for index, ready in self._others.items()}
        self.outcomes = set()

    def _staged(self, ready: Ready, begin_us: int) -> Stage:
        stage = Stage(ready.registry, self._directory, compiler=ready)
        stage.engine.advance(begin_us - 1)
        stage.engine.put_rule({})
        return stage

    def take(self, step: Step, *, observing: bool) -> tuple[list[Firing], list[int]]:
        """Take a step; return what the original did, and which of the living mutants did something else and left."""
        firings = self._observed(step) if observing else self.original.take(step)
        ours = [seen(firing) for firing in firings]
        killed = [index for index, stage in self.alive.items() if [seen(one) for one in stage.take(step)] != ours]
        for index in killed:
            del self.alive[index]
        return firings, killed

    def _observed(self, step: Step) -> list[Firing]:
        """Take a step with a look at the conditions at every timer on the way."""
        firings: list[Firing] = []
        while (due_us := self.original.engine.next_due_us) is not None and due_us < instant_of(step):
            firings += self.original.engine.advance(due_us)
            self._look()
        firings += self.original.take(step)
        self._look()
        return firings

    def _look(self) -> None:
        for subject in self._subjects:
            told = self.original.engine.explain(self._original.rule.id, subject)
            self.outcomes.update(outcomes_in(told["conditions"]))

    def next_dues(self) -> list[int]:
        """Return when the next timer of each stage is due, the original's first; stages without one are left out."""
        dues = [stage.engine.next_due_us for stage in (self.original, *self.alive.values())]
        return [due_us for due_us in dues if due_us is not None]


def outcomes_in(conditions: Iterable[Mapping[str, Any]]) -> Iterable[Outcome]:
    """Yield the truth of each condition in what ``Engine.explain`` tells of them."""
    for one in conditions:
        yield one["path"], one["truth"]
        yield from outcomes_in(one.get("conditions", ()))


def reached(
    begin_us: int, steps: Sequence[Step], troupe: Troupe, *, observing: bool
) -> tuple[list[tuple[int, int]], list[Firing]]:
    """Play a whole timeline; return (position of the step, mutant) for each that differed, and the firings."""
    troupe.begin(begin_us)
    left: list[tuple[int, int]] = []
    firings: list[Firing] = []
    for position, step in enumerate(steps):
        fired, killed = troupe.take(step, observing=observing)
        firings += fired
        left += [(position, index) for index in killed]
        if not troupe.alive and not observing:
            break
    return left, firings
