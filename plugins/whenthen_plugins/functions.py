"""The built-in functions: arithmetic for expressions, a comfort score, a pattern that finds falls, a display."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, isfinite
from typing import Any

from whenthen import ActionRefusedError, Function, View

FREE_FALL_G = 0.6
"""Below this magnitude of acceleration a body is taken to fall."""

AXES = ("accelerometer_x", "accelerometer_y", "accelerometer_z")

# Steps of the comfort score: the middle of the comfortable band, and points off for each unit away from it.
_TEMPERATURE = (20.0, 24.0, 22.0, 5.0)
_HUMIDITY = (40.0, 60.0, 50.0, 2.0)


def _number(value: Any) -> float:
    """Return a number as it is; anything else fails, which makes an expression unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return value


def absolute(value: float) -> float:
    """Return the number without its sign."""
    return abs(_number(value))


def least(*values: float) -> float:
    """Return the smallest of one or more numbers."""
    return min(map(_number, values))


def greatest(*values: float) -> float:
    """Return the largest of one or more numbers."""
    return max(map(_number, values))


def rounded(value: float, digits: int = 0) -> float:
    """Return the number rounded to 0 to 10 digits after the point; exact halves go to the even neighbour.

    >>> rounded(21.46), rounded(21.46, 1)
    (21, 21.5)
    """
    if digits.__class__ is not int or not 0 <= digits <= 10:
        raise ValueError("digits are a whole number from 0 to 10")
    return round(_number(value), digits or None)


def clamp(value: float, low: float, high: float) -> float:
    """Return the number, or the nearer limit when it lies outside *low* to *high*.

    >>> clamp(120, 0, 100)
    100
    """
    if _number(low) > _number(high):
        raise ValueError("the lower limit lies above the upper one")
    return max(low, min(high, _number(value)))


def average(*values: float) -> float:
    """Return the mean of one or more numbers."""
    return sum(map(_number, values)) / len(values)


def comfort_score(temperature: float, humidity: float, co2: float) -> float:
    """Return how comfortable a room is, from 0 to 100.

    Nothing is taken off from 20 to 24 °C, from 40 to 60 % relative humidity and up to 800 ppm of CO2.

    >>> comfort_score(22, 50, 600), comfort_score(26, 50, 900)
    (100.0, 70.0)
    """
    score = 100.0 - max(0.0, (_number(co2) - 800.0) / 10.0)
    for value, (low, high, middle, points) in ((temperature, _TEMPERATURE), (humidity, _HUMIDITY)):
        if not low <= _number(value) <= high:
            score -= abs(value - middle) * points
    return clamp(score, 0.0, 100.0)


def detect_fall_pattern(view: View, params: Mapping[str, Any]) -> bool:
    """Tell whether a free fall has just ended in an impact.

    True at an acceleration of at least ``threshold_g`` (default 2.5, in g) no later than ``impact_duration_ms``
    (default 100) after one below 0.6 g. A lower and an upper threshold on the resultant acceleration are the method of
    A. K. Bourke, J. V. O'Brien and G. M. Lyons, "Evaluation of a threshold-based tri-axial accelerometer fall
    detection algorithm", Gait & Posture 26 (2007) 194-199, doi:10.1016/j.gaitpost.2006.09.012.
    """
    threshold_g = _number(params.get("threshold_g", 2.5))
    within_us = round(_number(params.get("impact_duration_ms", 100)) * 1_000)
    magnitude_g = hypot(*(_number(view[axis]) for axis in AXES))
    if magnitude_g < FREE_FALL_G:
        # The last instant of the fall is all there is to remember; a second look at one instant finds it the same.
        view.state["fell_us"] = view.now_us
        return False
    fell_us = view.state.get("fell_us")
    return magnitude_g >= threshold_g and fell_us is not None and view.now_us - fell_us <= within_us


def update_comfort_display(params: Mapping[str, Any], services: Any) -> dict[str, Any]:
    """Show ``score`` (0 to 100) on the displays of the subject, and return what they show and who they are.

    ``led_mapping`` maps a level to its ``threshold`` and ``color``; the level with the highest threshold that the score
    reaches is shown. The command ``display`` with ``score``, ``level`` and ``color`` goes to the device that ``device``
    names, else to the subject's devices of the type ``display``; where there is none, the result says all that one
    would show. Raises ``ActionRefusedError`` for a score that is no number or a mapping that is none.

    >>> mapping = {"good": {"threshold": 60, "color": "blue"}, "poor": {"threshold": 0, "color": "red"}}
    >>> update_comfort_display({"score": 72, "led_mapping": mapping}, None)
    {'score': 72, 'level': 'good', 'color': 'blue', 'displays': []}
    """
    try:
        score = _finite(params.get("score"))
        bands = [
            (_finite(band["threshold"]), str(level), str(band["color"]))
            for level, band in params.get("led_mapping", {}).items()
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        hint = "score is a number, led_mapping maps each level to a threshold and a color"
        raise ActionRefusedError(f"the display cannot be updated: {reason}; {hint}") from error
    reached = [band for band in bands if band[0] <= score]
    _, level, color = max(reached, default=(0, None, None))
    shown = {"score": score, "level": level, "color": color}
    displays = _displays(params.get("device"), getattr(services, "devices", None))
    for display in displays:
        services.devices.send(display, "display", shown)
    return {**shown, "displays": displays}


def _finite(value: Any) -> float:
    if not isfinite(_number(value)):
        raise ValueError(f"{value!r} is no finite number")
    return _number(value)


def _displays(named: Any, devices: Any) -> list[str]:
    if devices is None:
        return []
    if named is not None:
        return [str(named)]
    find = getattr(devices, "of_type", None)  # not every program that embeds the engine knows types of devices
    return [] if find is None else list(find("display"))


FUNCTIONS = (
    Function("abs", absolute),
    Function("min", least),
    Function("max", greatest),
    Function("round", rounded),
    Function("clamp", clamp),
    Function("avg", average),
    Function("comfort_score", comfort_score),
    Function("detect_fall_pattern", detect_fall_pattern, condition=True, reads=AXES),
    Function("update_comfort_display", update_comfort_display, action=True, services=("devices",)),
)
