"""Whether two conditions are true, false and unknown for the same readings: exact for comparisons, else only if alike.

A formula changes its truth at its cuts alone, so one value at each cut and one between each two say all there is to
say. What is more than a formula is taken for the same only if it is written the same around parts that are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from math import prod
from typing import Any

from whenthen.dsl.compiled import Node
from whenthen.extend.condition import Truth
from whenthen.extend.formula import Atom, Formula, Junction, SensorRef, atoms

_MOST = 20_000
"""So many assignments are looked at; a formula with more is not taken for the same."""
_COMPARE = {
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    "==": lambda value, limit: value == limit,
    "!=": lambda value, limit: value != limit,
}

Values = Mapping[SensorRef, float | None]


def same_conditions(one: Sequence[Node], other: Sequence[Node]) -> bool:
    """Tell whether two lists of conditions, all of which must hold, are known to mean the same.

    >>> from whenthen.dsl.rule import Node
    >>> from whenthen_plugins.conditions.comparison import Comparison
    >>> at_least, more = (Comparison({"sensor": "co2", "operator": o, "value": 9}) for o in (">=", ">"))
    >>> same_conditions([Node(at_least, (), "")], [Node(at_least, (), ""), Node(at_least, (), "")])
    True
    >>> same_conditions([Node(at_least, (), "")], [Node(more, (), "")])
    False
    """
    ours, ours_left = _formulas(one)
    theirs, theirs_left = _formulas(other)
    if len(ours_left) != len(theirs_left):
        return False
    if not all(same(a, b) for a, b in zip(ours_left, theirs_left, strict=True)):
        return False
    return same_formula(Junction("AND", tuple(ours)), Junction("AND", tuple(theirs)))


def same(one: Node, other: Node) -> bool:
    """Tell whether two conditions are known to mean the same."""
    ours, theirs = one.condition.lowered(), other.condition.lowered()
    if ours is not None and theirs is not None:
        return same_formula(ours, theirs)
    kind = type(one.condition)
    if kind is not type(other.condition) or len(one.children) != len(other.children):
        return False
    if _bare(one) != _bare(other):
        return False
    return all(same(a, b) for a, b in zip(one.children, other.children, strict=True))


def same_formula(one: Formula, other: Formula) -> bool:
    """Tell whether two formulas have the same truth for every assignment of numbers and unknown to their sensors."""
    values = points([one, other])
    if prod(len(found) for found in values.values()) > _MOST:
        return False
    return all(truth_of(one, given) is truth_of(other, given) for given in assignments(values))


def outcomes(formula: Formula) -> frozenset[Truth]:
    """Return the truths that a formula can have at all; all three when there are too many assignments to look at.

    >>> sorted(map(str, outcomes(Atom(SensorRef("co2"), ">", 1000.0))))
    ['False', 'None', 'True']
    """
    values = points([formula])
    if prod(len(found) for found in values.values()) > _MOST:
        return frozenset((True, False, None))
    return frozenset(truth_of(formula, given) for given in assignments(values))


def points(formulas: Sequence[Formula]) -> dict[SensorRef, list[float | None]]:
    """Return, by sensor, unknown, each limit, and one number on either side of each."""
    limits: dict[SensorRef, set[float]] = {}
    for formula in formulas:
        for atom in atoms(formula):
            limits.setdefault(atom.ref, set()).add(atom.limit)
    return {ref: [None, *_around(sorted(found))] for ref, found in limits.items()}


def assignments(values: Mapping[SensorRef, Sequence[float | None]]) -> list[Values]:
    """Return every way to give each sensor one of its values."""
    return [dict(zip(values, given, strict=True)) for given in product(*values.values())]


def truth_of(formula: Formula, values: Values) -> Truth:
    """Return a formula's truth by Kleene's tables."""
    if isinstance(formula, Atom):
        value = values[formula.ref]
        return None if value is None else _COMPARE[formula.operator](value, formula.limit)
    parts = [truth_of(part, values) for part in formula.parts]
    if formula.operator == "NOT":
        return None if parts[0] is None else not parts[0]
    decisive = formula.operator == "OR"
    return decisive if decisive in parts else None if None in parts else not decisive


def _around(limits: Sequence[float]) -> list[float]:
    between = [(low + high) / 2 for low, high in pairwise(limits)]
    return sorted({limits[0] - 1, *limits, *between, limits[-1] + 1})


def _formulas(nodes: Sequence[Node]) -> tuple[list[Formula], list[Node]]:
    """Return the formulas of those conditions that are some, and the other conditions."""
    lowered = [(node, node.condition.lowered()) for node in nodes]
    return [formula for _, formula in lowered if formula is not None], [node for node, one in lowered if one is None]


def _bare(node: Node) -> dict[str, Any]:
    """Return a condition's config without the conditions inside it; what its schema takes for granted is left out."""
    kind = type(node.condition)
    known = kind.schema.get("properties", {})
    return {
        key: value
        for key, value in node.condition.config.items()
        if key != kind.nested and not ("default" in known.get(key, {}) and known[key]["default"] == value)
    }
