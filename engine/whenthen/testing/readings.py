"""Readings as bad days bring them: near the numbers that matter, missing, repeated, late, and of the wrong kind."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nextafter
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.analysis.matters import numbers_in, texts_in
from whenthen.clock import SECOND_US
from whenthen.model.reading import Reading
from whenthen.testing.configs import ODD_TEXTS

START_US = 1_767_225_600 * SECOND_US
"""Generated time begins on 2026-01-01T00:00Z, a Thursday."""

HOSTILE: tuple[Any, ...] = (
    *(0, -0.0, -1, 2**53, -(2**53), 1.7e308, -1.7e308, 5e-324, True, False, None),
    *(text for text in ODD_TEXTS if "\x00" not in text),
    "x" * 1_000,
)
"""Values that the engine takes from any device, whatever its sensor is for."""

REFUSED: tuple[Any, ...] = (float("nan"), float("inf"), 2**60, "x" * 1_001, [1])
"""Values that the engine refuses, so that no plugin ever sees them."""

_WAITS_S = (0, 0.5, 1, 5, 30, 60, 300, 3_600, 86_400)


def around(number: float) -> tuple[float, ...]:
    """Return a number, its two neighbours among the doubles, and some a little way off.

    >>> [round(near, 3) for near in around(20)]
    [20, 20.0, 20.0, 19.0, 21.0, 22.0]
    """
    exact = float(number)
    near = (nextafter(exact, -inf), nextafter(exact, inf), exact - 1, exact + 1, exact * 1.1)
    return (number, *(value for value in near if isfinite(value)))


def sensor_values(near: Any = (), *, hostile: bool = False) -> SearchStrategy[Any]:
    """Return a strategy for one sensor's value: mostly numbers around those in *near*, some of another kind."""
    numbers = [
        value for number in numbers_in(near) for value in around(number) if abs(value) <= 2**53 or value % 1 == 0
    ]
    usual = st.one_of(st.sampled_from(numbers or [20, 20.5]), st.sampled_from([0, 1, 20.5, 55.0, 400, 1_000]))
    usual |= st.floats(-1e6, 1e6, allow_nan=False)
    others = [*texts_in(near), None, "on", True, *REFUSED[:1]]
    odd = st.one_of(st.sampled_from(others), st.sampled_from(HOSTILE))
    if hostile:
        return st.one_of(odd, st.sampled_from(HOSTILE), usual)
    return st.one_of(usual, usual, usual, odd)


@st.composite
def readings(  # noqa: PLR0913 - one argument for each thing that may be wanted otherwise
    draw: st.DrawFn,
    sensors: Sequence[str] = ("temperature",),
    *,
    near: Any = (),
    devices: Sequence[str] = ("device-1",),
    max_size: int = 12,
    hostile: bool = False,
) -> list[Reading]:
    """Draw readings of *sensors* of *devices*, in order of arrival, at most *max_size* of them.

    *near* is any JSON value, a config for example: values come around the numbers in it, and the waits between two
    readings are the numbers in it taken as seconds. Some readings lack a sensor, some bring ``None``, some say
    the same as before, some are repeated, some are late. With *hostile* most values are of a kind that nobody expects.

    >>> from hypothesis import given
    >>> @given(readings(["co2"], near={"above": 1000}))
    ... def test(history):
    ...     assert all(reading.device == "device-1" for reading in history)
    >>> test()
    """
    value = sensor_values(near, hostile=hostile)
    wanted = [number for number in numbers_in(near) if 0 < number < 100_000]
    waits = st.one_of(st.sampled_from(_WAITS_S), st.sampled_from(wanted or _WAITS_S))
    whole = st.fixed_dictionaries(dict.fromkeys(sensors, value))
    part = st.dictionaries(st.sampled_from(list(sensors)), value, min_size=1) if sensors else whole
    now_us = START_US
    made: list[Reading] = []
    for _ in range(draw(st.integers(0, max_size))):
        fate = draw(st.sampled_from(["new", "new", "new", "steady", "steady", "repeated", "late"])) if made else "new"
        if fate == "repeated":
            made.append(made[-1])
            continue
        if fate != "late":
            now_us += round(draw(waits) * SECOND_US)
        at_us = now_us - (5 * SECOND_US if fate == "late" else 0)
        if fate == "steady":
            made.append(Reading(made[-1].device, made[-1].values, at_us))
        else:
            made.append(Reading(draw(st.sampled_from(list(devices))), draw(st.one_of(whole, whole, part)), at_us))
    return made
