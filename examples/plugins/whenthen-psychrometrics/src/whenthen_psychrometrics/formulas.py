"""The physics of moist air over water: temperatures in °C, relative humidities in percent, pressures in kPa.

The saturation vapour pressure is the Magnus form with the coefficients of O. A. Alduchov and R. E. Eskridge, "Improved
Magnus form approximation of saturation vapor pressure", J. Appl. Meteor. 35 (1996), 601-609, equation 21: within 0.4 %
from -40 to 50 °C. The dew point is the same form solved for the temperature (M. G. Lawrence, Bull. Amer. Meteor. Soc.
86 (2005), 225-233, equation 8). The deficit of a leaf takes the saturation at the leaf's own temperature.
"""

from __future__ import annotations

from math import exp, log

COLDEST, HOTTEST = -40.0, 50.0
"""Where the formula holds, in °C."""
WETTEST = 105.0
"""Sensors in saturated air read a little above 100 %; up to here that is taken for 100."""

_A, _B_CELSIUS, _C_KPA = 17.625, 243.04, 0.61094
_ZERO_KELVIN = 273.15
_VAPOUR_J_PER_KG_K = 461.5
"""The specific gas constant of water vapour."""


def saturation_vapour_pressure(temperature: float) -> float:
    """Return the pressure in kPa of vapour that is in balance with water; ``ValueError`` where the formula ends.

    >>> round(saturation_vapour_pressure(20), 3)
    2.333
    """
    celsius = _number(temperature, COLDEST, HOTTEST, "°C")
    return _C_KPA * exp(_A * celsius / (_B_CELSIUS + celsius))


def vapour_pressure(temperature: float, humidity: float) -> float:
    """Return the pressure in kPa of the vapour that is in the air."""
    return saturation_vapour_pressure(temperature) * min(_number(humidity, 0.0, WETTEST, "%"), 100.0) / 100


def vapour_pressure_deficit(temperature: float, humidity: float, leaf_cooler_by: float = 0.0) -> float:
    """Return how much vapour in kPa the air still takes up from a leaf that is *leaf_cooler_by* °C cooler than it.

    Negative when the leaf is below the dew point, where water settles on it.

    >>> round(vapour_pressure_deficit(25, 60), 2), round(vapour_pressure_deficit(25, 60, 2), 2)
    (1.26, 0.91)
    """
    present = vapour_pressure(temperature, humidity)
    return saturation_vapour_pressure(temperature - leaf_cooler_by) - present


def dew_point(temperature: float, humidity: float) -> float:
    """Return the temperature in °C at which the air's vapour begins to settle; dry air has none: ``ValueError``.

    >>> round(dew_point(25, 60), 1)
    16.7
    """
    pressure = vapour_pressure(temperature, humidity)
    if pressure <= 0:
        raise ValueError("air without vapour has no dew point")
    gamma = log(pressure / _C_KPA)
    return _B_CELSIUS * gamma / (_A - gamma)


def absolute_humidity(temperature: float, humidity: float) -> float:
    """Return the grams of vapour in a cubic metre of air, by the gas law.

    >>> round(absolute_humidity(20, 100), 1)
    17.2
    """
    pressure = vapour_pressure(temperature, humidity)
    return pressure * 1e6 / (_VAPOUR_J_PER_KG_K * (temperature + _ZERO_KELVIN))


def _number(value: float, lowest: float, highest: float, unit: str) -> float:
    """Return a number in its range; anything else is a ``ValueError``, which makes an expression unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise ValueError(f"{value!r} is not a number from {lowest:g} to {highest:g} {unit}")
    return value
