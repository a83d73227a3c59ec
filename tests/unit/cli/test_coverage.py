"""``whenthen coverage``: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main

EXAMPLES = Path(__file__).parents[3] / "examples"
PEAK = str(EXAMPLES / "scenarios" / "air-quality" / "short-peak.scenario.json")
CO2 = str(EXAMPLES / "rules" / "air-quality.json")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["coverage", *arguments])


def test_it_tells_what_is_missing_and_ends_well_unless_told_otherwise() -> None:
    result = run(PEAK)

    assert result.exit_code == 0
    assert "    not reached: it never fires" in result.output
    assert "    not noticed: cooldown_seconds 600 dropped at /cooldown_seconds" in result.output


@pytest.mark.parametrize(("percent", "code"), [("10", 0), ("90", 1)])
def test_it_fails_under_a_share_of_mutants(percent: str, code: int) -> None:
    assert run(PEAK, "--fail-under", percent).exit_code == code


def test_json_has_every_mutant_and_who_noticed_it() -> None:
    told = json.loads(run(PEAK, "--json").output)

    (rule,) = told["rules"]
    assert told["score"] == rule["score"]
    assert {mutant["killed_by"] for mutant in rule["mutants"]} == {PEAK, None}
    assert rule["conditions"][0]["pointer"] == "/conditions/0"


def test_what_is_written_passes_and_brings_the_score_up(tmp_path: Path) -> None:
    written = run(PEAK, "--rules", CO2, "--suggest", str(tmp_path / "found"))
    tested = CliRunner().invoke(main, ["test", str(tmp_path / "found")])
    after = run(PEAK, str(tmp_path / "found"), "--rules", CO2, "--fail-under", "90")

    assert written.exit_code == 0
    assert tested.exit_code == 0, tested.output
    assert after.exit_code == 0, after.output


def test_files_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    first = tmp_path / "high-co2-alert-found-1.scenario.json"
    first.write_text("mine", encoding="utf-8")

    run(PEAK, "--rules", CO2, "--suggest", str(tmp_path))

    assert first.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "high-co2-alert-found-2.scenario.json").exists()


def test_nothing_to_look_at_is_wrong_use() -> None:
    assert run().exit_code == 2


def test_every_problem_of_scenarios_and_rules_is_told(tmp_path: Path) -> None:
    scenario = tmp_path / "bad.scenario.json"
    scenario.write_text('{"name": "n", "ruels": [], "timeline": []}', encoding="utf-8")
    rule = tmp_path / "rule.json"
    rule.write_text('{"name": "n", "trigger": {"type": "sensr"}, "actions": []}', encoding="utf-8")

    bad_scenario, bad_rule = run(str(scenario)), run("--rules", str(rule))

    assert bad_scenario.exit_code == bad_rule.exit_code == 2
    assert "/ruels" in bad_scenario.output
    assert "/trigger/type" in bad_rule.output
    assert "/actions" in bad_rule.output
    assert "Traceback" not in bad_scenario.output + bad_rule.output
