"""What came since an instant is told from what was known then, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from whenthen_server.store import recorded, tables
from whenthen_server.store.database import reading, writing
from whenthen_server.store.migrations import upgrade_engine

SERIES = {1: ("a", "t"), 2: ("b", "t")}

# Of each value: its series, when it was measured, when it came.
ROWS = (
    (1, 100, 100),
    (1, 200, 200),
    (2, 50, 60),
    (1, 150, 320),  # late, and older than what was known of its series: an engine would not take it
    (2, 90, 330),  # late, but the newest of its series
    (1, 310, 310),
    (2, 340, 340),
    (1, 400, 410),
)


@pytest.fixture
def made(database: Engine) -> Engine:
    upgrade_engine(database)
    with writing(database) as connection:
        for number, (device, sensor) in SERIES.items():
            connection.execute(tables.series.insert(), {"id": number, "device_id": device, "sensor": sensor})
        rows = [
            {"series_id": one, "at_us": at_us, "received_us": received_us, "number": float(at_us), "other": None}
            for one, at_us, received_us in ROWS
        ]
        connection.execute(tables.samples.insert(), rows)
    return database


def test_what_came_since_is_in_order_and_has_late_values_that_are_news(made: Engine) -> None:
    with reading(made) as connection:
        found = recorded.since(connection, SERIES, 300, 400, 10)

    assert found is not None
    assert [(one.device, one.at_us, one.received_us) for one in found] == [
        ("a", 310, 310),
        ("b", 90, 330),
        ("b", 340, 340),
    ]


def test_a_value_of_the_very_instant_is_among_what_came_since(made: Engine) -> None:
    with reading(made) as connection:
        found = recorded.since(connection, SERIES, 340, 400, 10)

    assert found is not None
    assert [one.at_us for one in found] == [340]


def test_more_than_are_wanted_are_none(made: Engine) -> None:
    with reading(made) as connection:
        assert recorded.since(connection, SERIES, 300, 400, 2) is None
        assert len(recorded.since(connection, SERIES, 300, 400, 3) or ()) == 3
