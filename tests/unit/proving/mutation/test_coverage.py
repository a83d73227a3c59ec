"""What scenarios reach, which mutants they notice, and what is written for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.proving.mutation.coverage import RuleCoverage, cover
from whenthen.proving.mutation.explore import explore
from whenthen.proving.mutation.suggest import suggest
from whenthen.proving.scenarios.run import run_scenario
from whenthen.proving.scenarios.scenario import read_scenario

WARM = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    "cooldown_seconds": 60,
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def covered(registry: Registry, *scenarios: Mapping[str, Any], rule: dict[str, Any] = WARM) -> RuleCoverage:
    read = {
        str(number): read_scenario({"name": "n", "rules": [rule], **one}, registry, Path())
        for number, one in enumerate(scenarios)
    }
    (found,) = cover(read, registry, [rule]).rules
    return found


def degrees(at: str, value: float | None) -> dict[str, Any]:
    return {"at": at, "device": "dev-1", "values": {"temperature": value}}


def alive(found: RuleCoverage) -> set[str]:
    return {mutant.told for mutant in found.alive}


WEAK = {"timeline": [degrees("0s", 20), degrees("1m", 50)], "expect": [{"rule": "Warm", "fires": True}]}
STRONG = {
    "timeline": [degrees("0s", 30), degrees("1m", 30.5), degrees("90s", 31), degrees("2m", 31)],
    "expect": [{"rule": "Warm", "fires": 1, "until": "1m"}, {"rule": "Warm", "fires": 2}],
}


def test_a_weak_expectation_leaves_the_moved_threshold_alive_and_a_stronger_one_kills_it(registry: Registry) -> None:
    weak, strong = covered(registry, WEAK), covered(registry, WEAK, STRONG)

    moved = {"value 30 → 33", "value 30 → 27"}
    assert moved <= alive(weak)
    assert not moved & alive(strong)
    assert weak.score < strong.score


def test_outcomes_are_told_by_pointer(registry: Registry) -> None:
    found = covered(registry, WEAK)

    assert found.to_json()["conditions"] == [
        {"pointer": "/conditions/0", "possible": ["true", "false", "unknown"], "reached": ["true", "false"]}
    ]
    assert list(found.unreached()) == ["/conditions/0 is never unknown", "its cooldown never blocks it"]


def test_a_null_reaches_unknown_and_a_second_reading_meets_the_cooldown(registry: Registry) -> None:
    null = {"timeline": [degrees("0s", None)], "expect": [{"rule": "Warm", "never_fires": True}]}

    assert list(covered(registry, STRONG, null).unreached()) == []


def test_a_condition_that_is_true_between_two_steps_is_seen(registry: Registry) -> None:
    night = {"type": "time", "config": {"time_range": ["22:00", "23:00"]}}
    rule = WARM | {"conditions": [night]}
    days = {"timeline": [degrees("0s", 20), {"at": "2d"}], "expect": [{"rule": "Warm", "never_fires": True}]}

    assert not covered(registry, days, rule=rule).missing


def test_each_trigger_is_told_by_itself(registry: Registry) -> None:
    pressed = {"type": "event", "config": {"event": "button_pressed"}}
    rule = {key: value for key, value in WARM.items() if key != "trigger"} | {"triggers": [WARM["trigger"], pressed]}

    assert covered(registry, WEAK, rule=rule).started == {"/triggers/0"}


def test_a_scenario_that_fails_counts_for_nothing(registry: Registry) -> None:
    wrong = {"timeline": [degrees("0s", 50)], "expect": [{"rule": "Warm", "never_fires": True}]}
    scenario = read_scenario({"name": "n", "rules": [WARM], **wrong}, registry, Path())

    found = cover({"wrong": scenario}, registry)

    assert found.failing == ("wrong",)
    assert found.rules[0].killed == {}


def test_a_rule_that_no_scenario_plays_is_wholly_unreached(registry: Registry) -> None:
    (found,) = cover({}, registry, [WARM]).rules

    assert found.score == 0
    assert "it never fires" in found.unreached()


def test_what_is_left_out_as_equivalent_is_not_in_the_score(registry: Registry) -> None:
    above = [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": v}} for v in (5, 30)]
    found = covered(registry, STRONG, rule=WARM | {"conditions": above})

    assert found.mutants.equivalent
    assert not any(one in found.mutants.made for one in found.mutants.equivalent)
    assert found.score == len(found.killed) / len(found.mutants.made)


def test_suggestions_kill_what_they_claim_when_they_are_run(registry: Registry) -> None:
    weak = covered(registry, WEAK)
    killed = [index for index in range(len(weak.mutants.made)) if index not in weak.killed]

    written = suggest(explore(WARM, registry, alive=killed, missing=weak.missing), registry, WARM, Path())

    assert {mutant.told for one in written for mutant in one.kills} == alive(weak)
    for one in written:
        assert run_scenario(read_scenario(one.document, registry, Path()), registry).passed
        for mutant in one.kills:
            broken = {**one.document, "rules": [mutant.document]}
            assert not run_scenario(read_scenario(broken, registry, Path()), registry).passed, mutant.told


def test_given_scenarios_and_suggestions_together_reach_everything(registry: Registry) -> None:
    written = suggest(explore(WARM, registry), registry, WARM, Path())
    found = covered(registry, *(one.document for one in written))

    assert found.alive == []
    assert list(found.unreached()) == []


def test_a_delayed_action_is_seen_where_it_acts(registry: Registry) -> None:
    later = WARM | {"actions": [{**WARM["actions"][0], "after_seconds": 30}]}  # type: ignore[index]
    found = covered(
        registry, *(one.document for one in suggest(explore(later, registry), registry, later, Path())), rule=later
    )

    assert not any("after_seconds" in one for one in alive(found))
