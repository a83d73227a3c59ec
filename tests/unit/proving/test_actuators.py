"""What actuators are set to over time, as far as firings set them."""

from __future__ import annotations

from typing import Any

from whenthen.model.firing import ActionCall, Firing, Setting
from whenthen.proving.actuators import Actuators, Change


def sets(value: Any, after_us: int = 0, **fate: Any) -> ActionCall:
    return ActionCall("any", {}, "idempotent", after_us=after_us, sets=(Setting("dev-1", "fan", value),), **fate)


def fired(at_us: int, *calls: ActionCall, rule_id: str = "r") -> Firing:
    return Firing(at_us, rule_id, rule_id, "dev-1", "fired", calls)


def test_a_value_holds_until_the_next() -> None:
    actuators = Actuators([fired(10, sets("on")), fired(20, sets("off"))])

    assert [actuators.value("dev-1", "fan", at_us) for at_us in (9, 10, 19, 20)] == [None, "on", "on", "off"]
    assert actuators.value("dev-1", "fan") == "off"


def test_what_does_not_run_sets_nothing() -> None:
    calls = [sets(1, superseded_by="other"), sets(2, skipped="its if is false"), sets(3, failed="no value")]

    assert Actuators([fired(10, *calls)]).changes() == ()


def test_a_delayed_action_sets_when_it_runs() -> None:
    actuators = Actuators([fired(10, sets("off", after_us=100)), fired(20, sets("on"))])

    assert [change.at_us for change in actuators.changes()] == [20, 110]
    assert actuators.value("dev-1", "fan", 109) == "on"
    assert actuators.value("dev-1", "fan", 110) == "off"


def test_of_one_instant_the_later_firing_holds() -> None:
    assert Actuators([fired(10, sets("on")), fired(10, sets("off"))]).value("dev-1", "fan", 10) == "off"


def test_changes_can_be_asked_for_one_device_or_channel_and_name_the_rule() -> None:
    lamp = ActionCall("any", {}, "idempotent", sets=(Setting("dev-2", "led", "red"), Setting("dev-1", "led", "red")))
    actuators = Actuators([fired(10, lamp), fired(20, sets("on"), rule_id="warm")])

    assert [change.device for change in actuators.changes(channel="led")] == ["dev-2", "dev-1"]
    assert actuators.changes("dev-1")[-1] == Change(20, "dev-1", "fan", "on", "warm")
    assert len(actuators.changes()) == 3
