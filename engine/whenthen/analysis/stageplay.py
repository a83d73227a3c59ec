"""Plays a history on some rules and notes what happened: the proof of a finding, or the end of a suspicion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whenthen.analysis.facts import Facts
from whenthen.analysis.placing import Cast, subject_of
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.condition import Truth
from whenthen.extend.registry import Registry
from whenthen.model.firing import Firing
from whenthen.model.step import Step, instant_of
from whenthen.recorded.written import firing_line
from whenthen.stage import Stage


@dataclass(frozen=True, slots=True)
class Scene:
    """One step and what it came to; *truths* has each rule's, looked at right after it."""

    step: Step
    firings: tuple[Firing, ...]
    truths: Mapping[str, Truth]


@dataclass(frozen=True, slots=True)
class Play:
    """A history as it went; *blocked* has what would keep each rule from firing at its end."""

    scenes: tuple[Scene, ...]
    blocked: Mapping[str, str | None]

    @property
    def firings(self) -> list[Firing]:
        """Everything that fired, in order."""
        return [firing for scene in self.scenes for firing in scene.firings]

    def fired(self, rule_id: str) -> list[Firing]:
        """Return the firings of one rule that count."""
        return [one for one in self.firings if one.rule_id == rule_id and one.kind == "fired" and one.counted]

    def lines(self) -> tuple[Mapping[str, Any], ...]:
        """Return the firings as ``replay --json`` prints them."""
        return tuple(json.loads(json.dumps(firing_line(firing))) for firing in self.firings)


@dataclass(frozen=True, slots=True)
class Theatre:
    """Where histories are played: a stage of their own each time, with nothing but the rules that matter."""

    registry: Registry
    timezone: str
    compiler: RuleCompiler

    def play(self, facts: Sequence[Facts], steps: Sequence[Step], cast: Cast, *, closely: bool = False) -> Play:
        """Play *steps* on these rules, as ``whenthen replay`` would.

        Truths are looked at after firings and at the end; *closely* after each step.
        """
        stage = self._stage(cast)
        stage.engine.advance(instant_of(steps[0]) - 1)
        subjects = {one.id: subject_of(one, cast, device) for one, device in zip(facts, cast.own, strict=True)}
        for one in facts:
            stage.engine.put_compiled(one.rule)
        scenes = []
        told: dict[str, dict[str, Any]] = {}
        for step in steps:
            firings = tuple(stage.take(step))
            looks = subjects.items() if firings or closely or step is steps[-1] else ()
            told = {name: stage.engine.explain(name, subject) for name, subject in looks}
            scenes.append(Scene(step, firings, {name: one["truth"] for name, one in told.items()}))
        return Play(tuple(scenes), {name: one["blocked"] for name, one in told.items()})

    def truths_at(self, facts: Facts, steps: Sequence[Step], cast: Cast, path: str) -> list[Truth]:
        """Return the truth of one condition of a rule, named by its pointer, after each step."""
        stage = self._stage(cast)
        stage.engine.advance(instant_of(steps[0]) - 1)
        subject = subject_of(facts, cast, cast.own[0])
        stage.engine.put_compiled(facts.rule)
        found = []
        for step in steps:
            stage.take(step)
            found.append(_truth_below(stage.engine.explain(facts.id, subject)["conditions"], path))
        return found

    def _stage(self, cast: Cast) -> Stage:
        return Stage(self.registry, cast.directory, self.timezone, compiler=self.compiler)


def _truth_below(conditions: Sequence[Mapping[str, Any]], path: str) -> Truth:
    for one in conditions:
        if one["path"] == path:
            truth: Truth = one["truth"]
            return truth
        if path.startswith(one["path"] + "/"):
            return _truth_below(one.get("conditions", ()), path)
    return None
