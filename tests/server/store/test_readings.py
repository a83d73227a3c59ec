"""Stored values come back as they were given, alone and in buckets, whatever has been summed up meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from whenthen.runtime.records import Sample
from whenthen_server.store import tables
from whenthen_server.store.database import reading, writing
from whenthen_server.store.journal import SqlJournal
from whenthen_server.store.readings import (
    HOUR_US,
    Bucket,
    Value,
    bucket_us,
    buckets,
    forget,
    history,
    latest,
    sensors_of,
    sum_up,
)
from whenthen_server.store.schema import metadata

MINUTE_US = 60_000_000


@pytest.fixture
def journal(database: Engine) -> SqlJournal:
    metadata.create_all(database)
    return SqlJournal(database)


def keep(journal: SqlJournal, *values: Sample) -> None:
    with journal.transaction() as transaction:
        transaction.samples(values)


def minutes(values: Sequence[float], sensor: str = "t") -> list[Sample]:
    return [Sample("d1", sensor, value, i * MINUTE_US, i * MINUTE_US) for i, value in enumerate(values)]


@pytest.mark.parametrize("value", [21.5, -3, "eco", "", True, False, None])
def test_a_value_of_any_kind_comes_back(journal: SqlJournal, value: float | str | bool | None) -> None:
    keep(journal, Sample("d1", "t", value, 5, 6))

    with reading(journal.engine) as connection:
        (found,) = latest(connection, "d1")
    assert found == Value("t", value, 5, 6)
    assert isinstance(found.value, bool) is isinstance(value, bool)


def test_a_correction_replaces_the_value_of_its_instant(journal: SqlJournal) -> None:
    keep(journal, Sample("d1", "t", 1.0, 5, 6), Sample("d1", "t", 2.0, 5, 7))
    keep(journal, Sample("d1", "t", 3.0, 5, 8))

    with reading(journal.engine) as connection:
        assert history(connection, "d1", None, from_us=0, to_us=10, limit=10)[0] == [Value("t", 3.0, 5, 8)]


def test_pages_of_a_history_join_without_gap_or_repetition(journal: SqlJournal) -> None:
    keep(journal, *minutes(range(7)), *minutes(range(7), "h"))
    pages, after = [], None
    with reading(journal.engine) as connection:
        while True:
            page, after = history(connection, "d1", None, from_us=MINUTE_US, to_us=6 * MINUTE_US, limit=4, after=after)
            pages.append(page)
            if after is None:
                break
    found = [(value.at_us // MINUTE_US, value.sensor) for page in pages for value in page]

    assert [len(page) for page in pages] == [4, 4, 2]
    assert sorted(found) == [(minute, sensor) for minute in range(1, 6) for sensor in ("h", "t")]
    assert [minute for minute, _ in found] == sorted((minute for minute, _ in found), reverse=True)


def test_a_history_may_be_of_some_sensors_only(journal: SqlJournal) -> None:
    keep(journal, *minutes([1.0]), *minutes([2.0], "h"))

    with reading(journal.engine) as connection:
        assert [
            value.sensor for value in history(connection, "d1", ["h", "nothing"], from_us=0, to_us=9, limit=9)[0]
        ] == ["h"]
        assert history(connection, "d1", ["nothing"], from_us=0, to_us=9, limit=9) == ([], None)
        assert history(connection, "d9", None, from_us=0, to_us=9, limit=9) == ([], None)


@pytest.mark.parametrize(
    ("wanted_us", "used_us"),
    [(1, 1_000_000), (MINUTE_US, MINUTE_US), (HOUR_US, HOUR_US), (HOUR_US + 1, 2 * HOUR_US), (1_500_000, 2_000_000)],
)
def test_buckets_are_whole_seconds_or_whole_hours(wanted_us: int, used_us: int) -> None:
    assert bucket_us(wanted_us) == used_us


def plainly(values: Sequence[float], from_us: int, to_us: int, width_us: int) -> list[Bucket]:
    found: dict[int, list[float]] = {}
    for minute, value in enumerate(values):
        at_us = minute * MINUTE_US
        if from_us <= at_us < to_us:
            found.setdefault(at_us - at_us % width_us, []).append(value)
    return [Bucket(start, len(own), sum(own) / len(own), min(own), max(own)) for start, own in sorted(found.items())]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.data())
def test_buckets_are_what_a_plain_sum_gives_whatever_is_summed_up(journal: SqlJournal, data: st.DataObject) -> None:
    with writing(journal.engine) as connection:
        for table in (tables.samples, tables.hours, tables.hours_due):
            connection.execute(table.delete())
    journal._due.clear()
    values = data.draw(st.lists(st.floats(-50, 50), max_size=400))
    again = data.draw(st.lists(st.integers(0, max(0, len(values) - 1)), max_size=3)) if values else []
    from_us = data.draw(st.integers(0, 400)) * MINUTE_US
    to_us = from_us + data.draw(st.integers(0, 400)) * MINUTE_US
    width_us = bucket_us(data.draw(st.sampled_from([MINUTE_US, 7 * MINUTE_US, HOUR_US, 2 * HOUR_US])))
    keep(journal, *minutes(values))
    with writing(journal.engine) as connection:
        sum_up(connection, data.draw(st.integers(0, 8)) * HOUR_US)
    for minute in again:  # a correction comes when its hour was summed up already
        values[minute] += 1.0
        keep(journal, Sample("d1", "t", values[minute], minute * MINUTE_US, 9 * HOUR_US))

    with reading(journal.engine) as connection:
        series_id = sensors_of(connection, "d1").get("t", 0)
        found = buckets(connection, series_id, from_us, to_us, width_us)
    expected = plainly(values, from_us, to_us, width_us)
    assert [(one.start_us, one.count, one.least, one.greatest) for one in found] == [
        (one.start_us, one.count, one.least, one.greatest) for one in expected
    ]
    assert all(isclose(a.mean, b.mean, abs_tol=1e-9) for a, b in zip(found, expected, strict=True))


def test_what_is_too_old_goes_and_its_hours_stay(journal: SqlJournal) -> None:
    keep(journal, *minutes([float(i) for i in range(180)]), Sample("d1", "t", "text", 1, 1))
    with writing(journal.engine) as connection:
        assert sum_up(connection, 2 * HOUR_US) == 2
        assert forget(connection, 10 * HOUR_US) == 121  # the third hour is not summed up yet

    with reading(journal.engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.samples)).scalar_one() == 60
        series_id = sensors_of(connection, "d1")["t"]
        found = buckets(connection, series_id, 0, 3 * HOUR_US, HOUR_US)
    assert [(one.count, one.mean) for one in found] == [(60, 29.5), (60, 89.5), (60, 149.5)]
