"""Values compare with their own kind only."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.dsl.values import as_scalar, compare, is_number, ordered, same_kind


@pytest.mark.parametrize(
    ("a", "sign", "b", "expected"),
    [
        (1, "==", 1.0, True),
        (-0.0, "==", 0, True),
        (1, "!=", 1.5, True),
        (1, "<", 2.5, True),
        (2, ">=", 2.0, True),
        (2, "<=", 1, False),
        ("a", "==", "a", True),
        ("a", "!=", "b", True),
        (True, "==", True, True),
        (True, "!=", False, True),
        (1, "==", True, None),
        (0, "!=", False, None),
        (1, "==", "1", None),
        (1, "!=", "1", None),
        (True, "==", "true", None),
        ("a", "<", "b", None),
        (True, ">", False, None),
        (True, ">=", 0, None),
        (None, "==", 1, None),
        (1, "!=", None, None),
        (None, "==", None, None),
    ],
)
def test_comparisons(a: Any, sign: str, b: Any, expected: bool | None) -> None:
    assert compare(sign, a, b) is expected


def test_a_boolean_is_no_number() -> None:
    assert [is_number(value) for value in (1, 1.5, True, "1", None)] == [True, True, False, False, False]
    assert not ordered(1, True)
    assert not same_kind(1, True)


@pytest.mark.parametrize("value", [0, 1.5, -(2**53), True, "", "a"])
def test_a_usable_value_is_kept(value: Any) -> None:
    assert as_scalar(value) is value


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 2**53 + 1, [], {}, b"", 1j, object()])
def test_anything_else_is_no_value(value: Any) -> None:
    assert as_scalar(value) is None
