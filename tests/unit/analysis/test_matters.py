"""What matters to rules: sensors, the values at which something may change, lengths of time."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.analysis.matters import Interest, devices_heard, interests, nodes_of, parts_of, spans_us
from whenthen.clock import SECOND_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.host import load_registry

REGISTRY = load_registry()


def comparison(sensor: str, operator: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": sensor, "operator": operator, "value": value, **more}}


def compiled(*conditions: dict[str, Any], **fields: Any) -> CompiledRule:
    rule = {
        "name": "A",
        "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
        "conditions": list(conditions),
        "actions": [{"type": "log", "config": {"message": "a"}}],
    }
    return RuleCompiler(REGISTRY).compile({**rule, **fields})


def interest(sensor: str, *rules: CompiledRule) -> Interest:
    return interests(rules, REGISTRY)[sensor]


def test_the_limits_of_a_sensor_are_those_of_every_rule() -> None:
    found = interest("co2", compiled(comparison("co2", ">", 1000)), compiled(comparison("co2", "<", 850)))

    assert found == Interest(cuts=(1000.0, 850.0))


def test_what_tells_no_limits_is_asked_for_its_numbers_but_not_for_its_times() -> None:
    config = {"sensor": "co2", "by": 50, "direction": "up", "within_seconds": 300}
    found = interest("co2", compiled({"type": "change", "config": config}))

    assert (found.loose, found.mentioned) == (True, (50,))


def test_a_sensor_behind_a_variable_has_the_numbers_of_the_variables() -> None:
    variables = {"double": "co2 * 2 - 7"}
    found = interest("co2", compiled(comparison("double", ">", 30), variables=variables))

    assert found.loose
    assert {2, 7, 30} <= {abs(number) for number in found.limits}


def test_texts_and_booleans_are_words_and_no_limits() -> None:
    rules = [compiled(comparison("co2", "==", word)) for word in ("high", True)]

    assert interest("co2", *rules) == Interest(words=("high", True), loose=True)


def test_a_sensor_that_only_starts_a_rule_has_no_limits() -> None:
    assert interest("co2", compiled(comparison("temperature", ">", 30))) == Interest()


def test_the_guards_of_actions_and_what_is_within_conditions_count() -> None:
    inner = {"type": "composite", "config": {"operator": "AND", "conditions": [comparison("co2", ">", 1)]}}
    guarded = {"type": "log", "config": {"message": "a"}, "if": comparison("temperature", ">", 40)}
    rule = compiled(inner, actions=[guarded])

    assert [node.condition.type for node in nodes_of(rule)] == ["composite", "comparison", "comparison"]
    assert interest("temperature", rule).cuts == (40.0,)


def test_devices_that_conditions_and_triggers_name_are_heard() -> None:
    trigger = {"type": "sensor", "config": {"sensor": "co2", "device": "dev-1"}}
    rule = compiled(comparison("co2", ">", 1, device="dev-2"), trigger=trigger)

    assert sorted(devices_heard(rule)) == ["dev-1", "dev-2"]


def test_a_sensor_that_is_read_in_parts_comes_as_an_object() -> None:
    rule = compiled(comparison("accel_x", ">", 1), trigger={"type": "sensor", "config": {"sensor": "accel"}})

    assert parts_of([rule], ["accel", "accel_x", "accelerated"]) == {"accel": ("accel_x",)}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"cooldown_seconds": 60}, [60 * SECOND_US]),
        ({"deep": [{"duration_ms": 500}]}, [SECOND_US // 2]),
        ({"cooldown_seconds": 0, "max_age_seconds": True, "value": 5}, []),
        ({"cooldown_seconds": 33 * 86_400, "every_seconds": "5"}, []),
    ],
)
def test_lengths_of_time_are_told_by_the_names_of_fields(document: dict[str, Any], found: list[int]) -> None:
    assert list(spans_us(document)) == found
