"""Mutants: a rule with one mistake in it, as somebody might have made it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.read import rule_id_of
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import InvalidRuleError, token
from whenthen.extend.registry import Registry
from whenthen.proving.mutation.alter import alterations, expressions, is_time
from whenthen.proving.mutation.equal import same_conditions
from whenthen.proving.mutation.pointers import replaced, without

_NAMES = frozenset({"sensor", "sensors", "device_type", "function", "timezone", "latitude", "longitude", "expression"})
"""Keys of triggers and conditions whose values name things: another name is no slip, it is another rule."""
_UNSEEN = frozenset({"device", "device_type", "function", "method", "headers", "secret", "file", "append"})
"""Keys of actions that are not changed: no scenario sees what becomes of a call once it is made."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A valid rule that differs from the original in one place.

    *operator* is the kind of mistake, *pointer* where it is (in the original), *told* what it is, *document* the rule
    with the mistake and the original's id.
    """

    operator: str
    pointer: str
    told: str
    document: Mapping[str, Any]

    def to_json(self) -> dict[str, str]:
        """Return what a person or a program is told of it."""
        return {"operator": self.operator, "pointer": self.pointer, "told": self.told}


@dataclass(frozen=True, slots=True)
class Mutants:
    """Mutants of one rule, and those that were left out because they are known to mean the same as the original."""

    original: Mapping[str, Any]
    made: tuple[Mutant, ...]
    equivalent: tuple[Mutant, ...]


def mutants_of(document: Mapping[str, Any], registry: Registry) -> Mutants:
    """Return the mutants of a valid rule, in the order of its parts; raises ``InvalidRuleError`` for an invalid one.

    >>> from whenthen.extend.host import load_registry
    >>> rule = {
    ...     "name": "Warm", "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    ...     "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    ...     "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    ... }
    >>> [mutant.told for mutant in mutants_of(rule, load_registry()).made][:3]
    ['operator ">" → ">="', 'operator ">" → "<"', 'value 30 → 33']
    """
    compiler = RuleCompiler(registry)
    original = {**document, "id": document.get("id") or rule_id_of(document)}
    compiled = compiler.compile(original)
    made: list[Mutant] = []
    equivalent: list[Mutant] = []
    seen = {json.dumps(original, sort_keys=True)}
    for mutant in _Maker(original, registry, compiled).all():
        text = json.dumps(mutant.document, sort_keys=True)
        if text in seen:
            continue
        seen.add(text)
        try:
            other = compiler.compile(mutant.document)
        except InvalidRuleError:
            continue  # a mistake that nobody could save
        (equivalent if _means_the_same(compiled, other, mutant) else made).append(mutant)
    return Mutants(original, tuple(made), tuple(equivalent))


def _means_the_same(original: CompiledRule, other: CompiledRule, mutant: Mutant) -> bool:
    return mutant.pointer.startswith("/conditions") and same_conditions(original.conditions, other.conditions)


class _Maker:
    """Makes the mutants of one rule."""

    def __init__(self, rule: Mapping[str, Any], registry: Registry, compiled: CompiledRule) -> None:
        self._rule = rule
        self._registry = registry
        self._schedules = any(trigger.scheduled for trigger in compiled.triggers)

    def all(self) -> Iterator[Mutant]:
        """Yield every mutant, valid or not."""
        for index, condition in enumerate(self._rule.get("conditions", ())):
            yield from self._condition(condition, f"/conditions/{index}", droppable=True)
        for name, source in self._rule.get("variables", {}).items():
            yield from self._expression(source, f"/variables/{token(name)}")
        yield from self._triggers()
        yield from self._rule_settings()
        for name in ("actions", "clear_actions"):
            yield from self._actions(name)

    def _changed(self, operator: str, pointer: str, value: Any, old: Any, name: str = "") -> Mutant:
        key = name or pointer.rsplit("/", 1)[1]
        return Mutant(operator, pointer, f"{key} {_text(old)} → {_text(value)}", replaced(self._rule, pointer, value))

    def _dropped(self, operator: str, pointer: str, told: str) -> Mutant:
        return Mutant(operator, pointer, told, without(self._rule, pointer))

    # Conditions

    def _condition(self, item: Mapping[str, Any], pointer: str, *, droppable: bool) -> Iterator[Mutant]:
        """Yield mutants of a condition: its own config, itself dropped, negated or bared, then those inside it."""
        kind = self._registry.conditions[item["type"]]
        config = item.get("config", {})
        operator = item.get("operator", config.get("operator"))
        if "operator" in item:
            schema = kind.schema.get("properties", {}).get("operator", {})
            for one in alterations("operator", item["operator"], schema):
                yield self._changed(one.operator, f"{pointer}/operator", one.value, item["operator"])
        if "expression" in config and isinstance(config["expression"], str):
            yield from self._expression(config["expression"], f"{pointer}/config/expression")
        yield from self._config(config, kind.schema, f"{pointer}/config", skip=_NAMES | {kind.nested})
        if droppable:
            yield self._dropped("condition_dropped", pointer, f"{_named(item)} dropped")
        inner = config.get(kind.nested) if kind.nested else None
        if inner is not None and not (isinstance(inner, list) and len(inner) != 1):
            bared = inner[0] if isinstance(inner, list) else inner
            told = f"{_named(item)} taken off"
            yield Mutant("condition_bared", pointer, told, replaced(self._rule, pointer, bared))
        if operator != "NOT" and "composite" in self._registry.conditions:
            negated = {"type": "composite", "config": {"operator": "NOT", "conditions": [item]}}
            yield Mutant(
                "condition_negated", pointer, f"{_named(item)} negated", replaced(self._rule, pointer, negated)
            )
        if isinstance(inner, list):
            for index, one in enumerate(inner):
                place = f"{pointer}/config/{kind.nested}/{index}"
                yield from self._condition(one, place, droppable=len(inner) > 1)
        elif inner is not None:
            yield from self._condition(inner, f"{pointer}/config/{kind.nested}", droppable=False)

    def _expression(self, source: str, pointer: str) -> Iterator[Mutant]:
        for one in expressions(source):
            yield self._changed(one.operator, pointer, one.value, source)

    def _config(
        self, config: Mapping[str, Any], schema: Mapping[str, Any], pointer: str, skip: frozenset[str | None]
    ) -> Iterator[Mutant]:
        """Yield mutants of a config's values; what may be left out is left out, too."""
        known = schema.get("properties", {})
        for key, value in config.items():
            if key in skip:
                continue
            place = f"{pointer}/{token(key)}"
            if key not in schema.get("required", ()) and "enum" not in known.get(key, {}):
                yield self._dropped("setting_dropped", place, f"{key} {_text(value)} dropped")
            if key == "device":
                continue
            yield from self._values(key, value, known.get(key, {}), place)
        aggregate = config.get("aggregate")
        if aggregate is not None:
            yield self._dropped("setting_dropped", f"{pointer}/aggregate", f"aggregate {_text(aggregate)} dropped")

    def _values(self, key: str, value: Any, schema: Mapping[str, Any], pointer: str) -> Iterator[Mutant]:
        if isinstance(value, Mapping):
            for inner, one in value.items():
                if inner not in _NAMES:
                    yield from self._values(inner, one, {}, f"{pointer}/{token(inner)}")
        elif isinstance(value, list):
            for index, one in enumerate(value):
                if key == "days":
                    if len(value) > 1:
                        yield self._dropped("setting_dropped", f"{pointer}/{index}", f"{_text(one)} dropped")
                else:
                    yield from self._values(key, one, schema.get("items", {}), f"{pointer}/{index}")
        else:
            for other in alterations(key, value, schema):
                yield self._changed(other.operator, pointer, other.value, value, key)

    # Triggers

    def _triggers(self) -> Iterator[Mutant]:
        single = self._rule.get("trigger")
        if single is not None:
            yield from self._trigger(single, "/trigger")
            return
        listed = self._rule.get("triggers", ())
        for index, item in enumerate(listed):
            if len(listed) > 1:
                yield self._dropped("trigger_dropped", f"/triggers/{index}", f"trigger {item['type']} dropped")
            yield from self._trigger(item, f"/triggers/{index}")

    def _trigger(self, item: Mapping[str, Any], pointer: str) -> Iterator[Mutant]:
        config = item.get("config", {})
        sensors = config.get("sensors", ())
        for index, sensor in enumerate(sensors if len(sensors) > 1 else ()):
            yield self._dropped("trigger_dropped", f"{pointer}/config/sensors/{index}", f"trigger on {sensor} dropped")
        schema = self._registry.triggers[item["type"]].schema
        yield from self._config(config, schema, f"{pointer}/config", skip=_NAMES)

    # The rule as a whole

    def _rule_settings(self) -> Iterator[Mutant]:
        rule = self._rule
        fire = rule.get("fire", "every")
        yield self._changed("fire_changed", "/fire", "edge" if fire == "every" else "every", fire)
        for key in ("cooldown_seconds", "max_gap_seconds", "max_executions", "valid_from", "valid_until"):
            if rule.get(key) in (None, 0):
                continue
            yield self._dropped("setting_dropped", f"/{key}", f"{key} {_text(rule[key])} dropped")
            if is_time(key):
                yield from self._values(key, rule[key], {}, f"/{key}")
        if rule.get("max_executions"):
            count = rule["max_executions"]
            yield self._changed("number_raised", "/max_executions", count + 1, count)
        for key, choices in (("on_gap", ("verify", "hold", "reset")), ("misfire", ("skip", "once", "all"))):
            if key in rule and (key == "on_gap" or self._schedules):
                for other in choices:
                    yield self._changed("choice_changed", f"/{key}", other, rule[key])
        for key, value in rule.get("scope", {}).items():
            yield self._dropped("scope_widened", f"/scope/{key}", f"scope {key} {_text(value)} dropped")

    # Actions

    def _actions(self, name: str) -> Iterator[Mutant]:
        listed = self._rule.get(name, ())
        if name == "clear_actions" and listed:
            yield self._dropped("actions_dropped", f"/{name}", "clear_actions dropped")
        for index, item in enumerate(listed):
            pointer = f"/{name}/{index}"
            if len(listed) > 1:
                yield self._dropped("action_dropped", pointer, f"{name} {item['type']} dropped")
            if "if" in item:
                yield self._dropped("condition_dropped", f"{pointer}/if", "if dropped")
                yield from self._condition(item["if"], f"{pointer}/if", droppable=False)
            if item.get("after_seconds"):
                yield from self._values("after_seconds", item["after_seconds"], {}, f"{pointer}/after_seconds")
            schema = self._registry.actions[item["type"]].schema
            known = schema.get("properties", {})
            for key, value in item.get("config", {}).items():
                if key not in _UNSEEN:
                    made = self._values(key, value, known.get(key, {}), f"{pointer}/config/{token(key)}")
                    yield from _one_choice(made)


def _one_choice(mutants: Iterator[Mutant]) -> Iterator[Mutant]:
    """Leave out all but the first of several choices: who sees that an action's config is another sees any other."""
    chosen: set[str] = set()
    for mutant in mutants:
        if mutant.operator != "choice_changed" or mutant.pointer not in chosen:
            chosen.add(mutant.pointer)
            yield mutant


def _named(item: Mapping[str, Any]) -> str:
    operator = item.get("operator", item.get("config", {}).get("operator"))
    return f"{item['type']} {operator}" if item["type"] == "composite" else str(item["type"])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
