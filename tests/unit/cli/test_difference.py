"""``whenthen replay --diff`` as a user meets it: what it prints where, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main

CSV = """timestamp,device,temperature
2026-03-02T09:00:00,dev-1,25
2026-03-02T09:01:00,dev-1,31
2026-03-02T09:02:00,dev-1,33
2026-03-02T09:03:00,dev-1,31
2026-03-02T09:04:00,dev-1,27
"""


def warm(limit: float = 30, **more: Any) -> dict[str, Any]:
    return {
        "id": "warm",
        "name": "Warm",
        "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": limit}}],
        "actions": [{"type": "log", "config": {"message": "warm"}}],
        **more,
    }


class Desk:
    """A folder, and the command run beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def diff(self, old: Any, new: Any, *options: str, readings: str = CSV) -> Result:
        for name, content in (("old.json", old), ("new.json", new)):
            (self.folder / name).write_text(json.dumps(content), encoding="utf-8")
        (self.folder / "r.csv").write_text(readings, encoding="utf-8")
        paths = [str(self.folder / name) for name in ("old.json", "new.json")]
        return self.run("--diff", *paths, "--readings", str(self.folder / "r.csv"), *options)

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(main, ["replay", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_only_differences_are_told_and_equal_stretches_counted(desk: Desk) -> None:
    result = desk.diff(warm(), warm(32))

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "  when                 rule  subject  kind     actions",
        "- 2026-03-02 09:01:00  Warm  dev-1    fired    log warm",
        "  2026-03-02 09:02:00: 1 the same",
        "- 2026-03-02 09:03:00  Warm  dev-1    fired    log warm",
        "5 rows read, 2026-03-02 09:00 to 2026-03-02 09:04: 5 readings, 0 unreadable",
        "1 the same, 2 only in OLD, 0 only in NEW, 0 changed",
        "        2  Warm: 2 only in OLD",
    ]


def test_what_changed_is_told_with_what_it_was(desk: Desk) -> None:
    louder = [{"type": "log", "config": {"message": "hot"}}]
    edge: dict[str, Any] = {"fire": "edge"}
    told = desk.diff(warm(**edge), warm(**edge, actions=louder)).stdout.splitlines()
    moved = desk.diff(warm(**edge), warm(32, **edge)).stdout.splitlines()
    apart = desk.diff(warm(**edge), warm(32, **edge), "--within", "30").stdout.splitlines()

    assert told[1] == "~ 2026-03-02 09:01:00  Warm  dev-1    fired    log hot (in OLD log warm)"
    assert moved[1] == "~ 2026-03-02 09:02:00  Warm  dev-1    fired    log warm (in OLD at 2026-03-02 09:01:00)"
    assert [line[0] for line in apart[1:3]] == ["-", "+"]


def test_json_has_a_line_for_each_difference_and_one_of_the_counts(desk: Desk) -> None:
    edge: dict[str, Any] = {"fire": "edge"}
    result = desk.diff(warm(), warm(32), "--json", "--timezone", "Europe/Brussels")
    changed = desk.diff(warm(**edge), warm(32, **edge), "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]

    assert lines[0] == {
        "at": "2026-03-02T09:01:00+01:00",
        "rule_id": "warm",
        "rule": "Warm",
        "subject": "dev-1",
        "kind": "fired",
        "actions": [{"type": "log", "config": {"message": "warm"}}],
        "only_in": "old",
    }
    assert lines[-1] == {"summary": {"same": 1, "only_in_old": 2, "only_in_new": 0, "changed": 0}}
    assert json.loads(changed.stdout.splitlines()[0])["changed"] == {"at": "2026-03-02T09:01:00+00:00"}
    assert "1 the same" in result.stderr


def test_rules_that_do_the_same_are_no_finding(desk: Desk) -> None:
    renamed = warm(description="another text")
    del renamed["id"]
    result = desk.diff(warm(), renamed)

    assert result.exit_code == 0
    assert "3 the same, 0 only in OLD, 0 only in NEW, 0 changed" in result.stdout


def test_a_rule_that_only_one_side_has_is_told(desk: Desk) -> None:
    result = desk.diff([warm()], [warm(), warm(50, id="hot", name="Hot")])

    assert result.exit_code == 1
    assert "only NEW has the rule Hot" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("--diff", "old.json"), ("--diff", "old.json", "none.json")])
def test_wrong_use_is_told_and_ends_with_2(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.diff(warm(), warm())
    paths = [str(desk.folder / one) if one.endswith(".json") else one for one in arguments]
    result = desk.run(*paths, "--readings", str(desk.folder / "r.csv"))

    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_rules_beside_diff_and_timings_are_refused(desk: Desk) -> None:
    desk.diff(warm(), warm())
    old, new, readings = (str(desk.folder / name) for name in ("old.json", "new.json", "r.csv"))
    third = desk.run("--diff", old, new, old, "--readings", readings)
    timed = desk.run("--diff", old, new, "--timings", "--readings", readings)

    assert (third.exit_code, timed.exit_code) == (2, 2)
    assert "takes two paths" in third.stderr
    assert "--timings" in timed.stderr


def test_an_option_in_the_place_of_the_second_path_is_told_as_that(desk: Desk) -> None:
    desk.diff(warm(), warm())
    result = desk.run("--diff", str(desk.folder / "old.json"), "--readings", str(desk.folder / "r.csv"))

    assert result.exit_code == 2
    assert "it takes two paths, OLD and NEW" in " ".join(result.stderr.split())
    assert "does not exist" not in result.stderr


def test_within_without_diff_is_refused(desk: Desk) -> None:
    desk.diff(warm(), warm())
    result = desk.run(str(desk.folder / "old.json"), "--readings", str(desk.folder / "r.csv"), "--within", "30")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--within is about --diff" in result.stderr


def test_a_side_that_is_not_valid_is_told_and_so_is_what_cannot_be_read(desk: Desk) -> None:
    wrong = desk.diff(warm(), [warm(), {"name": "x", "trigger": {"type": "sensr"}}])
    unread = desk.diff(warm(), warm(), readings=CSV + "yesterday,dev-1,4\n")

    assert (wrong.exit_code, unread.exit_code) == (1, 1)
    assert "did you mean 'sensor'?" in wrong.stderr
    assert unread.stderr.count("line 7") == 1


@pytest.mark.parametrize("given", ["nan", "inf", "-1"])
def test_what_is_no_length_of_time_is_refused(tmp_path: Path, given: str) -> None:
    rules, readings = tmp_path / "rules.json", tmp_path / "readings.csv"
    rules.write_text('{"name": "r", "trigger": {"type": "manual"}, "actions": [{"type": "log", "config": {}}]}')
    readings.write_text("timestamp,t\n2026-03-02T09:00:00Z,1\n")
    options = ["--diff", str(rules), str(rules), "--readings", str(readings), "--within", given]
    result = CliRunner().invoke(main, ["replay", *options])

    assert result.exit_code == 2
    assert "Invalid value for '--within'" in result.stderr
