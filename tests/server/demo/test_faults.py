"""Faults: each breaks one thing, clearing it mends it, and what cannot break is refused with the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen_server.demo import Fault, FaultError, SimulatedFarm
from whenthen_server.demo.faults import KINDS

START_US = 1_768_204_800_000_000  # 2026-01-12T08:00Z


def farm() -> SimulatedFarm:
    one = SimulatedFarm(1, START_US)
    one.step(300)
    return one


def said(one: SimulatedFarm, device: str, sensor: str, seconds: float) -> list[Any]:
    return [reading.values[sensor] for reading in one.step(seconds) if reading.device_id == device]


def test_a_stuck_sensor_repeats_itself_until_it_is_cleared() -> None:
    one = farm()
    fault = Fault("stuck_sensor", "fruiting-air", "humidity_pct")
    one.inject(fault)
    stuck = said(one, "fruiting-air", "humidity_pct", 1_800)
    one.clear(fault)

    assert len(set(stuck)) == 1
    assert len(set(said(one, "fruiting-air", "humidity_pct", 1_800))) > 3


def test_a_sensor_that_sticks_before_it_ever_spoke_sticks_at_its_first_value() -> None:
    one = SimulatedFarm(1, START_US)
    one.inject(Fault("stuck_sensor", "fruiting-air", "co2_ppm"))
    stuck = said(one, "fruiting-air", "co2_ppm", 600)

    assert len(set(stuck)) == 1
    assert stuck[0] == pytest.approx(500, abs=60)


def test_a_drifting_sensor_leaves_the_truth_at_the_given_rate_and_its_neighbours_alone() -> None:
    one = farm()
    one.inject(Fault("drifting_sensor", "fruiting-air", "temperature_c", -2.0))
    last = said(one, "fruiting-air", "temperature_c", 3 * 3600)[-1]
    truth = one.state()["rooms"]["fruiting"]["climate"]["temperature_c"]
    neighbour = said(one, "fruiting-safety", "check_temperature_c", 120)[-1]

    assert last - truth == pytest.approx(-6.0, abs=0.5)
    assert neighbour == pytest.approx(truth, abs=1.0)


def test_without_an_amount_a_sensor_drifts_by_twenty_times_its_noise() -> None:
    one = farm()
    one.inject(Fault("drifting_sensor", "incubation-air", "co2_ppm"))
    last = said(one, "incubation-air", "co2_ppm", 4 * 3600)[-1]

    assert last - one.state()["rooms"]["incubation"]["climate"]["co2_ppm"] == pytest.approx(800, abs=60)


def test_a_silent_device_neither_sends_nor_obeys() -> None:
    one = farm()
    one.inject(Fault("silent_device", "mushroom-1"))
    ack = one.command("mushroom-1", "turn_on_fan")

    assert said(one, "mushroom-1", "humidity", 900) == []
    assert ack.status == "unanswered"
    assert one.state()["rooms"]["tent"]["machines"]["fan"] == 0.0


def test_a_device_that_rejects_does_nothing_and_says_so() -> None:
    one = farm()
    one.inject(Fault("rejects_commands", "fruiting-fan"))
    ack = one.command("fruiting-fan", "turn_on_fan")
    one.step(5)

    assert ack.status == "rejected"
    assert one.state()["rooms"]["fruiting"]["machines"]["fan"] == 0.0


def test_a_device_that_never_acknowledges_does_it_all_the_same() -> None:
    one = farm()
    one.inject(Fault("no_ack", "fruiting-fan"))
    ack = one.command("fruiting-fan", "turn_on_fan")
    one.step(5)

    assert ack.status == "unanswered"
    assert one.state()["rooms"]["fruiting"]["machines"]["fan"] == 1.0


@pytest.mark.parametrize(("device", "room"), [("incubation-heater", "incubation"), ("mushroom-1", "tent")])
def test_a_dead_heater_says_that_it_runs_and_draws_nothing(device: str, room: str) -> None:
    one = farm()
    one.command(device, "turn_on_heater")
    one.inject(Fault("dead_heater", device))
    power = said(one, device, "heater_power_w", 600)[-1]
    told = one.state()["devices"][device]["latest"]["heater_on"]

    assert power < 5
    assert told is True
    assert one.state()["rooms"][room]["machines"]["heater"] == 0.0


def test_an_open_door_lets_winter_in_and_is_seen() -> None:
    one = farm()
    before = one.state()["rooms"]["fruiting"]["climate"]["temperature_c"]
    one.inject(Fault("open_door", "fruiting"))
    seen = said(one, "fruiting-safety", "door_open", 3_600)
    after = one.state()["rooms"]["fruiting"]["climate"]["temperature_c"]
    one.clear("open_door:fruiting")

    assert set(seen) == {True}
    assert after < before - 3.0
    assert set(said(one, "fruiting-safety", "door_open", 180)) == {False}


def test_a_leak_wets_the_floor_and_a_closed_valve_stops_it() -> None:
    one = farm()
    one.inject(Fault("leak", "fruiting"))
    wet = said(one, "fruiting-safety", "leak", 1_800)
    one.command("fruiting-valve", "close_valve")
    one.step(3 * 3600)

    assert wet[-1] is True
    assert wet[0] is False
    assert said(one, "fruiting-safety", "leak", 180)[-1] is False


def test_every_possible_fault_can_be_injected_listed_and_cleared() -> None:
    one = farm()
    possible = one.possible_faults()
    ids = [one.inject(fault) for fault in possible]
    one.step(60)
    listed = json.loads(json.dumps(one.state()))["faults"]

    assert {fault.kind for fault in possible} == set(KINDS)
    assert len(ids) == len(set(ids)) == len(listed)
    assert {Fault.from_json(document) for document in listed} >= {fault for fault in possible if fault.kind != "leak"}
    assert all(one.clear(fault_id) for fault_id in ids)
    assert one.faults == []


def test_injecting_again_changes_the_amount_and_clearing_twice_says_so() -> None:
    one = farm()
    one.inject(Fault("leak", "tent"))
    one.inject(Fault("leak", "tent", amount=5.0))

    assert [fault.strength for fault in one.faults] == [5.0]
    assert one.clear("leak:tent")
    assert not one.clear("leak:tent")


def test_clearing_every_fault_leaves_no_trace_in_what_sensors_say() -> None:
    broken, whole = farm(), farm()
    fault = Fault("drifting_sensor", "fruiting-air", "temperature_c", 50.0)
    broken.inject(fault)
    broken.step(600)
    broken.clear(fault)
    whole.step(600)

    assert broken.step(600) == whole.step(600)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ("leak", ""),
        ({}, "/kind"),
        ({"kind": "earthquake", "target": "fruiting"}, "/kind"),
        ({"kind": "leak"}, "/target"),
        ({"kind": "leak", "target": ["fruiting"]}, "/target"),
        ({"kind": "leak", "target": "fruiting", "when": "now"}, "/when"),
        ({"kind": "leak", "target": "fruiting", "amount": "much"}, "/amount"),
        ({"kind": "leak", "target": "fruiting", "amount": True}, "/amount"),
        ({"kind": "leak", "target": "fruiting", "amount": float("nan")}, "/amount"),
        ({"kind": "leak", "target": "fruiting", "amount": 10**400}, "/amount"),
        ({"kind": "leak", "target": "fruiting", "amount": -1}, "/amount"),
        ({"kind": "open_door", "target": "fruiting", "amount": 1}, "/amount"),
        ({"kind": "stuck_sensor", "target": "fruiting-air", "sensor": 3}, "/sensor"),
    ],
)
def test_a_document_that_describes_no_fault_is_refused_with_a_pointer(document: object, pointer: str) -> None:
    with pytest.raises(FaultError) as refusal:
        Fault.from_json(document)

    assert pointer in [problem.pointer for problem in refusal.value.problems]


@pytest.mark.parametrize(
    ("fault", "pointer"),
    [
        (Fault("leak", "attic"), "/target"),
        (Fault("leak", "fruiting-air"), "/target"),
        (Fault("leak", "fruiting", "leak"), "/sensor"),
        (Fault("silent_device", "fruiting"), "/target"),
        (Fault("silent_device", "fruiting-air", "co2_ppm"), "/sensor"),
        (Fault("dead_heater", "fruiting-fan"), "/target"),
        (Fault("stuck_sensor", "fruiting-air"), "/sensor"),
        (Fault("stuck_sensor", "fruiting-air", "radiation"), "/sensor"),
        (Fault("drifting_sensor", "fruiting-safety", "leak"), "/sensor"),
    ],
)
def test_a_fault_where_the_farm_has_no_such_place_is_refused(fault: Fault, pointer: str) -> None:
    one = farm()
    with pytest.raises(FaultError) as refusal:
        one.inject(fault)

    assert [problem.pointer for problem in refusal.value.problems] == [pointer]
    assert one.faults == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["kind", "target", "sensor", "amount", "id", "x"]),
                inner | st.sampled_from(sorted(KINDS)),
            )
        ),
    )
)
def test_whatever_is_sent_a_fault_comes_out_or_a_refusal(document: object) -> None:
    try:
        fault = Fault.from_json(document)
    except FaultError as error:
        assert error.problems  # noqa: PT017 - either end is good
    else:
        assert Fault.from_json(fault.to_json()).id == fault.id
