"""The schedules against a plain search of every minute, around both daylight-saving nights."""

import itertools
import random
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from whenthen import Place, to_us
from whenthen_plugins.triggers.time import TimeComes

MINUTE = timedelta(minutes=1)
NIGHTS = {
    "Europe/Brussels": [(2026, 3, 28), (2026, 10, 24)],
    "America/New_York": [(2026, 3, 7), (2026, 10, 31)],
    "Australia/Lord_Howe": [(2026, 4, 4), (2026, 10, 3)],
    "UTC": [(2026, 3, 28)],
    # Two hours; three hours; set back over midnight; a day that never was.
    "Antarctica/Troll": [(2026, 3, 28), (2026, 10, 24)],
    "Antarctica/Casey": [(2023, 3, 8)],
    "America/St_Johns": [(2010, 11, 6)],
    "Pacific/Apia": [(2011, 12, 29)],
}
CASES = [(zone, night) for zone, nights in NIGHTS.items() for night in nights]
LINES = [
    "30 2 * * *",
    "30 * * * *",
    "*/10 2 * * *",
    "0 2,3 * * *",
    "*/15 * * * *",
    "30 1-3 * * *",
    "15 2 * * sun",
    "45 1 29 * 1",
    "0 */2 * * *",
    "5 0 * * *",
]


def expected(line: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[int]:
    """Walk over every minute; *line* is a cron line of plain fields."""
    hour = line.split()[1]
    runs = []
    now = start
    while now < end:
        local = now.astimezone(zone)
        before = (now - MINUTE).astimezone(zone)
        shown = [local.replace(tzinfo=None)]
        jump = local.replace(tzinfo=None) - before.replace(tzinfo=None)
        if jump > MINUTE and not hour.startswith("*"):
            shown += [before.replace(tzinfo=None) + MINUTE * step for step in range(1, jump // MINUTE)]
        second_pass = local.fold == 1 and not hour.startswith("*")
        if not second_pass and any(matches(wall, line) for wall in shown):
            runs.append(to_us(now))
        now += MINUTE
    return runs


def matches(wall: datetime, line: str) -> bool:
    minute, hour, day, month, weekday = line.split()
    in_day, in_week = field(day, wall.day), field(weekday.replace("sun", "0"), (wall.weekday() + 1) % 7)
    days = (in_day or in_week) if day != "*" and weekday != "*" else (in_day and in_week)
    return field(minute, wall.minute) and field(hour, wall.hour) and field(month, wall.month) and days


def field(text: str, value: int) -> bool:
    if text.startswith("*"):
        return value % int(text[2:] or 1) == 0
    parts = [part.split("-") for part in text.split(",")]
    return any(int(part[0]) <= value <= int(part[-1]) for part in parts)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(("zone", "night"), CASES)
def test_a_cron_line_runs_as_a_search_of_every_minute_says(line: str, zone: str, night: tuple[int, int, int]) -> None:
    start = datetime(*night, tzinfo=UTC)
    end = start + timedelta(days=3)
    schedule = TimeComes({"cron": line}).schedule(Place(ZoneInfo(zone)))
    assert schedule is not None

    runs = []
    instant = schedule.next_after(to_us(start) - 1)
    while instant is not None and instant < to_us(end):
        runs.append(instant)
        instant = schedule.next_after(instant)

    assert runs == expected(line, ZoneInfo(zone), start, end)


@pytest.mark.parametrize("line", ["* * * * *", "*/7 1-3 * * *", "30 2 * * 0"])
@pytest.mark.parametrize(("zone", "night"), CASES)
def test_the_next_run_does_not_depend_on_what_was_asked_before(
    line: str, zone: str, night: tuple[int, int, int]
) -> None:
    start_us = to_us(datetime(*night, tzinfo=UTC))
    place = Place(ZoneInfo(zone))
    used = TimeComes({"cron": line}).schedule(place)
    assert used is not None
    chance = random.Random(line + zone)

    for _ in range(20):
        asked_us = start_us + chance.randrange(3 * 24 * 3600) * 1_000_000 + chance.choice((0, 1, 500_000))
        fresh = TimeComes({"cron": line}).schedule(place)
        assert fresh is not None
        assert used.next_after(asked_us) == fresh.next_after(asked_us)


def test_the_zone_of_the_config_goes_before_that_of_the_place() -> None:
    schedule = TimeComes({"cron": "0 8 * * *", "timezone": "America/New_York"}).schedule(Place(ZoneInfo("UTC")))
    assert schedule is not None

    run = schedule.next_after(to_us(datetime(2026, 1, 1, tzinfo=UTC)))

    assert run == to_us(datetime(2026, 1, 1, 13, tzinfo=UTC))


def test_a_rare_day_is_found_years_ahead() -> None:
    schedule = TimeComes({"cron": "0 0 29 2 *"}).schedule(Place(ZoneInfo("UTC")))
    assert schedule is not None

    run = schedule.next_after(to_us(datetime(2096, 3, 1, tzinfo=UTC)))

    assert run == to_us(datetime(2104, 2, 29, tzinfo=UTC))


@pytest.mark.parametrize(("zone", "night"), CASES)
def test_a_time_of_day_runs_once_each_day(zone: str, night: tuple[int, int, int]) -> None:
    schedule = TimeComes({"at": "02:30"}).schedule(Place(ZoneInfo(zone)))
    cron = TimeComes({"cron": "30 2 * * *"}).schedule(Place(ZoneInfo(zone)))
    assert schedule is not None
    assert cron is not None

    instant: int | None = to_us(datetime(*night, tzinfo=UTC))
    for _ in range(4):
        assert instant is not None
        assert schedule.next_after(instant) == cron.next_after(instant)
        instant = schedule.next_after(instant)


def test_days_choose_the_days_of_a_time_of_day() -> None:
    schedule = TimeComes({"at": "08:00", "days": ["Mon"]}).schedule(Place(ZoneInfo("UTC")))
    assert schedule is not None

    run = schedule.next_after(to_us(datetime(2026, 1, 1, tzinfo=UTC)))

    assert run == to_us(datetime(2026, 1, 5, 8, tzinfo=UTC))


def test_an_interval_counts_from_1970() -> None:
    schedule = TimeComes({"every_seconds": 0.5}).schedule(Place(ZoneInfo("UTC")))
    assert schedule is not None

    assert [schedule.next_after(at) for at in (0, 499_999, 500_000)] == [500_000, 500_000, 1_000_000]


def test_the_sun_rises_once_a_day_and_not_in_polar_night() -> None:
    brussels = TimeComes({"sun": "sunrise", "offset_minutes": 30}).schedule(Place(ZoneInfo("UTC"), 50.85, 4.35))
    pole = TimeComes({"sun": "sunrise"}).schedule(Place(ZoneInfo("UTC"), 78.2, 15.6))
    december = to_us(datetime(2026, 12, 1, tzinfo=UTC))
    assert brussels is not None
    assert pole is not None

    run, arctic = brussels.next_after(december), pole.next_after(december)

    # Sunrise in Brussels on 1 December is at 07:23 UTC (timeanddate.com), here half an hour later.
    assert run is not None
    assert abs(run - to_us(datetime(2026, 12, 1, 7, 53, tzinfo=UTC))) < 5 * 60_000_000
    assert arctic is not None
    assert arctic > to_us(datetime(2027, 2, 1, tzinfo=UTC))


def test_no_sunset_is_missed_where_two_fall_on_one_civil_day() -> None:
    iceland = TimeComes({"sun": "sunset"}).schedule(Place(ZoneInfo("Atlantic/Reykjavik"), 65.0, -18.0))
    assert iceland is not None

    runs = [iceland.next_after(to_us(datetime(2026, 1, 1, tzinfo=UTC)))]
    while len(runs) < 365:
        assert runs[-1] is not None
        runs.append(iceland.next_after(runs[-1]))

    hours = [(later - earlier) / 3.6e9 for earlier, later in itertools.pairwise(run for run in runs if run is not None)]
    assert all(23 < gap < 25 for gap in hours)


def test_the_sun_needs_to_know_where_it_is() -> None:
    assert TimeComes({"sun": "sunset"}).schedule(Place(ZoneInfo("UTC"))) is None


@pytest.mark.parametrize(
    ("config", "pointer", "words"),
    [
        ({}, "", "exactly one"),
        ({"cron": "0 8 * * *", "at": "08:00"}, "", "exactly one"),
        ({"cron": "0 0 31 2 *"}, "/cron", "never comes"),
        ({"cron": "0 25 31 2 *"}, "/cron", "cannot be read"),
        ({"cron": "@daily"}, "/cron", "five fields"),
        ({"every_seconds": 1e-7}, "/every_seconds", "shorter"),
        ({"cron": "0 8 * * *", "timezone": "localtime"}, "/timezone", "no time zone"),
        ({"cron": "0 0 8 * * *"}, "/cron", "five fields"),
        ({"cron": "a b c d e"}, "/cron", "cannot be read"),
        ({"cron": "0 8 * * *", "timezone": "Europe/Brussel"}, "/timezone", "no time zone"),
        ({"at": "25:00"}, "/at", "no time of day"),
        ({"at": "08:00", "days": ["Munday"]}, "/days/0", "no day"),
        ({"every_seconds": 5, "days": ["Mon"]}, "/days", "goes with at"),
    ],
)
def test_a_bad_schedule_is_told_where_and_why(config: dict[str, object], pointer: str, words: str) -> None:
    (problem, *_) = TimeComes(config).problems()

    assert problem.pointer == pointer
    assert re.search(words, problem.message)
