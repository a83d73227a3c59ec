"""Local time as people write it, and wall clocks that jump."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from whenthen import to_us
from whenthen_plugins.localtime import (
    HOUR_US,
    clock_minutes,
    first_instant,
    next_transition,
    passes,
    weekday,
    zone_of,
    zone_problems,
)

BRUSSELS = ZoneInfo("Europe/Brussels")
SECOND_US = 1_000_000
SPRING_US = to_us(datetime(2026, 3, 29, 1, tzinfo=UTC))
AUTUMN_US = to_us(datetime(2026, 10, 25, 1, tzinfo=UTC))


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("8:05", 485), ("23:59", 1439)])
def test_a_clock_time_is_minutes_since_midnight(text: str, minutes: int) -> None:
    assert clock_minutes(text) == minutes


@pytest.mark.parametrize("text", ["24:00", "08:60", "8", "08:00:00", " 08:00", "08:00\n", "٠٨:٠٠", ""])  # noqa: RUF001
def test_what_is_no_clock_time_is_none(text: str) -> None:
    assert clock_minutes(text) is None


def test_days_are_english_in_any_case_full_or_three_letters() -> None:
    assert [weekday(name) for name in ("Monday", "mon", "SUN", "Su", "Montag")] == [0, 0, 6, None, None]


def test_a_zone_that_is_not_there_is_told_with_the_nearest() -> None:
    (problem,) = zone_problems("Europe/Brussel")

    assert problem.pointer == "/timezone"
    assert "Europe/Brussels" in problem.hint


@pytest.mark.parametrize("name", ["localtime", "", "/etc/localtime", "../UTC", "europe/brussels"])
def test_the_zone_of_the_host_or_of_a_file_is_none(name: str) -> None:
    assert zone_of(name) is None
    assert len(list(zone_problems(name))) == 1


def test_a_time_in_a_gap_comes_at_its_end_and_a_doubled_one_first() -> None:
    assert {first_instant(date(2026, 3, 29), minutes, BRUSSELS) for minutes in (120, 150, 179, 180)} == {SPRING_US}
    assert first_instant(date(2026, 10, 25), 150, BRUSSELS) == AUTUMN_US - HOUR_US // 2


def test_both_passes_of_a_doubled_time_are_known() -> None:
    assert passes(date(2026, 10, 25), 150, BRUSSELS) == (AUTUMN_US - HOUR_US // 2, AUTUMN_US + HOUR_US // 2)


@pytest.mark.parametrize("transition_us", [SPRING_US, AUTUMN_US])
def test_a_transition_is_found_exactly_from_any_second_before_it(transition_us: int) -> None:
    for seconds in range(1, 24 * 3600, 7):
        assert next_transition(transition_us - seconds * SECOND_US, BRUSSELS, 24 * HOUR_US) == transition_us


def test_no_transition_is_found_where_there_is_none() -> None:
    assert next_transition(SPRING_US, BRUSSELS, 24 * HOUR_US) is None
