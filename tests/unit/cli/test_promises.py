"""``whenthen test`` with promises: in files of their own, beside rules, and in scenarios."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main

WARM = {
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    "cooldown_seconds": 60,
}
KEPT = {"at_most": 1, "fires_of": "Warm", "per_seconds": 60}
BROKEN = {"name": "The fan rests", "never": {"channel": "fan", "is": "on"}, "longer_than_seconds": 600}
OPTIONS = ("--tries", "200")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["test", *arguments])


def written(file: Path, document: Any) -> str:
    file.write_text(json.dumps(document))
    return str(file)


def promises(folder: Path, *documents: Any, **fields: Any) -> str:
    return written(folder / "a.promises.json", {"rules": [WARM], "invariants": list(documents), **fields})


def test_promises_that_no_history_breaks_pass(tmp_path: Path) -> None:
    result = run(promises(tmp_path, KEPT), *OPTIONS)

    assert result.exit_code == 0
    assert "kept in 200 histories (seed 0): at most 1 firing of Warm per 1m" in result.stdout


def test_one_history_is_told_as_one(tmp_path: Path) -> None:
    result = run(promises(tmp_path, KEPT), "--tries", "1")

    assert "kept in 1 history (seed 0): at most 1 firing of Warm per 1m" in result.stdout


def test_a_broken_promise_fails_with_the_smallest_history(tmp_path: Path) -> None:
    result = run(promises(tmp_path, KEPT, BROKEN), *OPTIONS)

    assert result.exit_code == 1
    assert "/invariants/1: expected: The fan rests" in result.stdout
    assert 'fan of device-1 becomes "on"' in result.stdout
    assert '10m0.000001s  08:10:01  broken: fan is "on" for longer than 10m, for device-1, since 0s' in result.stdout


def test_what_is_found_is_kept_as_a_scenario_that_fails_and_as_a_replay(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    told = json.loads(run(promises(tmp_path, BROKEN), "--keep", str(kept), "--json", *OPTIONS).stdout)
    [one] = told[0]["kept"]
    again = run(one["scenario"])
    _, *command = shlex.split(one["replay"])

    assert Path(one["scenario"]).name == "the-fan-rests.scenario.json"
    assert again.exit_code == 1
    assert "broken at 10m0.000001s" in again.stdout
    assert "Warm" in CliRunner().invoke(main, command).stdout


def test_a_kept_scenario_passes_once_the_rule_is_mended(tmp_path: Path) -> None:
    run(promises(tmp_path, BROKEN), "--keep", str(tmp_path), *OPTIONS)
    [file] = tmp_path.rglob("*.scenario.json")
    document = json.loads(file.read_text())
    off = {"type": "device_command", "config": {"command": "turn_off_fan"}, "after_seconds": 600}
    document["rules"][0]["actions"].append(off)

    assert run(written(file, document)).exit_code == 0


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (("Fan rests", "Fan rests"), ["fan-rests-1", "fan-rests-2"]),
        (("Ожидание", "Вентилятор"), ["promise-1", "promise-2"]),
    ],
)
def test_promises_of_one_name_are_kept_apart(tmp_path: Path, names: tuple[str, str], kept: list[str]) -> None:
    first, second = ({**BROKEN, "name": name} for name in names)
    run(promises(tmp_path, first, second), "--keep", str(tmp_path / "kept"), *OPTIONS)
    files = sorted(file.name for file in (tmp_path / "kept").rglob("*.scenario.json"))

    assert files == [f"{name}.scenario.json" for name in kept]


def test_a_kept_scenario_plays_the_rules_where_they_stand(tmp_path: Path) -> None:
    rules, elsewhere = tmp_path / "rules" / "warm.json", tmp_path / "kept" / "here"
    off = {"type": "device_command", "config": {"command": "turn_off_fan"}, "after_seconds": 600}
    mended = {**WARM, "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}, off]}
    rules.parent.mkdir()
    written(rules, [WARM, {**WARM, "name": "Hot"}])
    assert (
        run(promises(tmp_path, BROKEN, rules=["rules"], only=["Warm"]), "--keep", str(elsewhere), *OPTIONS).exit_code
        == 1
    )
    assert run(str(elsewhere)).exit_code == 1
    written(rules, [mended, {**WARM, "name": "Hot"}])

    assert run(str(elsewhere)).exit_code == 0


def test_a_kept_scenario_runs_a_rule_by_its_name(tmp_path: Path) -> None:
    on = {"type": "device_command", "config": {"command": "turn_on_fan"}}
    rule = {**WARM, "trigger": {"type": "manual", "config": {}}, "conditions": []}
    file = written(tmp_path / "rules.json", rule)
    run(promises(tmp_path, BROKEN, rules=["rules.json"]), "--keep", str(tmp_path / "kept"), *OPTIONS)
    off = {"type": "device_command", "config": {"command": "turn_off_fan"}, "after_seconds": 600}
    Path(file).write_text(json.dumps({**rule, "actions": [on, off]}))  # without an id of its own: another

    assert run(str(tmp_path / "kept")).exit_code == 0


def test_rules_are_searched_for_what_they_promise(tmp_path: Path) -> None:
    own = {key: value for key, value in KEPT.items() if key != "fires_of"} | {"per_seconds": 61}
    written(tmp_path / "silent.json", {**WARM, "invariants": []})
    written(tmp_path / "rules.json", [{**WARM, "invariants": ["a note", own]}])
    result = run(str(tmp_path), *OPTIONS)

    assert result.exit_code == 1
    assert "Warm: /invariants/1: expected: at most 1 firing of Warm per 1m1s" in result.stdout
    assert "silent.json" not in result.stdout


# Without the cooldown a reading every five minutes switches the fan on again just as it is switched off.
ON = {**WARM, "name": "On", "cooldown_seconds": 900, "invariants": [BROKEN]}
OFF = {
    **WARM,
    "name": "Off",
    "actions": [{"type": "device_command", "config": {"command": "turn_off_fan"}, "after_seconds": 300}],
}


def test_the_rules_of_a_file_play_alone(tmp_path: Path) -> None:
    written(tmp_path / "on.json", ON)
    written(tmp_path / "off.json", OFF)
    result = run(str(tmp_path), *OPTIONS)

    assert "On: /invariants/0: expected: The fan rests" in result.stdout
    assert result.stdout.splitlines()[-2].startswith("1 file, 1 failed")


@pytest.mark.parametrize("rules", [["rules"], ["rules/on.json", "rules/off.json"], ["../deep/rules"]])
def test_rules_that_promises_name_play_together_and_not_alone_as_well(tmp_path: Path, rules: list[str]) -> None:
    deep = tmp_path / "deep"
    (deep / "rules").mkdir(parents=True)
    written(deep / "rules" / "on.json", ON)
    written(deep / "rules" / "off.json", OFF)
    alone = run(str(deep / "rules"), *OPTIONS)
    written(deep / "house.promises.json", {"name": "The house", "rules": rules, "without": ["restarts", "runs"]})
    result = run(str(deep), *OPTIONS)

    assert alone.exit_code == 1
    assert result.exit_code == 0, result.stdout
    assert "kept in 200 histories (seed 0): The fan rests" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 file, 1 passed"
    assert run(str(deep), str(deep / "rules" / "on.json"), *OPTIONS).exit_code == 1  # who names it means it


def test_rules_of_which_promises_take_only_some_are_judged_alone_as_well(tmp_path: Path) -> None:
    written(tmp_path / "on.json", [{**ON, "name": "Lamp", "invariants": ["a note"]}, ON])
    lamp = {"rules": ["."], "only": ["Lamp"], "invariants": [{**KEPT, "fires_of": "Lamp"}]}
    written(tmp_path / "lamp.promises.json", lamp)
    result = run(str(tmp_path), *OPTIONS)

    assert "On: /invariants/0: expected: The fan rests" in result.stdout
    assert "2 files, 1 passed, 1 failed" in result.stdout


def test_a_folder_of_rules_with_something_that_is_none_says_which(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "rules").mkdir()
    written(tmp_path / "rules" / "warm.json", WARM)
    (tmp_path / "rules" / "bad.json").write_text("{")
    twice = {"rules": ["rules/warm.json", "rules", "empty", "a\0b"], "invariants": [KEPT]}
    result = run(written(tmp_path / "a.promises.json", twice))

    assert result.exit_code == 1
    assert "/rules/1: rules: is not JSON: " in result.stdout
    assert "is given twice (name each rule once, with an id of its own)" in result.stdout
    assert "/rules/2: empty: the folder holds no *.json file with rules" in result.stdout
    assert "/rules/3: a\ufffdb: no file can be called so" in result.stdout


def test_a_scenario_is_judged_by_the_promises_of_its_rules(tmp_path: Path) -> None:
    rule = {**WARM, "invariants": [BROKEN]}
    timeline = [{"at": "0s", "device": "d1", "values": {"temperature": 31}}, {"at": "1h"}]
    result = run(written(tmp_path / "b.scenario.json", {"name": "b", "rules": [rule], "timeline": timeline}))

    assert result.exit_code == 1
    assert "Warm: /invariants/0: expected: The fan rests" in result.stdout


def test_a_fault_that_is_left_out_breaks_nothing(tmp_path: Path) -> None:
    paced = {**WARM, "trigger": {"type": "sensor", "config": {"sensor": "temperature", "interval": 60}}}
    hurried = {key: value for key, value in paced.items() if key != "cooldown_seconds"}
    file = promises(tmp_path, KEPT, rules=[hurried])

    assert run(file).exit_code == 1
    assert run(file, "--without", "runs", *OPTIONS).exit_code == 0
    assert run(promises(tmp_path, KEPT, rules=[hurried], without=["runs"]), *OPTIONS).exit_code == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"invariants": []}, "/invariants: nothing is promised (say what must always hold)"),
        ({"invariant": []}, "/invariant: there is no field \"invariant\" (did you mean 'invariants'?)"),
        (
            {"invariants": [{"never": {"fired": "Worm"}}]},
            "/invariants/0: there is no rule 'Worm' (did you mean 'Warm'?)",
        ),
        ({"rules": ["no.json"]}, "/rules/0: no.json: there is no such file or folder"),
        (
            {"timezone": "Europe/Brusels"},
            "/timezone: there is no time zone 'Europe/Brusels' (did you mean 'Europe/Brussels'?)",
        ),
        (
            {"devices": {"farms": [{"id": "north", "timezone": "Nowhere"}]}},
            "/devices/farms/0/timezone: there is no time zone 'Nowhere' (write it as Europe/Brussels)",
        ),
        ({"without": ["rain"]}, '/without/0: "rain" is not possible here'),
    ],
)
def test_a_file_that_is_not_as_it_should_be_says_why(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    result = run(written(tmp_path / "a.promises.json", {"rules": [WARM], "invariants": [KEPT], **fields}))

    assert result.exit_code == 1
    assert said in result.stdout


def test_without_hypothesis_promises_are_searched_all_the_same() -> None:
    import whenthen.proving.promises.hunt as searched

    assert "hypothesis" not in Path(searched.__file__).read_text()
