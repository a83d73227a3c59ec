"""The command line as a user meets it: what it prints where, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from whenthen.cli import main

WARM: dict[str, Any] = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [
        {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30, "hysteresis": 2}}
    ],
    "actions": [{"type": "log", "config": {"message": "{temperature:.1f} °C"}}],
    "clear_actions": [{"type": "log", "config": {"message": "cool again"}}],
    "fire": "edge",
}
CSV = """timestamp,device,temperature
2026-03-02T09:00:00,dev-1,25
2026-03-02T09:01:00,dev-1,31.25
2026-03-02T09:02:00,dev-1,27
"""


class Desk:
    """A folder, and the command run beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        # Nothing that a user can type or write may show a traceback.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def replay(self, rules: Any, readings: str = CSV, *options: str, name: str = "r.csv") -> Result:
        return self.run("replay", self.write("rule.json", rules), "--readings", self.write(name, readings), *options)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_replay_prints_a_line_for_each_firing_and_a_summary(desk: Desk) -> None:
    result = desk.replay(WARM)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "when                 rule  subject  kind     actions",
        '2026-03-02 09:01:00  Warm  dev-1    fired    log "31.2 °C"',
        '2026-03-02 09:02:00  Warm  dev-1    cleared  log "cool again"',
        "3 rows read, 2026-03-02 09:00 to 2026-03-02 09:02: 3 readings, 0 unreadable",
        "values: 0 refused, 0 late, 0 duplicate",
        "1 fired, 1 cleared",
        "        1  Warm, 1 cleared",
    ]


def test_replay_json_prints_the_firings_and_nothing_else_on_standard_output(desk: Desk) -> None:
    result = desk.replay(WARM, CSV, "--json", "--timezone", "Europe/Brussels")

    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "at": "2026-03-02T09:01:00+01:00",
            "rule_id": "warm",
            "rule": "Warm",
            "subject": "dev-1",
            "kind": "fired",
            "actions": [{"type": "log", "config": {"message": "31.2 °C"}}],
        },
        {
            "at": "2026-03-02T09:02:00+01:00",
            "rule_id": "warm",
            "rule": "Warm",
            "subject": "dev-1",
            "kind": "cleared",
            "actions": [{"type": "log", "config": {"message": "cool again"}}],
        },
    ]
    assert "1 fired, 1 cleared" in result.stderr


def test_replay_reports_bad_rows_with_their_lines_and_ends_with_1(desk: Desk) -> None:
    result = desk.replay(WARM, CSV + "2026-03-02T09:03:00,dev-1\n2026-03-02T09:04:00,dev-1,33\n")

    assert result.exit_code == 1
    assert "line 5: the row has 2 cells, the header 3" in result.stderr
    assert "2026-03-02 09:04:00  Warm" in result.stdout
    assert "5 rows read, 2026-03-02 09:00 to 2026-03-02 09:04: 4 readings, 1 unreadable" in result.stdout


def test_replay_counts_refused_late_and_duplicate_values(desk: Desk) -> None:
    rows = "2026-03-02T09:02:00,dev-1,nan\n2026-03-02T09:02:00,dev-1,27\n2026-03-02T09:00:30,dev-1,40\n"
    result = desk.replay(WARM, CSV + rows)

    assert result.exit_code == 1
    assert "reading_refused dev-1: temperature" in result.stderr
    assert "values: 1 refused, 1 late, 1 duplicate" in result.stdout
    assert "1 rows are earlier than one before them" in result.stdout


def test_replay_shows_the_first_few_complaints_of_a_kind_and_counts_the_rest(desk: Desk) -> None:
    result = desk.replay(WARM, CSV + "x,y\n" * 20)

    assert result.stderr.count("the row has 2 cells") == 5
    assert "15 more" in result.stdout


def test_replay_ends_with_the_last_row(desk: Desk) -> None:
    held = {
        **WARM,
        "conditions": [{"type": "duration", "config": {"condition": WARM["conditions"][0], "duration_seconds": 60}}],
    }
    rows = ["timestamp,temperature\n2026-03-02T09:00:00,31\n", "2026-03-02T09:00:59,32\n", "2026-03-02T09:01:00,32\n"]

    assert "0 fired" in desk.replay(held, "".join(rows[:2])).stdout
    assert "2026-03-02 09:01:00  Warm" in desk.replay(held, "".join(rows)).stdout


def test_a_schedule_runs_from_the_first_row_on(desk: Desk) -> None:
    hourly = {
        "name": "Hourly",
        "trigger": {"type": "time", "config": {"cron": "0 * * * *"}},
        "actions": [{"type": "log", "config": {"message": "{temperature}"}}],
    }
    result = desk.replay(hourly, "timestamp,temperature\n2026-03-02T09:00:00,1\n2026-03-02T11:00:00,2\n", "--json")

    assert [json.loads(line)["at"][11:16] for line in result.stdout.splitlines()] == ["09:00", "10:00", "11:00"]


def test_good_rules_run_beside_bad_ones(desk: Desk) -> None:
    desk.write("rules/a.json", [WARM, {**WARM, "id": "bad", "nmae": "x"}])
    desk.write("rules/b.json", "{not json")
    result = desk.run("replay", str(desk.folder / "rules"), "--readings", desk.write("r.csv", CSV))

    assert result.exit_code == 1
    assert "a.json" in result.stderr
    assert "/1/nmae" in result.stderr
    assert "b.json" in result.stderr
    assert "1 fired" in result.stdout


def test_two_rules_with_one_id_are_told(desk: Desk) -> None:
    result = desk.replay([WARM, {**WARM, "name": "Other"}])

    assert result.exit_code == 1
    assert "the id 'warm' is taken" in result.stderr
    assert "1 fired" in result.stdout


def test_devices_put_rooms_and_types_into_scope(desk: Desk) -> None:
    directory = desk.write("devices.json", {"devices": [{"id": "dev-1", "room": "room-7"}]})
    result = desk.replay({**WARM, "scope": {"room": "room-7", "per": "room"}}, CSV, "--devices", directory)

    assert "Warm  room-7" in result.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expecting property name"),
        ("[]", 'expected {"devices": [...], "farms": [...]}'),
        ('{"devices": [{"id": "a", "rooom": "x"}]}', "/devices/0/rooom: there is no such field; did you mean room?"),
        ('{"devices": [{"room": "x"}]}', "/devices/0 has no id"),
        ('{"devices": [{"id": "a", "stale_after_seconds": "x"}]}', "stale_after_seconds must be a number"),
        ('{"devices": {"id": "a"}}', "/devices is not a list"),
        ('{"devices": ["a"]}', "/devices/0 is not an object"),
        ('{"farms": [{"id": "a", "timezone": "Europe/Brusels"}]}', "did you mean Europe/Brussels?"),
    ],
)
def test_a_wrong_directory_is_wrong_use(desk: Desk, text: str, says: str) -> None:
    result = desk.replay(WARM, CSV, "--devices", desk.write("devices.json", text))

    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--timezone", "Europe/Brusels"], "did you mean Europe/Brussels?"),
        (["--timezone", "../../etc/passwd"], "there is no time zone"),
        (["--devices", "no-such-file"], "does not exist"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_wrong_options_are_wrong_use(desk: Desk, options: list[str], says: str) -> None:
    result = desk.replay(WARM, CSV, *options)

    assert result.exit_code == 2
    assert says in result.stderr


def test_a_recording_of_which_nothing_can_be_read_is_wrong_use(desk: Desk) -> None:
    result = desk.replay(WARM, "time,temperature\n")

    assert result.exit_code == 2
    assert "there is no column 'timestamp'" in result.stderr


def test_missing_files_are_wrong_use(desk: Desk) -> None:
    assert desk.run("replay", "no-such-rule.json", "--readings", "no.csv").exit_code == 2
    assert desk.run("check", "no-such-rule.json").exit_code == 2


def test_a_folder_without_rules_is_wrong_use(desk: Desk) -> None:
    (desk.folder / "empty").mkdir()
    result = desk.run("check", str(desk.folder / "empty"))

    assert result.exit_code == 2
    assert "no rules" in result.stderr


def test_an_odd_text_stays_on_its_line(desk: Desk) -> None:
    odd = {**WARM, "name": "a\nb\x1b[2J 温室", "actions": [{"type": "log", "config": {"message": "x\r\ny"}}]}
    lines = desk.replay(odd).stdout.splitlines()

    assert lines[1].startswith("2026-03-02 09:01:00  a b\ufffd[2J 温室  dev-1    fired")
    assert lines[1].endswith('log "x  y"')


def test_check_tells_every_problem_at_once_with_its_place(desk: Desk) -> None:
    bad = {**WARM, "nmae": "x", "actions": [{"type": "lgo", "config": {}}]}
    result = desk.run("check", desk.write("bad.json", bad))

    assert result.exit_code == 1
    assert "/nmae" in result.stdout
    assert "/actions/0/type" in result.stdout
    assert "log" in result.stdout


def test_check_json_gives_pointers_and_hints(desk: Desk) -> None:
    result = desk.run("check", "--json", desk.write("rules.json", [WARM, {**WARM, "id": "b", "nmae": "x"}]))
    good, bad = json.loads(result.stdout)

    assert result.exit_code == 1
    assert good["problems"] == []
    assert (good["id"], good["name"], good["pointer"]) == ("warm", "Warm", "/0")
    assert [problem["pointer"] for problem in bad["problems"]] == ["/nmae"]
    assert "name" in bad["problems"][0]["hint"]


def test_a_warning_does_not_change_the_exit_code(desk: Desk) -> None:
    doubtful = {**WARM, "actions": [{"type": "log", "config": {"message": "{no_such_thing}"}}]}
    result = desk.run("check", desk.write("rule.json", doubtful))

    assert result.exit_code == 0
    assert "no_such_thing" in result.stdout


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", "null", '"text"', "[1, 2]", "[" * 10_000 + "]" * 10_000, '{"name": NaN}', "\x00", "[[]]", "{}"],
)
def test_nonsense_instead_of_rules_is_told_without_a_traceback(desk: Desk, text: str) -> None:
    result = desk.run("check", desk.write("rule.json", text))

    assert result.exit_code == 1
    assert "rule.json" in result.stdout


def test_schema_prints_what_an_editor_needs() -> None:
    result = CliRunner().invoke(main, ["schema"])
    schema = json.loads(result.stdout)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "cooldown_seconds" in schema["properties"]


def test_schema_prints_another_by_name() -> None:
    assert "sensor" in json.loads(CliRunner().invoke(main, ["schema", "condition.comparison"]).stdout)["properties"]


def test_schema_of_an_unknown_name_is_wrong_use() -> None:
    result = CliRunner().invoke(main, ["schema", "condition.comparisn"])

    assert result.exit_code == 2
    assert "did you mean condition.comparison?" in result.stderr


def test_plugins_lists_what_each_registered() -> None:
    result = CliRunner().invoke(main, ["plugins"])

    assert result.exit_code == 0
    assert "builtin  whenthen  0.1.0" in result.stdout
    assert "comparison" in result.stdout


def test_plugins_can_be_switched_off_by_name() -> None:
    result = CliRunner().invoke(main, ["plugins", "--json", "--disable-plugin", "builtin"])

    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["status"] == "skipped"


def test_help_and_version() -> None:
    assert "replay" in CliRunner().invoke(main, ["--help"]).stdout
    assert "0.1.0" in CliRunner().invoke(main, ["--version"]).stdout
