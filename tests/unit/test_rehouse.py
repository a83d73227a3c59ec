"""Devices come, move and go while rules run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from whenthen import Device, Farm, Reading, StaticDirectory
from whenthen.engine import Engine, merge_state
from whenthen.extend.host import load_registry

S = 1_000_000
REGISTRY = load_registry()
HOT: dict[str, Any] = {"type": "comparison", "config": {"sensor": "t", "operator": ">", "value": 30}}


class Changing(StaticDirectory):
    """A directory that a test changes."""

    def put(self, *devices: Device) -> None:
        self._devices |= {device.id: device for device in devices}

    def drop(self, device_id: str) -> None:
        del self._devices[device_id]


@pytest.fixture
def directory() -> Changing:
    return Changing([Device("d1", room="a", farm="f")], [Farm("f", "Europe/Brussels")])


def engine_with(directory: Changing, **more: Any) -> Engine:
    engine = Engine(REGISTRY, directory)
    engine.put_rule(document(**more))
    return engine


def document(**more: Any) -> dict[str, Any]:
    return {
        "id": "r",
        "name": "r",
        "trigger": {"type": "sensor", "config": {"sensor": "t"}},
        "conditions": [HOT],
        "actions": [{"type": "log", "config": {"message": "{room_id}"}}],
        **more,
    }


def fired(engine: Engine, device: str, second: int, value: float = 31.0) -> list[tuple[str, str, Any]]:
    firings = engine.handle(Reading(device, {"t": value}, second * S))
    return [(one.subject, one.kind, one.actions[0].config.get("message")) for one in firings]


def test_a_room_s_rule_hears_a_device_that_joins_the_room(directory: Changing) -> None:
    engine = engine_with(directory, scope={"per": "room"})
    assert fired(engine, "d1", 1) == [("a", "fired", "a")]
    directory.put(Device("d2", room="a", farm="f"))
    engine.rehouse(["d2"])

    assert fired(engine, "d2", 2) == [("a", "fired", "a")]


def test_a_device_that_moves_speaks_for_its_new_room_and_is_named_after_it(directory: Changing) -> None:
    rooms, single = engine_with(directory, scope={"per": "room"}), engine_with(directory)
    fired(rooms, "d1", 1)
    fired(single, "d1", 1)
    directory.put(Device("d1", room="b", farm="f"))

    assert rooms.rehouse(["d1"]) == single.rehouse(["d1"]) == []
    assert fired(rooms, "d1", 2) == [("b", "fired", "b")]
    assert fired(single, "d1", 2) == [("d1", "fired", "b")]


def test_what_was_active_where_a_device_went_from_is_cleared(directory: Changing) -> None:
    off = [{"type": "log", "config": {"message": "off"}}]
    engine = engine_with(directory, scope={"room": "a"}, clear_actions=off)
    fired(engine, "d1", 1)
    directory.put(Device("d1", room="b", farm="f"))

    assert [(one.subject, one.kind) for one in engine.rehouse(["d1"])] == [("d1", "cleared")]
    assert fired(engine, "d1", 2) == []


def test_a_device_that_is_removed_is_forgotten_also_after_a_restart(directory: Changing) -> None:
    hourly = {"type": "time", "config": {"every_seconds": 3600}}
    engine = engine_with(directory, trigger=hourly, conditions=[HOT])
    fired(engine, "d1", 1)
    kept = merge_state({}, engine.changed_state())
    directory.drop("d1")
    engine.rehouse(["d1"])
    kept = json.loads(json.dumps(merge_state(kept, engine.changed_state())))
    restored = Engine.restore(REGISTRY, directory, [document(trigger=hourly, conditions=[HOT])], kept)

    assert kept["slots"] == {}
    assert kept["instances"] == {}
    assert engine.advance(3600 * S) == restored.advance(3600 * S) == []


def test_a_cooldown_outlasts_a_device_s_absence(directory: Changing) -> None:
    engine = engine_with(directory, scope={"room": "a"}, cooldown_seconds=60)
    fired(engine, "d1", 1)
    directory.put(Device("d1", room="b", farm="f"))
    engine.rehouse(["d1"])
    directory.put(Device("d1", room="a", farm="f"))
    engine.rehouse(["d1"])

    assert fired(engine, "d1", 2) == []
    assert fired(engine, "d1", 61) == [("d1", "fired", "a")]


def test_a_farm_that_gets_its_first_device_gets_its_rules_for_nobody_in_particular(directory: Changing) -> None:
    hourly = {"type": "time", "config": {"every_seconds": 3600}}
    plain = {"type": "log", "config": {"message": "x"}}
    engine = engine_with(directory, trigger=hourly, conditions=[], actions=[plain])
    directory.put(Device("d9", farm="g"))
    engine.rehouse(["d9"])

    assert [one.subject for one in engine.advance(3600 * S)] == ["f", "g"]


def test_a_silence_of_a_device_that_was_heard_before_it_was_registered_is_told_of(directory: Changing) -> None:
    engine = engine_with(directory, trigger={"type": "event", "config": {"event": "sensor_stale"}}, conditions=[])
    engine.handle(Reading("d2", {"t": 20.0}, 1 * S))
    directory.put(Device("d2", room="a", farm="f", stale_after_seconds=60))
    engine.rehouse(["d2"])

    assert [(one.at_us, one.subject) for one in engine.advance(100 * S)] == [(61 * S, "f")]


def test_a_silence_begun_before_its_device_was_registered_is_not_told_of(directory: Changing) -> None:
    engine = engine_with(directory, trigger={"type": "event", "config": {"event": "sensor_stale"}}, conditions=[])
    engine.handle(Reading("d2", {"t": 20.0}, 1 * S))
    engine.advance(100 * S)
    directory.put(Device("d2", room="a", farm="f", stale_after_seconds=60))
    engine.rehouse(["d2"])

    assert engine.advance(1000 * S) == []


def test_a_duration_over_a_named_device_is_interrupted_when_that_device_goes(directory: Changing) -> None:
    directory.put(Device("d2", room="a", farm="f"))
    config = {"device": "d2", "sensor": "t", "operator": ">", "value": 30}
    named = {"type": "comparison", "config": config}
    lasting = {"type": "duration", "config": {"condition": named, "duration_seconds": 60}}
    engine = engine_with(directory, scope={"device": "d1"}, conditions=[lasting], on_gap="verify", max_gap_seconds=5)
    for device in ("d1", "d2"):
        fired(engine, device, 0)
    directory.drop("d2")
    engine.rehouse(["d2"])
    directory.put(Device("d2", room="a", farm="f"))
    engine.rehouse(["d2"])
    fired(engine, "d2", 30)

    assert fired(engine, "d1", 61) == []
    assert fired(engine, "d1", 90) == [("d1", "fired", "a")]


def test_a_schedule_goes_with_the_last_subject_at_its_place(directory: Changing) -> None:
    every = {"type": "time", "config": {"every_seconds": 1}}
    engine = engine_with(directory, trigger=every, fire="every")
    engine.advance(0)
    fired(engine, "d1", 0)
    fired(engine, "d2", 0)  # nobody registered it: it is where the engine is, in UTC
    assert sorted(one.subject for one in engine.advance(1 * S)) == ["d1", "d2"]
    directory.put(Device("d2", room="a", farm="f"))
    engine.rehouse(["d2"])
    directory.drop("d2")
    engine.rehouse(["d2"])

    assert fired(engine, "d2", 2) == []
    assert [one.subject for one in engine.advance(2 * S)] == ["d1"], "its schedule begins after its first reading"
    assert sorted(one.subject for one in engine.advance(3 * S)) == ["d1", "d2"]
