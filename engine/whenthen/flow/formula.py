"""A formula as one Python function: known true, known false, or unknown.

The function is written and compiled once a shape, as ``dataclasses`` and ``attrs`` do; constants and slots are its
arguments, so the text holds nothing but generated names and six operators. See
``docs/decisions/0004-generated-checks.md`` for the figures that speak for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from whenthen.extend.condition import Check
from whenthen.extend.formula import Atom, Formula, SensorRef
from whenthen.flow.state import Slot

_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


class _Writer:
    """Writes when a formula is known true or known false, naming slots and constants as they come.

    A sensor that is no number reads as not-a-number here, which compares false both ways: so neither is known.
    """

    def __init__(self) -> None:
        self.refs: dict[SensorRef, str] = {}
        self.limits: list[float] = []

    def known(self, formula: Formula, *, truth: bool) -> str:
        if isinstance(formula, Atom):
            return self._atom(formula, truth=truth)
        if formula.operator == "NOT":
            return self.known(formula.parts[0], truth=not truth)
        word = " and " if (formula.operator == "AND") is truth else " or "
        return "(" + word.join(self.known(part, truth=truth) for part in formula.parts) + ")"

    def _atom(self, atom: Atom, *, truth: bool) -> str:
        value = self.refs.setdefault(atom.ref, f"v{len(self.refs)}")
        limit = f"c{len(self.limits)}"
        self.limits.append(atom.limit)
        if (atom.operator == "==") is truth and atom.operator in ("==", "!="):
            return f"{value} == {limit}"
        if atom.operator in ("==", "!="):
            return f"({value} < {limit} or {value} > {limit})"
        return f"{value} {atom.operator if truth else _OPPOSITE[atom.operator]} {limit}"


def check_of(formula: Formula, slots: Mapping[SensorRef, Slot]) -> Check:
    """Return the check of a formula over the slots of its sensors."""
    writer = _Writer()
    true = writer.known(formula, truth=True)
    false = writer.known(formula, truth=False)
    make = _factory(true, false, len(writer.refs), len(writer.limits))
    return make(*(slots[ref] for ref in writer.refs), *writer.limits)


@lru_cache(maxsize=4096)
def _factory(true: str, false: str, values: int, limits: int) -> Callable[..., Check]:
    """Return the function that makes checks of one shape."""
    arguments = [f"s{index}" for index in range(values)] + [f"c{index}" for index in range(limits)]
    lines = [
        f"def make({', '.join(arguments)}):",
        "    def check(_now_us):",
        *(f"        v{index} = s{index}.number" for index in range(values)),
        f"        if {false}: return False",
        f"        return True if {true} else None",
        "    return check",
    ]
    scope: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<formula>", "exec"), {"__builtins__": {}}, scope)  # noqa: S102 - see the module
    make: Callable[..., Check] = scope["make"]
    return make
