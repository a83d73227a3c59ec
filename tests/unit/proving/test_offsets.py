"""Times of a scenario: offsets, absolute times, and what is neither."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen.clock import SECOND_US
from whenthen.proving.offsets import LONGEST_US, read_instant, read_span, read_start, told_span

BRUSSELS = ZoneInfo("Europe/Brussels")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (90, 90),
        (0.5, 0.5),
        ("90", 90),
        ("90s", 90),
        ("1m30s", 90),
        ("2h", 7_200),
        ("1d2h", 93_600),
        ("1.5m", 90),
    ],
)
def test_a_span_is_a_number_of_seconds_or_a_text(written: Any, seconds: float) -> None:
    assert read_span(written) == round(seconds * SECOND_US)


@pytest.mark.parametrize(
    "written", ["", "x", "5x", "1s1m", "-5s", -5, True, None, [], float("inf"), float("nan"), 10**400, "4000d", "5 m"]
)
def test_what_is_no_span_is_refused_in_a_sentence(written: Any) -> None:
    with pytest.raises(ValueError, match=r"is no time|is not between|is neither"):
        read_span(written)


@given(st.integers(min_value=0, max_value=LONGEST_US))
def test_a_span_that_is_told_is_read_as_it_was(span_us: int) -> None:
    assert read_span(told_span(span_us)) == span_us


def test_an_absolute_time_without_an_offset_is_local() -> None:
    start_us = read_start("2026-01-05T08:00:00", BRUSSELS)

    assert start_us == read_start("2026-01-05T07:00:00Z", BRUSSELS)
    assert read_instant("2026-01-05T08:05:00", start_us, BRUSSELS) == start_us + 300 * SECOND_US


@pytest.mark.parametrize("written", ["2026-01-05T07:59:59", "2037-01-05T08:00:00"])
def test_a_time_before_the_start_or_years_after_it_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="lies"):
        read_instant(written, read_start("2026-01-05T08:00:00", BRUSSELS), BRUSSELS)


@pytest.mark.parametrize(
    "written", ["1969-12-31T00:00:00Z", "2101-06-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "soon"]
)
def test_a_start_that_is_a_mistake_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"the year of|is no time"):
        read_start(written, BRUSSELS)
