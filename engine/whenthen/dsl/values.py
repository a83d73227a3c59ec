"""Which values compare: numbers with numbers, texts with texts, booleans with booleans (ruling 22)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from whenthen.model.reading import Scalar

MAX_WHOLE_NUMBER = 1 << 53
"""Beyond it a double no longer holds every whole number, so whole numbers beyond it are refused."""

Compare = Callable[[Any, Any], bool]


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; a boolean is none.

    >>> is_number(1), is_number(True)
    (True, False)
    """
    kind = value.__class__
    return kind is float or kind is int


def ordered(a: Any, b: Any) -> bool:
    """Tell whether two values can be ordered: only numbers can."""
    return is_number(a) and is_number(b)


def same_kind(a: Any, b: Any) -> bool:
    """Tell whether two values can be equal at all.

    >>> same_kind(1, 1.5), same_kind(1, True), same_kind("a", "b")
    (True, False, True)
    """
    return a.__class__ is b.__class__ or ordered(a, b)


def as_scalar(value: Any) -> Scalar | None:
    """Return a value that may stand for a sensor's, ``None`` for what may not: NaN, infinity, beyond 2^53, objects.

    >>> as_scalar(21.5), as_scalar(float("nan")), as_scalar([1])
    (21.5, None, None)
    """
    kind = value.__class__
    if kind is float:
        return value if isfinite(value) else None
    if kind is int:
        return value if -MAX_WHOLE_NUMBER <= value <= MAX_WHOLE_NUMBER else None
    return value if kind is bool or kind is str else None


def _ordering(compare: Compare) -> Compare:
    def operation(a: Any, b: Any) -> bool:
        kind, other = a.__class__, b.__class__
        if (kind is float or kind is int) and (other is float or other is int):
            return compare(a, b)
        raise TypeError("only numbers have an order")

    return operation


def _equality(compare: Compare) -> Compare:
    def operation(a: Any, b: Any) -> bool:
        if same_kind(a, b):
            return compare(a, b)
        raise TypeError("values of different kinds do not compare")

    return operation


COMPARISONS: Mapping[str, Compare] = {
    ">": _ordering(operator.gt),
    ">=": _ordering(operator.ge),
    "<": _ordering(operator.lt),
    "<=": _ordering(operator.le),
    "==": _equality(operator.eq),
    "!=": _equality(operator.ne),
}
"""Comparisons by their sign; each raises ``TypeError`` for values that do not compare."""


def compare(sign: str, a: Scalar | None, b: Scalar | None) -> bool | None:
    """Return whether ``a sign b`` holds; ``None`` when the two do not compare or one is unknown.

    >>> compare("==", 1, 1.0), compare("!=", 1, "1"), compare(">", "b", "a")
    (True, None, None)
    """
    if a is None or b is None:
        return None
    try:
        return COMPARISONS[sign](a, b)
    except TypeError:
        return None
