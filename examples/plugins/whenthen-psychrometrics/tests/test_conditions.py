from collections.abc import Callable, Mapping
from datetime import UTC

import pytest
from whenthen import Condition, Scalar, Truth, View
from whenthen.testing import ConditionContract, FunctionContract

from whenthen_psychrometrics.conditions import DewPoint, VapourPressureDeficit
from whenthen_psychrometrics.plugin import FUNCTIONS


class TestVapourPressureDeficit(ConditionContract):
    condition = VapourPressureDeficit


class TestDewPoint(ConditionContract):
    condition = DewPoint


class TestAbsoluteHumidity(FunctionContract):
    function = FUNCTIONS[0]


class TestDewPointFunction(FunctionContract):
    function = FUNCTIONS[1]


class TestSaturation(FunctionContract):
    function = FUNCTIONS[2]


class TestDeficitFunction(FunctionContract):
    function = FUNCTIONS[3]


def truth(condition: Condition, **readings: Scalar) -> Truth:
    def reader(value: Scalar) -> Callable[[int], Scalar]:
        return lambda _now_us: value

    return condition.evaluate(View({name: reader(value) for name, value in readings.items()}, {}, UTC, {}))


@pytest.mark.parametrize(
    ("config", "holds"),
    [
        ({"above_kpa": 1.26}, True),
        ({"above_kpa": 1.28}, False),
        ({"below_kpa": 1.28}, True),
        ({"above_kpa": 1.2, "below_kpa": 1.3}, True),
        ({"above_kpa": 1.0, "below_kpa": 1.2}, False),
        ({"above_kpa": 1.2, "leaf_cooler_by": 2}, False),
    ],
)
def test_the_deficit_of_air_at_25_degrees_and_60_percent_is_1_26_kpa(config: Mapping[str, float], holds: bool) -> None:
    assert truth(VapourPressureDeficit(config), temperature=25.0, humidity=60.0) is holds


def test_water_settles_on_a_pipe_at_the_dew_point_and_is_near_within_the_margin() -> None:
    near = DewPoint({"surface": "pipe", "margin": 1})

    assert truth(near, temperature=25.0, humidity=60.0, pipe=17.6) is True
    assert truth(near, temperature=25.0, humidity=60.0, pipe=17.8) is False
    assert truth(DewPoint({"surface": "pipe"}), temperature=25.0, humidity=60.0, pipe=16.6) is True


@pytest.mark.parametrize("reading", ["warm", True, 60.0, -45.0])
def test_a_temperature_that_is_none_makes_it_unknown(reading: Scalar) -> None:
    assert truth(DewPoint({"above_celsius": 1}), temperature=reading, humidity=50.0) is None


def test_a_surface_that_reads_no_number_makes_it_unknown_unless_the_limits_fail() -> None:
    condition = DewPoint({"surface": "pipe", "above_celsius": 16})

    assert truth(condition, temperature=25.0, humidity=60.0, pipe="cold") is None
    assert truth(condition, temperature=15.0, humidity=60.0, pipe="cold") is False


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "needs above_celsius or below_celsius"),
        ({"above_celsius": 9, "below_celsius": 9}, "nothing is above 9 and below 9"),
        ({"surface": "temperature"}, "one sensor is named for two things"),
    ],
)
def test_a_config_that_means_nothing_is_a_problem(config: Mapping[str, object], said: str) -> None:
    assert [said in problem.message for problem in DewPoint(config).problems()] == [True]


def test_it_says_what_it_waits_for() -> None:
    assert DewPoint({"above_celsius": 16, "surface": "pipe"}).describe() == "16 °C < dew point, pipe < dew point + 0 °C"
    assert VapourPressureDeficit({"below_kpa": 0.8}).describe() == "vapour pressure deficit < 0.8 kPa"
