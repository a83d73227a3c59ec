"""Timelines are found for every kind of rule, the same at every run, and are no longer than they need be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.proving.mutation.explore import explore, possible_outcomes

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def example(file: str, name: str) -> dict[str, Any]:
    document = json.loads((ROOT / file).read_text(encoding="utf-8"))
    return next(rule for rule in (document if isinstance(document, list) else [document]) if rule["name"] == name)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("examples/rules/air-quality.json", "High CO2 Alert"),  # a duration, an interval and a cooldown
        ("examples/rules/cold-chain.json", "Temperature Logger"),  # a schedule
        ("examples/rules/fall-detection.json", "Fall Detection"),  # a function, of sensors sent as an object
        ("examples/rules/comfort-zone.json", "Comfort Zone Monitor"),  # a variable
        ("examples/rules/meeting-room.json", "Room Occupied"),  # hours of the day
        ("examples/rules/mushroom-room.json", "Humidify"),  # an edge with hysteresis, and clear actions
        ("examples/rules/mushroom-room.json", "Dark Monday"),  # a day of the week
        ("server/whenthen_server/demo/rules/alarms.json", "Silent sensor"),  # an event of a farm
        ("server/whenthen_server/demo/rules/alarms.json", "Dead heater"),  # a room of several devices
        ("server/whenthen_server/demo/rules/tent.json", "Tent: light"),  # a rule of no device
    ],
)
def test_every_outcome_is_reached_and_nine_mutants_of_ten_are_told_apart(
    registry: Registry, file: str, name: str
) -> None:
    found = explore(example(file, name), registry)

    assert not found.unreached
    assert found.killed / len(found.mutants.made) >= 0.9, [found.mutants.made[index].told for index in found.alive]


def test_the_same_rule_and_seed_give_the_same_timelines(registry: Registry) -> None:
    rule = example("examples/rules/cold-chain.json", "Temperature Out of Range")

    assert explore(rule, registry).trials == explore(rule, registry).trials
    assert explore(rule, registry).trials != explore(rule, registry, seed=1).trials


def test_only_what_is_wanted_is_looked_for(registry: Registry) -> None:
    found = explore(example("examples/rules/mushroom-room.json", "Too warm"), registry, alive=[0], missing=[])

    assert [trial.kills for trial in found.trials] == [{0}]
    assert len(found.trials[0].steps) <= 3


def test_what_reads_nothing_is_never_unknown_and_what_cannot_be_is_not_possible(registry: Registry) -> None:
    never = {"operator": "AND", "conditions": [_co2(">", 9), _co2("<", 5)]}
    rule = {
        "name": "n",
        "trigger": {"type": "manual"},
        "conditions": [
            {"type": "time", "config": {"time": "08:00"}},
            {"type": "composite", "config": never},
        ],
        "actions": [{"type": "sound", "config": {"sound_id": 1}}],
    }

    possible = possible_outcomes(RuleCompiler(registry).compile(rule), registry)

    assert {truth for pointer, truth in possible if pointer == "/conditions/0"} == {True, False}
    assert {truth for pointer, truth in possible if pointer == "/conditions/1"} == {False, None}


def _co2(operator: str, value: float) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": "co2", "operator": operator, "value": value}}
