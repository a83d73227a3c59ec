"""The original rule and its mutants on stages of their own, taken through one history step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.registry import Registry
from whenthen.model.firing import ActionCall, Firing
from whenthen.model.step import Step, instant_of
from whenthen.proving.mutation.observe import Outcome, take_observed
from whenthen.proving.mutation.scene import Scene
from whenthen.stage import Stage

Seen = tuple[Any, ...]


def seen(firing: Firing) -> Seen:
    """Return what a scenario can tell of a firing: when, for whom, of which kind, what it does and sets."""
    return (firing.at_us, firing.subject, firing.kind, firing.counted, [_seen_call(call) for call in firing.actions])


def _seen_call(call: ActionCall) -> Seen:
    # When an action runs that sets nothing is not to be seen: a firing tells what it does, channels tell when.
    # Nor is what an action would have done that does not run.
    sets = [(setting, call.after_us) for setting in call.sets]
    return (call.type, call.config, sets) if call.runs else ()


class Ready(RuleCompiler):
    """A compiler for engines that hold one rule, which is compiled already."""

    def __init__(self, registry: Registry, rule: CompiledRule) -> None:
        super().__init__(registry)
        self.rule = rule

    def compile(self, document: Any) -> CompiledRule:  # noqa: ARG002 - there is but one
        """Return the one rule."""
        return self.rule


class Troupe:
    """One stage a rule; time begins just before a timeline does, as in ``whenthen.replay.begin``.

    *alive* are the mutants that have done nothing else than the original so far, *missing* the outcomes of its
    conditions that are still to be seen; both shrink as steps are taken.
    """

    def __init__(
        self, original: Ready, others: Mapping[int, Ready], wanted: Iterable[Outcome], scene: Scene, begin_us: int
    ) -> None:
        self._subjects = scene.subjects()
        self._directory = scene.directory
        self._begin_us = begin_us
        self._rule_id = original.rule.id
        self._original = self._staged(original)
        self.alive = {index: self._staged(ready) for index, ready in others.items()}
        self.missing = set(wanted)

    def _staged(self, ready: Ready) -> Stage:
        stage = Stage(ready.registry, self._directory, compiler=ready)
        stage.engine.advance(self._begin_us - 1)
        stage.engine.put_rule({})
        return stage

    def take(self, step: Step) -> tuple[list[Firing], list[int]]:
        """Take a step; return what the original did, and which of the living mutants did something else and left.

        No two steps are at one instant, so what is due at the step's own instant follows at once: whether a reading or
        a timer of that instant fires a rule is not to be seen.
        """
        at_us = instant_of(step)
        if self.missing:
            firings = take_observed(self._original, step, {self._rule_id: self.missing}, self._subjects)
        else:
            firings = self._original.take(step)
        firings += self._original.engine.advance(at_us)
        ours = [seen(firing) for firing in firings]
        killed = [
            index
            for index, stage in self.alive.items()
            if [seen(one) for one in (*stage.take(step), *stage.engine.advance(at_us))] != ours
        ]
        for index in killed:
            del self.alive[index]
        return firings, killed

    def next_dues(self) -> list[int]:
        """Return when the next timer of each stage is due, the original's first; stages without one are left out."""
        dues = [stage.engine.next_due_us for stage in (self._original, *self.alive.values())]
        return [due_us for due_us in dues if due_us is not None]

    def finds_all(self, steps: Iterable[Step]) -> bool:
        """Tell whether a timeline leaves no mutant alive and no outcome missing; it is played until then."""
        for step in steps:
            self.take(step)
            if not (self.alive or self.missing):
                return True
        return False
