"""Scenarios as documents: what they become, and every mistake at once."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen.clock import SECOND_US
from whenthen.errors import Problem
from whenthen.extend.host import load_registry
from whenthen.model.step import Tick
from whenthen.ports import Device, Farm
from whenthen.proving.offsets import read_start
from whenthen.proving.scenarios.scenario import Scenario, read_scenario, read_scenario_file
from whenthen.proving.unsound import InvalidScenarioError
from whenthen_schemas import load

WARM: dict[str, Any] = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
}
SOUND: dict[str, Any] = {
    "name": "A warm minute",
    "rules": [WARM],
    "timeline": [{"at": "1m", "device": "dev-1", "values": {"temperature": 31}}],
    "expect": [{"rule": "Warm", "fires": 1}],
}
REGISTRY = load_registry()


def read(folder: Path = Path(), **changes: Any) -> Scenario:
    return read_scenario(
        {name: value for name, value in {**SOUND, **changes}.items() if value != "left out"}, REGISTRY, folder
    )


def problems(folder: Path = Path(), **changes: Any) -> list[str]:
    with pytest.raises(InvalidScenarioError) as caught:
        read(folder, **changes)
    return [str(problem) for problem in caught.value.problems]


def test_a_scenario_begins_on_a_monday_at_midnight_of_its_zone() -> None:
    scenario = read(timezone="Europe/Brussels")

    assert scenario.start_us == read_start("2026-01-04T23:00:00Z", None)  # type: ignore[arg-type]
    assert scenario.steps[0] == Tick(scenario.start_us)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 60),
        ({"timeline": [*SOUND["timeline"], {"at": "5m"}]}, 300),
        ({"expect": [{"rule": "warm", "fires": 1, "until": "10m"}]}, 600),
        ({"expect": [{"device": "dev-1", "channel": "fan", "is": "on", "at": "3m"}]}, 180),
        ({"timeline": [{"at": "2m", "restart": {"down_seconds": 30}}]}, 150),
    ],
)
def test_time_ends_with_the_last_thing_that_is_named(changes: dict[str, Any], seconds: int) -> None:
    scenario = read(**changes)

    assert scenario.end_us - scenario.start_us == seconds * SECOND_US


def test_the_directory_is_that_of_the_document() -> None:
    places = {
        "devices": [{"id": "dev-1", "type": "fan", "room": "room-7", "farm": "north", "stale_after_seconds": 60}],
        "farms": [{"id": "north", "timezone": "Europe/Brussels", "latitude": 50.45, "longitude": 3.95}],
    }
    directory = read(devices=places).directory

    assert directory is not None
    assert directory.device("dev-1") == Device("dev-1", "fan", "room-7", "north", 60)
    assert directory.farm("north") == Farm("north", "Europe/Brussels", 50.45, 3.95)
    assert read().directory is None


def test_a_rule_without_an_id_gets_the_one_that_a_replay_gives_it(tmp_path: Path) -> None:
    nameless = {name: value for name, value in WARM.items() if name != "id"}
    (tmp_path / "warm.json").write_text(json.dumps(nameless), encoding="utf-8")

    [given] = read(rules=[nameless]).rules
    [of_file] = read(tmp_path, rules=["warm.json"]).rules

    assert given["id"] == of_file["id"]
    assert len(given["id"]) == 36


def test_rules_come_from_files_and_folders_beside_the_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps([WARM, {**WARM, "id": "b", "name": "B"}]), encoding="utf-8")
    (folder / "a.scenario.json").write_text(json.dumps(SOUND), encoding="utf-8")
    scenario = read(tmp_path, rules=["rules", {**WARM, "id": "c", "name": "C"}])

    assert [rule["id"] for rule in scenario.rules] == ["warm", "b", "c"]


def test_only_some_rules_may_be_wanted_by_id_or_name() -> None:
    others = [{**WARM, "id": "b", "name": "B"}, {**WARM, "id": "c", "name": "C", "conditions": "not looked at"}]

    assert [rule["id"] for rule in read(rules=[WARM, *others], only=["Warm", "b"]).rules] == ["warm", "b"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "left out", "nmae": "x"}, ["/: the field 'name' is missing (is 'nmae' meant to be it?)", "/nmae: "]),
        ({"rules": "left out"}, ["/: the field 'rules' is missing"]),
        ({"rules": []}, ["/rules: must not be empty"]),
        ({"rules": [5]}, ["/rules/0: 5 is not possible here (a path, or a rule)"]),
        ({"rules": ["absent.json"]}, ["/rules/0: absent.json: there is no such file or folder"]),
        ({"rules": ["a\0b", "x" * 5_000]}, ["/rules/0: a\0b: no file can be called so", "cannot be opened"]),
        ({"rules": [WARM, WARM]}, ["/rules/1: the id 'warm' is given twice"]),
        ({"rules": [WARM, {**WARM, "id": "b"}]}, ["/expect/0/rule: 2 rules are called 'Warm' (give an id: warm, b)"]),
        ({"only": ["Wram"]}, ["/only/0: there is no rule 'Wram' (did you mean 'Warm'?)"]),
        ({"timezone": "Europe/Brusels"}, ["/timezone: there is no time zone 'Europe/Brusels' (did you mean"]),
        ({"timezone": 5}, ["/timezone: must be a text"]),
        ({"start": "soon"}, ["/start: 'soon' is no time"]),
        ({"start": 5}, ["/start: must be a text"]),
        ({"devices": []}, ["/devices: must be an object"]),
        ({"devices": {"devices": [{"id": "a", "rooom": "b"}, {}]}}, ["/devices/devices/0/rooom", "/devices/devices/1"]),
        ({"devices": {"farms": [{"id": "a", "timezone": "x"}, 5]}}, ["/devices/farms/0/timezone", "/devices/farms/1"]),
        ({"timeline": []}, ["/timeline: must not be empty"]),
        ({"timeline": {}}, ["/timeline: must be a list"]),
        ({"expect": "left out"}, ["/expect: nothing is expected"]),
        ({"expect": [5, {}]}, ["/expect/0: must be an object", "/expect/1: it does not say what it is"]),
        ({"invariants": [{}]}, ["/invariants/0: "]),
        ({"expect": [{"invariant": {}}]}, ["/expect/0/invariant: "]),
        ({"description": float("inf")}, ["/description: inf is not a finite number"]),
    ],
)
def test_a_mistake_is_told_with_its_place(changes: dict[str, Any], told: list[str]) -> None:
    found = problems(**changes)

    assert all(any(text in problem for problem in found) for text in told), found


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ({"rule": "Wram", "fires": 1}, "/expect/0/rule: there is no rule 'Wram' (did you mean 'Warm'?)"),
        ({"fires": 1}, "the field 'rule' is missing"),
        (
            {"rule": "Warm"},
            "/expect/0: it does not say what it is (give one of fires, never_fires, clears, never_clears",
        ),
        ({"rule": "Warm", "fires": 0}, "/expect/0/fires: 0 is not possible here (true (at least once), or how often"),
        ({"rule": "Warm", "fires": False}, "/expect/0/fires: false is not possible here"),
        ({"rule": "Warm", "never_fires": False}, "/expect/0/never_fires: must be true, not false"),
        ({"rule": "Warm", "fire": 1}, "/expect/0/fire: there is no field 'fire' (did you mean 'fires'?)"),
        (
            {"rule": "Warm", "fires": 1, "form": "1m"},
            "/expect/0/form: there is no field \"form\" (did you mean 'from'?)",
        ),
        ({"rule": "Warm", "fires": 1, "from": "x"}, "/expect/0/from: 'x' is no time"),
        ({"rule": "Warm", "fires": 1, "from": "2m", "until": "1m"}, "/expect/0: the window ends before it begins"),
        ({"rule": "Warm", "fires": 1, "after": "1m", "before": "1m"}, "/expect/0: the window ends before it begins"),
        ({"rule": "Warm", "fires": 1, "action": {"config": {}}}, "/expect/0/action: the field 'type' is missing"),
        ({"device": "d", "channel": "fan", "is": 1}, "/expect/0: the field 'at' is missing"),
        ({"device": "d", "channel": "fan", "is": 1, "at": "x"}, "/expect/0/at: 'x' is no time"),
    ],
)
def test_a_mistake_in_what_is_expected_is_told(expected: dict[str, Any], says: str) -> None:
    found = problems(expect=[expected])

    assert len([problem for problem in found if says in problem]) == 1, found


def test_all_mistakes_are_told_at_once_and_none_that_only_follows_from_another() -> None:
    found = problems(
        rules=[{**WARM, "nmae": 1}],
        timezone="x",
        timeline=[{"at": "x", "event": "a"}, {"at": 0, "run": "Warm"}],
        only=[],
    )

    assert [problem.partition(":")[0] for problem in found] == [
        "/only",
        "/timezone",
        "/rules/0/nmae",
        "/timeline/0/at",
    ]


def test_a_mistake_in_a_rules_file_names_the_file_and_the_place_in_it(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps([WARM, {**WARM, "id": "b", "nmae": 1}]), encoding="utf-8")

    assert problems(tmp_path, rules=["bad.json"]) == [
        "/rules/0: bad.json /1: /nmae: there is no field \"nmae\" (did you mean 'name'?)"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ('{"name": 1, "name": 2}', "given twice"),
        ("[" * 100_000, "nested too deep"),
        ("5", "must be an object"),
        ("\x00", "is not JSON"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "a.scenario.json"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidScenarioError, match=says):
        read_scenario_file(file, REGISTRY)


def test_the_example_of_the_schema_is_a_scenario() -> None:
    [example] = load("scenario")["examples"]
    scenario = read_scenario({**example, "rules": [WARM]}, REGISTRY, Path())

    assert len(scenario.expectations) == 2


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "x", "1m", "Warm", "dev-1", "2026-01-05"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["at", "device", "values", "event", "run", "rule", "fires", "is", "channel", "every_seconds", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*load("scenario")["properties"], "x"]), json_values, max_size=6))
def test_whatever_is_written_is_a_scenario_or_a_list_of_problems(changes: dict[str, Any]) -> None:
    found = outcome({**deepcopy(SOUND), **changes})

    assert isinstance(found, Scenario) or found
    assert isinstance(found, Scenario) or all(problem.code and problem.message for problem in found)


def outcome(document: dict[str, Any]) -> Scenario | tuple[Problem, ...]:
    try:
        return read_scenario(document, REGISTRY, Path("no-such-folder"))
    except InvalidScenarioError as error:
        return error.problems
