"""The built-in functions."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest

from whenthen import Expression, View
from whenthen_plugins.functions import FUNCTIONS, detect_fall_pattern

CALLS = {function.name: function.call for function in FUNCTIONS if not function.condition}


def value(source: str) -> Any:
    return Expression.parse(source, CALLS).evaluator(CALLS)({})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("abs(-2.5)", 2.5),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("max(3)", 3),
        ("round(2.567)", 3),
        ("round(2.567, 1)", 2.6),
        ("round(2.5)", 2),
        ("clamp(120, 0, 100)", 100),
        ("clamp(-1, 0, 100)", 0),
        ("clamp(50, 0, 100)", 50),
        ("avg(1, 2, 6)", 3),
        ("comfort_score(22, 50, 600)", 100),
        ("comfort_score(20, 60, 800)", 100),
        ("comfort_score(26, 50, 900)", 70),
        ("comfort_score(18, 35, 800)", 50),
        ("comfort_score(40, 90, 5000)", 0),
    ],
)
def test_functions_of_expressions(source: str, expected: float) -> None:
    assert value(source) == pytest.approx(expected)


@pytest.mark.parametrize(
    "source",
    [
        "abs('a')",
        "abs(true)",
        "abs()",
        "min()",
        "min('a', 'b')",
        "max(1, true)",
        "round('a')",
        "round(1.5, 11)",
        "round(1.5, -1)",
        "round(1.5, 1.0)",
        "round(1.5, true)",
        "clamp(1, 2, 0)",
        "clamp(1, 2)",
        "clamp('a', 'a', 'b')",
        "avg()",
        "avg('a')",
        "comfort_score('a', 50, 600)",
        "comfort_score(22, true, 600)",
    ],
)
def test_arguments_of_a_wrong_kind_or_number_make_it_unknown(source: str) -> None:
    assert value(source) is None


class Wrist:
    """A wristband whose condition keeps its state, as an engine would, as JSON."""

    def __init__(self, **params: float) -> None:
        self.params = params
        self.state = "{}"

    def feel(self, at_ms: int, x: float, y: float = 0.0, z: float = 0.0) -> bool:
        values = {"accelerometer_x": x, "accelerometer_y": y, "accelerometer_z": z}
        view = View({name: lambda _now_us, v=v: v for name, v in values.items()}, json.loads(self.state), UTC, {})  # type: ignore[misc]
        view.now_us = at_ms * 1_000
        truth = detect_fall_pattern(view, self.params)
        self.state = json.dumps(view.state)
        return truth


def test_a_free_fall_that_ends_in_an_impact_is_a_fall() -> None:
    wrist = Wrist(threshold_g=2.5, impact_duration_ms=100)

    assert [wrist.feel(0, 1.0), wrist.feel(100, 0.1), wrist.feel(200, 0.1), wrist.feel(300, 0, 1.5, 2.0)] == [
        False,
        False,
        False,
        True,
    ]


def test_a_second_look_at_the_same_instant_sees_the_same() -> None:
    wrist = Wrist()

    assert [wrist.feel(0, 0.1), wrist.feel(0, 0.1), wrist.feel(50, 3.0), wrist.feel(50, 3.0)] == [
        False,
        False,
        True,
        True,
    ]


def test_an_impact_without_a_fall_or_too_late_after_one_is_none() -> None:
    wrist = Wrist(impact_duration_ms=100)

    assert wrist.feel(0, 3.0) is False
    wrist.feel(100, 0.1)
    assert wrist.feel(200, 3.0) is True
    assert wrist.feel(201, 3.0) is False


def test_an_impact_below_the_threshold_is_none() -> None:
    wrist = Wrist(threshold_g=2.5)
    wrist.feel(0, 0.1)

    assert wrist.feel(50, 2.4) is False


def test_the_magnitude_counts_not_one_axis() -> None:
    wrist = Wrist()
    wrist.feel(0, 0.5, 0.5, 0.5)  # 0.87 g: no free fall

    assert wrist.feel(50, 3.0) is False


def test_a_missing_axis_is_an_error_that_the_engine_takes_as_unknown() -> None:
    view = View({"accelerometer_x": lambda _now_us: 1.0}, {}, UTC, {})

    with pytest.raises(Exception, match="accelerometer_y"):
        detect_fall_pattern(view, {})


def test_the_fall_pattern_names_what_it_reads() -> None:
    function = next(function for function in FUNCTIONS if function.name == "detect_fall_pattern")

    assert function.condition
    assert function.reads == ("accelerometer_x", "accelerometer_y", "accelerometer_z")
