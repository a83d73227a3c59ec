"""What a history reaches in its rules: which truths each condition had, and which triggers started an evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import UnknownRuleError
from whenthen.extend.condition import Truth
from whenthen.extend.registry import Registry
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading
from whenthen.model.step import Step, instant_of
from whenthen.ports import Directory
from whenthen.proving.played import play, stage_of
from whenthen.stage import Stage

Outcome = tuple[str, Truth]
"""A condition, by its pointer in the rule, and a truth that it had."""

_LAST = -1_000_000
"""The least priority that a rule may have."""


class Remembering(RuleCompiler):
    """A compiler that compiles each document once."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._known: dict[str, CompiledRule] = {}

    def compile(self, document: Any) -> CompiledRule:
        """Return the compiled rule, the same one for the same document; raises ``InvalidRuleError``."""
        text = json.dumps(document)
        if text not in self._known:
            self._known[text] = super().compile(document)
        return self._known[text]


def take_observed(
    stage: Stage, step: Step, wanted: Mapping[str, set[Outcome]], subjects: Sequence[str]
) -> list[Firing]:
    """Take a step, with a look at the conditions at every timer on the way.

    What is seen leaves *wanted*, which has by rule id the outcomes that are still to be seen.
    """
    firings: list[Firing] = []
    engine = stage.engine
    while (due_us := engine.next_due_us) is not None and due_us < instant_of(step):
        firings += engine.advance(due_us)
        _look(stage, wanted, subjects)
    firings += stage.take(step)
    _look(stage, wanted, subjects)
    return firings


def _look(stage: Stage, wanted: Mapping[str, set[Outcome]], subjects: Sequence[str]) -> None:
    for rule_id, missing in wanted.items():
        for subject in subjects if missing else ():
            missing.difference_update(_outcomes(stage.engine.explain(rule_id, subject)["conditions"]))


def _outcomes(conditions: Iterable[Mapping[str, Any]]) -> Iterator[Outcome]:
    """Yield the truth of each condition in what ``Engine.explain`` tells of them."""
    for one in conditions:
        yield one["path"], one["truth"]
        yield from _outcomes(one.get("conditions", ()))


def observe(  # noqa: PLR0913, PLR0917 - what a history is played with
    rules: Sequence[Mapping[str, Any]],
    steps: Sequence[Step],
    wanted: Mapping[str, set[Outcome]],
    registry: Registry,
    directory: Directory | None,
    zone: str,
    compiler: RuleCompiler,
) -> None:
    """Play a history and take every outcome that it reaches out of *wanted*, which has them by rule id."""
    stage = stage_of(rules, steps, registry, directory, zone, compiler)
    subjects = tuple(dict.fromkeys(_subjects(steps, directory)))
    for step in steps:
        if not any(wanted.values()):
            return
        try:
            take_observed(stage, step, wanted, subjects)
        except UnknownRuleError:
            continue  # a run or switch of a rule that is not looked at, as in a replay


def _subjects(steps: Iterable[Step], directory: Directory | None) -> Iterator[str]:
    """Yield whatever could be the subject of a rule."""
    for device in directory.devices() if directory is not None else ():
        yield from (name for name in (device.id, device.room, device.farm) if name is not None)
    yield from (step.device for step in steps if isinstance(step, Reading))
    yield "default"


def started(  # noqa: PLR0913, PLR0917 - what a history is played with
    rules: Sequence[Mapping[str, Any]],
    rule: Mapping[str, Any],
    steps: Sequence[Step],
    registry: Registry,
    directory: Directory | None,
    zone: str,
    compiler: RuleCompiler,
) -> frozenset[str]:
    """Return the pointers of the triggers of *rule* that start an evaluation in a history.

    For each a rule is put beside the others that has this trigger alone and no condition: it fires when it is started.
    """
    alone = {pointer: _alone(rule, trigger, pointer, registry) for pointer, trigger in triggers_of(rule)}
    played = play([*rules, *alone.values()], steps, registry, directory, zone, compiler)
    fired = {firing.rule_id for firing in played.firings}
    return frozenset(pointer for pointer, one in alone.items() if one["id"] in fired)


def triggers_of(rule: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (pointer, trigger) of each trigger of a rule."""
    if "trigger" in rule:
        return [("/trigger", rule["trigger"])]
    return [(f"/triggers/{index}", trigger) for index, trigger in enumerate(rule.get("triggers", ()))]


def _alone(rule: Mapping[str, Any], trigger: Mapping[str, Any], pointer: str, registry: Registry) -> dict[str, Any]:
    quiet = [{"type": "log", "config": {"message": "started"}}]
    kept = {key: rule[key] for key in ("enabled", "scope") if key in rule}
    return {
        **kept,
        "id": f"{rule['id']} {pointer}",
        "name": f"{rule['name']} {pointer}"[:200],
        "priority": _LAST,
        "trigger": trigger,
        "actions": quiet if "log" in registry.actions else rule["actions"],
    }
