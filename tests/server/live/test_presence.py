"""Who is there: by heartbeats, connections and their loss, on a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from listening.heard import Connect, until

from whenthen.clock import ManualClock
from whenthen_server.live import Live
from whenthen_server.store.commands import QueueCommand, find
from whenthen_server.store.database import reading
from whenthen_server.wiring import House

KeyOf = Callable[[str], str]


def said(house: House) -> list[tuple[str, bool]]:
    """Return what is announced about devices from now on."""
    found: list[tuple[str, bool]] = []
    house.runtime.listen(
        lambda turn: found.extend((one.device_id, one.online) for kind, one in turn.news if kind == "device_status")
    )
    return found


def when(event: str) -> dict[str, Any]:
    return {
        "id": event,
        "name": event,
        "trigger": {"type": "event", "config": {"event": event}},
        "conditions": [],
        "actions": [{"type": "broadcast", "config": {"event": event, "data": {}}}],
    }


def test_a_reading_brings_a_device_online_and_silence_takes_it_off(
    house: House, live: Live, clock: ManualClock
) -> None:
    heard = said(house)
    for name in ("device_connected", "device_disconnected"):
        house.runtime.put_rule(when(name))
    fired: list[str] = []
    house.runtime.listen(lambda turn: fired.extend(one.firing.rule_id for one in turn.executions))
    house.runtime.take("d1", {"t": 1})
    live.tick()
    assert house.places.devices_by_id["d1"].online

    clock.turn(seconds=890)
    live.tick()
    assert house.places.devices_by_id["d1"].online
    clock.turn(seconds=20)
    live.tick()
    live.tick()

    assert not house.places.devices_by_id["d1"].online
    assert heard == [("d1", True), ("d1", False)]
    until(lambda: fired == ["device_connected", "device_disconnected"])


def test_it_is_written_down_so_that_a_restart_knows(house: House, live: Live) -> None:
    house.runtime.take("d1", {"t": 1})
    live.tick()
    house.places.load(0)
    record = house.places.devices_by_id["d1"]

    assert record.online
    assert record.seen_us is not None


def test_devices_heard_often_are_written_seldom(house: House, live: Live, clock: ManualClock) -> None:
    house.runtime.take("d1", {"t": 0})
    live.tick()
    first_us = house.places.devices_by_id["d1"].seen_us
    for number in range(1, 25):
        clock.turn(seconds=1)
        house.runtime.take("d1", {"t": number})
        live.tick()
    assert house.places.devices_by_id["d1"].seen_us == first_us
    clock.turn(seconds=10)
    live.tick()

    assert house.places.devices_by_id["d1"].seen_us != first_us


def test_a_lost_connection_may_come_back_within_seconds(
    house: House, live: Live, clock: ManualClock, connect: Connect, key_of: KeyOf
) -> None:
    key = key_of("d1")
    heard = said(house)
    first = connect({"key": key})
    until(lambda: len(live.clients) == 1)
    live.tick()
    clock.turn(seconds=5_000)  # a connection is a sign of life, whatever else is said
    live.tick()
    first.leave()
    until(lambda: len(live.clients) == 0)
    live.tick()
    clock.turn(seconds=10)
    live.tick()
    assert heard == [("d1", True)]
    clock.turn(seconds=6)
    live.tick()

    assert heard == [("d1", True), ("d1", False)]


def test_a_device_that_says_goodbye_is_gone_at_once(house: House, live: Live, connect: Connect, key_of: KeyOf) -> None:
    device = connect({"key": key_of("d1")})
    until(lambda: len(live.clients) == 1)
    live.tick()
    assert device.ask("device_status_update", {"status": "offline"})["ok"]
    live.tick()
    assert not house.places.devices_by_id["d1"].online
    device.ask("sensor_data_update", {"data": {"t": 1}})
    live.tick()

    assert house.places.devices_by_id["d1"].online


def test_a_command_that_nobody_fetches_expires_and_one_that_nobody_answers_times_out(
    house: House, clock: ManualClock, connect: Connect, key_of: KeyOf
) -> None:
    for name, device in (("c1", "d1"), ("c2", "d2")):
        house.runtime.submit(QueueCommand(house.places, name, device, "beep", {}, "person u")).wait()
    connect({"key": key_of("d1")}).wait("device_command")
    clock.turn(seconds=31)
    house.tending.tick()
    clock.turn(seconds=300)
    house.tending.tick()

    with reading(house.database) as connection:
        states = [found.state for name in ("c1", "c2") if (found := find(connection, name)) is not None]
    assert states == ["timed_out", "expired"]
