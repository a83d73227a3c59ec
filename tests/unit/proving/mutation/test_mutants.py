"""Mutants are valid rules that differ; those that mean the same are told apart from them."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import InvalidRuleError
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.proving.mutation.mutants import Mutant, mutants_of

CO2_HIGH = {"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": 1000, "hysteresis": 50}}
FAN_ON = {"type": "device_command", "config": {"command": "turn_on_fan"}}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def rule(**parts: Any) -> dict[str, Any]:
    base = {
        "id": "r1",
        "name": "Warm",
        "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
        "conditions": [CO2_HIGH],
        "actions": [FAN_ON],
    }
    return base | parts


EVERYTHING = rule(
    scope={"room": "cellar", "per": "room"},
    variables={"warm": "temperature * 2 > 40 and not door"},
    trigger=None,
    triggers=[
        {"type": "sensor", "config": {"sensors": ["co2", "temperature"], "interval": 30}},
        {"type": "time", "config": {"cron": "0 8 * * *"}},
        {"type": "event", "config": {"event": "button_pressed", "match": {"button": "help"}}},
    ],
    conditions=[
        {
            "type": "composite",
            "operator": "OR",
            "config": {
                "conditions": [
                    {"type": "duration", "config": {"condition": CO2_HIGH, "duration_seconds": 300}},
                    {
                        "type": "range",
                        "config": {"sensor": "temperature", "min": 4, "max": 9, "aggregate": "mean"},
                    },
                ]
            },
        },
        {"type": "time", "config": {"time_range": ["22:00", "06:00"], "days": ["Mon", "Tue"]}},
        {"type": "expression", "config": {"expression": "abs(co2 - 3) < 7"}},
    ],
    actions=[FAN_ON, {"type": "led", "config": {"color": "red", "intensity": 50}, "if": CO2_HIGH, "after_seconds": 5}],
    clear_actions=[{"type": "device_command", "config": {"command": "turn_off_fan"}}],
    cooldown_seconds=600,
    max_executions=3,
    valid_from="2026-01-01T00:00:00Z",
    on_gap="hold",
)
del EVERYTHING["trigger"]


def told(mutants: tuple[Mutant, ...]) -> list[str]:
    return [f"{mutant.pointer} {mutant.told}" for mutant in mutants]


def test_every_mutant_is_a_valid_rule_of_the_same_id_that_differs(registry: Registry) -> None:
    found = mutants_of(EVERYTHING, registry)
    compiler = RuleCompiler(registry)

    assert len(found.made) > 60
    for mutant in found.made:
        assert mutant.document != found.original
        assert compiler.compile(mutant.document).id == "r1"


def test_no_two_mutants_are_the_same_document(registry: Registry) -> None:
    made = mutants_of(EVERYTHING, registry).made

    assert all(one.document != other.document for i, one in enumerate(made) for other in made[:i])


@pytest.mark.parametrize(
    ("pointer", "wanted"),
    [
        ("/conditions/0/operator", 'operator "OR" → "AND"'),
        ("/conditions/0", "composite OR dropped"),
        ("/conditions/0", "composite OR negated"),
        ("/conditions/0/config/conditions/0", "duration dropped"),
        ("/conditions/0/config/conditions/0", "duration taken off"),
        ("/conditions/0/config/conditions/0/config/duration_seconds", "duration_seconds 300 → 150"),
        ("/conditions/0/config/conditions/0/config/duration_seconds", "duration_seconds 300 → 600"),
        ("/conditions/0/config/conditions/0/config/condition/config/operator", 'operator ">" → ">="'),
        ("/conditions/0/config/conditions/0/config/condition/config/value", "value 1000 → 1100"),
        ("/conditions/0/config/conditions/0/config/condition/config/value", "value 1000 → 900"),
        ("/conditions/0/config/conditions/0/config/condition/config/hysteresis", "hysteresis 50 dropped"),
        ("/conditions/0/config/conditions/1/config/max", "max 9 dropped"),
        ("/conditions/0/config/conditions/1/config/aggregate", 'aggregate "mean" → "max"'),
        ("/conditions/0/config/conditions/1/config/aggregate", 'aggregate "mean" dropped'),
        ("/conditions/1/config/time_range/0", 'time_range "22:00" → "23:00"'),
        ("/conditions/1/config/days/1", '"Tue" dropped'),
        ("/conditions/2/config/expression", 'expression "abs(co2 - 3) < 7" → "abs(co2 - 3) <= 7"'),
        ("/variables/warm", 'warm "temperature * 2 > 40 and not door" → "temperature * 2 > 40 or (not door)"'),
        ("/triggers/1", "trigger time dropped"),
        ("/triggers/0/config/sensors/1", "trigger on temperature dropped"),
        ("/triggers/0/config/interval", "interval 30 dropped"),
        ("/triggers/1/config/cron", 'cron "0 8 * * *" → "0 9 * * *"'),
        ("/triggers/2/config/match", 'match {"button": "help"} dropped'),
        ("/fire", 'fire "every" → "edge"'),
        ("/cooldown_seconds", "cooldown_seconds 600 dropped"),
        ("/max_executions", "max_executions 3 → 4"),
        ("/valid_from", 'valid_from "2026-01-01T00:00:00Z" dropped'),
        ("/on_gap", 'on_gap "hold" → "reset"'),
        ("/scope/room", 'scope room "cellar" dropped'),
        ("/actions/0", "actions device_command dropped"),
        ("/actions/0/config/command", 'command "turn_on_fan" → "turn_off_fan"'),
        ("/actions/1/if", "if dropped"),
        ("/actions/1/after_seconds", "after_seconds 5 → 10"),
        ("/actions/1/config/color", 'color "red" → "other"'),
        ("/clear_actions", "clear_actions dropped"),
    ],
)
def test_there_is_a_mutant_for_each_kind_of_mistake(registry: Registry, pointer: str, wanted: str) -> None:
    assert any(
        one.pointer == pointer
        and one.told.replace("or (not door)", "or not door") == wanted.replace("(not door)", "not door")
        for one in mutants_of(EVERYTHING, registry).made
    ), told(mutants_of(EVERYTHING, registry).made)


def test_a_threshold_that_another_condition_makes_idle_is_left_out_when_it_moves(registry: Registry) -> None:
    above = [{"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": v}} for v in (500, 1000)]

    found = mutants_of(rule(conditions=above), registry)

    left_out = {mutant.told for mutant in found.equivalent}
    assert {"value 500 → 550", "value 500 → 450", 'operator ">" → ">="', "comparison dropped"} <= left_out
    assert "value 1000 → 1100" in {mutant.told for mutant in found.made}


def test_a_threshold_that_counts_is_not_left_out(registry: Registry) -> None:
    assert mutants_of(rule(), registry).equivalent == ()


def test_a_default_that_is_written_out_is_no_mistake_when_dropped(registry: Registry) -> None:
    moved = {"type": "change", "config": {"sensor": "co2", "by": 5, "direction": "any", "within_seconds": 60}}

    found = mutants_of(rule(conditions=[moved]), registry)

    assert not any("direction" in mutant.told and "dropped" in mutant.told for mutant in found.made)


def test_an_invalid_rule_is_refused_with_its_problems(registry: Registry) -> None:
    with pytest.raises(InvalidRuleError, match="nothing"):
        mutants_of(rule(trigger={"type": "nothing"}), registry)
