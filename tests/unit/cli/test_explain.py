"""``whenthen explain`` as a user meets it: the tree of a recording, and every way to ask it wrongly."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main, stored

ROOT = Path(__file__).parents[3]
CSV = """timestamp,device,temperature
2026-03-02T09:00:00Z,dev-1,25
2026-03-02T09:01:00Z,dev-1,31
2026-03-02T09:10:00Z,dev-1,32
2026-03-02T09:11:00Z,dev-2,20
"""
WARM = {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}
RULE: dict[str, Any] = {
    "id": "warm",
    "name": "Warm for long",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "duration", "config": {"condition": WARM, "duration_seconds": 300}}],
    "actions": [{"type": "log", "config": {"message": "warm"}}],
    "cooldown_seconds": 3600,
}


class Desk:
    """A folder with a rule and a recording, and the command run beside it."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "rules.json"
        self.readings = folder / "r.csv"
        self.rules.write_text(json.dumps([RULE, {**RULE, "id": "other", "name": "Other"}]), encoding="utf-8")
        self.readings.write_text(CSV, encoding="utf-8")

    def explain(self, at: str, *options: str, rule: str = "warm") -> Result:
        return self.run(str(self.rules), "--readings", str(self.readings), "--rule", rule, "--at", at, *options)

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(main, ["explain", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_tree_is_told_with_values_ages_and_what_failed_first(desk: Desk) -> None:
    result = desk.explain("2026-03-02T09:03:00Z", "--subject", "dev-1")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:5] == [
        "Warm for long · dev-1 · 2026-03-02 09:03:00",
        "✗ does not hold",
        (
            "  ✗ temperature > 30 for 300 s: counted since 2026-03-02 09:01:00; "
            "may change by itself at 2026-03-02 09:06:00  ◀ the first that fails"
        ),
        "    ✓ temperature > 30: temperature of dev-1 = 31, 2 min old",
        "last fired: never, as far as is known",
    ]


def test_what_else_keeps_it_and_until_when_is_told(desk: Desk) -> None:
    lines = desk.explain("2026-03-02T10:10:00+01:00", "--subject", "dev-1", "--timezone", "Europe/Brussels").stdout

    assert "✓ holds" in lines
    assert "blocked: it fired a short while ago (cooldown)" in lines
    assert "last fired: 2026-03-02 10:06:00" in lines
    assert "can fire again from: 2026-03-02 11:06:00" in lines


def test_json_is_the_answer_of_rest(desk: Desk) -> None:
    result = desk.explain("2026-03-02T09:20:00Z", "--json", rule="Warm for long")
    told = json.loads(result.stdout)

    assert (told["rule_id"], told["at"], told["subjects"]) == ("warm", "2026-03-02T09:20:00Z", 2)
    assert told["how"]["method"] == "recording"
    assert [one["subject"] for one in told["explanations"]] == ["dev-1", "dev-2"]
    assert told["explanations"][1]["first_failed"] == "/conditions/0/config/condition"


def test_a_gap_that_set_a_duration_back_is_told(desk: Desk) -> None:
    silent = CSV.replace(
        "2026-03-02T09:10:00Z,dev-1,32\n", "2026-03-02T09:03:00Z,dev-1,null\n2026-03-02T09:05:00Z,dev-1,32\n"
    )
    desk.readings.write_text(silent, encoding="utf-8")
    lines = desk.explain("2026-03-02T09:09:00Z", "--subject", "dev-1", "--timezone", "Europe/Brussels").stdout

    assert (
        "counted since 2026-03-02 10:05:00; set back by gap from 2026-03-02 10:03:00 until 2026-03-02 10:05:00" in lines
    )


def test_an_instant_after_the_recording_is_told_to_be_that(desk: Desk) -> None:
    after, told = desk.explain("2026-03-02T09:20:00Z"), desk.explain("2026-03-02T09:20:00Z", "--json")
    at_the_end, within = desk.explain("2026-03-02T09:11:00Z", "--json"), desk.explain("2026-03-02T09:10:30Z")

    assert "the recording ends at 2026-03-02 09:11:00, before the instant that is asked for" in after.stdout
    assert "not known: what came after the recording ends" in after.stdout
    how = json.loads(told.stdout)["how"]
    assert how["ends"] == "2026-03-02T09:11:00Z"
    assert [text.partition(":")[0] for text in how["not_known"]] == [
        "what was before the recording begins",
        "what came after the recording ends",
    ]
    assert "ends" not in json.loads(at_the_end.stdout)["how"]
    assert "recording ends" not in within.stdout


def test_a_local_time_needs_its_zone(desk: Desk) -> None:
    without = desk.explain("2026-03-02T10:03:00", "--subject", "dev-1")
    within = desk.explain("2026-03-02T10:03:00", "--subject", "dev-1", "--timezone", "Europe/Brussels")

    assert without.exit_code == 2
    assert "has no offset" in without.stderr
    assert "temperature of dev-1 = 31, 2 min old" in within.stdout


@pytest.mark.parametrize(
    ("at", "options", "rule", "said"),
    [
        ("2026-03-02T09:03:00Z", (), "Warm for lng", "did you mean Warm for long?"),
        ("2026-03-02T08:00:00Z", (), "warm", "begins at 2026-03-02T09:00:00Z"),
        ("2026-03-02T09:03:00Z", ("--subject", "dev1"), "warm", "did you mean dev-1?"),
        ("2026-03-02T09:03:00Z", ("--subject", "zzz"), "warm", "it has dev-1"),
        ("yesterday", (), "warm", "is no time"),
        ("3026-03-02T09:03:00Z", (), "warm", "between 1970 and 2100"),
        ("2026-03-02T09:03:00Z", ("--timezone", "Europe/Brusels"), "warm", "did you mean Europe/Brussels?"),
        ("2026-03-02T09:03:00Z", ("--data", "."), "warm", "not both"),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_was_meant(
    desk: Desk, at: str, options: tuple[str, ...], rule: str, said: str
) -> None:
    result = desk.explain(at, *options, rule=rule)

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_history_must_be_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "WHENTHEN_DATA_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    asked = ("--rule", "warm", "--at", "2026-03-02T09:03:00Z")
    nowhere, only_rules = desk.run(*asked), desk.run(str(desk.rules), *asked)
    only_readings = desk.run("--readings", str(desk.readings), *asked)

    assert [one.exit_code for one in (nowhere, only_rules, only_readings)] == [2, 2, 2]
    assert "--data FOLDER" in nowhere.stderr
    assert "RULES need --readings" in only_rules.stderr
    assert "name the files of the rules" in only_readings.stderr


def test_without_a_server_a_stored_history_says_what_to_install(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("--rule", "warm", "--at", "2026-03-02T09:03:00Z", "--data", str(tmp_path))
    missing = EntryPoint("server", "no_such_package_at_all.stored:open_history", stored.ENTRY_POINT_GROUP)
    monkeypatch.setattr(stored, "points", list)
    none = desk.run(*asked)
    monkeypatch.setattr(stored, "points", lambda: [missing])
    broken = desk.run(*asked)

    assert (none.exit_code, broken.exit_code) == (2, 2)
    assert "pip install 'whenthen[server]'" in none.stderr
    assert "no_such_package_at_all" in broken.stderr


def test_a_row_that_cannot_be_read_is_a_finding(desk: Desk) -> None:
    desk.readings.write_text(CSV.replace("2026-03-02T09:01:00Z", "soon"), encoding="utf-8")
    result = desk.explain("2026-03-02T09:20:00Z")

    assert result.exit_code == 1
    assert "line 3" in result.stderr


def test_a_value_that_hysteresis_keeps_true_is_told_with_it(tmp_path: Path) -> None:
    condition = {"sensor": "temperature", "operator": ">=", "value": 32, "hysteresis": 2}
    rule = {
        "name": "Hot",
        "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
        "conditions": [{"type": "comparison", "config": condition}],
        "actions": [{"type": "log", "config": {"message": "hot"}}],
    }
    rules, readings = tmp_path / "rules.json", tmp_path / "readings.csv"
    rules.write_text(json.dumps(rule))
    readings.write_text("timestamp,temperature\n2026-03-02T09:00:00Z,33\n2026-03-02T09:10:00Z,31\n")
    options = ["--rule", "Hot", "--at", "2026-03-02T09:10:00Z", "--readings", str(readings)]
    result = CliRunner().invoke(main, ["explain", str(rules), *options])

    assert "✓ temperature >= 32 (hysteresis 2): temperature of device = 31" in result.stdout
