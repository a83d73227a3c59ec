"""Moist air: how much water it can hold, and what that water weighs.

Air is taken at sea level and its density as constant; over 0 to 35 °C that is wrong by less than 8 %, the same for
every flow, and makes heat and water balances exact.
"""

from __future__ import annotations

import math

AIR_DENSITY_KG_M3 = 1.2
"""Dry air at 20 °C, 101,325 Pa (ASHRAE Handbook Fundamentals, "standard air": 1.204 kg/m³)."""

AIR_HEAT_J_KG_K = 1006.0
"""Specific heat of dry air at constant pressure (ASHRAE Handbook Fundamentals, chapter Psychrometrics)."""

AIR_HEAT_J_M3_K = AIR_DENSITY_KG_M3 * AIR_HEAT_J_KG_K
"""Heat that warms a cubic metre of air by a kelvin."""

VAPORISATION_J_KG = 2_454_000.0
"""Heat that evaporates a kilogram of water at 20 °C (ASHRAE Handbook Fundamentals, steam tables), taken as constant."""

VAPOUR_GAS_J_KG_K = 461.5
"""Gas constant of water vapour, 8.314 J/(mol K) over 0.018015 kg/mol."""

ZERO_CELSIUS_K = 273.15

LEWIS_NUMBER = 0.87
"""Thermal over mass diffusivity of water vapour in air near 20 °C (Incropera, Heat and Mass Transfer)."""


def saturation_pa(temperature_c: float) -> float:
    """Return the vapour pressure over water at saturation, by Magnus's formula.

    The constants are those of Alduchov and Eskridge (1996), J. Appl. Meteor. 35, 601-609: within 0.4 % from -40 to
    50 °C.

    >>> round(saturation_pa(20.0))
    2333
    """
    return 610.94 * math.exp(17.625 * temperature_c / (temperature_c + 243.04))


def saturation_kg_m3(temperature_c: float) -> float:
    """Return how much vapour a cubic metre holds at saturation (ideal gas).

    >>> round(saturation_kg_m3(20.0) * 1000, 1)
    17.2
    """
    return saturation_pa(temperature_c) / (VAPOUR_GAS_J_KG_K * (temperature_c + ZERO_CELSIUS_K))


def saturation_slope_kg_m3_k(temperature_c: float) -> float:
    """Return how fast ``saturation_kg_m3`` rises with the temperature: its derivative."""
    relative = 17.625 * 243.04 / (temperature_c + 243.04) ** 2 - 1.0 / (temperature_c + ZERO_CELSIUS_K)
    return saturation_kg_m3(temperature_c) * relative


def humidity_pct(temperature_c: float, vapour_kg_m3: float) -> float:
    """Return the relative humidity."""
    return 100.0 * vapour_kg_m3 / saturation_kg_m3(temperature_c)


def mass_transfer_m_s(convection_w_m2_k: float) -> float:
    """Return the mass transfer coefficient that belongs to a heat transfer coefficient (Chilton and Colburn, 1934)."""
    return convection_w_m2_k / (AIR_HEAT_J_M3_K * math.pow(LEWIS_NUMBER, 2.0 / 3.0))
