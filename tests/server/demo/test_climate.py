"""Farm and engine together over days: rules keep the climate, faults are noticed, and what is mended recovers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from simulated.household import Household

from whenthen import to_us
from whenthen_server.demo import Fault, SimulatedFarm, load_rules

ROOMS = ("incubation", "fruiting", "tent")
DAYS = 3
SETTLE_HOURS = 2


def start_us(month: int) -> int:
    return to_us(datetime(2026, month, 12, 8, tzinfo=UTC))


def lived(month: int, *, ruled: bool, hours: float) -> Household:
    house = Household(SimulatedFarm(1, start_us(month)), load_rules() if ruled else [])
    house.live(hours=SETTLE_HOURS)
    house.forget()
    house.live(hours=hours)
    return house


def alarms(house: Household) -> set[str]:
    return {firing.rule_id for firing in house.firings if any(action.type == "notify" for action in firing.actions)}


@pytest.mark.parametrize("month", [1, 7], ids=["January", "July"])
def test_with_rules_the_climate_is_in_range_for_95_of_100_hours_and_without_it_is_not(month: int) -> None:
    ruled, left_alone = (lived(month, ruled=ruled, hours=24 * DAYS) for ruled in (True, False))

    for room in ROOMS:
        assert ruled.share(room) >= 0.95, room
        assert left_alone.share(room) < 0.5, room
    assert alarms(ruled) == set()
    assert {ack.status for ack in ruled.acks} == {"acknowledged"}


def test_light_shines_for_twelve_hours_of_the_farms_own_day() -> None:
    house = Household(SimulatedFarm(1, start_us(7)), load_rules())
    lit = []
    for _ in range(24):
        house.live(hours=1)
        state = house.farm.state()["rooms"]["fruiting"]["machines"]
        lit.append((house.farm.now_us // 3_600_000_000 % 24, state["lamp"] == 1.0))

    # 07:00 to 19:00 in Brussels in summer is 05:00 to 17:00 UTC; the state is that just before the full hour.
    assert sorted(hour for hour, on in lit if on) == list(range(6, 18))


@dataclass(frozen=True)
class Case:
    """A fault, how long it lasts, which rule says so within how many minutes, and whether the room suffers."""

    fault: Fault
    room: str
    hours: float
    rule: str
    minutes: float
    suffers: bool


CASES = (
    Case(
        Fault("stuck_sensor", "fruiting-air", "humidity_pct"), "fruiting", 2, "demo-fruiting-stuck", 65, suffers=False
    ),
    Case(
        Fault("drifting_sensor", "fruiting-air", "temperature_c", 2.0),
        "fruiting",
        2,
        "demo-fruiting-disagree",
        100,
        suffers=False,
    ),
    Case(Fault("silent_device", "fruiting-air"), "fruiting", 3, "demo-silent", 2, suffers=True),
    Case(Fault("silent_device", "fruiting-air"), "fruiting", 1, "demo-fruiting-blind", 2, suffers=True),
    Case(Fault("dead_heater", "incubation-heater"), "incubation", 4, "demo-dead-heater", 16, suffers=True),
    Case(Fault("open_door", "fruiting"), "fruiting", 1, "demo-door", 7, suffers=True),
    Case(Fault("leak", "fruiting"), "fruiting", 2, "demo-fruiting-leak-alarm", 7, suffers=True),
    Case(Fault("rejects_commands", "fruiting-fan"), "fruiting", 4, "demo-fruiting-out", 240, suffers=True),
    Case(Fault("rejects_commands", "fruiting-fan"), "fruiting", 4, "demo-failed", 15, suffers=True),
    Case(Fault("no_ack", "fruiting-fan"), "fruiting", 1, "demo-failed", 15, suffers=False),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fault.kind}-{case.rule}")
def test_a_fault_is_noticed_in_time_and_after_mending_the_room_recovers(case: Case) -> None:
    house = lived(1, ruled=True, hours=1)
    assert alarms(house) == set()

    house.forget()
    since_us = house.farm.now_us
    house.farm.inject(case.fault)
    house.live(hours=case.hours)
    noticed_us = [firing.at_us for firing in house.firings if firing.rule_id == case.rule and firing.kind == "fired"]

    assert noticed_us
    assert (noticed_us[0] - since_us) / 60e6 <= case.minutes
    assert (house.share(case.room) < 0.95) == case.suffers

    house.farm.clear(case.fault)
    house.live(hours=5)
    house.forget()
    house.live(hours=2)

    assert house.share(case.room) >= 0.95
    assert alarms(house) == set()


def test_a_leak_is_stopped_at_the_valve_and_water_flows_again_when_the_floor_is_dry() -> None:
    house = lived(4, ruled=True, hours=0.5)
    house.farm.inject(Fault("leak", "fruiting"))
    house.live(hours=0.25)
    closed = house.farm.state()["devices"]["fruiting-valve"]["latest"]["valve_open"]
    lamp = house.farm.state()["devices"]["fruiting-air"]["settings"]["led"]["words"]
    house.farm.clear("leak:fruiting")
    house.live(hours=2)

    assert closed is False
    assert lamp["color"] == "red"
    assert house.farm.state()["devices"]["fruiting-valve"]["latest"]["valve_open"] is True
    assert house.farm.state()["devices"]["fruiting-air"]["settings"]["led"]["words"] == {"color": "off"}
