"""What the engine does with rules, readings, events and time: the rulings, a test a sentence."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from whenthen import Device, Event, Farm, Reading, StaticDirectory
from whenthen.engine import Engine, merge_state
from whenthen.errors import InvalidRuleError, UnknownRuleError
from whenthen.extend.host import load_registry
from whenthen.model.event import SYSTEM_EVENTS

S = 1_000_000
REGISTRY = load_registry()

HOUSE = StaticDirectory(
    [
        Device("sensor-1", "sensor", "room-a", "farm-1"),
        Device("sensor-2", "sensor", "room-a", "farm-1"),
        Device("fan-1", "fan", "room-a", "farm-1"),
        Device("sensor-3", "sensor", "room-b", "farm-1"),
    ],
    [Farm("farm-1", "Europe/Brussels")],
)


def above(sensor: str, value: float, **more: Any) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": value, **more}}


def held(condition: dict[str, Any], seconds: float) -> dict[str, Any]:
    return {"type": "duration", "config": {"condition": condition, "duration_seconds": seconds}}


def on(*sensors: str, **more: Any) -> dict[str, Any]:
    return {"type": "sensor", "config": {"sensors": list(sensors), **more}}


def on_event(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "event", "config": {"event": name, **more}}


def log(message: str = "x") -> dict[str, Any]:
    return {"type": "log", "config": {"message": message}}


def led(color: str) -> dict[str, Any]:
    return {"type": "led", "config": {"color": color}}


def rule(rule_id: str = "r", trigger: dict[str, Any] | None = None, *conditions: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": rule_id,
        "name": rule_id,
        "trigger": trigger or on("t"),
        "conditions": list(conditions),
        "actions": [log()],
        **more,
    }


class House:
    """An engine with rules, and everything that it fired, as (second, rule, kind) for short."""

    def __init__(self, *rules: dict[str, Any], directory: StaticDirectory | None = None) -> None:
        self.engine = Engine(REGISTRY, directory)
        self.firings: list[Any] = []
        for document in rules:
            self.engine.put_rule(document)

    def read(self, second: float, device: str = "d", *, at: float | None = None, **values: Any) -> list[Any]:
        at_us = None if at is None else round(at * S)
        return self._note(self.engine.handle(Reading(device, values, round(second * S), at_us)))

    def event(self, second: float, name: str, **more: Any) -> list[Any]:
        return self._note(self.engine.handle(Event(name, round(second * S), **more)))

    def advance(self, second: float) -> list[Any]:
        return self._note(self.engine.advance(round(second * S)))

    def _note(self, firings: list[Any]) -> list[Any]:
        self.firings += firings
        return firings

    @property
    def seen(self) -> list[tuple[float, str, str]]:
        return [(firing.at_us / S, firing.rule_id, firing.kind) for firing in self.firings]

    def restart(self) -> None:
        state = json.loads(json.dumps(merge_state({}, self.engine.changed_state())))
        rules = [self.engine.rule(rule_id) for rule_id in self.engine.rule_ids]
        self.engine = Engine.restore(REGISTRY, None, rules, state)


class TestTicks:
    def test_a_reading_at_the_instant_of_a_timer_comes_first(self) -> None:
        house = House(rule("r", on("t"), held(above("t", 20), 60)))

        house.read(0, t=25)
        house.read(60, t=15)
        house.advance(60)

        assert house.seen == []

    def test_a_timer_runs_at_its_own_due_time_before_a_later_reading(self) -> None:
        house = House(rule("r", on("t"), held(above("t", 20), 60)))

        house.read(0, t=25)
        house.read(100, t=15)

        assert house.seen == [(60, "r", "fired")]

    def test_a_duration_that_a_trigger_evaluated_at_its_end_does_not_fire_twice(self) -> None:
        house = House(rule("r", on("t"), held(above("t", 20), 60)))

        house.read(0, t=25)
        house.read(60, t=26)
        house.advance(61)

        assert house.seen == [(60, "r", "fired")]

    def test_what_a_tick_causes_happens_in_later_ticks_first_in_first_out(self) -> None:
        emit = {"type": "emit_event", "config": {"event": "warm"}}
        house = House(
            rule("a", on("t"), above("t", 20), actions=[emit]),
            rule("b", on_event("warm")),
            rule("c", on("t"), above("t", 20)),
        )

        house.read(1, t=25)

        assert house.seen == [(1, "a", "fired"), (1, "c", "fired"), (1, "b", "fired")]

    @pytest.mark.parametrize("name", sorted(SYSTEM_EVENTS))
    def test_a_rule_raises_no_event_of_the_system_itself(self, name: str) -> None:
        emit = {"type": "emit_event", "config": {"event": name}}
        with pytest.raises(InvalidRuleError) as told:
            House(rule("a", on("t"), above("t", 20), actions=[emit]))

        (problem,) = told.value.problems
        assert (problem.pointer, problem.hint) == ("/actions/0/config/event", "choose another one")

    def test_a_placeholder_that_becomes_such_a_name_raises_nothing_and_is_reported(self) -> None:
        emit = {"type": "emit_event", "config": {"event": "{t}"}}
        house = House(rule("a", on("t"), actions=[emit]), rule("b", on_event("device_disconnected")))

        house.read(1, t="device_disconnected")

        assert house.seen == [(1, "a", "fired")]
        (notice,) = house.engine.take_notices()
        assert "only whenthen itself raises" in notice.message

    def test_a_chain_to_itself_ends_at_depth_8_and_is_reported(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), actions=[{"type": "run_rule", "config": {"rule": "r"}}]))

        house.read(1, t=25)

        assert [firing.depth for firing in house.firings] == list(range(9))
        assert [notice.kind for notice in house.engine.take_notices()] == ["rule_failed"]


class TestStateAndTriggers:
    def test_every_accepted_reading_moves_durations_whatever_triggers(self) -> None:
        house = House(rule("r", on_event("asked"), held(above("t", 20), 60)))

        house.read(0, t=25)
        house.advance(100)
        house.event(100, "asked")

        assert house.seen == [(100, "r", "fired")]

    def test_under_every_a_duration_fires_at_completion_and_then_at_each_trigger(self) -> None:
        house = House(rule("r", on("t"), held(above("t", 20), 60)))

        for second in (0, 30, 61, 90):
            house.read(second, t=25 + second / 100)

        assert house.seen == [(60, "r", "fired"), (61, "r", "fired"), (90, "r", "fired")]

    def test_edge_fires_once_until_known_false(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), fire="edge"))

        for second, value in enumerate([25, 26, 15, 27]):
            house.read(second, t=value)

        assert house.seen == [(0, "r", "fired"), (3, "r", "fired")]

    def test_a_sensor_that_blinks_through_unknown_makes_no_edge(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), fire="edge"))

        for second, value in enumerate([25, None, 26]):
            house.read(second, t=value)

        assert house.seen == [(0, "r", "fired")]

    def test_an_edge_that_meets_a_cooldown_waits_for_it(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), fire="edge", cooldown_seconds=10))

        for second, value in ((0, 25), (1, 15), (2, 25), (9, 26), (10, 27), (11, 28)):
            house.read(second, t=value)

        assert house.seen == [(0, "r", "fired"), (10, "r", "fired")]

    def test_an_interval_evaluates_the_newest_value_at_its_end(self) -> None:
        house = House(rule("r", on("t", interval=10), above("t", 20)))

        house.read(0, t=15)
        house.read(3, t=25)
        house.read(4, t=26)
        house.advance(30)

        assert house.seen == [(10, "r", "fired")]

    def test_a_new_interval_starts_where_the_last_ended(self) -> None:
        house = House(rule("r", on("t", interval=10), above("t", 20)))

        for second in (0, 3, 12, 25):
            house.read(second, t=25 + second / 100)
        house.advance(60)

        assert [second for second, _, _ in house.seen] == [0, 10, 20, 30]

    def test_a_firing_clears_once_when_known_false_whatever_the_cooldown(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), clear_actions=[led("off")], cooldown_seconds=100))

        for second, value in enumerate([25, None, 15, 14]):
            house.read(second, t=value)

        assert house.seen == [(0, "r", "fired"), (2, "r", "cleared")]

    def test_outside_its_validity_a_rule_keeps_its_state_but_does_not_fire(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), fire="edge", valid_from="1970-01-01T00:00:10Z"))

        for second in (1, 9, 10, 11):
            house.read(second, t=25 + second)

        assert house.seen == [(10, "r", "fired")]

    def test_max_executions_counts_every_firing_of_the_rule(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), max_executions=2))

        for second in range(5):
            house.read(second, f"d{second}", t=25)

        assert len(house.seen) == 2

    def test_hysteresis_holds_down_to_and_including_the_release(self) -> None:
        house = House(rule("r", on("co2"), above("co2", 1000, hysteresis=50)))

        for second, value in enumerate([999, 1001, 950, 949, 990]):
            house.read(second, co2=value)

        assert [second for second, _, _ in house.seen] == [1, 2]


class TestWhoWins:
    def test_the_higher_priority_acts_and_the_other_is_superseded(self) -> None:
        house = House(
            rule("low", on("t"), above("t", 20), actions=[led("green")], priority=1),
            rule("high", on("t"), above("t", 20), actions=[led("red")], priority=2),
        )

        high, low = house.read(1, t=25)

        assert (high.rule_id, high.actions[0].superseded_by) == ("high", None)
        assert (low.rule_id, low.actions[0].superseded_by, low.counted) == ("low", "high", False)

    def test_equal_values_are_no_conflict(self) -> None:
        house = House(
            rule("a", on("t"), above("t", 20), actions=[led("red")]),
            rule("b", on("t"), above("t", 20), actions=[led("red")]),
        )

        assert all(firing.counted for firing in house.read(1, t=25))

    def test_the_winner_named_is_the_first_in_order_of_those_who_agree(self) -> None:
        rules = [rule(name, actions=[led(color)]) for name, color in (("a", "red"), ("b", "red"), ("c", "green"))]
        house = House(*rules)

        last = house.read(0, t=1)[-1]

        assert (last.rule_id, last.actions[0].superseded_by) == ("c", "a")

    def test_a_superseded_firing_counts_and_cools_nothing(self) -> None:
        house = House(
            rule("a", on("t"), above("t", 20), actions=[led("red")], priority=1, max_executions=1),
            rule("b", on("t"), above("t", 20), actions=[led("green")], cooldown_seconds=100),
        )

        house.read(1, t=25)
        (second,) = house.read(2, t=26)

        assert (second.rule_id, second.counted) == ("b", True)

    def test_firings_beat_clears(self) -> None:
        house = House(
            rule("a", on("t"), above("t", 20), actions=[led("red")], clear_actions=[led("off")], priority=9),
            rule("b", on("t"), {"type": "range", "config": {"sensor": "t", "max": 20}}, actions=[led("blue")]),
        )

        house.read(1, t=25)
        cleared, fired = house.read(2, t=15)

        assert (cleared.kind, cleared.actions[0].superseded_by) == ("cleared", "b")
        assert fired.actions[0].runs


class TestLife:
    def test_saving_observes_present_values_so_that_a_duration_starts(self) -> None:
        house = House()
        house.read(0, t=25)

        house.engine.put_rule(rule("r", on("t"), held(above("t", 20), 60)))
        house.advance(60)

        assert house.seen == [(60, "r", "fired")]

    def test_disabling_clears_an_active_instance(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), clear_actions=[led("off")]))
        house.read(0, t=25)

        (cleared,) = house.engine.set_enabled("r", False)

        assert cleared.kind == "cleared"

    def test_the_end_of_validity_clears_an_active_instance(self) -> None:
        house = House(
            rule("r", on("t"), above("t", 20), clear_actions=[led("off")], valid_until="1970-01-01T00:00:10Z")
        )

        house.read(0, t=25)
        house.advance(20)

        assert house.seen == [(0, "r", "fired"), (10, "r", "cleared")]

    def test_disabling_keeps_the_cooldown(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), cooldown_seconds=100))

        house.read(0, t=25)
        house.engine.set_enabled("r", False)
        house.engine.set_enabled("r", True)
        house.read(50, t=26)

        assert house.seen == [(0, "r", "fired")]

    def test_an_edit_of_the_actions_keeps_all_state(self) -> None:
        document = rule("r", on("t"), above("t", 20), fire="edge")
        house = House(document)

        house.read(0, t=25)
        house.engine.put_rule({**document, "actions": [log("y")]})
        house.read(1, t=26)

        assert house.seen == [(0, "r", "fired")]

    def test_an_edit_of_the_conditions_starts_anew(self) -> None:
        document = rule("r", on("t"), above("t", 20), fire="edge")
        house = House(document)

        house.read(0, t=25)
        house.engine.put_rule({**document, "conditions": [above("t", 19)]})
        house.read(1, t=26)

        assert house.seen == [(0, "r", "fired"), (1, "r", "fired")]

    def test_a_run_obeys_conditions_and_says_what_blocked_it(self) -> None:
        house = House(rule("r", {"type": "manual", "config": {}}, above("t", 20)))
        house.read(0, t=15)

        result = house.engine.run_rule("r")

        assert (result.firings, result.blocked) == ([], {"d": "conditions_false"})

    def test_force_skips_conditions_edge_and_cooldown_but_not_limits(self) -> None:
        house = House(rule("r", {"type": "manual", "config": {}}, above("t", 20), max_executions=1))
        house.read(0, t=15)

        first, second = house.engine.run_rule("r", force=True), house.engine.run_rule("r", force=True)

        assert (len(first.firings), second.blocked) == (1, {"d": "max_executions"})

    def test_rule_control_switches_another_rule_in_a_later_tick(self) -> None:
        off = {"type": "rule_control", "config": {"rule": "b", "operation": "disable"}}
        house = House(
            rule("a", on("t"), above("t", 30), actions=[off]),
            rule("b", on("t"), above("t", 20)),
        )

        house.read(0, t=35)
        house.read(1, t=25)

        assert house.seen == [(0, "a", "fired"), (0, "b", "fired")]

    def test_an_unknown_rule_is_named(self) -> None:
        with pytest.raises(UnknownRuleError, match="no rule 'nope'"):
            House().engine.remove_rule("nope")

    def test_an_invalid_rule_changes_nothing(self) -> None:
        house = House(rule("r"))

        with pytest.raises(InvalidRuleError):
            house.engine.put_rule({"id": "r", "name": 3})

        assert house.engine.rule("r")["name"] == "r"


class TestSubjects:
    def test_a_room_reads_the_newest_of_its_devices(self) -> None:
        house = House(rule("r", on("t"), above("t", 20), scope={"per": "room"}), directory=HOUSE)

        house.read(0, "sensor-1", t=25)
        house.read(1, "sensor-2", t=15)
        house.read(2, "sensor-3", t=25)

        assert [(f.at_us / S, f.subject) for f in house.firings] == [(0, "room-a"), (2, "room-b")]

    def test_an_aggregate_joins_each_devices_newest(self) -> None:
        house = House(rule("r", on("t"), above("t", 20, aggregate="mean"), scope={"per": "room"}), directory=HOUSE)

        house.read(0, "sensor-1", t=19)
        house.read(1, "sensor-2", t=22)

        assert [(f.at_us / S, f.subject) for f in house.firings] == [(1, "room-a")]

    def test_an_action_without_a_device_goes_to_the_subjects_devices_of_the_type(self) -> None:
        command = {"type": "device_command", "config": {"command": "turn_on_fan", "device_type": "fan"}}
        house = House(rule("r", on("t"), above("t", 20), actions=[command], scope={"per": "room"}), directory=HOUSE)

        (firing,) = house.read(0, "sensor-1", t=25)

        assert firing.actions[0].targets == ("fan-1",)

    def test_an_event_concerns_subjects_that_contain_or_lie_in_its_own(self) -> None:
        house = House(rule("r", on_event("e"), above("t", 20), scope={"per": "room"}), directory=HOUSE)
        for device in ("sensor-1", "sensor-3"):
            house.read(0, device, t=25)

        house.event(1, "e", device="sensor-2")
        house.event(2, "e", farm="farm-1")

        assert [(f.at_us / S, f.subject) for f in house.firings] == [(1, "room-a"), (2, "room-a"), (2, "room-b")]

    def test_silence_is_raised_once_and_its_end_once(self) -> None:
        house = House(
            rule("stale", on_event("sensor_stale", match={"sensor": "t"})),
            rule("back", on_event("sensor_recovered")),
        )

        house.read(0, t=25)
        house.read(100, t=26)
        house.advance(3000)
        house.read(4000, t=27)

        assert house.seen == [(1000, "stale", "fired"), (4000, "back", "fired")]


class TestGaps:
    @pytest.mark.parametrize(
        ("policy", "gap", "fires_at"),
        [("verify", 5, 65), ("verify", 7, 127), ("hold", 20, 60), ("reset", 1, 121)],
    )
    def test_a_restart_treats_a_running_duration_as_on_gap_says(self, policy: str, gap: int, fires_at: int) -> None:
        house = House(rule("r", on("t"), held(above("t", 20), 60), on_gap=policy))

        house.read(0, t=25)
        house.advance(30)
        house.restart()
        house.advance(30 + gap)
        house.read({("verify", 7): 67, ("reset", 1): 61}.get((policy, gap), 31 + gap), t=26)
        house.advance(300)

        assert house.seen[0] == (fires_at, "r", "fired")

    @pytest.mark.parametrize(
        ("policy", "blind", "fires_at"), [("verify", 6, 66), ("verify", 7, 97), ("hold", 20, 60), ("reset", 1, 91)]
    )
    def test_unknown_interrupts_a_running_duration_as_on_gap_says(
        self, policy: str, blind: float, fires_at: float
    ) -> None:
        house = House(rule("r", on("t"), held(above("t", 20), 60), on_gap=policy))

        house.read(0, t=25)
        house.read(30, t=None)
        house.read(30 + blind, t=26)
        house.advance(300)

        assert house.seen[0] == (fires_at, "r", "fired")

    @pytest.mark.parametrize(("misfire", "runs"), [("skip", 0), ("once", 1), ("all", 10)])
    def test_missed_schedules_run_as_misfire_says(self, misfire: str, runs: int) -> None:
        every = {"type": "time", "config": {"every_seconds": 60}}
        house = House(rule("r", every, misfire=misfire, scope={"per": "device"}))

        house.read(1, t=25)
        house.restart()
        house.advance(3000)

        late = [second for second, _, _ in house.seen if second == 3000]
        assert len(late) == runs + 1
        assert house.engine.counters("r")["missed_runs"] == 49

    def test_an_action_finds_the_rules_variables_after_an_edit(self) -> None:
        told = {"type": "log", "config": {"message": "{double}"}}
        first = rule("r", on("t"), variables={"double": "t * 2"}, clear_actions=[log()])
        house = House(first)
        house.read(0, t=4)
        house.engine.put_rule({**first, "clear_actions": [told]})

        house._note(house.engine.set_enabled("r", enabled=False))

        assert house.firings[-1].actions[0].config == {"message": 8}

    def test_an_action_finds_the_rules_variables_after_a_restart(self) -> None:
        told = {"type": "log", "config": {"message": "{double}"}}
        remembers = above("t", 1, hysteresis=1)
        house = House(rule("r", on("t"), remembers, variables={"double": "t * 2"}, clear_actions=[told]))
        house.read(0, t=4)

        house.restart()
        house._note(house.engine.set_enabled("r", enabled=False))

        assert house.firings[-1].actions[0].config == {"message": 8}


class TestValues:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, [1], "x" * 1001])
    def test_a_value_that_cannot_be_taken_is_refused_and_changes_nothing(self, value: Any) -> None:
        house = House(
            rule("r", on("t"), {"type": "comparison", "config": {"sensor": "t", "operator": "!=", "value": 0}})
        )

        house.read(0, t=value)

        assert house.seen == []
        assert house.engine.counts["refused"] == 1

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_no_number_is_refused_after_a_number_too(self, value: float) -> None:
        house = House(rule("r", on("t"), above("t", 20), fire="edge"))

        for second, reading in enumerate([25.0, 26.0, value, 27.0]):
            house.read(second, t=reading)

        assert house.seen == [(0, "r", "fired")]
        assert house.engine.counts["refused"] == 1

    def test_late_and_duplicate_values_trigger_nothing(self) -> None:
        house = House(rule("r", on("t"), above("t", 20)))

        house.read(10, t=25)
        house.read(11, t=26, at=5)
        house.read(12, t=25, at=10)

        assert len(house.seen) == 1

    def test_another_value_of_the_same_time_replaces_and_triggers(self) -> None:
        house = House(rule("r", on("t"), above("t", 20)))

        house.read(10, t=15)
        house.read(11, t=25, at=10)

        assert house.seen == [(11, "r", "fired")]

    def test_a_reading_far_ahead_of_our_clock_is_refused(self) -> None:
        house = House(rule("r", on("t"), above("t", 20)))

        house.read(10, t=25, at=311)

        assert (house.seen, house.engine.counts["refused"]) == ([], 1)

    def test_kinds_do_not_compare(self) -> None:
        unlike = {"type": "comparison", "config": {"sensor": "t", "operator": "!=", "value": "on"}}
        house = House(rule("r", on("t"), unlike))

        for second, value in enumerate([1, True, "off"]):
            house.read(second, t=value)

        assert [second for second, _, _ in house.seen] == [2]

    def test_an_object_of_numbers_becomes_sensors_and_triggers_its_own_name(self) -> None:
        house = House(rule("r", on("accelerometer"), above("accelerometer_x", 1)))

        house.read(0, accelerometer={"x": 2, "y": 0})
        house.read(1, accelerometer={"x": 0, "y": "no"})

        assert house.seen == [(0, "r", "fired")]

    def test_change_looks_at_the_window_of_readings(self) -> None:
        up = {"type": "change", "config": {"sensor": "t", "by": 5, "direction": "up", "within_seconds": 60}}
        house = House(rule("r", on("t"), up))

        for second, value in ((0, 20), (30, 23), (60, 25), (91, 28), (92, 27)):
            house.read(second, t=value)

        assert [second for second, _, _ in house.seen] == [60]

    def test_change_from_to_compares_with_the_reading_before(self) -> None:
        opened = {"type": "change", "config": {"sensor": "door", "from": "shut", "to": "open"}}
        house = House(rule("r", on("door"), opened))

        for second, value in enumerate(["open", "shut", None, "open", "open"]):
            house.read(second, door=value)

        assert [second for second, _, _ in house.seen] == [3]

    def test_a_value_too_old_is_unknown_from_the_instant_of_its_age(self) -> None:
        fresh = {"type": "composite", "config": {"operator": "NOT", "conditions": [above("t", 20, max_age_seconds=60)]}}
        house = House(rule("r", on_event("e"), fresh))

        house.read(0, t=15)
        house.event(59, "e")
        house.event(60, "e")

        assert [second for second, _, _ in house.seen] == [59]

    def test_the_instant_of_an_age_is_observed_whatever_the_value(self) -> None:
        change = {"type": "change", "config": {"sensor": "door", "by": 1, "within_seconds": 5, "max_age_seconds": 1}}
        guarded = {**log(), "if": change}
        house = House(rule("r", on("t"), above("t", 20), actions=[log(), guarded], clear_actions=[log()]))
        house.read(0, door=False)
        house.read(0, t=15)
        house.engine.run_rule("r", force=True)

        house.advance(2)

        assert house.seen == [(1.0, "r", "cleared")]

    def test_placeholders_are_filled_with_the_firings_snapshot(self) -> None:
        document = rule(
            "r",
            on("t"),
            above("t", 20),
            variables={"double": "t * 2"},
            actions=[log("{t:.1f} {double} {humidity} {device_id} {rule_name} {{x}}"), log("{nobody}")],
        )
        house = House(
            {
                **document,
                "conditions": [
                    above("t", 20),
                    {
                        "type": "composite",
                        "operator": "OR",
                        "config": {"conditions": [above("humidity", 1), above("t", 0)]},
                    },
                ],
            }
        )

        (firing,) = house.read(0, t=25)

        assert firing.actions[0].config["message"] == "25.0 50 unknown d r {x}"
        assert "nobody" in (firing.actions[1].failed or "")

    def test_an_action_is_skipped_unless_its_if_is_true(self) -> None:
        guarded = {**log(), "if": above("humidity", 50)}
        house = House(rule("r", on("t"), above("t", 20), actions=[guarded, log()]))

        (first,) = house.read(0, t=25)
        house.read(1, humidity=60)
        (second,) = house.read(2, t=26)

        assert first.actions[0].skipped == "its condition is unknown"
        assert second.actions[0].runs


def test_a_removed_rule_takes_no_cut_away_from_another_that_has_the_same_number_for_the_same_sensor() -> None:
    engine = Engine(REGISTRY)
    engine.put_rule(
        rule("stays", on("t"), {"type": "composite", "operator": "NOT", "config": {"conditions": [above("t", 20)]}})
    )
    engine.handle(Reading("d1", {"t": 25.0}, S))
    # It reads t of d2 against 20, and t of d1 through its trigger only.
    engine.put_rule(rule("goes", on("t"), above("h", 1), above("t", 20, device="d2")))
    engine.remove_rule("goes")

    assert [firing.rule_id for firing in engine.handle(Reading("d1", {"t": 19.0}, 2 * S))] == ["stays"]


def test_clear_actions_that_an_edit_adds_run_for_a_firing_before_the_edit() -> None:
    engine = Engine(REGISTRY)
    engine.put_rule(rule("r", on("t"), above("t", 20)))
    engine.handle(Reading("d1", {"t": 25.0}, S))
    engine.put_rule(rule("r", on("t"), above("t", 20), clear_actions=[led("off")]))

    assert [firing.kind for firing in engine.handle(Reading("d1", {"t": 19.0}, 2 * S))] == ["cleared"]


def test_a_cooldown_outlasts_an_edit_and_then_a_restart() -> None:
    engine = Engine(REGISTRY)
    engine.put_rule(rule("r", on("t"), above("t", 20)))
    engine.handle(Reading("d1", {"t": 25.0}, S))
    kept = merge_state({}, engine.changed_state())
    edited = rule("r", on("t"), above("t", 18), cooldown_seconds=60)
    engine.put_rule(edited)
    kept = merge_state(kept, engine.changed_state())
    engine = Engine.restore(REGISTRY, None, [edited], json.loads(json.dumps(kept)))

    assert engine.handle(Reading("d1", {"t": 26.0}, 20 * S)) == []
    assert engine.handle(Reading("d1", {"t": 27.0}, 61 * S)) != []


def test_a_missed_run_of_a_rule_that_an_earlier_one_switches_off_meets_nobody() -> None:
    hourly = {"type": "time", "config": {"every_seconds": 3600}}
    off = {"type": "rule_control", "config": {"rule": "later", "operation": "disable"}}
    documents = [
        rule("first", hourly, priority=1, scope={"per": "device"}, actions=[off]),
        rule("later", hourly, above("t", 0), misfire="all"),
    ]
    engine = Engine(REGISTRY)
    for document in documents:
        engine.put_rule(document)
    engine.handle(Reading("d1", {"t": 1.0}, S))
    kept = json.loads(json.dumps(merge_state({}, engine.changed_state())))
    engine = Engine.restore(REGISTRY, None, documents, kept)

    assert {firing.rule_id for firing in engine.advance(3 * 3600 * S + 1)} == {"first"}
    assert engine._roster.states["later"].instances == {}


def test_every_reading_after_a_save_is_part_of_the_next_one() -> None:
    engine = Engine(REGISTRY)
    moved = {"type": "change", "config": {"sensor": "h", "by": 1, "within_seconds": 10}}
    engine.put_rule(rule("r", on("t", "h"), moved))
    for second, (sensor, value) in enumerate([("h", 1.0), ("t", 1.0), ("h", 9.0)], start=1):
        engine.handle(Reading("d1", {sensor: value}, second * S))
    engine.changed_state()  # the rule is willing: it waits at both sensors for their next reading
    engine.handle(Reading("d1", {"h": 9.0}, 60 * S))  # and no longer
    engine.handle(Reading("d1", {"t": 2.0}, 61 * S))

    assert engine.changed_state()["slots"]["d1/t"]["value"] == 2.0


def test_a_timer_that_a_stop_has_ended_looks_at_nothing_though_an_action_asked_for_it_twice() -> None:
    guarded = {**log(), "if": held(above("h", 10), 30)}
    document = rule("r", on("t"), held(above("t", 10), 30), actions=[guarded], clear_actions=[led("off")])
    engine = Engine(REGISTRY)
    engine.handle(Reading("d1", {"t": 19.0, "h": 18.0}, S))
    engine.put_rule(document)
    assert len(engine.run_rule("r", force=True).firings) == 1
    kept = json.loads(json.dumps(merge_state({}, engine.changed_state())))
    engine = Engine.restore(REGISTRY, None, [document], kept)

    assert engine.advance(90 * S) == []  # both durations wait for a reading: nothing is known to be false


def test_without_a_gap_an_engine_goes_on_from_what_another_keeps_as_if_it_had_never_stopped() -> None:
    document = rule("r", on("t"), held(above("t", 20), 60), on_gap="reset")
    engine = Engine(REGISTRY)
    engine.put_rule(document)
    engine.handle(Reading("d1", {"t": 25.0}, S))
    instances = {f"r/{subject}": row for subject, row in engine.kept("r").items()}
    state = json.dumps({**merge_state({}, engine.changed_state()), "instances": instances})
    fired = []
    for gap in (True, False):
        again = Engine.restore(REGISTRY, None, [document], json.loads(state), gap=gap)
        fired.append([firing.at_us // S for firing in again.advance(100 * S)])

    assert fired == [[], [61]]


def test_an_edit_of_an_action_s_condition_observes_those_who_never_sent_what_the_rule_read_before() -> None:
    engine = Engine(REGISTRY)
    engine.put_rule(rule("r", on("h")))
    engine.handle(Reading("d1", {"t": 20.0}, S))
    engine.put_rule(rule("r", on("h"), actions=[{**log(), "if": held(above("t", 17), 5)}]))
    (firing,) = engine.handle(Reading("d1", {"h": 1.0}, 60 * S))

    assert firing.actions[0].runs


def test_a_firing_says_how_its_actions_are_to_run() -> None:
    engine = Engine(REGISTRY)
    careful = {**log(), "retry_on_failure": True, "max_retries": 2, "timeout_seconds": 5, "stop_on_failure": True}
    engine.put_rule(rule("r", actions=[careful, log("{t}")], execution={"mode": "parallel", "timeout_seconds": 9}))
    (firing,) = engine.handle(Reading("d1", {"t": 1.0}, S))

    assert (firing.parallel, firing.timeout_us) == (True, 9 * S)
    first, second = firing.actions
    assert (first.max_retries, first.timeout_us, first.stop_on_failure) == (2, 5 * S, True)
    assert (second.max_retries, second.timeout_us, second.stop_on_failure) == (0, None, False)


def test_replay_of_the_same_input_is_the_same() -> None:
    def run() -> list[Any]:
        house = House(rule("r", on("t", interval=7), held(above("t", 20), 60), clear_actions=[led("off")]))
        for second in range(0, 3000, 13):
            house.read(second, t=15 + second % 11)
        return [firing.actions for firing in house.firings] + house.seen

    assert run() == run()


def _twice(make: Callable[[], House]) -> tuple[House, House]:
    return make(), make()


def test_restore_at_any_moment_changes_nothing() -> None:
    plain, restarted = _twice(
        lambda: House(rule("r", on("t", interval=7), held(above("t", 20), 60), clear_actions=[led("off")]))
    )
    for second in range(0, 3000, 13):
        plain.read(second, t=15 + (second // 130) % 11)
        restarted.read(second, t=15 + (second // 130) % 11)
        restarted.engine = _restored(restarted)

    assert restarted.seen == plain.seen
    assert plain.seen


def _restored(house: House) -> Engine:
    kept = house.__dict__.setdefault("kept", {})
    kept.update(merge_state(kept, house.engine.changed_state()))
    rules = [house.engine.rule(rule_id) for rule_id in house.engine.rule_ids]
    engine = Engine.restore(REGISTRY, None, rules, json.loads(json.dumps(kept)))
    engine.advance(house.engine.now_us)
    return engine
