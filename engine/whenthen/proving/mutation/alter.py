"""What one value in a rule may have been mistaken for: a limit, a time, a choice, a text, an expression."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from whenthen.analysis.matters import unit_of

_NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    ">": (">=", "<"),
    ">=": (">", "<="),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    "==": ("!=",),
    "!=": ("==",),
    "AND": ("OR",),
    "OR": ("AND",),
    "NOT": (),
}
"""Choices that have a nearest mistake; of any other enumeration every other value is one."""
_CLOCK = re.compile(r"(\d\d):(\d\d)")
_PLAIN = re.compile(r"[\w.-]+")
_SWITCHES = (("turn_on_", "turn_off_"), ("turn_off_", "turn_on_"), ("open_", "close_"), ("close_", "open_"))
_OPERATORS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Alteration:
    """Another value: *operator* says of which kind the mistake is."""

    operator: str
    value: Any


def is_time(key: str) -> bool:
    """Tell whether a number of that name is a length of time.

    >>> is_time("duration_seconds"), is_time("value")
    (True, False)
    """
    # An offset (from sunset, say) is a place in time, on either side of what it is counted from.
    return unit_of(key) is not None and not key.startswith("offset")


def alterations(key: str, value: Any, schema: Mapping[str, Any]) -> Iterator[Alteration]:
    """Yield what else a config's *value* under *key* might have been; *schema* is that of the value.

    >>> [(one.operator, one.value) for one in alterations("value", 1000, {})]
    [('number_raised', 1100), ('number_lowered', 900)]
    """
    if isinstance(value, bool):
        yield Alteration("value_changed", not value)
    elif isinstance(value, int | float):
        yield from _numbers(key, value)
    elif isinstance(value, str) and value in schema.get("enum", ()):
        others = _NEIGHBOURS.get(value, tuple(one for one in schema["enum"] if one != value))
        yield from (Alteration("choice_changed", other) for other in others)
    elif isinstance(value, str):
        yield from _texts(key, value)


def _numbers(key: str, value: float) -> Iterator[Alteration]:
    if is_time(key):
        yield Alteration("time_halved", _neat(value / 2))
        yield Alteration("time_doubled", _neat(value * 2))
        return
    step = max(1, round(abs(value) / 10)) if isinstance(value, int) else abs(value) / 10 or 0.1
    yield Alteration("number_raised", _neat(value + step))
    yield Alteration("number_lowered", _neat(value - step))


def _neat(number: float) -> float:
    """Return a number as a person would write it: no dust behind the point, whole ones without a point."""
    rounded = float(f"{number:.9g}")
    return int(rounded) if rounded.is_integer() else rounded


def _texts(key: str, value: str) -> Iterator[Alteration]:
    if key == "cron":
        yield from (Alteration("clock_moved", line) for line in _crons(value))
    elif _CLOCK.fullmatch(value):
        yield from (Alteration("clock_moved", moved) for moved in _clocks(value))
    else:
        yield Alteration("value_changed", other_text(value))


def _clocks(text: str) -> Iterator[str]:
    hour, minute = text.split(":")
    for hours in (1, 23):
        yield f"{(int(hour) + hours) % 24:02}:{minute}"


def _crons(line: str) -> Iterator[str]:
    """Yield the line with a number of its minutes, then of its hours, one on; every minute becomes every second one."""
    fields = line.split()
    for place, turn in ((0, 60), (1, 24)):
        if fields[place].isdigit():
            yield " ".join([*fields[:place], str((int(fields[place]) + 1) % turn), *fields[place + 1 :]])
    if fields[0] == "*":
        yield " ".join(["*/2", *fields[1:]])


def other_text(text: str) -> str:
    """Return a text that is not this one: of a command that switches, its opposite.

    >>> other_text("turn_on_fan"), other_text("red"), other_text("{co2} ppm")
    ('turn_off_fan', 'other', '{co2} ppm (changed)')
    """
    for prefix, opposite in _SWITCHES:
        if text.startswith(prefix):
            return opposite + text.removeprefix(prefix)
    if _PLAIN.fullmatch(text):
        return "other" if text != "other" else "another"
    return f"{text} (changed)"


def expressions(source: str) -> Iterator[Alteration]:
    """Yield an expression with one thing in it changed: a comparison, a number, ``and``/``or``, ``not``, arithmetic.

    >>> [one.value for one in expressions("co2 > 800 and door")]
    ['co2 >= 800 and door', 'co2 > 880 and door', 'co2 > 720 and door', 'co2 > 800 or door']
    """
    tree = ast.parse(source.strip(), mode="eval")
    changed = []
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            copy = deepcopy(tree)
            place = next(found for position, found in enumerate(ast.walk(copy)) if position == index)
            change(place)
            changed.append((getattr(node, "col_offset", 0), isinstance(node, ast.BoolOp), ast.unparse(copy)))
    for _, _, text in sorted(changed, key=lambda one: (one[1], one[0])):
        yield Alteration("expression_changed", text)


def _changes(node: ast.AST) -> Iterator[Callable[[Any], None]]:
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            other = _OPERATORS.get(type(operator))
            if other is not None:
                yield lambda place, at=position, made=other: place.ops.__setitem__(at, made())  # type: ignore[misc]
    elif isinstance(node, ast.BoolOp):
        made = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield lambda place: setattr(place, "op", made())
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        other_kind = _ARITHMETIC[type(node.op)]
        yield lambda place: setattr(place, "op", other_kind())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield lambda place: setattr(place, "operand", ast.UnaryOp(ast.Not(), place.operand))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        for one in _numbers("", node.value):
            yield lambda place, number=one.value: setattr(place, "value", number)  # type: ignore[misc]
