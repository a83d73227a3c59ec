"""The farm as its users see it: readings, commands, descriptions, and the same story each time."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whenthen_server.demo import FarmReading, SimulatedFarm
from whenthen_server.demo.equipment import ROOMS

START_US = 1_768_204_800_000_000  # 2026-01-12T08:00Z
MINUTE_US = 60_000_000


def farm(seed: int = 1) -> SimulatedFarm:
    return SimulatedFarm(seed, START_US)


def of(readings: list[FarmReading], device: str) -> list[FarmReading]:
    return [reading for reading in readings if reading.device_id == device]


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    def story(seed: int) -> list[FarmReading]:
        one = farm(seed)
        one.command("fruiting-fan", "turn_on_fan")
        return one.step(1_800)

    assert story(1) == story(1)
    assert story(1) != story(2)


@settings(max_examples=15)
@given(st.lists(st.floats(0.0, 97.0), min_size=1, max_size=30))
def test_how_time_is_cut_into_steps_does_not_matter(cuts: list[float]) -> None:
    """Whole microseconds, because that is what time is made of here."""
    cuts_us = [round(cut * 1_000_000) for cut in cuts]
    whole, cut = farm(), farm()
    at_once = whole.step(sum(cuts_us) / 1_000_000)
    in_parts = [reading for part_us in cuts_us for reading in cut.step(part_us / 1_000_000)]

    assert in_parts == at_once
    assert cut.state() == whole.state()


def test_readings_come_in_the_order_of_time_within_the_step() -> None:
    one = farm()
    one.step(601)
    before_us = one.now_us
    readings = one.step(1_201)

    assert all(earlier.at_us <= later.at_us for earlier, later in pairwise(readings))
    assert before_us < readings[0].at_us
    assert readings[-1].at_us <= one.now_us == before_us + 1_201_000_000


def test_a_room_sends_the_telemetry_of_the_requirements_and_the_node_the_short_names() -> None:
    readings = farm().step(300)

    assert set(of(readings, "fruiting-air")[0].values) == {
        "temperature_c",
        "humidity_pct",
        "co2_ppm",
        "light_lux",
        "substrate_moisture",
        "battery_v",
    }
    assert {"temperature", "humidity", "co2", "light", "leak"} <= set(of(readings, "mushroom-1")[0].values)


def test_every_device_is_heard_before_it_counts_as_silent() -> None:
    one = farm()
    readings = one.step(4 * 3600)

    for device in one.description()["devices"]:
        times_us = [START_US, *(reading.at_us for reading in of(readings, device["id"])), one.now_us]
        longest_us = max(later - earlier for earlier, later in pairwise(times_us))
        assert longest_us <= device["stale_after_seconds"] * 1_000_000


def test_every_value_lies_within_the_range_that_the_description_gives() -> None:
    one = farm()
    described = {device["id"]: device["capabilities"]["sensors"] for device in one.description()["devices"]}
    for reading in one.step(7_200):
        sensors = {sensor["name"]: sensor for sensor in described[reading.device_id]}
        assert set(reading.values) == set(sensors)
        for name, value in reading.values.items():
            if sensors[name]["type"] == "boolean":
                assert isinstance(value, bool)
            else:
                assert isinstance(value, float)
                assert sensors[name]["min"] <= value <= sensors[name]["max"]


def test_some_reports_are_lost_on_their_way_and_sensors_err_a_little() -> None:
    one = farm()
    readings = of(one.step(10 * 3600), "incubation-air")
    warmths = [float(reading.values["temperature_c"]) for reading in readings[-10:]]

    assert 1_200 * 0.97 < len(readings) < 1_200  # one in a hundred
    assert len(set(warmths)) > 1
    assert sum(warmths) / 10 == pytest.approx(one.state()["rooms"]["incubation"]["climate"]["temperature_c"], abs=0.3)


def test_a_machine_reports_at_once_when_a_command_changed_it_and_only_then() -> None:
    one = farm()
    one.step(600)
    one.command("fruiting-heater", "turn_on_heater")
    [changed] = of(one.step(5), "fruiting-heater")
    one.command("fruiting-heater", "turn_on_heater")

    assert changed.values["heater_on"] is True
    assert changed.values["heater_power_w"] == pytest.approx(3_000, abs=3)
    assert of(one.step(5), "fruiting-heater") == []


@pytest.mark.parametrize(
    ("device", "command", "params", "sensor", "holds"),
    [
        ("fruiting-humidifier", "set_humidity", {"value": 95}, "humidity_pct", (92.0, 96.0)),
        ("fruiting-heater", "set_heater_target", {"value": 19}, "temperature_c", (18.0, 19.3)),
        ("fruiting-heater", "turn_on_heater", {}, "temperature_c", (19.0, 30.0)),
        ("fruiting-fan", "turn_on_fan", {}, "co2_ppm", (400.0, 550.0)),
        ("fruiting-light", "turn_on_light", {}, "light_lux", (1_250.0, 1_400.0)),
        ("fruiting-light", "set_light", {"value": 50}, "light_lux", (600.0, 750.0)),
    ],
)
def test_commands_reach_the_room_and_come_back_as_readings(
    device: str, command: str, params: dict[str, int], sensor: str, holds: tuple[float, float]
) -> None:
    one = farm()
    ack = one.command(device, command, params)
    last = of(one.step(2 * 3600), "fruiting-air")[-1].values[sensor]

    assert ack.status == "acknowledged"
    assert isinstance(last, float)
    assert holds[0] <= last <= holds[1]


def test_a_cooler_cools_towards_its_target() -> None:
    one = farm()
    one.command("incubation-cooler", "set_cooler_target", {"value": 20})
    one.step(4 * 3600)
    cooled = one.state()["rooms"]["incubation"]["climate"]["temperature_c"]

    assert 19.5 < cooled < 21.5


def test_a_closed_valve_leaves_the_humidifier_dry() -> None:
    one = farm()
    one.command("fruiting-humidifier", "turn_on_humidifier")
    one.command("fruiting-valve", "close_valve")
    dry = one.step(300)
    one.command("fruiting-valve", "open_valve")
    one.step(5)

    assert of(dry, "fruiting-valve")[-1].values["valve_open"] is False
    assert one.state()["rooms"]["fruiting"]["machines"]["humidifier"] == 1.0


@pytest.mark.parametrize(
    ("device", "command", "params", "reason"),
    [
        ("nobody", "turn_on_fan", {}, "there is no device 'nobody'"),
        ("fruiting-fan", "explode", {}, "there is no command 'explode' here; known: turn_on_fan"),
        ("fruiting-fan", "set_fan", {}, "value must be a number from 0 to 100"),
        ("fruiting-fan", "set_fan", {"value": 101}, "value must be a number from 0 to 100"),
        ("fruiting-fan", "set_fan", {"value": True}, "value must be a number"),
        ("fruiting-fan", "set_fan", {"value": float("nan")}, "value must be a number"),
        ("fruiting-fan", "set_fan", {"value": 10**400}, "value must be a number"),
        ("fruiting-fan", "set_fan", {"value": 5, "speed": 1}, "unknown parameter 'speed'; known: value"),
        ("fruiting-fan", "turn_on_fan", {"value": 5}, "unknown parameter 'value'; known: none"),
        ("fruiting-fan", "turn_on_fan", [1], "the parameters must be an object"),
        ("fruiting-humidifier", "set_humidity", {"value": 20}, "value must be a number from 30 to 100"),
        ("fruiting-air", "sound", {"sound_id": 9}, "sound_id must be a whole number from 1 to 8"),
        ("fruiting-air", "sound", {"sound_id": 1.5}, "sound_id must be a whole number from 1 to 8"),
        ("fruiting-air", "led", {"mode": "disco"}, "mode must be one of constant, flash, breathe"),
        ("fruiting-air", "led", {"color": 7}, "color must be"),
        ("fruiting-air", "led", {"intensity": "much"}, "intensity must be a number from 0 to 100"),
        ("fruiting-safety", "led", {}, "there is no command 'led' here; known: none"),
    ],
)
def test_a_command_that_a_device_does_not_take_is_rejected_with_the_reason(
    device: str, command: str, params: Any, reason: str
) -> None:
    one = farm()
    ack = one.command(device, command, params)

    assert ack.status == "rejected"
    assert reason in ack.reason
    assert one.state()["devices"] == farm().state()["devices"]


def test_signals_show_in_the_state() -> None:
    one = farm()
    one.command("fruiting-air", "led", {"color": "red", "intensity": 100, "mode": "flash"})
    one.command("fruiting-air", "sound", {"sound_id": 2})
    settings = one.state()["devices"]["fruiting-air"]["settings"]

    assert settings["led"]["words"] == {"color": "red", "intensity": 100, "mode": "flash"}
    assert settings["sound"]["words"] == {"sound_id": 2}


def test_every_command_that_the_description_names_is_taken() -> None:
    one = farm()
    params: dict[str, dict[str, Any]] = {"led": {"color": "blue"}, "sound": {"sound_id": 1}}
    for device in one.description()["devices"]:
        for machine in device["capabilities"]["actuators"]:
            for command in machine["commands"]:
                given = params.get(command, {})
                if command in machine.get("values", {}):
                    given = {"value": machine["values"][command]["max"]}
                assert one.command(device["id"], command, given).status == "acknowledged", command


def test_state_and_description_are_json_and_name_the_same_places() -> None:
    one = farm()
    one.step(60)
    state, description = json.loads(json.dumps(one.state())), json.loads(json.dumps(one.description()))

    assert list(state["rooms"]) == [room["id"] for room in description["rooms"]] == [room.spec.id for room in ROOMS]
    assert list(state["devices"]) == [device["id"] for device in description["devices"]]
    assert {device["farm_id"] for device in description["devices"]} == {description["farm"]["id"]}


def test_a_farm_may_have_fewer_rooms() -> None:
    small = SimulatedFarm(1, START_US, rooms=ROOMS[2:])

    assert {reading.device_id for reading in small.step(600)} == {"mushroom-1"}


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_time_does_not_run_backwards_or_nowhere(seconds: float) -> None:
    one = farm()
    with pytest.raises(ValueError, match="number of seconds from 0"):
        one.step(seconds)

    assert one.now_us == START_US
