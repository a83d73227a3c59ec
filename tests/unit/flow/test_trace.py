"""Why a rule fires or does not: asked at any moment, and the asking changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest

from whenthen import Condition, Reading, Truth, View, hookimpl
from whenthen.engine import Engine
from whenthen.errors import UnknownRuleError
from whenthen.extend.host import load_registry
from whenthen.model.step import Restart
from whenthen.stage import Stage

S = 1_000_000
REGISTRY = load_registry()


def above(sensor: str, value: float, **more: Any) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": value, **more}}


def held(condition: dict[str, Any], seconds: float) -> dict[str, Any]:
    return {"type": "duration", "config": {"condition": condition, "duration_seconds": seconds}}


def joined(operator: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "composite", "operator": operator, "config": {"conditions": list(parts)}}


def engine_with(*conditions: dict[str, Any], **more: Any) -> Engine:
    engine = Engine(REGISTRY)
    trigger = {"type": "sensor", "config": {"sensor": "t"}}
    actions = [{"type": "log", "config": {"message": "x"}}]
    engine.put_rule(
        {"id": "r", "name": "R", "trigger": trigger, "conditions": list(conditions), "actions": actions, **more}
    )
    return engine


def test_each_condition_is_told_with_its_truth_and_what_it_read() -> None:
    engine = engine_with(above("t", 20), above("h", 50))
    engine.handle(Reading("d1", {"t": 25.0}, 10 * S))
    engine.advance(12 * S)
    told = engine.explain("r", "d1")

    assert (told["rule"], told["subject"], told["truth"], told["blocked"]) == ("R", "d1", None, None)
    first, second = told["conditions"]
    assert first["truth"] is True
    assert first["describe"] == "t > 20"
    assert first["readings"] == [
        {"device": "d1", "sensor": "t", "value": 25.0, "at": "1970-01-01T00:00:10+00:00", "age_seconds": 2.0}
    ]
    assert second["truth"] is None
    assert second["readings"] == [{"device": "d1", "sensor": "h", "value": None}]
    assert told["first_failed"] == "/conditions/1"


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        (above("t", 30), "/conditions/0"),
        (joined("AND", above("t", 20), above("t", 30)), "/conditions/0/config/conditions/1"),
        (joined("OR", above("t", 30), above("t", 40)), "/conditions/0/config/conditions/0"),
        (joined("NOT", above("t", 20)), "/conditions/0"),
        (held(above("t", 30), 60), "/conditions/0/config/condition"),
        (held(above("t", 20), 60), "/conditions/0"),
        (joined("AND", above("h", 1), above("t", 30)), "/conditions/0/config/conditions/1"),
    ],
)
def test_what_failed_first_is_named_as_far_in_as_it_goes(condition: dict[str, Any], path: str) -> None:
    engine = engine_with(condition)
    engine.handle(Reading("d1", {"t": 25.0}, S))

    assert engine.explain("r", "d1")["first_failed"] == path


def test_nothing_has_failed_in_a_rule_that_holds() -> None:
    engine = engine_with(above("t", 20))
    engine.handle(Reading("d1", {"t": 25.0}, S))

    assert "first_failed" not in engine.explain("r", "d1")


def test_variables_are_told() -> None:
    engine = engine_with(
        {"type": "expression", "config": {"expression": "v > 20"}}, above("v", 20), variables={"v": "t + 1"}
    )
    engine.handle(Reading("d1", {"t": 25.0}, S))
    told = engine.explain("r", "d1")

    assert told["variables"] == {"v": 26.0}
    assert told["truth"] is True
    assert told["conditions"][1]["readings"] == [{"variable": "v", "value": 26.0}]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"cooldown_seconds": 60}, "cooldown"),
        ({"max_executions": 1}, "max_executions"),
        ({"fire": "edge"}, "not_armed"),
        ({}, None),
    ],
)
def test_what_else_would_keep_it_from_firing_is_told(more: dict[str, Any], reason: str | None) -> None:
    engine = engine_with(above("t", 20), **more)
    engine.handle(Reading("d1", {"t": 25.0}, S))

    assert engine.explain("r", "d1")["blocked"] == reason


def test_a_subject_that_the_rule_does_not_have_and_a_rule_that_nobody_has() -> None:
    engine = engine_with(above("t", 20))

    assert engine.explain("r", "d9")["blocked"] == "no_subject"
    engine.set_enabled("r", enabled=False)
    assert engine.explain("r", "d9")["blocked"] == "disabled"
    with pytest.raises(UnknownRuleError):
        engine.explain("nobody", "d1")


class Broken(Condition):
    """Raises."""

    type = "broken"
    reads = ("t",)

    def evaluate(self, view: View) -> Truth:
        raise ValueError(f"no {view['t']}")


class Plugin:
    @hookimpl
    def whenthen_conditions(self) -> list[type[Condition]]:
        return [Broken]


def test_a_condition_that_fails_is_shown_with_its_plugin_s_name_and_not_told_again() -> None:
    engine = Engine(load_registry(extra=[("shoddy", Plugin())]))
    trigger = {"type": "sensor", "config": {"sensor": "t"}}
    actions = [{"type": "log", "config": {"message": "x"}}]
    conditions = [above("t", 20), {"type": "broken", "config": {}}]
    engine.put_rule({"id": "r", "name": "R", "trigger": trigger, "conditions": conditions, "actions": actions})
    engine.handle(Reading("d1", {"t": 25.0}, S))
    assert [notice.count for notice in engine.take_notices()] == [1]
    told = engine.explain("r", "d1")

    assert told["conditions"][1]["truth"] is None
    assert told["conditions"][1]["failed"] == "condition broken of plugin shoddy raised ValueError: no 25.0"
    assert "failed" not in told["conditions"][0]
    assert engine.take_notices() == []


def test_asking_changes_nothing() -> None:
    conditions = [
        held(above("t", 20, hysteresis=2), 30),
        {"type": "change", "config": {"sensor": "t", "by": 1, "within_seconds": 60}},
        above("h", 1, max_age_seconds=5),
    ]
    asked, left = engine_with(*conditions), engine_with(*conditions)
    for second in range(1, 120, 7):
        readings = [Reading("d1", {"t": 20.0 + second % 5, "h": 2}, second * S)]
        for reading in readings:
            assert asked.handle(reading) == left.handle(reading)
        asked.explain("r", "d1")
        assert asked.next_due_us == left.next_due_us
        assert deepcopy(asked.changed_state()) == left.changed_state()
    assert asked.advance(500 * S) == left.advance(500 * S)
    slots = asked._roster.slots.of("d1").values()
    assert all(instance.rule.id == "r" and len(slot.always) <= 1 for slot in slots for instance in slot.always)


def test_when_it_last_fired_and_when_it_can_again_are_told() -> None:
    engine = engine_with(above("t", 20), cooldown_seconds=60)
    engine.handle(Reading("d1", {"t": 25.0}, S))
    engine.advance(11 * S)
    cooling = engine.explain("r", "d1")
    engine.advance(90 * S)
    ready = engine.explain("r", "d1")

    assert (cooling["blocked"], cooling["last_fired"]) == ("cooldown", "1970-01-01T00:00:01+00:00")
    assert cooling["can_fire_from"] == "1970-01-01T00:01:01+00:00"
    assert (ready["blocked"], ready["can_fire_from"]) == (None, "1970-01-01T00:01:30+00:00")


@pytest.mark.parametrize("more", [{"max_executions": 1}, {"fire": "edge"}, {"valid_until": "1970-01-01T00:00:30Z"}])
def test_what_hangs_on_more_than_time_has_no_instant(more: dict[str, Any]) -> None:
    engine = engine_with(above("t", 20), **more, cooldown_seconds=60)
    engine.handle(Reading("d1", {"t": 25.0}, S))

    assert engine.explain("r", "d1")["can_fire_from"] is None


def test_a_rule_that_is_not_valid_yet_can_fire_from_when_it_is() -> None:
    engine = engine_with(above("t", 20), valid_from="1970-01-01T01:00:00Z")
    engine.handle(Reading("d1", {"t": 25.0}, S))
    told = engine.explain("r", "d1")

    assert (told["blocked"], told["can_fire_from"]) == ("not_valid_yet", "1970-01-01T01:00:00+00:00")


def test_the_instant_at_which_time_alone_may_change_a_truth_is_told() -> None:
    engine = engine_with(held(above("t", 20), 60), above("t", 20, max_age_seconds=30), above("t", 20))
    engine.handle(Reading("d1", {"t": 25.0}, 10 * S))
    duration, aging, plain = engine.explain("r", "d1")["conditions"]

    assert duration["due"] == "1970-01-01T00:01:10+00:00"
    assert aging["due"] == "1970-01-01T00:00:40+00:00"
    assert "due" not in plain


def test_a_duration_tells_since_when_it_has_counted() -> None:
    engine = engine_with(held(above("t", 20), 60), above("t", 20))
    engine.handle(Reading("d1", {"t": 25.0}, 10 * S))
    engine.handle(Reading("d1", {"t": None}, 20 * S))
    engine.handle(Reading("d1", {"t": 26.0}, 24 * S))
    duration, plain = engine.explain("r", "d1")["conditions"]

    assert duration["memory"] == {"counted_since": "1970-01-01T00:00:14+00:00"}
    assert "memory" not in plain


def test_a_gap_that_set_a_duration_back_is_told_until_it_is_false_for_another_reason() -> None:
    engine = engine_with(held(above("t", 20), 60))
    for second, value in ((10, 25.0), (20, None), (40, 26.0)):
        engine.handle(Reading("d1", {"t": value}, second * S))
    [set_back] = engine.explain("r", "d1")["conditions"]
    for second, value in ((50, 5.0), (51, 25.0)):
        engine.handle(Reading("d1", {"t": value}, second * S))
    [anew] = engine.explain("r", "d1")["conditions"]

    assert set_back["memory"] == {
        "counted_since": "1970-01-01T00:00:40+00:00",
        "set_back_by_gap": {"from": "1970-01-01T00:00:20+00:00", "until": "1970-01-01T00:00:40+00:00"},
    }
    assert anew["memory"] == {"counted_since": "1970-01-01T00:00:51+00:00"}


def test_a_stop_that_set_a_duration_back_is_told_before_and_after_it_counts_again() -> None:
    stage = Stage(REGISTRY, None, timezone="UTC")
    stage.engine.put_rule(dict(engine_with(held(above("t", 20), 60)).rule("r")))
    stage.take(Reading("d1", {"t": 25.0}, 10 * S))
    stage.take(Restart(30 * S, 20 * S))
    [waiting] = stage.engine.explain("r", "d1")["conditions"]
    stage.take(Reading("d1", {"t": 26.0}, 55 * S))
    [counting] = stage.engine.explain("r", "d1")["conditions"]

    stop = {"from": "1970-01-01T00:00:30+00:00", "until": "1970-01-01T00:00:50+00:00"}
    assert (waiting["truth"], waiting["memory"]) == (False, {"set_back_by_gap": stop})
    assert counting["memory"] == {"counted_since": "1970-01-01T00:00:55+00:00", "set_back_by_gap": stop}


@pytest.mark.parametrize("says", [{1, 2}, {"at": object()}, {"level": float("nan")}, None, ValueError("no")])
def test_a_memory_that_is_told_wrongly_is_left_out(says: Any) -> None:
    class Odd(Condition):
        type = "odd"

        def evaluate(self, view: View) -> Truth:
            view.state["looked"] = True
            return True

        def explain(self, state: Mapping[str, Any]) -> Any:
            if isinstance(says, Exception):
                raise says
            return says if state["looked"] else {}

    engine = Engine(load_registry(extra=[("odd", SimpleNamespace(whenthen_conditions=hookimpl(lambda: [Odd])))]))
    trigger = {"type": "sensor", "config": {"sensor": "t"}}
    actions = [{"type": "log", "config": {"message": "x"}}]
    conditions = [{"type": "odd", "config": {}}]
    engine.put_rule({"id": "r", "name": "R", "trigger": trigger, "conditions": conditions, "actions": actions})
    engine.handle(Reading("d1", {"t": 25.0}, S))
    [told] = engine.explain("r", "d1")["conditions"]

    assert told["truth"] is True
    assert "memory" not in told


def test_a_rule_that_is_switched_off_is_looked_at_all_the_same() -> None:
    engine = engine_with(above("t", 20))
    engine.handle(Reading("d1", {"t": 25.0}, S))
    engine.set_enabled("r", enabled=False)
    told = engine.explain("r", "d1")

    assert (told["blocked"], told["truth"], told["can_fire_from"]) == ("disabled", True, None)
    assert told["conditions"][0]["readings"][0]["value"] == 25.0
    assert told["last_fired"] is not None


def test_a_firing_carries_the_reasons_of_its_own_instant() -> None:
    engine = engine_with(held(above("t", 20), 60), clear_actions=[{"type": "log", "config": {"message": "y"}}])
    engine.tracing = True
    engine.handle(Reading("d1", {"t": 25.0}, 10 * S))
    fired, cleared = engine.handle(Reading("d1", {"t": 5.0}, 100 * S))

    assert fired.trace is not None
    assert cleared.trace is not None
    assert (fired.trace["at"], fired.trace["truth"]) == ("1970-01-01T00:01:10+00:00", True)
    assert fired.trace["conditions"][0]["conditions"][0]["readings"][0]["value"] == 25.0
    assert (fired.trace["kind"], fired.trace["blocked"]) == ("fired", None)
    assert (cleared.trace["kind"], cleared.trace["truth"]) == ("cleared", False)
    assert engine.explain("r", "d1").keys() | {"kind"} == cleared.trace.keys()


def test_without_being_told_to_no_firing_carries_a_trace() -> None:
    engine = engine_with(above("t", 20))

    assert [firing.trace for firing in engine.handle(Reading("d1", {"t": 25.0}, S))] == [None]
