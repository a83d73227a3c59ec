"""``whenthen check`` tells findings to people and programs, and keeps what shows them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main


def rule(name: str, operator: str, command: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "co2", "operator": operator, "value": 900}}],
        "actions": [{"type": "device_command", "config": {"command": command}}],
    }


PAIR = [rule("one", ">", "turn_on_fan"), rule("two", ">=", "turn_off_fan")]


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(PAIR), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_finding_is_told_with_what_was_seen_and_a_mend_and_fails(rules: str) -> None:
    result = run("check", rules)

    assert result.exit_code == 1
    assert "action_conflict (certain): 'one' and 'two'" in result.stdout
    assert "mend: give the rule that matters more" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 rules, all valid, 1 finding"


def test_without_the_analysis_only_mistakes_are_told(rules: str) -> None:
    result = run("check", rules, "--no-analysis")

    assert (result.exit_code, result.stdout) == (0, "2 rules, all valid\n")


def test_json_is_an_array_of_rules_and_each_finding_stands_with_its_first_rule(rules: str) -> None:
    first, second = json.loads(run("check", rules, "--json").stdout)

    assert second["findings"] == []
    assert [(one["kind"], one["grade"], one["rules"]) for one in first["findings"]] == [
        ("action_conflict", "certain", ["one", "two"])
    ]
    assert first["findings"][0]["witness"]["steps"]


def test_what_is_kept_replays_as_the_line_says(rules: str, tmp_path: Path) -> None:
    told = run("check", rules, "--keep", str(tmp_path / "kept")).stdout
    line = next(line for line in told.splitlines() if "replay:" in line).partition("replay: whenthen ")[2]
    kept = json.loads(next((tmp_path / "kept").glob("*.finding.json")).read_text(encoding="utf-8"))
    printed = [json.loads(text) for text in run(*shlex.split(line), "--json").stdout.splitlines()]

    assert printed == kept["witness"]["firings"]


def test_a_table_of_effects_that_is_wrong_is_refused_with_its_places(rules: str, tmp_path: Path) -> None:
    table = tmp_path / "effects.json"
    table.write_text('{"effects": [{"raises": "x"}], "groupz": []}', encoding="utf-8")
    result = run("check", rules, "--effects", str(table))

    assert result.exit_code == 2
    assert "/effects/0" in result.stderr
    assert "groupz" in result.stderr


@pytest.mark.parametrize("many", [[{"name": f"Rule {n}"} for n in range(500)], {f"rule_{n}": {} for n in range(500)}])
def test_a_file_of_something_else_is_no_table_of_effects_and_is_not_printed(
    rules: str, tmp_path: Path, many: object
) -> None:
    table = tmp_path / "effects.json"
    table.write_text(json.dumps(many), encoding="utf-8")
    result = run("check", rules, "--effects", str(table))

    assert result.exit_code == 2
    assert "quantities, effects, sensitive, groups" in result.stderr
    assert "499" not in result.stderr
    assert len(result.stderr.splitlines()) < 20


@pytest.mark.parametrize("text", ["[1, 2", "\udc80", "[]", "3", '{"groups": ' + "[" * 900 + "]" * 900 + "}"])
def test_a_table_of_effects_that_is_none_is_refused(rules: str, tmp_path: Path, text: str) -> None:
    table = tmp_path / "effects.json"
    table.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert run("check", rules, "--effects", str(table)).exit_code == 2


def test_a_finding_about_a_name_that_has_no_utf_8_is_kept_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps([{**one, "name": one["name"] + "\ud800"} for one in PAIR]), encoding="utf-8")
    told = run("check", str(path), "--keep", str(tmp_path / "kept")).stdout
    _, *command = shlex.split(told.partition("replay: ")[2].splitlines()[0])

    assert run(*command).exit_code == 0
