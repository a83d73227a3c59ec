"""What a failing case leaves behind can be played, and an author's test file of one class runs under pytest."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from whenthen.cli import main
from whenthen.model.reading import Reading
from whenthen.testing import ConditionContract
from whenthen.testing.failure import write
from whenthen_plugins.conditions.range import Range

AUTHORS_FILE = """
from whenthen import Condition
from whenthen.testing import ConditionContract


class Warm(Condition):
    type = "kit_warm"
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["above"],
        "properties": {"above": {"type": "number"}},
    }
    reads = ("temperature",)
    examples = ({"above": 20},)

    def evaluate(self, view):
        return ANSWER


class TestWarm(ConditionContract):
    condition = Warm
"""


def run_pytest(folder: Path, answer: str) -> tuple[int, str]:
    (folder / "test_warm.py").write_text(AUTHORS_FILE.replace("ANSWER", answer), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_warm.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_an_authors_one_line_runs_every_check(tmp_path: Path) -> None:
    code, printed = run_pytest(tmp_path, 'view["temperature"] > self.config["above"]')

    assert code == 0, printed
    assert "12 passed" in printed
    assert not (tmp_path / ".whenthen").exists()


def test_a_failure_is_printed_with_its_smallest_rule_its_readings_and_the_command(tmp_path: Path) -> None:
    code, printed = run_pytest(tmp_path, '1 if view["temperature"] == self.config["above"] else False')
    folder = ".whenthen/failures/TestWarm.test_truth_is_true_false_or_none"

    assert code == 1
    assert "is 1 (int); return True, False or None" in printed
    assert f"whenthen replay {folder}/rule.json --readings {folder}/readings.jsonl" in printed
    lines = (tmp_path / folder / "readings.jsonl").read_text(encoding="utf-8").splitlines()
    # One reading is enough, and the only one left: the case has been shrunk.
    assert len(lines) == 1
    assert json.loads(lines[0])["values"].keys() == {"temperature"}


class TooNarrow(Range):
    def bounds(self) -> dict[str, tuple[float, float]]:
        return {self.ref.sensor: (self.low + 1, self.high)}


def test_what_is_left_behind_is_played_by_the_command_that_is_printed(tmp_path: Path) -> None:
    body = {
        "condition": TooNarrow,
        "failures": tmp_path,
        "configs": [{"sensor": "co2", "min": 400}],
        "max_examples": 100,
    }
    contract = type("TestTooNarrow", (ConditionContract,), body)
    notes: list[str] = []
    try:
        contract().test_bounds_agree()
    except AssertionError as error:
        notes = error.__notes__
    command = next(line for note in notes for line in note.splitlines() if "whenthen replay" in line)
    program, *arguments = shlex.split(command)

    played = CliRunner().invoke(main, [*arguments, "--json"])

    assert program == "whenthen"
    assert played.exit_code == 0, played.output
    assert any(json.loads(line).get("rule_id") == "holds" for line in played.output.splitlines()), played.output


def test_a_text_without_utf_8_and_a_value_that_is_no_json_are_written_all_the_same(tmp_path: Path) -> None:
    note = write(tmp_path / "odd", [{"name": "a\ud800"}], [Reading("dev-1", {"co2": {1, 2}}, 1_000_000)])

    assert json.loads((tmp_path / "odd" / "rule.json").read_text(encoding="utf-8")) == {"name": "a\ud800"}
    assert '"{1, 2}"' in (tmp_path / "odd" / "readings.jsonl").read_text(encoding="utf-8")
    assert "whenthen replay" in note
