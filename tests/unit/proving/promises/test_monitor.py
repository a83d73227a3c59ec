"""Each form of promise, kept exactly at its limit and broken a microsecond beyond."""

from __future__ import annotations

from typing import Any

import pytest
from promised.switchboard import at, judged, pressed

from whenthen import Device, Reading, StaticDirectory
from whenthen.model.step import Restart, RunByHand, Step, Tick

DEVICES = StaticDirectory([Device("d1", room="r1"), Device("d2")])

ON = {"channel": "pump", "is": "on"}
RED = {"channel": "led", "is": {"color": "red"}}
GREEN = {"channel": "led", "is": {"color": "green"}}
WARM = {"condition": {"type": "comparison", "config": {"sensor": "t", "operator": ">", "value": 20}}}
LONG = {"never": ON, "longer_than_seconds": 600}
APART = {"never": [RED, GREEN], "within_seconds": 1}
COOLED = {"whenever": WARM, "for_seconds": 600, "then": ON, "within_seconds": 60}
OFTEN = {"at_most": 2, "fires_of": "log", "per_seconds": 600}


def says(value: Any, at_us: int, device: str = "d1") -> Reading:
    return Reading(device, {"t": value}, at_us)


def on_for(until_us: int) -> list[Step]:
    return [pressed("pump on", at(0)), pressed("pump off", until_us)]


@pytest.mark.parametrize(
    ("promise", "steps"),
    [
        pytest.param({"never": ON}, [pressed("pump off", at(0))], id="never"),
        pytest.param(LONG, on_for(at(600)), id="on for exactly so long"),
        pytest.param(LONG, [pressed("pump on", at(0)), Tick(at(600))], id="still on, for exactly so long"),
        pytest.param(
            LONG,
            [pressed("pump on", at(0)), Restart(at(100), 3_600_000_000), Tick(at(4_200))],
            id="down time counts for no limit",
        ),
        pytest.param(
            LONG,
            [*on_for(at(400)), pressed("pump on", at(400, 1)), Tick(at(1_000, 1))],
            id="a break, however short, begins anew",
        ),
        pytest.param({"always": {"not": ON}}, [pressed("led red", at(0))], id="always"),
        pytest.param({"always": ON}, [pressed("led red", at(0))], id="nobody has set the channel yet"),
        pytest.param(APART, [pressed("led red", at(0)), pressed("led green", at(1))], id="exactly so far apart"),
        pytest.param(
            APART, [pressed("led red", at(0)), pressed("led green", at(0), "d2")], id="another device is another matter"
        ),
        pytest.param(COOLED, [says(21, at(0)), Tick(at(660))], id="nothing is owed before the last instant is over"),
        pytest.param(COOLED, [says(21, at(0)), pressed("pump on", at(660)), Tick(at(900))], id="at the last instant"),
        pytest.param(COOLED, [says(21, at(0)), says(20, at(600)), Tick(at(900))], id="it ended exactly then"),
        pytest.param(COOLED, [says(21, at(0)), says(None, at(500)), Tick(at(900))], id="unknown is not held"),
        pytest.param(
            COOLED, [says(21, at(0)), Restart(at(300)), Tick(at(960))], id="a restart begins for_seconds anew"
        ),
        pytest.param(
            OFTEN, [pressed("log", at(seconds)) for seconds in (0, 300, 600)], id="one more exactly so much later"
        ),
        pytest.param(OFTEN, [pressed("log", at(0), device) for device in ("d1", "d2", "d1")], id="for one subject"),
        pytest.param(LONG, [], id="nothing happens"),
    ],
)
def test_kept(promise: dict[str, Any], steps: list[Step]) -> None:
    assert judged(promise, steps, DEVICES) is None


@pytest.mark.parametrize(
    ("promise", "steps", "at_us"),
    [
        pytest.param({"never": ON}, [pressed("pump on", at(5)), Tick(at(9))], at(5), id="never"),
        pytest.param(LONG, on_for(at(600, 1)), at(600, 1), id="a microsecond longer"),
        pytest.param(LONG, [pressed("pump on", at(0)), Tick(at(900))], at(600, 1), id="still on"),
        pytest.param(
            LONG,
            [pressed("pump on", at(0)), Restart(at(100), 3_600_000_000), Tick(at(4_200, 1))],
            at(4_200, 1),
            id="a microsecond longer, without the down time",
        ),
        pytest.param(
            LONG,
            [pressed("pump on later", at(0)), Tick(at(900))],
            at(630, 1),
            id="a delayed action counts from when it runs",
        ),
        pytest.param({"always": {"not": ON}}, [pressed("pump on", at(5))], at(5), id="always"),
        pytest.param({"always": ON}, on_for(at(7)), at(7), id="always, from when it is first set"),
        pytest.param(
            APART, [pressed("led red", at(0)), pressed("led green", at(1, -1))], at(1, -1), id="a microsecond nearer"
        ),
        pytest.param(
            APART, [pressed("led green", at(3)), pressed("led red", at(3))], at(3), id="both at one instant, one gone"
        ),
        pytest.param(
            {"never": [ON, RED], "within_seconds": 1},
            [pressed("pump on", at(0)), pressed("led red", at(50))],
            at(50),
            id="both at once, begun far apart",
        ),
        pytest.param(COOLED, [says(21, at(0)), Tick(at(660, 1))], at(660, 1), id="it never comes"),
        pytest.param(
            COOLED, [says(21, at(0)), pressed("pump on", at(660, 1))], at(660, 1), id="it comes a microsecond late"
        ),
        pytest.param(
            COOLED, [says(21, at(0)), says(20, at(600, 1)), Tick(at(900))], at(660, 1), id="it held just long enough"
        ),
        pytest.param(
            COOLED,
            [says(21, at(0)), *on_for(at(700)), Tick(at(900))],
            at(760, 1),
            id="it came, went, and did not come again while the one still held",
        ),
        pytest.param(
            {"whenever": {"fired": "log"}, "then": ON},
            [pressed("log", at(4)), Tick(at(5))],
            at(4, 1),
            id="of a channel that nobody ever sets",
        ),
        pytest.param(
            OFTEN,
            [pressed("log", at(0)), pressed("log", at(9)), pressed("log", at(600, -1))],
            at(600, -1),
            id="too often",
        ),
        pytest.param(
            {"at_most": 1, "fires_of": "log", "per_seconds": 9},
            [RunByHand(at(0), "log", "d1"), RunByHand(at(1), "log", "d1")],
            at(1),
            id="a run by hand is a firing",
        ),
        pytest.param(
            {"never": {"all": [ON, {"not": RED}]}},
            [pressed("pump on", at(0)), pressed("led red", at(0)), pressed("led off", at(8))],
            at(8),
            id="only what an instant comes to counts",
        ),
        pytest.param(
            {"never": {"any": [{"channel": "pump", "device": "d2", "is": "on"}, {"fired": "led off"}]}},
            [pressed("pump on", at(1)), pressed("pump on", at(2), "d2")],
            at(2),
            id="a device by name",
        ),
    ],
)
def test_broken_and_when_that_is_certain(promise: dict[str, Any], steps: list[Step], at_us: int) -> None:
    breach = judged(promise, steps, DEVICES)

    assert breach is not None
    assert breach.at_us == at_us


@pytest.mark.parametrize("held", [21, None], ids=["known", "unknown"])
def test_an_unknown_condition_is_neither_kept_nor_broken(held: int | None) -> None:
    steps: list[Step] = [says(held, at(0)), Tick(at(100))]

    assert (judged({"always": WARM}, steps, DEVICES) is None) is True
    assert (judged({"never": WARM}, steps, DEVICES) is None) is (held is None)


def test_a_condition_turns_at_the_microsecond_of_its_timer() -> None:
    held = {"condition": {"type": "duration", "config": {"condition": WARM["condition"], "duration_seconds": 30}}}
    breach = judged({"never": held}, [says(21, at(0)), Tick(at(100))], DEVICES)

    assert breach is not None
    assert breach.at_us == at(30)


def test_the_breach_names_the_device_and_since_when() -> None:
    breach = judged(LONG, [pressed("pump on", at(3), "d2"), Tick(at(900))], DEVICES)

    assert breach is not None
    assert (breach.subject, breach.since_us) == ("d2", at(3))
    assert breach.reason == 'pump is "on" for longer than 10m'


def test_of_two_devices_the_first_to_break_it_is_told() -> None:
    steps: list[Step] = [pressed("pump on", at(1)), pressed("pump on", at(3), "d2"), Tick(at(900))]
    breach = judged(LONG, steps, DEVICES)

    assert breach is not None
    assert breach.subject == "d1"
