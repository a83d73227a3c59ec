"""What oyster mushrooms need at each stage, and what they breathe.

Ranges: Paul Stamets, Growing Gourmet and Medicinal Mushrooms (1993), growth parameters of Pleurotus ostreatus.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """From *low* to *high*, both included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Tell whether *value* lies within.

        >>> Range(10.0, 21.0).holds(21.0)
        True
        """
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of growth: the climate that it wants and the share of fruiting bodies in its substrate's mass."""

    name: str
    temperature_c: Range
    humidity_pct: Range
    co2_ppm: Range
    light_lux: Range
    fruit_kg_per_substrate_kg: float


# Stamets gives one temperature for the spawn run, 24 °C; 22 to 26 °C is chosen around it. His lower bounds of CO2
# (5,000 ppm for the spawn run) say what growth bears, not what it needs, so here only the upper ones count.
SPAWN_RUN = Stage("spawn run", Range(22.0, 26.0), Range(85.0, 95.0), Range(0.0, 20_000.0), Range(0.0, 100.0), 0.0)
PINNING = Stage("pinning", Range(10.0, 15.6), Range(95.0, 100.0), Range(0.0, 1_000.0), Range(1_000.0, 2_000.0), 0.01)
FRUITING = Stage("fruiting", Range(10.0, 21.0), Range(85.0, 90.0), Range(0.0, 1_000.0), Range(1_000.0, 2_000.0), 0.15)

RESPIRATION_Q10 = 2.85
"""Bohling and Hansen (1989), Acta Horticulturae 258, 573-578, fresh oyster mushrooms: 2,500 J/(kg h) at 15 °C and 750
at 3.5 °C, hence (2500 / 750) ** (10 / 11.5) for ten kelvins. (Agaricus: 2.9, Varoquaux and others, 1999.)"""

RESPIRATION_J_PER_KG_CO2 = 10.7e6
"""Heat of respiration: glucose burnt to 6 CO2 and 6 H2O (ASHRAE Handbook Refrigeration: 10.7 J per mg of CO2)."""

WATER_KG_PER_CO2_KG = 108.1 / 264.1
"""The water of the same reaction, C6H12O6 + 6 O2 = 6 CO2 + 6 H2O, by molar masses."""

FRUIT_CO2_KG_PER_KG_S = 2_500.0 / RESPIRATION_J_PER_KG_CO2 / 3600.0
"""What a kilogram of fruiting bodies breathes out at 15 °C, from the heat that Bohling and Hansen measured."""

SUBSTRATE_CO2_KG_PER_KG_S = 35.0e-6 / 3600.0
"""What a kilogram of grown-through wet substrate breathes out at 15 °C: chosen so that it loses about a tenth of its
dry mass in the three weeks of a spawn run at 24 °C."""


def respiration_co2_kg_s(stage: Stage, substrate_kg: float, temperature_c: float) -> float:
    """Return the CO2 that substrate and fruiting bodies breathe out; above 35 °C it rises no more."""
    warmth = math.pow(RESPIRATION_Q10, (min(temperature_c, 35.0) - 15.0) / 10.0)
    fruit_kg = stage.fruit_kg_per_substrate_kg * substrate_kg
    return warmth * (fruit_kg * FRUIT_CO2_KG_PER_KG_S + substrate_kg * SUBSTRATE_CO2_KG_PER_KG_S)
