import pytest

from whenthen_psychrometrics.formulas import (
    absolute_humidity,
    dew_point,
    saturation_vapour_pressure,
    vapour_pressure,
    vapour_pressure_deficit,
)

# Vapour pressure of water in kPa, CRC Handbook of Chemistry and Physics, "Vapor pressure of water from 0 to 370 °C".
CRC = {0: 0.61129, 5: 0.87260, 10: 1.2281, 15: 1.7056, 20: 2.3388, 25: 3.1690, 30: 4.2455, 35: 5.6267, 40: 7.3814}
# e°(T) in kPa, FAO Irrigation and Drainage Paper 56 (Allen et al. 1998), annex 2, table 2.3: Tetens' formula.
FAO = {1: 0.657, 10: 1.228, 15: 1.705, 20: 2.338, 24.5: 3.075, 25: 3.168, 30: 4.243, 40: 7.376, 48: 11.171}
# Dew points in °C by air temperature and relative humidity, DIN 4108-3 (the table of condensation temperatures).
DIN = {
    (10, 50): 0.1,
    (10, 80): 6.7,
    (20, 50): 9.3,
    (20, 60): 12.0,
    (20, 80): 16.4,
    (25, 60): 16.7,
    (30, 50): 18.4,
    (30, 70): 23.9,
}


@pytest.mark.parametrize(("celsius", "kpa"), [*CRC.items(), *FAO.items()])
def test_the_saturation_is_that_of_published_tables_within_the_promised_four_in_a_thousand(
    celsius: float, kpa: float
) -> None:
    assert saturation_vapour_pressure(celsius) == pytest.approx(kpa, rel=0.004)


@pytest.mark.parametrize(("air", "celsius"), DIN.items())
def test_the_dew_point_is_that_of_the_published_table_within_a_tenth(air: tuple[float, float], celsius: float) -> None:
    assert dew_point(*air) == pytest.approx(celsius, abs=0.1)


@pytest.mark.parametrize("celsius", range(-40, 51, 5))
@pytest.mark.parametrize("percent", [1, 35, 70, 99, 100])
def test_air_at_its_dew_point_is_saturated(celsius: int, percent: int) -> None:
    dew = dew_point(celsius, percent)

    assert dew <= celsius + 1e-9
    if dew >= -40:
        assert saturation_vapour_pressure(min(dew, 50.0)) == pytest.approx(vapour_pressure(celsius, percent))


def test_the_deficit_is_that_of_fao_s_examples_5_and_6() -> None:
    # 18 °C at 82 % and 25 °C at 54 %: 2.62 - 1.70 = 0.91 kPa on average (FAO paper 56, chapter 3).
    actual = (vapour_pressure(18, 82) + vapour_pressure(25, 54)) / 2
    deficit = (vapour_pressure_deficit(18, 82) + vapour_pressure_deficit(25, 54)) / 2

    assert actual == pytest.approx(1.70, abs=0.005)
    assert deficit == pytest.approx(0.91, abs=0.01)


def test_saturated_air_takes_nothing_up_and_a_colder_leaf_gets_wet() -> None:
    assert vapour_pressure_deficit(20, 100) == 0
    assert vapour_pressure_deficit(20, 100, leaf_cooler_by=1) < 0
    assert vapour_pressure_deficit(20, 100, leaf_cooler_by=-1) > 0


def test_a_sensor_a_little_above_saturation_means_saturation() -> None:
    assert dew_point(20, 104) == dew_point(20, 100) == pytest.approx(20)


def test_a_cubic_metre_of_saturated_air_holds_what_tables_say() -> None:
    # 17.3 g at 20 °C and 30.4 g at 30 °C stand in every such table.
    assert absolute_humidity(20, 100) == pytest.approx(17.3, rel=0.004)
    assert absolute_humidity(30, 100) == pytest.approx(30.4, rel=0.004)


@pytest.mark.parametrize(
    ("temperature", "humidity"),
    [(20, 0), (20, -1), (20, 106), (-41, 50), (51, 50), ("warm", 50), (20, "wet"), (True, 50), (float("nan"), 50)],
)
def test_what_has_no_dew_point_is_a_value_error(temperature: float, humidity: float) -> None:
    with pytest.raises(ValueError, match=r"is not a number from|no dew point"):
        dew_point(temperature, humidity)


def test_what_is_no_number_is_a_value_error_for_each() -> None:
    with pytest.raises(ValueError, match="is not a number"):
        saturation_vapour_pressure("warm")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not a number"):
        vapour_pressure_deficit("warm", 50)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not a number"):
        absolute_humidity("warm", 50)  # type: ignore[arg-type]
