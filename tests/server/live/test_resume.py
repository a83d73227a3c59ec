"""A client that comes back: what it is told again, in which order, and whether it hears that there was more."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from listening.heard import Connect, Heard, until

from whenthen.clock import DAY_US, SECOND_US, ManualClock
from whenthen_server.wiring import House

HOT = {
    "id": "hot",
    "name": "Hot",
    "trigger": {"type": "sensor", "config": {"sensor": "t"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "t", "operator": ">", "value": 30}}],
    "actions": [{"type": "log", "config": {"message": "hot"}}],
}


def told(heard: Heard, count: int = 0) -> list[Any]:
    return [one["data"] for one in heard.wait("sensor_data_update", count)]


def test_what_was_missed_comes_first(house: House, connect: Connect, owner_key: str, clock: ManualClock) -> None:
    house.runtime.put_rule(HOT)
    first = connect({"token": owner_key})
    cursor = first.ask("subscribe", {"room": "r1"})["cursor"]
    first.leave()
    clock.turn(seconds=60)
    house.runtime.take("d1", {"t": 31})
    house.runtime.take("d2", {"t": 5})
    second = connect({"token": owner_key})
    answer = second.ask("subscribe", {"room": "r1", "since": cursor})
    clock.turn(seconds=1)
    house.runtime.take("d1", {"t": 32})

    assert (answer["missed"], answer["complete"]) == (2, True)
    assert told(second, 2) == [{"t": 31}, {"t": 32}]
    assert second.wait("rule_fired")[0]["rule_id"] == "hot"
    # Of one instant the reading first, then what it caused, as when it happened.
    assert [name for name, _ in second.events][:2] == ["sensor_data_update", "rule_fired"]


def test_a_list_of_readings_comes_back_reading_by_reading(connect: Connect, owner_key: str, clock: ManualClock) -> None:
    device = connect({"token": owner_key})
    since = device.ask("subscribe", {"room": "r2"})["cursor"]
    now = clock.now()
    readings = [
        {"device_id": "d1", "timestamp": (now - timedelta(seconds=3 - n)).isoformat(), "data": {"a": n, "b": -n}}
        for n in range(3)
    ]
    assert device.ask("sensor_data_update", readings)["ok"]
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"room": "r1", "since": since})

    assert (answer["missed"], answer["complete"]) == (3, True)
    assert told(heard, 3) == [{"a": n, "b": -n} for n in range(3)]


@pytest.mark.parametrize(
    "since",
    [1, -1, True, [], {}, "", " 1", "-1", "1.5", "x", "9" * 18, "\uff11\uff12", "2026-03-01T12:00:00Z", "01JX8Z3N9V.2"],
)
def test_a_cursor_that_is_none_is_refused(connect: Connect, owner_key: str, since: Any) -> None:
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"since": since})

    assert answer["ok"] is False
    assert (answer["problem"]["status"], answer["problem"]["errors"][0]["pointer"]) == (422, "/since")
    assert heard.ask("subscribe", {})["ok"]


@pytest.mark.parametrize("ahead_us", [1, 60 * SECOND_US, 10**16])
def test_a_cursor_from_the_future_is_of_another_history_and_said_to_be_incomplete(
    house: House, connect: Connect, owner_key: str, clock: ManualClock, ahead_us: int
) -> None:
    now_us = house.runtime.now_us()
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"since": str(now_us + ahead_us)})
    clock.turn(seconds=1)
    house.runtime.take("d1", {"t": 1})

    assert (answer["ok"], answer["missed"], answer["complete"]) == (True, 0, False)
    # With the cursor of the answer it goes on, instead of waiting for that future.
    assert answer["cursor"] == str(now_us)
    assert told(heard, 1) == [{"t": 1}]


def test_a_cursor_from_before_what_is_kept_is_said_to_be_incomplete(
    house: House, connect: Connect, owner_key: str
) -> None:
    house.runtime.take("d1", {"t": 1})
    kept_us = 30 * DAY_US  # automation.history.retention_days, the shorter of the two
    now_us = house.runtime.now_us()
    heard = connect({"token": owner_key})
    inside = heard.ask("subscribe", {"since": str(now_us - kept_us)})
    before = heard.ask("subscribe", {"since": str(now_us - kept_us - 1)})
    beginning = heard.ask("subscribe", {"since": "0"})

    assert [answer["complete"] for answer in (inside, before, beginning)] == [True, False, False]
    assert [answer["missed"] for answer in (inside, before, beginning)] == [1, 1, 1]


def test_exactly_the_newest_cursor_tells_only_what_was_told(
    house: House, connect: Connect, owner_key: str, clock: ManualClock
) -> None:
    for value in (1, 2):
        clock.turn(seconds=10)
        house.runtime.take("d1", {"t": value})
    newest = str(house.runtime.now_us())
    clock.turn(seconds=10)
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"since": newest})

    assert (answer["missed"], answer["complete"], answer["cursor"]) == (1, True, newest)
    assert told(heard, 1) == [{"t": 2}]


def test_a_gap_larger_than_the_queue_ends_with_the_newest_and_is_said_to_be_incomplete(
    house: House, connect: Connect, owner_key: str, clock: ManualClock
) -> None:
    since = str(house.runtime.now_us())
    for number in range(310):
        clock.turn(seconds=1)
        house.runtime.take("d1", {"t": number})
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"since": since})

    assert (answer["missed"], answer["complete"]) == (200, False)
    assert told(heard, 200) == [{"t": number} for number in range(110, 310)]
    assert answer["cursor"] == str(house.runtime.now_us())


def test_a_gap_of_more_bytes_than_may_wait_does_not_cut_off_who_comes_back(
    house: House, connect: Connect, owner_key: str, clock: ManualClock
) -> None:
    since = str(house.runtime.now_us())
    values = {f"s{number}": "x" * 900 for number in range(20)}
    for number in range(60):  # 1.1 MB in all
        clock.turn(seconds=1)
        house.runtime.take("d1", {**values, "t": number})
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"since": since})
    again = heard.ask("subscribe", {"since": answer["cursor"]})

    count = answer["missed"]
    assert 20 <= count < 60
    assert answer["complete"] is False
    assert [one["t"] for one in told(heard, count)][:count] == list(range(60 - count, 60))
    assert again["complete"] is True
    assert "cut" not in [name for name, _ in heard.events]


def test_a_reading_is_told_whole_or_not_at_all(
    house: House, connect: Connect, owner_key: str, clock: ManualClock
) -> None:
    since = str(house.runtime.now_us())
    values = {f"s{number}": 0.5 for number in range(70)}
    for _ in range(9):
        clock.turn(seconds=1)
        house.runtime.take("d1", {name: value + house.runtime.now_us() % 1_000 for name, value in values.items()})
    heard = connect({"token": owner_key})
    answer = heard.ask("subscribe", {"since": since})

    assert (answer["missed"], answer["complete"]) == (8, False)
    assert {len(one) for one in told(heard, 8)} == {70}


def has_told(heard: Heard, sensor: str) -> bool:
    return any(sensor in one for one in told(heard))


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_nothing_is_missed_while_commits_arrive(
    house: House, connect: Connect, owner_key: str, clock: ManualClock, transport: str
) -> None:
    numbers = itertools.count()

    def take(count: int) -> None:
        for number in itertools.islice(numbers, count):
            clock.turn(seconds=0.1)
            house.runtime.take("d1", {f"s{number}": number})  # another sensor each time: none replaces another

    since = str(house.runtime.now_us())
    got: set[int] = set()
    for last in (69, 139, 209, 279):
        take(10)
        taker = threading.Thread(target=take, args=(60,))
        taker.start()
        heard = connect({"token": owner_key}, transport=transport)
        answer = heard.ask("subscribe", {"since": since})
        taker.join()

        assert answer["complete"] is True
        until(partial(has_told, heard, f"s{last}"))
        heard.leave()
        messages = [payload for name, payload in heard.events if name == "sensor_data_update"]
        since = messages[-1]["cursor"]
        got |= {int(value) for one in messages for value in one["data"].values()}

    assert got == set(range(280))
