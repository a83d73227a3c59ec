"""What others would ask of one rule: each library's best way to say "over a limit and under another"."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Holds = Callable[[dict[str, float]], bool]
"""Takes a device's newest values, tells whether the rule holds."""


@dataclass(frozen=True, slots=True)
class TwoLimits:
    """A rule that holds when *first* is over and *second* under a limit."""

    first: str
    over: float
    second: str
    under: float


def closure(rule: TwoLimits) -> Holds:
    """Return what a programmer writes by hand: the reference."""
    first, over, second, under = rule.first, rule.over, rule.second, rule.under
    return lambda newest: newest[first] > over and newest[second] < under


def _zen(zen: Any) -> Callable[[TwoLimits], Holds]:
    return lambda rule: zen.compile_expression(_text(rule)).evaluate


def _rule_engine(library: Any) -> Callable[[TwoLimits], Holds]:
    return lambda rule: library.Rule(_text(rule)).matches


def _text(rule: TwoLimits) -> str:
    return f"{rule.first} > {rule.over} and {rule.second} < {rule.under}"


def _json_logic(library: Any) -> Callable[[TwoLimits], Holds]:
    def predicate(rule: TwoLimits) -> Holds:
        over = {">": [{"var": rule.first}, rule.over]}
        logic = {"and": [over, {"<": [{"var": rule.second}, rule.under]}]}
        evaluate = library.jsonLogic
        return lambda newest: evaluate(logic, newest)

    return predicate


def _business_rules(library: Any) -> Callable[[TwoLimits], Holds]:
    variables = importlib.import_module("business_rules.variables")
    engine = importlib.import_module("business_rules.engine")
    numeric, base = variables.numeric_rule_variable, library.variables.BaseVariables
    names = ("temperature", "humidity", "co2", "light")

    def reader(name: str) -> Any:
        def read(self: Any) -> float:
            return float(self.newest[name])

        read.__name__ = name
        return numeric(read)

    known = type("Newest", (base,), {name: reader(name) for name in names})

    def predicate(rule: TwoLimits) -> Holds:
        over = {"name": rule.first, "operator": "greater_than", "value": rule.over}
        conditions = {"all": [over, {"name": rule.second, "operator": "less_than", "value": rule.under}]}
        check = engine.check_conditions_recursively

        def holds(newest: dict[str, float]) -> bool:
            values = known()
            values.newest = newest
            return bool(check(conditions, values))

        return holds

    return predicate


_ADAPTERS: Mapping[str, tuple[str, Callable[[Any], Callable[[TwoLimits], Holds]]]] = {
    "zen-engine": ("zen", _zen),
    "json-logic-qubit": ("json_logic", _json_logic),
    "business-rules": ("business_rules", _business_rules),
    "rule-engine": ("rule_engine", _rule_engine),
}


def available() -> Iterator[tuple[str, Callable[[TwoLimits], Holds]]]:
    """Yield each installed peer; ``pip install whenthen[bench]`` installs them all."""
    for name, (module, adapt) in _ADAPTERS.items():
        try:
            library = importlib.import_module(module)
        except ImportError:
            continue
        yield name, adapt(library)
