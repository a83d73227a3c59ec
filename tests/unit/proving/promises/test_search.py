"""Broken promises of the example rules are found, and the history that shows one is small and plays again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whenthen import Device, StaticDirectory
from whenthen.extend.host import load_registry
from whenthen.model.step import Restart
from whenthen.proving.played import play
from whenthen.proving.promises.monitor import broken
from whenthen.proving.promises.moves import FAULTS
from whenthen.proving.promises.promise import Promise, read_promises
from whenthen.proving.promises.promisefile import read_promise_file
from whenthen.proving.promises.search import search
from whenthen.proving.promises.world import nights

REGISTRY = load_registry()
EXAMPLES = Path(__file__).parents[4] / "examples"
SMALL = 6


def example(name: str, *only: str) -> list[dict[str, Any]]:
    document = json.loads((EXAMPLES / "rules" / f"{name}.json").read_text())
    rules = document if isinstance(document, list) else [document]
    return [rule for rule in rules if not only or rule["name"] in only]


def promises(*documents: dict[str, Any]) -> tuple[Promise, ...]:
    found, problems = read_promises(list(documents), registry=REGISTRY)
    assert problems == []
    return found


def above(sensor: str, value: float) -> dict[str, Any]:
    return {"condition": {"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": value}}}


def led(color: str) -> dict[str, Any]:
    return {"channel": "led", "is": {"color": color}}


STUFFY = {
    "name": "Stuffy",
    "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
    "conditions": [above("co2", 1000)["condition"]],
    "actions": [{"type": "log", "config": {"message": "stuffy"}}],
}
FAN, LIGHT = {"channel": "fan", "is": "on"}, {"channel": "light", "is": "on"}

BROKEN = [
    pytest.param(
        example("air-quality"),
        {"at_most": 1, "fires_of": "High CO2 Alert", "per_seconds": 601},
        id="a cooldown too short",
    ),
    pytest.param(
        example("air-quality"),
        {"whenever": above("co2", 1000), "for_seconds": 300, "then": {"fired": "High CO2 Alert"}, "within_seconds": 60},
        id="a cooldown keeps an alarm from coming",
    ),
    pytest.param(example("air-quality"), {"never": led("red"), "longer_than_seconds": 3600}, id="nothing turns it off"),
    pytest.param(
        example("meeting-room"), {"never": [led("red"), led("green")], "within_seconds": 61}, id="an interval too short"
    ),
    pytest.param(
        example("cold-chain", "Temperature Out of Range"),
        {"whenever": above("temperature", 5), "then": {"fired": "Temperature Out of Range"}, "within_seconds": 9},
        id="an interval and a cooldown delay",
    ),
    pytest.param(
        example("fall-detection"),
        {"never": {"fired": "Fall Detection"}},
        id="an object of numbers",
    ),
    pytest.param(
        example("comfort-zone"),
        {"at_most": 1, "fires_of": "Comfort Zone Monitor", "per_seconds": 60},
        id="a run by hand",
    ),
    pytest.param(
        example("mushroom-room", "Fresh air"),
        {"at_most": 1, "fires_of": "Fresh air", "per_seconds": 901},
        id="the fan, often",
    ),
    pytest.param(
        example("mushroom-room"), {"never": FAN, "longer_than_seconds": 3600}, id="the fan, among seven rules"
    ),
    pytest.param(
        example("mushroom-room", "Fresh air"),
        {"whenever": above("co2", 1000), "for_seconds": 600, "then": FAN, "within_seconds": 60},
        id="a cooldown or a restart keeps the fan off",
    ),
    pytest.param(
        example("mushroom-room", "Humidify"),
        {"never": {"all": [{"channel": "humidifier", "is": "on"}, above("humidity", 90)]}},
        id="hysteresis holds longer",
    ),
    pytest.param(
        example("mushroom-room", "Daylight", "Night"),
        {"never": {"all": [LIGHT, {"condition": {"type": "time", "config": {"days": ["Monday"]}}}]}},
        id="a schedule",
    ),
]


@pytest.mark.parametrize(("rules", "promise"), BROKEN)
def test_a_broken_promise_is_found_and_made_small(rules: list[dict[str, Any]], promise: dict[str, Any]) -> None:
    promised = promises(promise)
    found = search(rules, promised, REGISTRY)

    assert found is not None
    assert len(found.steps) <= SMALL
    again = broken(promised[0], play(found.played.rules, found.steps, REGISTRY, found.played.directory))
    assert again == found.breach


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("fire", "count", "per_s", "cooldown_s"),
    [
        ("every", 3, 1000, 300),
        ("every", 3, 901, 300),
        ("every", 5, 3600, 600),
        ("every", 9, 3600, 360),
        ("every", 12, 86_400, 7_000),
        ("every", 2, 61, 30),
        ("edge", 3, 1000, 300),
        ("edge", 3, 901, 300),
        ("edge", 5, 3600, 600),
        ("edge", 2, 61, 30),
    ],
)
def test_a_limit_that_a_cooldown_does_not_keep_is_broken_by_just_enough_firings(
    fire: str, count: int, per_s: int, cooldown_s: int, seed: int
) -> None:
    rule = {**STUFFY, "fire": fire, "cooldown_seconds": cooldown_s}
    promised = promises({"at_most": count, "fires_of": "Stuffy", "per_seconds": per_s})
    found = search([rule], promised, REGISTRY, seed=seed, faults=[fault for fault in FAULTS if fault != "runs"])

    assert found is not None
    assert len(found.played.firings) == count + 1
    assert len(found.steps) <= (count + 1) * (1 if fire == "every" else 2)


@pytest.mark.parametrize("seed", range(5))
def test_a_smallest_history_is_about_the_first_of_the_devices(seed: int) -> None:
    promised = promises({"never": [led("red"), led("green")], "within_seconds": 61})
    found = search(example("meeting-room"), promised, REGISTRY, seed=seed)

    assert found is not None
    assert found.breach.subject == "device-1"


def test_the_same_seed_finds_the_same_history() -> None:
    promised = promises({"never": FAN, "longer_than_seconds": 3600})
    first, second = (search(example("mushroom-room", "Fresh air"), promised, REGISTRY, seed=7) for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.steps == second.steps


@pytest.mark.parametrize(
    "file", sorted((EXAMPLES / "promises").glob("*.json")), ids=lambda file: file.name.partition(".")[0]
)
def test_the_examples_keep_their_promises(file: Path) -> None:
    given = read_promise_file(file, REGISTRY)
    found = search(
        given.rules,
        [one.promise for one in given.promises],
        REGISTRY,
        timezone=given.zone,
        tries=300,
        faults=[fault for fault in FAULTS if fault not in given.without],
    )

    assert found is None


def test_what_needs_a_restart_is_found_only_with_restarts() -> None:
    rule = example("air-quality")[0]
    needs_a_restart = {
        "whenever": above("co2", 1000), "for_seconds": 300, "then": led("red"), "within_seconds": 1
    }  # fmt: skip
    rules = [{key: value for key, value in rule.items() if key != "cooldown_seconds"}]
    promised = promises(needs_a_restart)

    found = search(rules, promised, REGISTRY, faults=["restarts"])
    assert found is not None
    assert any(isinstance(step, Restart) for step in found.steps)
    assert search(rules, promised, REGISTRY, faults=[], tries=500) is None


def test_rules_of_rooms_get_devices_that_stand_in_them() -> None:
    rule = {
        "name": "Stuffy room",
        "scope": {"room": "room-7", "per": "room"},
        "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
        "conditions": [above("co2", 1000)["condition"]],
        "actions": [{"type": "log", "config": {"message": "{room_id}"}}],
    }
    found = search([rule], promises({"never": {"fired": "Stuffy room"}}), REGISTRY)

    assert found is not None
    assert found.breach.subject == "room-7"


def test_an_event_that_a_rule_listens_to_happens() -> None:
    rule = {
        "name": "Help",
        "trigger": {"type": "event", "config": {"event": "button_pressed", "match": {"button": "help"}}},
        "actions": [{"type": "led", "config": {"color": "red"}}],
    }
    found = search([rule], promises({"never": led("red")}), REGISTRY, faults=[])

    assert found is not None
    assert len(found.steps) == 1


def test_a_directory_says_which_devices_there_are() -> None:
    rules = example("air-quality")
    directory = StaticDirectory([Device("office")])
    found = search(rules, promises({"never": led("red")}), REGISTRY, directory=directory)

    assert found is not None
    assert found.breach.subject == "office"


def test_an_unknown_fault_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="there are no faults rain; there are duplicates"):
        search(example("air-quality"), promises({"never": led("red")}), REGISTRY, faults=["rain"])


def test_a_zone_without_daylight_saving_has_no_such_nights() -> None:
    assert nights("UTC") == ()
