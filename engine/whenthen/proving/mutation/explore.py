"""Timelines that reach what there is to reach in a rule, and tell each of its mutants from it, found by wandering.

Nothing is left to the clock or to chance: the same rule and seed give the same timelines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from whenthen.analysis.matters import below
from whenthen.dsl.compiled import CompiledRule, Node
from whenthen.dsl.reads import refs_below
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.registry import Registry
from whenthen.model.reading import Reading
from whenthen.model.step import Step
from whenthen.proving.mutation.alphabet import Alphabet, alphabet_of
from whenthen.proving.mutation.equal import outcomes
from whenthen.proving.mutation.mutants import Mutants, mutants_of
from whenthen.proving.mutation.observe import Outcome
from whenthen.proving.mutation.scene import Scene, scene_of
from whenthen.proving.mutation.shrink import at_once, shrunk
from whenthen.proving.mutation.troupe import Ready, Troupe
from whenthen.proving.mutation.wander import Wanderer


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search: so many timelines of so many steps, fewer after *patience* that found nothing new."""

    timelines: int = 400
    steps: int = 24
    patience: int = 120


@dataclass(frozen=True, slots=True)
class Trial:
    """One timeline from *start_us* (microseconds) on, as short as it can be.

    *kills* are the mutants (by position) that it tells apart, *outcomes* what conditions come to in it.
    """

    start_us: int
    steps: tuple[Step, ...]
    kills: frozenset[int]
    outcomes: frozenset[Outcome]


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found for one rule: trials, the outcomes that there may be, and what no trial reached."""

    mutants: Mutants
    scene: Scene
    trials: tuple[Trial, ...]
    possible: frozenset[Outcome]
    unreached: frozenset[Outcome]
    alive: frozenset[int]

    @property
    def killed(self) -> int:
        """How many of the mutants some trial tells from the original."""
        return len(self.mutants.made) - len(self.alive)


def explore(  # noqa: PLR0913 - what to look for, and how long
    document: Mapping[str, Any],
    registry: Registry,
    *,
    seed: int = 0,
    effort: Effort = Effort(),
    alive: Iterable[int] | None = None,
    missing: Iterable[Outcome] | None = None,
) -> Exploration:
    """Return timelines for a rule.

    *alive* are the mutants (by position in ``mutants_of``) to be told apart and *missing* the outcomes to be reached;
    ``None``: all. Raises ``InvalidRuleError`` for a rule that is not valid.
    """
    return _Search(document, registry, seed, effort).run(alive, missing)


def possible_outcomes(rule: CompiledRule, registry: Registry) -> frozenset[Outcome]:
    """Return every truth that each condition may have: exact for comparisons; what reads nothing is never unknown."""
    nodes = (node for top in rule.conditions for node in below(top))
    return frozenset((node.path, truth) for node in nodes for truth in _truths(node, rule, registry))


def _truths(node: Node, rule: CompiledRule, registry: Registry) -> Iterable[bool | None]:
    formula = node.condition.lowered()
    if formula is not None:
        return outcomes(formula)
    reads = any(True for _ in refs_below(node, rule.variables, registry))
    return (True, False, None) if reads else (True, False)


class _Search:
    """The search for one rule."""

    def __init__(self, document: Mapping[str, Any], registry: Registry, seed: int, effort: Effort) -> None:
        self._registry = registry
        self._effort = effort
        self.mutants = mutants_of(document, registry)
        compiler = RuleCompiler(registry)
        original = self.mutants.original
        self._rule = compiler.compile(original)
        self._random = Random(f"{seed} {self._rule.id}")  # noqa: S311 - the same at every run is what is wanted
        self._scene = scene_of(self._rule, original)
        others = [compiler.compile(mutant.document) for mutant in self.mutants.made]
        self._led: Sequence[Reading] = ()
        self._original = Ready(registry, self._rule)
        self._others = [Ready(registry, rule) for rule in others]
        self._alphabet: Alphabet = alphabet_of(self._rule, others, registry, self._scene)

    def run(self, wanted: Iterable[int] | None, lacking: Iterable[Outcome] | None) -> Exploration:
        """Wander until everything is reached, or too long nothing new was."""
        alive = set(range(len(self.mutants.made)) if wanted is None else wanted)
        possible = possible_outcomes(self._rule, self._registry)
        missing = set(possible if lacking is None else lacking)
        trials: list[Trial] = []
        fruitless = 0
        for _ in range(self._effort.timelines):
            if not (alive or missing) or fruitless >= self._effort.patience:
                break
            trial = self._trial(alive, missing)
            fruitless = fruitless + 1 if trial is None else 0
            if trial is not None:
                alive -= trial.kills
                missing -= trial.outcomes
                trials.append(trial)
        return Exploration(self.mutants, self._scene, tuple(trials), possible, frozenset(missing), frozenset(alive))

    def _trial(self, alive: set[int], missing: set[Outcome]) -> Trial | None:
        """Wander once; return what was found, as short as it can be, or ``None`` when nothing was."""
        wanderer = Wanderer(self._alphabet, self._scene, self._rule, self._random, self._led)
        start_us = wanderer.start_us
        troupe = self._troupe(alive, missing, start_us)
        steps: list[Step] = []
        useful = 0
        for _ in range(self._effort.steps):
            left = len(troupe.alive) + len(troupe.missing)
            if not left:
                break
            steps.append(wanderer.step(troupe.next_dues()))
            firings, _ = troupe.take(steps[-1])
            wanderer.learn(steps[-1], firings)
            if len(troupe.alive) + len(troupe.missing) < left:
                useful = len(steps)
        self._led = wanderer.led
        if not useful:
            return None
        kills, outcomes_found = frozenset(alive - troupe.alive.keys()), frozenset(missing - troupe.missing)
        holds = partial(self._holds, kills, outcomes_found, start_us)
        short = at_once(shrunk(steps[:useful], holds), start_us, holds)
        return Trial(start_us, tuple(short), kills, outcomes_found)

    def _holds(self, kills: Iterable[int], wanted: Iterable[Outcome], start_us: int, steps: Sequence[Step]) -> bool:
        return self._troupe(kills, wanted, start_us).finds_all(steps)

    def _troupe(self, indices: Iterable[int], wanted: Iterable[Outcome], start_us: int) -> Troupe:
        others = {index: self._others[index] for index in sorted(indices)}
        return Troupe(self._original, others, wanted, self._scene, start_us)
