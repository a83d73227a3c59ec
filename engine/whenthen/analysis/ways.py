"""Conditions as the ways in which they come out true, or false: every kind that whenthen brings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from whenthen.analysis.calendar import rest_of, true_spans
from whenthen.analysis.case import ALWAYS, Case, Move, either, together
from whenthen.analysis.region import ANY, NUMBERS, Domain, Key, Span
from whenthen.analysis.sentence import Sentence
from whenthen.clock import seconds_us
from whenthen.dsl.compiled import Node
from whenthen.dsl.expression import Expression, expression_of, tree_of
from whenthen.dsl.values import is_number
from whenthen.extend.condition import Condition
from whenthen.extend.formula import Atom, Formula, SensorRef

Ways = tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads conditions of one rule: its *variables*, the subject's *zone*, and the week that stands for all.

    *known_spans* keeps what was worked out of clocks, for rules that name the same times.
    """

    variables: Mapping[str, Expression]
    zone: tzinfo
    week_us: int
    known_spans: dict[str, tuple[Span, ...] | None] = field(default_factory=dict)

    def of(self, node: Node, truth: bool) -> Ways:
        """Return the ways in which a condition is known to be *truth*; no way at all says that it never is."""
        condition = node.condition
        formula = condition.lowered()
        if formula is not None:
            return self._formula(formula, truth)
        reader = _READERS.get(condition.type)
        if reader is not None:
            return reader(self, node, truth)
        return self._opaque(condition, truth)

    def every(self, nodes: tuple[Node, ...], truth: bool = True) -> Ways:
        """Return the ways in which all the conditions hold, or with *truth* ``False`` at least one does not."""
        parts = [self.of(node, truth) for node in nodes]
        return together(parts) if truth else either(parts)

    # Formulas

    def _formula(self, formula: Formula, truth: bool) -> Ways:
        if isinstance(formula, Atom):
            return self._atom(formula, truth)
        if formula.operator == "NOT":
            return self._formula(formula.parts[0], not truth)
        parts = [self._formula(part, truth) for part in formula.parts]
        return together(parts) if (formula.operator == "AND") is truth else either(parts)

    def _atom(self, atom: Atom, truth: bool) -> Ways:
        operator = atom.operator if truth else _OPPOSITE[atom.operator]
        if self._is_variable(atom.ref):
            return self._compared(_name("left"), operator, ast.Constant(atom.limit), {"left": atom.ref})
        return (Case({key_of(atom.ref): Domain.numbers(operator, atom.limit)}),)

    def _compared(self, left: ast.expr, operator: str, right: ast.expr, refs: Mapping[str, SensorRef]) -> Ways:
        tree = ast.Compare(left, [_SIGNS[operator]()], [right])
        own = {name: tree_of(self.variables[ref.sensor]) for name, ref in refs.items() if self._is_variable(ref)}
        keys = {name: key_of(ref) for name, ref in refs.items() if name not in own}
        return Sentence({**self.variables, **{name: expression_of(tree) for name, tree in own.items()}}, keys).ways(
            tree, True
        )

    def _is_variable(self, ref: SensorRef) -> bool:
        return ref.device is None and ref.sensor in self.variables

    # Conditions with something beside comparisons

    def comparison(self, node: Node, truth: bool) -> Ways:
        """Read a comparison with hysteresis, with a text or truth, or with another sensor."""
        config = node.condition.config
        ref, operator, value = SensorRef.of(config), config["operator"], config["value"]
        if isinstance(value, Mapping):
            refs = {"left": ref, "right": SensorRef.of(value)}
            return self._compared(_name("left"), operator if truth else _OPPOSITE[operator], _name("right"), refs)
        if self._is_variable(ref):
            return self._opaque(node.condition, truth)
        key = key_of(ref)
        if not is_number(value):
            return (Case({key: Domain.equals(value, wanted=(operator == "==") is truth)}),)
        return _with_hysteresis(key, operator, value, config.get("hysteresis", 0), truth)

    def composite(self, node: Node, truth: bool) -> Ways:
        """Read AND, OR, NOT."""
        operator = node.condition.config["operator"]
        if operator == "NOT":
            return self.of(node.children[0], not truth)
        parts = [self.of(child, truth) for child in node.children]
        return together(parts) if (operator == "AND") is truth else either(parts)

    def duration(self, node: Node, truth: bool) -> Ways:
        """Read a duration: what is inside has lasted, or is false, or is true for too short a time."""
        duration_us = seconds_us(node.condition.config["duration_seconds"])
        inner = self.of(node.children[0], True)
        if truth:
            return tuple(way for way in (way.held(duration_us) for way in inner) if way.possible)
        young = tuple(replace(way, under_us=min(duration_us, way.under_us or duration_us)) for way in inner)
        return either([self.of(node.children[0], False), young])

    def change(self, node: Node, truth: bool) -> Ways:
        """Read a change: what was before, and what is now."""
        config = node.condition.config
        key = key_of(SensorRef.of(config))
        if "by" in config:
            if not truth:
                return (Case({key: NUMBERS}),)
            within_us = seconds_us(config["within_seconds"])
            return (Case({key: NUMBERS}, moves=(Move(key, config["by"], config.get("direction", "any"), within_us),)),)
        if not truth:
            return (ALWAYS,)
        come = Domain.equals(config["to"]) if "to" in config else ANY
        gone = Domain.equals(config["from"]) if "from" in config else ANY
        if "to" in config and "from" in config and gone == come:
            return ()  # a value that stays is no change
        if "to" in config and "from" not in config:
            gone = Domain.equals(config["to"], wanted=False)
        if "from" in config and "to" not in config:
            come = Domain.equals(config["from"], wanted=False)
        return (Case({key: come}, {key: gone}),)

    def time(self, node: Node, truth: bool) -> Ways:
        """Read the clock."""
        name = f"{sorted(node.condition.config.items())} {self.zone} {self.week_us}"
        if name not in self.known_spans:
            self.known_spans[name] = true_spans(node.condition, self.zone, self.week_us)
        spans = self.known_spans[name]
        if spans is None:
            return self._opaque(node.condition, truth)
        week = spans if truth else rest_of(spans)
        return (Case(week=week),) if week else ()

    def expression(self, node: Node, truth: bool) -> Ways:
        """Read an expression."""
        parsed = Expression.parse(node.condition.config["expression"])
        return Sentence(self.variables, {}).ways(tree_of(parsed), truth)

    def _opaque(self, condition: Condition, truth: bool) -> Ways:
        """Read what declares no more than bounds, if that."""
        bounds = condition.bounds() if truth else None
        box: dict[Key, Domain] = {}
        for sensor, (low, high) in (bounds or {}).items():
            box[None, sensor, None] = Domain((Span(low, high),) if low <= high else ())
        way = Case(box, unsure=frozenset({f"condition {condition.type}"}))
        return (way,) if way.possible else ()


def key_of(ref: SensorRef) -> Key:
    """Return the key of a sensor: an age limit makes no other sensor of it."""
    return (ref.device, ref.sensor, ref.aggregate)


def _with_hysteresis(key: Key, operator: str, limit: float, slack: float, truth: bool) -> Ways:
    rising = operator in (">", ">=")
    release = limit - slack if rising else limit + slack
    reached = Domain.numbers(operator, limit)
    kept = Domain.numbers(">=" if rising else "<=", release).meet(Domain.numbers(_OPPOSITE[operator], limit))
    if truth:
        ways = (Case({key: reached}), Case({key: kept}, {key: reached}))
    else:
        ways = (Case({key: Domain.numbers("<" if rising else ">", release)}), Case({key: kept}))
    return tuple(way for way in ways if way.possible)


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
_SIGNS: Mapping[str, type[ast.cmpop]] = {
    ">": ast.Gt,
    ">=": ast.GtE,
    "<": ast.Lt,
    "<=": ast.LtE,
    "==": ast.Eq,
    "!=": ast.NotEq,
}
_READERS: Mapping[str, Callable[[Reader, Node, bool], Ways]] = {
    "comparison": Reader.comparison,
    "composite": Reader.composite,
    "duration": Reader.duration,
    "change": Reader.change,
    "time": Reader.time,
    "expression": Reader.expression,
}
