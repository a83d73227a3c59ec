"""Rules made from the schemas of registered types: every rule that comes out is one that an engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.dsl.remembered import RememberingCompiler
from whenthen.errors import InvalidRuleError
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.testing.configs import configs

_DEEPEST = 2
_TRIVIAL: Mapping[str, Any] = {
    "name": "trial",
    "triggers": [{"type": "manual"}],
    "actions": [{"type": "log", "config": {"message": "tried"}}],
}
_SETTINGS: Mapping[str, SearchStrategy[Any]] = {
    "fire": st.sampled_from(["every", "edge"]),
    "cooldown_seconds": st.sampled_from([0, 0.5, 60, 600]),
    "priority": st.sampled_from([0, 1, -1]),
    "max_executions": st.sampled_from([1, 3]),
    "on_gap": st.sampled_from(["verify", "hold", "reset"]),
    "misfire": st.sampled_from(["skip", "once", "all"]),
}


def rules_from(registry: Registry | None = None, *, max_conditions: int = 2) -> SearchStrategy[dict[str, Any]]:
    """Return a strategy for rules of the types in *registry*, what is installed when it is not given.

    Configs are made from each type's own schema and examples, those of strangers' plugins like ours; inner conditions
    are conditions again.

    >>> from hypothesis import given, settings
    >>> from whenthen.engine import Engine
    >>> registry = load_registry()
    >>> @settings(max_examples=5)
    ... @given(rules_from(registry))
    ... def test(rule):
    ...     Engine(registry).put_rule(rule)
    >>> test()
    """
    return _rules(_Parts(registry or load_registry()), max_conditions)


class _Parts:
    """The types of a registry, and what each may be given."""

    def __init__(self, registry: Registry) -> None:
        self._compiler = RememberingCompiler(registry)
        self.tables = {kind: registry.table(kind) for kind in ("trigger", "condition", "action")}
        self.plain = [name for name, thing in registry.conditions.items() if thing.nested is None]
        self._configs: dict[tuple[str, str], SearchStrategy[dict[str, Any]]] = {}

    def config(self, kind: str, name: str) -> SearchStrategy[dict[str, Any]]:
        """Return a strategy for a type's configs."""
        if (kind, name) not in self._configs:
            thing = self.tables[kind][name]
            self._configs[kind, name] = configs(thing.schema, thing.examples)
        return self._configs[kind, name]

    def sound(self, rule: Mapping[str, Any]) -> bool:
        """Tell whether the rule language takes a rule."""
        try:
            self._compiler.compile(rule)
        except InvalidRuleError:
            return False
        return True


@st.composite
def _rules(draw: st.DrawFn, parts: _Parts, max_conditions: int) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "name": "generated",
        "triggers": [draw(_items(parts, "trigger", _TRIVIAL)) for _ in range(draw(st.integers(1, 2)))],
        "conditions": [draw(_conditions(parts, _DEEPEST)) for _ in range(draw(st.integers(0, max_conditions)))],
        "actions": [draw(_items(parts, "action", _TRIVIAL)) for _ in range(draw(st.integers(1, 2)))],
    }
    for name in draw(st.lists(st.sampled_from(sorted(_SETTINGS)), max_size=2, unique=True)):
        rule[name] = draw(_SETTINGS[name])
    if draw(st.booleans()):
        rule["clear_actions"] = [draw(_items(parts, "action", _TRIVIAL))]
    assume(parts.sound(rule))
    return rule


@st.composite
def _items(draw: st.DrawFn, parts: _Parts, kind: str, around: Mapping[str, Any]) -> dict[str, Any]:
    """Draw a trigger or an action of any type; one that the rule language refuses gives way to an example."""
    name = draw(st.sampled_from(sorted(parts.tables[kind])))
    item = {"type": name, "config": draw(parts.config(kind, name))}
    examples = [dict(example) for example in parts.tables[kind][name].examples]
    if examples and not parts.sound({**around, f"{kind}s": [item]}):
        item["config"] = draw(st.sampled_from(examples))
    return item


@st.composite
def _conditions(draw: st.DrawFn, parts: _Parts, deep: int) -> dict[str, Any]:
    """Draw a condition of any type, those in it *deep* levels deep."""
    table = parts.tables["condition"]
    name = draw(st.sampled_from(sorted(table) if deep else parts.plain))
    given = draw(parts.config("condition", name))
    for config in (given, *map(dict, table[name].examples)):
        if table[name].nested is not None:
            config[table[name].nested] = _inner(draw, parts, config.get(table[name].nested), deep)
        item = {"type": name, "config": config}
        if parts.sound({**_TRIVIAL, "conditions": [item]}):
            return item
    return reject()


def _inner(draw: st.DrawFn, parts: _Parts, given: Any, deep: int) -> Any:
    """Draw the conditions within one: as many as its config had, two at most."""
    if isinstance(given, list):
        return [draw(_conditions(parts, deep - 1)) for _ in given[:2] or [None]]
    return draw(_conditions(parts, deep - 1))
