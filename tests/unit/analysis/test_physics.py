"""What a user's table of effects says of channels, devices and types of devices."""

from __future__ import annotations

from typing import Any

import pytest
from seeded.parts import Rule, command, compare

from whenthen import Device, StaticDirectory
from whenthen.analysis.analyse import analyse
from whenthen.analysis.physics import BadEffectsError, Target, read_effects
from whenthen.extend.host import load_registry

NOW_US = 1_767_268_800_000_000
REGISTRY = load_registry()
RELAYS = {
    "effects": [
        {"device_type": "radiator", "channel": "relay", "value": "on", "raises": ["temperature"]},
        {"device_type": "chiller", "value": "on", "lowers": ["temperature"]},
    ]
}


def rule(name: str, condition: Rule, action: Rule, **more: Any) -> Rule:
    trigger = {"type": "sensor", "config": {"sensor": condition["config"]["sensor"]}}
    return {"id": name, "name": name, "trigger": trigger, "conditions": [condition], "actions": [action], **more}


def conflicts(rules: list[Rule], *devices: Device) -> list[str]:
    directory = StaticDirectory(devices) if devices else None
    found = analyse(rules, REGISTRY, directory, read_effects(RELAYS), now_us=NOW_US)
    return [one.kind for one in found]


def switched(**device: str) -> Rule:
    turned = command("turn_on_relay")
    return {**turned, "config": {**turned["config"], **device}}


@pytest.mark.parametrize("scope", [{"per": "room"}, {"per": "farm"}, {"room": "kitchen", "per": "room"}])
def test_what_a_type_of_device_does_is_known_of_actions_that_name_the_type(scope: Rule) -> None:
    rules = [
        rule("warm", compare("temperature", "<", 18), switched(device_type="radiator"), scope=scope),
        rule("cool", compare("co2", ">", 900), switched(device_type="chiller"), scope=scope),
    ]

    assert conflicts(rules) == ["environment_conflict"]


def test_a_device_is_not_of_two_types() -> None:
    rules = [
        rule("warm", compare("temperature", "<", 18), switched(device_type="radiator")),
        rule("cool", compare("co2", ">", 900), switched(device_type="chiller")),
    ]

    assert conflicts(rules) == []


def test_what_a_type_of_device_does_is_known_of_devices_that_are_listed() -> None:
    rules = [
        rule("warm", compare("temperature", "<", 18), switched(device="r1")),
        rule("cool", compare("co2", ">", 900), switched(device="c1")),
    ]
    there = Device("s1"), Device("r1", "radiator")

    assert conflicts(rules, *there, Device("c1", "chiller")) == ["environment_conflict"]
    assert conflicts(rules, *there, Device("c1", "lamp")) == []


def test_a_rule_s_scope_says_whose_own_channel_it_sets() -> None:
    table = read_effects({"sensitive": [{"device": "safe", "channel": "relay"}]})
    opens = rule("opens", compare("button", "==", 1), command("turn_on_relay"), scope={"device": "safe"})
    guarded = {**opens, "id": "g", "name": "g", "conditions": [*opens["conditions"], compare("owner", "==", 1)]}

    def bypasses(*rules: Rule) -> bool:
        return "condition_bypass" in [one.kind for one in analyse(rules, REGISTRY, None, table, now_us=NOW_US)]

    assert bypasses(opens, guarded)
    assert not bypasses({**opens, "scope": {}}, {**guarded, "scope": {}})


def test_a_sensitive_command_may_be_one_device_s_or_one_type_s() -> None:
    table = read_effects({"sensitive": [{"command": "open*", "device_type": "safe"}]})

    assert table.is_sensitive("", None, "open_slowly", Target("d1", "safe"))
    assert not table.is_sensitive("", None, "open_slowly", Target("d1", "window"))
    assert not table.is_sensitive("", None, "open_slowly", Target())


@pytest.mark.parametrize(
    ("table", "pointer"),
    [
        ({"effects": [{"value": "on", "raises": ["temperature"]}]}, "/effects/0"),
        ({"effects": [{"device_type": 3}]}, "/effects/0/device_type"),
        ({"sensitive": [{"value": 1}]}, "/sensitive/0"),
        ({"groups": [{"name": "g", "limit": 1, "loads": [{"amount": 1}]}]}, "/groups/0/loads/0"),
    ],
)
def test_an_entry_that_is_about_nothing_is_refused_with_its_place(table: dict[str, Any], pointer: str) -> None:
    with pytest.raises(BadEffectsError) as refused:
        read_effects(table)

    assert [one.pointer for one in refused.value.problems] == [pointer]


def test_rules_that_set_devices_of_one_type_in_a_room_conflict_and_those_of_two_types_do_not() -> None:
    def turning(state: str, kind: str) -> Rule:
        return command(f"turn_{state}_relay", device_type=kind)

    on = rule("on", compare("co2", ">", 900), turning("on", "fan"), scope={"per": "room"})
    off = rule("off", compare("temperature", "<", 18), turning("off", "fan"), scope={"per": "room"})
    lamp = rule("lamp", compare("temperature", "<", 18), turning("off", "lamp"), scope={"per": "room"})

    found = analyse([on, off], REGISTRY, None, None, now_us=NOW_US)
    assert [(one.kind, one.grade) for one in found] == [("action_conflict", "certain")]
    assert analyse([on, lamp], REGISTRY, None, None, now_us=NOW_US) == []
