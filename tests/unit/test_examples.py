"""The examples: they are the use cases of the requirements, all valid, and they do something sensible."""

from __future__ import annotations

import json
import runpy
import shutil
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from whenthen.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"


def firings(readings: str) -> list[dict[str, object]]:
    arguments = ["replay", str(EXAMPLES / "rules"), "--json", "--readings", str(EXAMPLES / "readings" / readings)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def day() -> list[dict[str, object]]:
    return firings("day.csv")


def test_every_example_rule_is_valid() -> None:
    result = CliRunner().invoke(main, ["check", str(EXAMPLES / "rules"), "--no-analysis"])

    assert result.exit_code == 0, result.output


def test_every_rule_of_the_day_fires_but_not_all_the_time(day: list[dict[str, object]]) -> None:
    counts = Counter(str(line["rule"]) for line in day if line["kind"] == "fired")
    names = {rule["name"] for rule in rules() if rule["name"] != "Fall Detection"}

    assert set(counts) == names
    assert counts["Temperature Logger"] == 24 * 60 - 4
    assert all(count < 1_000 for name, count in counts.items() if name != "Temperature Logger")


def test_what_fires_on_a_device_is_within_its_scope(day: list[dict[str, object]]) -> None:
    assert {line["subject"] for line in day if line["rule"] == "Temperature Out of Range"} == {"cold-store"}
    assert {line["subject"] for line in day if line["rule"] == "Fresh air"} == {"mushroom-1"}


def test_the_room_with_more_co2_keeps_its_fan(day: list[dict[str, object]]) -> None:
    superseded = [action for line in day for action in line["actions"] if "superseded_by" in action]  # type: ignore[attr-defined]

    assert superseded


def test_a_fall_is_detected_once() -> None:
    falls = [line for line in firings("fall.jsonl") if line["rule"] == "Fall Detection"]

    assert [line["at"] for line in falls] == ["2026-03-02T10:20:30.400000+00:00"]


def test_the_readings_are_what_the_generator_writes(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "generate_readings.py", tmp_path)
    (tmp_path / "readings").mkdir()
    runpy.run_path(str(tmp_path / "generate_readings.py"), run_name="__main__")

    for name in ("day.csv", "fall.jsonl"):
        assert (tmp_path / "readings" / name).read_bytes() == (EXAMPLES / "readings" / name).read_bytes()


def rules() -> list[dict[str, object]]:
    found = []
    for path in sorted((EXAMPLES / "rules").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        found += document if isinstance(document, list) else [document]
    return found
