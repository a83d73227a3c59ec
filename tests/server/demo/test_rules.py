"""The demo's rules: valid, complete, and silent about what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from simulated.household import directory

import whenthen_server.demo
from whenthen.cli import main
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen_server.demo import SimulatedFarm, load_rules

FOLDER = next(iter(whenthen_server.demo.__path__)) + "/rules"
FARM = SimulatedFarm(1, 0).description()


def parts(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value anywhere in a document."""
    if isinstance(document, dict):
        yield from document.items()
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from parts(part)


def test_whenthen_check_finds_nothing_wrong() -> None:
    result = CliRunner().invoke(main, ["check", FOLDER, "--no-analysis"])

    assert result.exit_code == 0, result.output
    assert f"{len(load_rules())} rules, all valid" in result.output


def test_the_engine_takes_every_rule_without_a_warning() -> None:
    engine = Engine(load_registry(), directory(FARM))
    for rule in load_rules():
        engine.put_rule(rule)
    ids = [rule["id"] for rule in load_rules()]

    assert len(set(ids)) == len(ids)
    assert {rule_id: engine.warnings(rule_id) for rule_id in ids if engine.warnings(rule_id)} == {}


def test_rules_name_only_sensors_devices_rooms_and_commands_that_the_farm_has() -> None:
    sensors = {sensor["name"] for device in FARM["devices"] for sensor in device["capabilities"]["sensors"]}
    takes = {
        device["id"]: {name for machine in device["capabilities"]["actuators"] for name in machine["commands"]}
        for device in FARM["devices"]
    }
    rooms = {room["id"] for room in FARM["rooms"]}
    for rule in load_rules():
        named = list(parts(rule))
        assert {value for key, value in named if key == "sensor"} <= sensors, rule["id"]
        assert {value for key, value in named if key == "device"} <= set(takes), rule["id"]
        assert {value for key, value in named if key == "room"} <= rooms, rule["id"]
        for action in rule["actions"] + rule.get("clear_actions", []):
            config = action["config"]
            if action["type"] == "device_command":
                assert config["command"] in takes[config["device"]], rule["id"]
            if action["type"] in {"led", "sound"}:
                assert action["type"] in takes[config["device"]], rule["id"]


@pytest.mark.parametrize("room", [room["id"] for room in FARM["rooms"]])
def test_every_room_is_humidified_ventilated_warmed_cooled_and_watched(room: str) -> None:
    ids = {rule["id"] for rule in load_rules()}
    wanted = ("humidify", "air", "heat", "cool", "leak-alarm", "leak-valve", "blind", "stuck", "out")

    assert {f"demo-{room}-{name}" for name in wanted} <= ids
    assert (f"demo-{room}-light" in ids) == (room != "incubation")
