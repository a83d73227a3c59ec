from __future__ import annotations

from typing import Any

import pytest

from whenthen.clock import SECOND_US
from whenthen.errors import UnknownRuleError
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Switch, Tick
from whenthen.stage import Stage

HELD: dict[str, Any] = {
    "id": "held",
    "name": "Held",
    "trigger": {"type": "sensor", "config": {"sensor": "x"}},
    "conditions": [
        {
            "type": "duration",
            "config": {
                "duration_seconds": 60,
                "condition": {"type": "comparison", "config": {"sensor": "x", "operator": ">", "value": 10}},
            },
        }
    ],
    "actions": [{"type": "led", "config": {"color": "red"}}],
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def stage(registry: Registry) -> Stage:
    stage = Stage(registry)
    stage.engine.put_rule(HELD)
    return stage


def at(seconds: float) -> int:
    return round((1_767_225_600 + seconds) * SECOND_US)


def test_a_timer_runs_when_time_passes(stage: Stage) -> None:
    assert stage.take(Reading("d", {"x": 11}, at(0))) == []
    assert [firing.at_us for firing in stage.take(Tick(at(60)))] == [at(60)]


def test_a_short_restart_moves_a_running_timer(stage: Stage) -> None:
    stage.take(Reading("d", {"x": 11}, at(0)))
    before = stage.engine
    assert stage.take(Restart(at(30), 4 * SECOND_US)) == []

    assert stage.engine is not before
    assert [firing.at_us for firing in stage.take(Tick(at(100)))] == [at(64)]


def test_a_run_and_a_switch_are_taken(stage: Stage) -> None:
    stage.take(Reading("d", {"x": 1}, at(0)))
    assert len(stage.take(RunByHand(at(1), "held", force=True))) == 1
    assert stage.take(Switch(at(2), "held", enabled=False)) == []
    assert stage.take(RunByHand(at(3), "held", force=True)) == []


def test_a_switch_survives_a_restart(stage: Stage) -> None:
    stage.take(Switch(at(2), "held", enabled=False))
    stage.take(Restart(at(3)))
    assert not stage.engine.enabled("held")


def test_a_rule_that_is_not_there_cannot_be_run(stage: Stage) -> None:
    with pytest.raises(UnknownRuleError):
        stage.take(RunByHand(at(0), "other"))


def test_what_an_action_sets_is_told_device_by_device(stage: Stage) -> None:
    stage.take(Event("anything", at(0), device="d"))
    stage.take(Reading("d", {"x": 11}, at(0)))
    (firing,) = stage.take(Tick(at(60)))

    assert [(one.device, one.channel) for one in firing.actions[0].sets] == [("d", "led")]
