"""The example scenarios: all pass, and none would if a threshold or a time of its rules were another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.proving.scenarios.run import run_scenario
from whenthen.proving.scenarios.scenario import Scenario, read_scenario_file

EXAMPLES = Path(__file__).parents[4] / "examples"
FILES = sorted((EXAMPLES / "scenarios").rglob("*.scenario.json"))

THRESHOLDS = {"value", "min", "max", "by", "hysteresis", "threshold_g"}
TIMES = {"duration_seconds", "cooldown_seconds", "within_seconds", "impact_duration_ms", "interval"}
CLOCK = {"at", "time_range"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def scenarios(registry: Registry) -> dict[str, Scenario]:
    return {str(file.relative_to(EXAMPLES)): read_scenario_file(file, registry) for file in FILES}


def example_rules() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((EXAMPLES / "rules").glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        yield from ((rule["name"], rule) for rule in (document if isinstance(document, list) else [document]))


def knobs(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the place of every threshold and time of a rule, with other values for it: a little less, a little more."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if path[:1] not in {("actions",), ("clear_actions",)}:
            yield from ((((*path, key)), other) for other in others(key if isinstance(key, str) else path[-1], value))
            yield from knobs(value, (*path, key))


def others(key: str, value: Any) -> Iterator[Any]:
    if key in THRESHOLDS | TIMES and isinstance(value, int | float):
        step = max(abs(value) * 0.05, 0.05)
        yield from (value - step, value + step)
    elif key in CLOCK and isinstance(value, str):
        hour, _, minute = value.partition(":")
        yield from (f"{(int(hour) + shift) % 24:02}:{minute}" for shift in (-1, 1))
    elif key == "cron":
        yield "*/2 * * * *"


def mutated(rule: Any, path: tuple[Any, ...], value: Any) -> Any:
    mutant = deepcopy(dict(rule))
    place: Any = mutant
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return mutant


def mutants(scenario: Scenario, name: str) -> Iterator[tuple[str, Scenario]]:
    """Yield the scenario with one knob of the rule of that name turned."""
    for index, rule in enumerate(scenario.rules):
        if rule["name"] == name:
            for path, value in knobs(rule):
                rules = [*scenario.rules]
                rules[index] = mutated(rule, path, value)
                yield f"{'/'.join(map(str, path))} = {value}", replace(scenario, rules=tuple(rules))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(EXAMPLES / "scenarios")))
def test_every_example_passes(file: Path, registry: Registry) -> None:
    outcome = run_scenario(read_scenario_file(file, registry), registry)

    assert [line for failure in outcome.failures for line in failure.lines()] == []


def test_every_example_rule_has_a_scenario_that_expects_something_of_it(scenarios: dict[str, Scenario]) -> None:
    names: set[str] = set()
    for scenario in scenarios.values():
        ids = {one.rule_id for one in scenario.expectations if hasattr(one, "rule_id")}
        names |= {rule["name"] for rule in scenario.rules if rule["id"] in ids}

    assert {name for name, _ in example_rules()} <= names


@pytest.mark.parametrize("name", [name for name, _ in example_rules()])
def test_a_turned_knob_of_a_rule_fails_a_scenario(
    name: str, scenarios: dict[str, Scenario], registry: Registry
) -> None:
    killed: dict[str, bool] = {}
    for scenario in scenarios.values():
        for what, mutant in mutants(scenario, name):
            killed[what] = killed.get(what, False) or not run_scenario(mutant, registry).passed

    assert [what for what, dead in killed.items() if not dead] == []


def test_every_scenario_fails_for_some_turned_knob(scenarios: dict[str, Scenario], registry: Registry) -> None:
    toothless = [
        file
        for file, scenario in scenarios.items()
        if not any(
            not run_scenario(mutant, registry).passed
            for rule in scenario.rules
            for _, mutant in mutants(scenario, rule["name"])
        )
    ]

    assert toothless == []
