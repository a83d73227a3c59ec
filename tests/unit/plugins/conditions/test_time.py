"""The time condition against the wall clock, minute by minute, around both daylight-saving nights."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from whenthen import to_us
from whenthen_plugins.conditions.time import TimeCondition

MINUTE_US = 60_000_000
CONFIGS = [
    {"time": "02:30"},
    {"time_range": ["22:00", "06:00"]},
    {"time_range": ["01:30", "02:15"]},
    {"time_range": ["22:00", "06:00"], "days": ["sat"]},
    {"days": ["Sunday"]},
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Brussels", (2026, 3, 28)),
        ("Europe/Brussels", (2026, 10, 24)),
        ("America/New_York", (2026, 3, 7)),
        ("America/New_York", (2026, 10, 31)),
        ("Australia/Lord_Howe", (2026, 4, 4)),
        ("Australia/Lord_Howe", (2026, 10, 3)),
        ("UTC", (2026, 3, 28)),
        ("Antarctica/Troll", (2026, 10, 24)),  # two hours
        ("Antarctica/Casey", (2023, 3, 8)),  # three hours
        ("America/St_Johns", (2010, 11, 6)),  # set back over midnight
        ("Pacific/Apia", (2011, 12, 29)),  # a day that never was
    ],
)
def test_the_truth_changes_only_at_boundaries(
    config: dict[str, object], zone: str, night: tuple[int, int, int]
) -> None:
    condition = TimeCondition(config)
    start_us = to_us(datetime(*night, tzinfo=UTC))

    boundary_us, truth = start_us, False
    for half_minute in range(2 * 2 * 24 * 60):
        now_us = start_us + half_minute * MINUTE_US // 2
        if now_us >= boundary_us:
            truth = condition.holds(now_us, ZoneInfo(zone))
            boundary_us = condition.next_boundary(now_us, ZoneInfo(zone))
            assert boundary_us > now_us
        assert condition.holds(now_us, ZoneInfo(zone)) is truth


def test_a_range_over_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    condition = TimeCondition({"time_range": ["22:00", "06:00"], "days": ["Fri"]})
    utc = ZoneInfo("UTC")

    # 2026-01-02 is a Friday.
    assert condition.holds(to_us(datetime(2026, 1, 3, 5, 59, tzinfo=UTC)), utc)
    assert not condition.holds(to_us(datetime(2026, 1, 2, 5, 59, tzinfo=UTC)), utc)


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({}, ""),
        ({"time": "08:00", "time_range": ["08:00", "09:00"]}, ""),
        ({"time_range": ["08:00", "08:00"]}, "/time_range"),
        ({"time": "8 o'clock"}, "/time"),
        ({"days": ["Mittwoch"]}, "/days/0"),
        ({"time": "08:00", "timezone": "Mars/Base"}, "/timezone"),
    ],
)
def test_a_bad_time_is_told_where(config: dict[str, object], pointer: str) -> None:
    assert [problem.pointer for problem in TimeCondition(config).problems()] == [pointer]
