"""Expressions: what the gate lets through, what it says otherwise, and what an evaluation gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from whenthen import Expression, ExpressionError

CALLS: Mapping[str, Callable[..., Any]] = {"abs": abs, "max": max, "clamp": lambda x, low, high: max(low, min(high, x))}


def value(source: str, /, **names: Any) -> Any:
    return Expression.parse(source, CALLS).evaluator(CALLS)(names)


def refusal(source: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(source, CALLS)
    return caught.value


def test_names_are_those_that_are_read_and_calls_those_that_are_called() -> None:
    expression = Expression.parse("abs(a - b) > 1 and not (true == c) and max > 2", CALLS)

    assert expression.source == "abs(a - b) > 1 and not (true == c) and max > 2"
    assert expression.names == {"a", "b", "c", "max"}
    assert expression.calls == {"abs"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("t > 25 and h > 70", True),
        ("t > 25 and h > 90", False),
        ("t > 99 or h > 70", True),
        ("not t > 25", False),
        ("20 < t <= 30", True),
        ("20 < t < 30 < 10", False),
        ("t + h * 2 - 1", 189),
        ("h / t", 80 / 30),
        ("h // t", 2),
        ("h % t", 20),
        ("-t + +h", 50),
        ("--t", 30),
        ("1 if t > h else 2", 2),
        ("abs(t - h)", 50),
        ("clamp(max(t, h), 0, 75) == 75", True),
        ("mode == 'eco'", True),
        ("mode != 'eco'", False),
        ("'eco' if on else 'off'", "eco"),
        ("on", True),
        ("on == true and off == False", True),
        ("on and not off", True),
        ("true", True),
        ("  t > 25  ", True),
        ("n == 1.0 and n == 1 and 0.0 == -0.0", True),
        ("'#ff0000' == \"#ff0000\"", True),
    ],
)
def test_expressions_give_what_they_say(source: str, expected: object) -> None:
    assert value(source, t=30, h=80, mode="eco", on=True, off=False, n=1) == expected


@pytest.mark.parametrize(
    "source",
    [
        "missing > 1",
        "t > 1 or missing > 1",
        "1 if t > 1 else missing",
        "t / 0 > 1",
        "t // 0 > 1",
        "t % 0 > 1",
        "t * 1e308 * 10",
        "t * 1e308 * 10 > 1",
        "t == mode",
        "t != mode",
        "on == 1",
        "on != t",
        "mode > other",
        "on > off",
        "t + mode",
        "mode + other",
        "mode * 3",
        "on + 1",
        "-on",
        "-mode",
        "t and on",
        "on and t",
        "not t",
        "not mode",
        "1 if t else 2",
        "abs(mode)",
        "abs(t, t)",
        "9007199254740992 * 2",
        "nothing",
        "many == 1",
    ],
)
def test_a_failure_of_any_kind_is_unknown(source: str) -> None:
    assert value(source, t=30.0, mode="eco", other="x", on=True, off=False, nothing=None, many=[1]) is None


@pytest.mark.parametrize("given", [float("nan"), float("inf"), 2**54, [1], {"a": 1}, None, object(), 1j, b"x"])
def test_a_function_that_returns_no_usable_value_makes_it_unknown(given: Any) -> None:
    calls = {"f": lambda: given}

    assert Expression.parse("f() == f()", calls).evaluator(calls)({}) is None
    assert Expression.parse("f()", calls).evaluator(calls)({}) is None


def test_a_function_that_raises_makes_it_unknown() -> None:
    def fail() -> float:
        raise RuntimeError("broken")

    assert Expression.parse("fail() > 1", {"fail"}).evaluator({"fail": fail})({}) is None


def test_a_function_that_is_not_there_makes_it_unknown() -> None:
    assert Expression.parse("gone(1) > 0").evaluator({})({}) is None


def test_a_function_sees_scalars_only() -> None:
    seen: list[Any] = []

    def note(*arguments: Any) -> int:
        seen.append(arguments)
        return 1

    calls = {"f": note}
    evaluate = Expression.parse("f(a, 'x', true, 1 + 1) == 1", calls).evaluator(calls)

    assert evaluate({"a": 2.5}) is True
    assert evaluate({"a": [1]}) is None  # type: ignore[dict-item]
    assert seen == [(2.5, "x", True, 2)]


def test_an_evaluation_leaves_no_trace_in_the_next() -> None:
    evaluate = Expression.parse("a > 1").evaluator({})

    assert [evaluate({"a": 2}), evaluate({}), evaluate({"a": 0})] == [True, None, False]


def test_an_evaluator_is_made_once_for_the_same_functions() -> None:
    expression = Expression.parse("abs(a) > 1", CALLS)
    first = expression.evaluator(CALLS)

    assert expression.evaluator(dict(CALLS)) is first
    assert expression.evaluator({"abs": lambda _: 0})({"a": 5}) is False
    assert first({"a": 5}) is True


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("", "empty", "use names"),
        ("a ** 2", "no powers", "multiply"),
        ("a & b", "no &", "'and'"),
        ("a | b", "no |", "'or'"),
        ("~a", "no ~", "'not'"),
        ("a in b", "no 'in'", "=="),
        ("a is b", "no 'is'", "=="),
        ("a.b > 1", "no attributes", "accelerometer_x"),
        ("a['b'] > 1", "no subscripts", "accelerometer_x"),
        ("f'{a}' == 'b'", "no expressions", "plain text"),
        ("(a, b)", "no lists", "join"),
        ("a << 1", "no <<", "write <"),
        ("a >> 1", "no >>", "write >"),
        ("a ^ b", "no ^", "!="),
        ("None", "None", "unknown by itself"),
        ("a == null and b == None", "None", "unknown by itself"),
        ("a && b", "cannot be read", "'and'"),
        ("a || b", "cannot be read", "'or'"),
        ("!a", "cannot be read", "'not'"),
        ("a AND b", "cannot be read", "small letters"),
        ("a = 1", "cannot be read", "=="),
        ("a > 'x && y", "cannot be read", ""),
        ("_a > 1", "underscore", "use names"),
        ("ab(1)", "no function 'ab'", "did you mean 'abs'?"),
        ("unheard(1)", "no function 'unheard'", "there are abs, clamp, max"),
        ("max(a, key=b)", "without names", "leave the names out"),
        ("max(*a)", "Starred", "use names"),
        ("max(1)(2)", "called by name", "use names"),
        ("a == 'é'", "ASCII", "leave"),
        ("a ==\n1", "one line", "leave"),
        ("a == 'b\\n'", "backslashes", "leave"),
        ("9007199254740993", "2^53", "smaller"),
        ("1e999", "finite", "smaller"),
        ("1 > 'a'", "do not compare", "one kind"),
        ("a > 'b'", "a text has no order", "== or !="),
        ("a > true", "a truth has no order", "== or !="),
        ("mode == 'a' or 'b'", "not a text", "compare it"),
        ("a > 1 and 5", "not a number", "compare it"),
        ("not 5", "not a number", "compare it"),
        ("1 if a + 1 else 2", "not a number", "compare it"),
        ("a + 'b'", "arithmetic takes numbers", "use names"),
        ("-'b'", "arithmetic takes numbers", "use names"),
        ("(a > 1) + 1", "arithmetic takes numbers", "use names"),
    ],
)
def test_what_is_refused_is_refused_with_a_reason_and_a_hint(source: str, message: str, hint: str) -> None:
    error = refusal(source)

    assert message in str(error)
    assert hint in error.hint


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ExpressionError):
        Expression.parse(5)  # type: ignore[arg-type]


def test_any_function_may_be_called_when_none_are_listed() -> None:
    assert Expression.parse("whatever(1) > 0").calls == {"whatever"}


def test_length_parts_and_depth_have_limits() -> None:
    assert value("a" + " " * 998 + " ", a=True) is True
    assert "1001 characters" in str(refusal("a" * 1001))
    assert value("max(" + ",".join(["1"] * 199) + ")") == 1
    assert "too much" in str(refusal("max(" + ",".join(["1"] * 200) + ")"))
    assert value("+".join(["1"] * 40)) == 40
    assert "too much" in str(refusal("+".join(["1"] * 41)))
