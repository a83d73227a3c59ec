"""A condition, action or trigger in a rule, and rules in an engine over readings: what ``whenthen replay`` shows."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from whenthen.clock import SECOND_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.engine import Engine, merge_state
from whenthen.errors import InvalidRuleError, PluginError
from whenthen.extend.formula import SensorRef
from whenthen.extend.host import load_registry
from whenthen.extend.registry import KINDS, Registry
from whenthen.model.reading import Reading
from whenthen.testing.readings import START_US

Document = dict[str, Any]

LONE_SENSOR = "tick"
"""What starts a rule whose condition reads no sensor."""

_AFTERWARDS_US = 3_600 * SECOND_US


@dataclass(frozen=True, slots=True)
class Fired:
    """One line of what came of a history: when, which rule, fired or cleared, what its actions say."""

    at_us: int
    rule: str
    kind: str
    actions: str

    def __str__(self) -> str:
        return f"{(self.at_us - START_US) / SECOND_US:+.6f} s {self.rule} {self.kind}"


@cache
def _installed() -> Registry:
    return load_registry()


@lru_cache(maxsize=256)
def registry_with(kind: str, name: str, thing: Any) -> Registry:
    """Return what is installed, with *thing* registered as *name* whatever had that name before."""
    installed, registry = _installed(), Registry()
    for each in KINDS:
        for known, value in installed.table(each).items():
            registry.add(each, known, value, installed.owner(each, known) or "")
    registry.add(kind, name, thing, registry.owner(kind, name) or "under-test")
    return registry


@lru_cache(maxsize=256)
def compiler(registry: Registry) -> RuleCompiler:
    """Return the one compiler of a registry: making one reads every schema."""
    return _FrankCompiler(registry)


class _FrankCompiler(RuleCompiler):
    """Raises what a plugin raises while a rule is read; the engine's own refuses the rule and says whose fault."""

    def compile(self, document: Any) -> CompiledRule:
        """Return the compiled rule; raises ``InvalidRuleError``, or whatever the plugin under test raises."""
        try:
            return super().compile(document)
        except InvalidRuleError as error:
            if error.__cause__ is not None and error.problems[0].code == "plugin_failed":
                raise error.__cause__ from None
            raise


def variant(condition: Any, **changed: Any) -> Any:
    """Return the condition with methods replaced: without its shortcuts it must act the same."""
    return _variant(condition, tuple(sorted(changed.items())))


@lru_cache(maxsize=256)
def _variant(condition: Any, changed: tuple[tuple[str, Any], ...]) -> Any:
    return types.new_class(condition.__name__, (condition,), exec_body=lambda body: body.update(changed))


def condition_rules(kind: str, config: Mapping[str, Any], refs: Sequence[SensorRef]) -> list[Document]:
    """Return two rules: one fires when the condition holds, one when it does not; neither when it is unknown."""
    item = {"type": kind, "config": config}
    negated = {"type": "composite", "config": {"operator": "NOT", "conditions": [item]}}
    triggers = _triggers(refs)
    return [
        _rule("holds", triggers, [item], [{"type": "log", "config": {"message": "it holds"}}]),
        _rule("does-not-hold", triggers, [negated], [{"type": "log", "config": {"message": "it does not hold"}}]),
    ]


def action_rule(kind: str, config: Mapping[str, Any], sensor: str) -> Document:
    """Return a rule that carries the action out at each reading of *sensor*."""
    return _rule("acts", _triggers([SensorRef(sensor)]), [], [{"type": kind, "config": config}])


def trigger_rule(kind: str, config: Mapping[str, Any]) -> Document:
    """Return a rule that the trigger starts."""
    item = {"type": kind, "config": config}
    return _rule("starts", [item], [], [{"type": "log", "config": {"message": "it starts"}}])


def _rule(name: str, triggers: list[Document], conditions: list[Document], actions: list[Document]) -> Document:
    return {"id": name, "name": name, "triggers": triggers, "conditions": conditions, "actions": actions}


def _triggers(refs: Iterable[SensorRef]) -> list[Document]:
    found: dict[tuple[str, str | None], Document] = {}
    for ref in refs:
        config = {"sensor": ref.sensor} if ref.device is None else {"sensor": ref.sensor, "device": ref.device}
        found[ref.sensor, ref.device] = {"type": "sensor", "config": config}
    return list(found.values())[:50] or [{"type": "sensor", "config": {"sensor": LONE_SENSOR}}]


def play(
    registry: Registry, rules: Sequence[Document], history: Sequence[Reading], stop_after: int | None = None
) -> list[Fired]:
    """Return what fires while *history* is handed to an engine, and in the hour after it.

    Raises ``PluginError`` when an action or a trigger failed: the engine goes on, but the author is to know. With
    *stop_after* the engine is stopped after so many readings, its state written as JSON, and another goes on.
    """
    engine = Engine(registry)
    engine.advance(START_US - 1)
    for document in rules:
        engine.put_rule(document)
    firings = []
    for count, reading in enumerate(history, start=1):
        firings += engine.handle(reading)
        if count == stop_after:
            kept = json.loads(json.dumps(merge_state({}, engine.changed_state())))
            engine = Engine.restore(registry, None, rules, kept)
        # The same instant once more: a restarted engine runs what is due, so the other must have done so, too.
        firings += engine.advance(engine.now_us)
    firings += engine.advance(engine.now_us + _AFTERWARDS_US)
    failed = [notice.message for notice in engine.take_notices() if notice.kind in ("action_failed", "trigger_failed")]
    if failed:
        raise PluginError(failed[0])
    return [
        Fired(firing.at_us, firing.rule_id, firing.kind, json.dumps([call.to_json() for call in firing.actions]))
        for firing in firings
    ]


def first_difference(expected: Sequence[Fired], found: Sequence[Fired]) -> str:
    """Return in words where two lists of firings begin to differ, ``""`` when they do not."""
    for index in range(max(len(expected), len(found))):
        one = str(expected[index]) if index < len(expected) else "nothing more"
        other = str(found[index]) if index < len(found) else "nothing more"
        if expected[index : index + 1] != found[index : index + 1]:
            return f"{one} became {other}"
    return ""
