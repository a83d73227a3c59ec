"""Why a rule did not fire: its conditions as they were at an instant of a played history."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.clock import SECOND_US
from whenthen.extend.host import load_registry
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick
from whenthen.ports import Device, StaticDirectory
from whenthen.proving.lookback import why
from whenthen.proving.played import Played, play

WARM: dict[str, Any] = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
}


def at(seconds: float) -> int:
    return round((1_767_225_600 + seconds) * SECOND_US)


def warmth(seconds: float, value: Any, device: str = "dev-1") -> Reading:
    return Reading(device, {"temperature": value}, at(seconds))


@pytest.fixture(scope="module")
def played() -> Any:
    registry = load_registry()
    return lambda *steps, rules=(WARM,), **more: play(rules, steps, registry, **more)


def values(played: Played, seconds: float, **more: Any) -> list[tuple[str, Any]]:
    trees = why(played, "warm", at(seconds), **more)
    return [(tree["subject"], tree["conditions"][0]["readings"][0]["value"]) for tree in trees]


def test_it_is_the_state_of_that_instant(played: Any) -> None:
    history = played(warmth(0, 20.0), warmth(10, 31.0), warmth(20, 25.0))

    assert [values(history, second)[0][1] for second in (0, 9, 10, 19, 20, 99)] == [20, 20, 31, 31, 25, 25]


def test_every_subject_is_told_or_the_one_that_is_asked_for(played: Any) -> None:
    history = played(warmth(0, 20.0), warmth(0, 31.0, "dev-2"))

    assert values(history, 5) == [("dev-1", 20), ("dev-2", 31)]
    assert values(history, 5, subject="dev-2") == [("dev-2", 31)]


def test_rooms_are_subjects_too(played: Any) -> None:
    rule = {**WARM, "scope": {"per": "room"}}
    directory = StaticDirectory([Device("dev-1", room="room-7")])

    assert values(played(warmth(0, 20.0), rules=[rule], directory=directory), 1) == [("room-7", 20)]


def test_a_rule_without_subjects_says_so(played: Any) -> None:
    [tree] = why(played(Event("a", at(0), device="dev-1")), "warm", at(5))

    assert (tree["blocked"], tree["conditions"]) == ("no_subject", [])


def test_a_rule_that_is_switched_off_says_so(played: Any) -> None:
    [tree] = why(played(warmth(0, 20.0), Switch(at(1), "warm", enabled=False)), "warm", at(5))

    assert tree["blocked"] == "disabled"


def test_restarts_and_runs_of_unknown_rules_are_lived_through(played: Any) -> None:
    steps: list[Step] = [warmth(0, 20.0), RunByHand(at(1), "other"), Restart(at(2), SECOND_US), Tick(at(9))]
    history = played(*steps)

    assert values(history, 9) == [("dev-1", 20)]
    assert [notice.kind for notice in history.notices] == ["unknown_rule"]
