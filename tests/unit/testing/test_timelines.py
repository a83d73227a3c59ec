"""Histories that are drawn: in order of time, near what matters, with the faults that are asked for and no others."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from whenthen import Reading
from whenthen.extend.host import load_registry
from whenthen.model.step import Restart, RunByHand, Step, Tick, instant_of
from whenthen.proving.promises.moves import FAULTS
from whenthen.testing import timelines

REGISTRY = load_registry()
RULE: dict[str, Any] = {
    "id": "stuffy",
    "name": "Stuffy",
    "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": 1234}}],
    "actions": [{"type": "led", "config": {"color": "red"}}],
    "cooldown_seconds": 77,
}


def drawn(**options: Any) -> list[list[Step]]:
    histories: list[list[Step]] = []

    @settings(max_examples=150, database=None)
    @given(timelines([RULE], registry=REGISTRY, **options))
    def draw(steps: list[Step]) -> None:
        histories.append(steps)

    draw()
    return histories


def test_they_go_forward_in_time_and_end_with_time() -> None:
    for steps in drawn():
        instants = [instant_of(step) for step in steps]
        assert instants == sorted(instants)
        assert isinstance(steps[-1], Tick)


def test_values_lie_on_both_sides_and_waits_are_those_of_the_rule() -> None:
    histories = drawn(faults=())
    values = {step.values["co2"] for steps in histories for step in steps if isinstance(step, Reading)}
    waits_us = {instant_of(later) - instant_of(earlier) for steps in histories for earlier, later in pairwise(steps)}

    assert {1233.0, 1234.0, 1235.0} <= values
    assert 77_000_000 in waits_us


def test_every_fault_happens() -> None:
    steps = [step for history in drawn() for step in history]
    readings = [step for step in steps if isinstance(step, Reading)]

    assert any(isinstance(step, Restart) and step.down_us for step in steps)
    assert any(isinstance(step, RunByHand) for step in steps)
    assert any(None in step.values.values() for step in readings)
    assert any(step.at_us is not None and step.at_us < step.received_us for step in readings)


def test_without_faults_nothing_goes_wrong() -> None:
    steps = [step for history in drawn(faults=()) for step in history]

    assert all(isinstance(step, Reading | Tick) for step in steps)
    assert all(step.at_us is None and None not in step.values.values() for step in steps if isinstance(step, Reading))


def test_a_history_may_begin_before_a_night_of_daylight_saving() -> None:
    starts = {instant_of(steps[0]) // 3_600_000_000 for steps in drawn(timezone="Europe/Brussels", faults=["nights"])}

    assert {1_774_742_400 // 3_600, 1_792_886_400 // 3_600} & starts


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match=f"there are {FAULTS[0]}"):
        timelines([RULE], registry=REGISTRY, faults=["rain"])
