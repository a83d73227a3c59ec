"""A failure on disk: what is written plays the same history again."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from whenthen.cli import main
from whenthen.clock import from_us
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.proving.keep import keep
from whenthen.proving.scenarios.run import run_scenario
from whenthen.proving.scenarios.scenario import read_scenario_file

FILES = sorted((Path(__file__).parents[3] / "examples" / "scenarios").rglob("*.scenario.json"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_replay_of_what_is_kept_shows_the_same_firings(file: Path, registry: Registry, tmp_path: Path) -> None:
    scenario = read_scenario_file(file, registry)
    played = run_scenario(scenario, registry).played
    program, *arguments = shlex.split(keep(tmp_path / "kept", played, scenario.places))
    result = CliRunner().invoke(main, [*arguments, "--json"])
    shown = [json.loads(line) for line in result.stdout.splitlines()]

    assert program == "whenthen"
    assert [(line["rule_id"], line["kind"], line["subject"]) for line in shown] == [
        (firing.rule_id, firing.kind, firing.subject) for firing in played.firings
    ]
    assert [line["actions"] for line in shown] == [
        json.loads(json.dumps([action.to_json() for action in firing.actions])) for firing in played.firings
    ]
    assert [from_us(firing.at_us).timestamp() for firing in played.firings] == [
        datetime.fromisoformat(line["at"]).timestamp() for line in shown
    ]
