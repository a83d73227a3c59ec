"""What whenthen-psychrometrics registers: whenthen calls these hooks once, when it loads."""

from collections.abc import Iterable

from whenthen import Condition, Function, hookimpl

from whenthen_psychrometrics import conditions, formulas

whenthen_api = 1
"""The version of whenthen's plugin interface that this is written for."""

FUNCTIONS = [
    Function("absolute_humidity", formulas.absolute_humidity),
    Function("dew_point", formulas.dew_point),
    Function("saturation_vapour_pressure", formulas.saturation_vapour_pressure),
    Function("vapour_pressure_deficit", formulas.vapour_pressure_deficit),
]


@hookimpl
def whenthen_conditions() -> Iterable[type[Condition]]:
    """Register the conditions."""
    return [conditions.VapourPressureDeficit, conditions.DewPoint]


@hookimpl
def whenthen_functions() -> Iterable[Function]:
    """Register the functions for expressions."""
    return FUNCTIONS
