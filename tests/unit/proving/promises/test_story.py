"""A history told to people: what came of a step stands right after it, also when all happens at one instant."""

from __future__ import annotations

from typing import Any

from whenthen.extend.host import load_registry
from whenthen.model.reading import Reading
from whenthen.model.step import Step, Tick
from whenthen.proving.played import play
from whenthen.proving.promises.story import lines_until

REGISTRY = load_registry()
SECOND = 1_000_000


def rule(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    comparison = {"sensor": "temperature", "operator": ">", "value": 30}
    return {
        "id": name,
        "name": name,
        "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
        "conditions": [{"type": "comparison", "config": comparison}],
        "actions": list(actions),
    }


def command(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "device_command", "config": {"command": name}, **fields}


def warm(at_us: int, device: str = "dev-1", value: float = 31.0) -> Reading:
    return Reading(device, {"temperature": value}, at_us)


def told(rules: list[dict[str, Any]], *steps: Step) -> list[str]:
    """Return what happened, without times."""
    lines = list(lines_until(play(rules, steps, REGISTRY), 3_600 * SECOND, "the end"))
    return [line.split("  ")[-1] for line in lines[1:-1]]


def test_what_a_step_causes_stands_right_after_it_when_others_come_at_the_same_instant() -> None:
    rules = [rule("Warm", command("turn_on_fan"))]

    assert told(rules, warm(SECOND), warm(SECOND, "dev-2", 29.0), warm(SECOND, "dev-3")) == [
        "dev-1: temperature 31.0",
        "'Warm' fires for dev-1",
        'fan of dev-1 becomes "on"',
        "dev-2: temperature 29.0",
        "dev-3: temperature 31.0",
        "'Warm' fires for dev-3",
        'fan of dev-3 becomes "on"',
    ]


def test_what_a_firing_sets_stands_right_after_it_when_several_rules_fire() -> None:
    rules = [rule("Air", command("turn_on_fan")), rule("Wet", command("turn_on_pump"))]

    assert told(rules, warm(SECOND)) == [
        "dev-1: temperature 31.0",
        "'Air' fires for dev-1",
        'fan of dev-1 becomes "on"',
        "'Wet' fires for dev-1",
        'pump of dev-1 becomes "on"',
    ]


def test_what_was_set_with_a_delay_stands_before_all_that_happens_at_that_instant() -> None:
    rules = [rule("Warm", command("turn_on_fan"), command("turn_off_fan", after_seconds=60))]

    assert told(rules, warm(SECOND), warm(61 * SECOND), Tick(62 * SECOND)) == [
        "dev-1: temperature 31.0",
        "'Warm' fires for dev-1",
        'fan of dev-1 becomes "on"',
        'fan of dev-1 becomes "off"',
        "dev-1: temperature 31.0",
        "'Warm' fires for dev-1",
        'fan of dev-1 becomes "on"',
        'fan of dev-1 becomes "off"',
    ]


def test_what_time_causes_on_the_way_to_a_step_stands_before_it() -> None:
    slow = rule("Long warm", command("turn_on_fan"))
    slow["conditions"] = [
        {"type": "duration", "config": {"condition": slow["conditions"][0], "duration_seconds": 60}},
    ]

    assert told([slow], warm(SECOND), warm(90 * SECOND, value=29.0)) == [
        "dev-1: temperature 31.0",
        "'Long warm' fires for dev-1",
        'fan of dev-1 becomes "on"',
        "dev-1: temperature 29.0",
    ]
