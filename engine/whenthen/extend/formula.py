"""Conditions that are nothing but comparisons, as formulas: the cuts and the bounds that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any, Literal

Aggregate = Literal["mean", "min", "max"]


@dataclass(frozen=True, slots=True)
class SensorRef:
    """A sensor that a rule reads: of the subject, or of *device* outright.

    *max_age_us* makes an older value unknown; *aggregate* joins the values of a room's or farm's devices.

    >>> SensorRef.of({"sensor": "co2", "max_age_seconds": 60}).max_age_us
    60000000
    """

    sensor: str
    device: str | None = None
    aggregate: Aggregate | None = None
    max_age_us: int | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> SensorRef:
        """Return the sensor that a config with ``sensor``, ``device``, ``aggregate``, ``max_age_seconds`` names."""
        age = config.get("max_age_seconds")
        return cls(
            config["sensor"],
            config.get("device"),
            config.get("aggregate"),
            None if age is None else round(age * 1_000_000),
        )


@dataclass(frozen=True, slots=True)
class Atom:
    """A sensor's number compared with a constant: the smallest formula.

    >>> Atom(SensorRef("co2"), ">", 1000.0).limit
    1000.0
    """

    ref: SensorRef
    operator: Literal[">", ">=", "<", "<=", "==", "!="]
    limit: float


@dataclass(frozen=True, slots=True)
class Junction:
    """Formulas joined as Kleene's tables say; ``NOT`` joins one.

    >>> Junction("NOT", (Atom(SensorRef("co2"), ">", 1000.0),)).operator
    'NOT'
    """

    operator: Literal["AND", "OR", "NOT"]
    parts: tuple[Formula, ...]


Formula = Atom | Junction
"""A condition that is nothing but comparisons: no memory, no time. The engine turns it into one function.

>>> isinstance(Atom(SensorRef("co2"), ">", 1000.0), Formula)
True
"""


Bounds = Mapping[str, tuple[float, float]]
"""By sensor, a closed interval of numbers.

>>> bounds: Bounds = {"co2": (400.0, 1000.0)}
>>> bounds["co2"][1]
1000.0
"""


_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


def atoms(formula: Formula) -> Iterator[Atom]:
    """Yield every comparison in a formula."""
    if isinstance(formula, Atom):
        yield formula
    else:
        for part in formula.parts:
            yield from atoms(part)


def atom_cuts(atom: Atom) -> tuple[float, ...]:
    """Return the cuts of one comparison: ``v >= c`` is ``v`` above the double just below ``c``.

    >>> atom_cuts(Atom(SensorRef("co2"), ">", 1000.0))
    (1000.0,)
    """
    below = nextafter(atom.limit, -inf)
    if atom.operator in (">", "<="):
        return (atom.limit,)
    return (below,) if atom.operator in (">=", "<") else (below, atom.limit)


def formula_bounds(formula: Formula, *, truth: bool = True) -> Bounds:
    """Return where each of the subject's sensors must lie for a formula to be known *truth*; may be wider than need be.

    >>> formula_bounds(Junction("NOT", (Atom(SensorRef("co2"), ">", 1000.0),)))
    {'co2': (-inf, 1000.0)}
    """
    if isinstance(formula, Atom):
        return _atom_bounds(formula, truth=truth)
    if formula.operator == "NOT":
        return formula_bounds(formula.parts[0], truth=not truth)
    parts = [formula_bounds(part, truth=truth) for part in formula.parts]
    return merged_bounds(parts, every=(formula.operator == "AND") is truth)


def merged_bounds(parts: Sequence[Bounds], *, every: bool) -> Bounds:
    """Return the bounds of several conditions of which *every* one holds, or at least one.

    >>> merged_bounds([{"a": (0, 5)}, {"a": (3, 9), "b": (1, 2)}], every=True)
    {'a': (3, 5), 'b': (1, 2)}
    >>> merged_bounds([{"a": (0, 5)}, {"a": (3, 9), "b": (1, 2)}], every=False)
    {'a': (0, 9)}
    """
    inner, outer = (max, min) if every else (min, max)
    names = dict.fromkeys(name for part in parts for name in part)
    wanted = [name for name in names if every or all(name in part for part in parts)]
    found = {name: [part[name] for part in parts if name in part] for name in wanted}
    return {name: (inner(low for low, _ in pairs), outer(high for _, high in pairs)) for name, pairs in found.items()}


def _atom_bounds(atom: Atom, *, truth: bool) -> Bounds:
    ref = atom.ref
    if ref.device is not None or ref.aggregate is not None:
        return {}  # it is not the subject's own reading that counts
    operator = atom.operator if truth else _OPPOSITE[atom.operator]
    if operator == "!=":
        return {}
    low = atom.limit if operator in (">", ">=", "==") else -inf
    high = atom.limit if operator in ("<", "<=", "==") else inf
    return {ref.sensor: (low, high)}
