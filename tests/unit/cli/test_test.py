"""``whenthen test``: scenarios as a user runs them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from distributions import WARM, Site

from whenthen.cli import main

RULE: dict[str, Any] = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
}
PASSES: dict[str, Any] = {
    "name": "A warm room",
    "rules": [RULE],
    "timeline": [{"at": "1m", "device": "dev-1", "values": {"temperature": 31}}],
    "expect": [{"rule": "Warm", "fires": 1}],
}
FAILS = {**PASSES, "name": "A hot room", "expect": [{"rule": "Warm", "never_fires": True}]}
INVALID = {**PASSES, "name": "A bad file", "timeline": [{"at": "soon"}, {"at": "1m", "evnt": "a"}]}


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["test", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, document in (("deep/er/a", PASSES), ("b", FAILS), ("c", INVALID)):
        file = tmp_path / f"{name}.scenario.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "rules.json").write_text(json.dumps(RULE), encoding="utf-8")
    return tmp_path


def test_a_folder_is_searched_and_each_scenario_is_told(folder: Path) -> None:
    result = run(str(folder))

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"failed   {folder}/b.scenario.json          A hot room",
        "    /expect/0: expected: 'Warm' never fires",
        "      it fired once: 1m (00:01:00) for dev-1",
        f"invalid  {folder}/c.scenario.json          A bad file",
        "    /timeline/0/at: 'soon' is no time; write 90, 90s, 1m30s, 2h, 1d2h, or 2026-01-05T08:00:00+01:00",
        "    /timeline/1/evnt: there is no field 'evnt' (did you mean 'event'?)",
        f"passed   {folder}/deep/er/a.scenario.json  A warm room",
        "3 scenarios, 1 passed, 1 failed, 1 invalid",
        "to see what happened in a failure, add --keep FOLDER",
    ]


def test_what_passes_ends_with_0(folder: Path) -> None:
    result = run(str(folder / "deep"))

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "1 scenario, 1 passed"


def test_a_file_named_twice_runs_once(folder: Path) -> None:
    file = str(folder / "deep" / "er" / "a.scenario.json")

    assert "1 scenario, 1 passed" in run(file, str(folder / "deep"), file).stdout


def test_as_json_every_verdict_is_an_object(folder: Path) -> None:
    result = run(str(folder), "--json")
    failed, invalid, passed = json.loads(result.stdout)

    assert result.exit_code == 1
    assert passed == {
        "file": str(folder / "deep" / "er" / "a.scenario.json"),
        "name": "A warm room",
        "outcome": "passed",
        "problems": [],
        "failures": [],
        "notes": [],
    }
    assert failed["failures"] == [
        {
            "pointer": "/expect/0",
            "expected": "'Warm' never fires",
            "happened": ["it fired once: 1m (00:01:00) for dev-1"],
            "explained": [],
        }
    ]
    assert [problem["pointer"] for problem in invalid["problems"]] == ["/timeline/0/at", "/timeline/1/evnt"]


def test_a_failure_is_kept_with_the_line_that_shows_it(folder: Path) -> None:
    kept = folder / "kept"
    result = run(str(folder), "--keep", str(kept))
    [line] = [line for line in result.stdout.splitlines() if "see it with: " in line]
    _, *command = shlex.split(line.partition("see it with: ")[2])
    shown = CliRunner().invoke(main, command)

    assert sorted(file.name for file in (kept / "b").iterdir()) == ["history.jsonl", "rules.json"]
    assert [file.name for file in kept.iterdir()] == ["b"]
    assert shown.exit_code == 0
    assert "Warm  dev-1    fired    device_command turn_on_fan" in shown.stdout
    assert json.loads(run(str(folder), "--json", "--keep", str(kept)).stdout)[0]["replay"] == shlex.join(
        ["whenthen", *command]
    )


def test_failures_of_one_name_are_kept_apart(folder: Path) -> None:
    (folder / "deep" / "b.scenario.json").write_text(json.dumps(FAILS), encoding="utf-8")
    run(str(folder), "--keep", str(folder / "kept"))

    assert sorted(file.name for file in (folder / "kept").iterdir()) == ["b", "b-2"]


def test_what_the_engine_reports_meanwhile_is_noted(folder: Path) -> None:
    refused = {"at": "2m", "device": "dev-1", "values": {"temperature": [1]}}
    file = folder / "d.scenario.json"
    file.write_text(json.dumps({**PASSES, "timeline": [*PASSES["timeline"], refused]}), encoding="utf-8")
    result = run(str(file))

    assert result.exit_code == 0
    assert "    note: 2m (00:02:00) reading_refused dev-1: temperature: " in result.stdout


def test_plugins_are_chosen_as_for_other_commands(folder: Path, site: Site) -> None:
    site.install("greenhouse", WARM.format(name="warm"))
    rule = {**RULE, "conditions": [{"type": "warm"}]}
    file = folder / "e.scenario.json"
    file.write_text(json.dumps({**PASSES, "rules": [rule]}), encoding="utf-8")

    assert run(str(file)).exit_code == 0
    assert "there is no condition of type" in run(str(file), "--disable-plugin", "greenhouse").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing argument"),
        (["no-such-file"], "does not exist"),
        (["rules.json"], "rules.json is no *.scenario.json"),
        (["empty"], "there is no *.scenario.json or *.promises.json in"),
        (["b.scenario.json", "--keep", "rules.json"], "is a file"),
        (["b.scenario.json", "--keep", "rules.json/x"], "Not a directory"),
    ],
)
def test_wrong_use_ends_with_2(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    result = run(*arguments)

    assert result.exit_code == 2
    assert says in result.stderr


def test_a_name_that_would_break_a_line_does_not(folder: Path) -> None:
    file = folder / "f.scenario.json"
    file.write_text(json.dumps({**FAILS, "name": "a\nb\x1b[2J\ud800"}), encoding="utf-8")
    result = run(str(file), "--keep", str(folder / "kept"))

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].endswith("a b\ufffd[2J\ufffd")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "rules.json"
    broken.write_text('{"name": ')
    result = CliRunner().invoke(main, ["test", str(broken)])

    assert result.exit_code == 2
    assert "rules.json is not JSON" in result.stderr
