"""The built-in functions keep the contract that everybody's functions keep."""

from whenthen import Function
from whenthen.testing import FunctionContract
from whenthen_plugins.functions import FUNCTIONS

NAMED = {function.name: function for function in FUNCTIONS}


class TestAbs(FunctionContract):
    function = NAMED["abs"]


class TestMin(FunctionContract):
    function = NAMED["min"]


class TestMax(FunctionContract):
    function = NAMED["max"]


class TestRound(FunctionContract):
    function = NAMED["round"]


class TestClamp(FunctionContract):
    function = NAMED["clamp"]


class TestAvg(FunctionContract):
    function = NAMED["avg"]


class TestComfortScore(FunctionContract):
    function = NAMED["comfort_score"]


class TestDetectFallPattern(FunctionContract):
    function = NAMED["detect_fall_pattern"]
    params = ({}, {"threshold_g": 2.5}, {"threshold_g": 0.5, "impact_duration_ms": 1_000})


class TestUpdateComfortDisplay(FunctionContract):
    function = NAMED["update_comfort_display"]


def test_no_function_is_left_out() -> None:
    under_test = [getattr(contract, "function", None) for contract in globals().values()]

    assert {function.name for function in under_test if isinstance(function, Function)} == set(NAMED)
