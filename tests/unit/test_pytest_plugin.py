"""What pytest does in a project that has whenthen installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PASSES: dict[str, Any] = {
    "name": "A warm room",
    "rules": [
        {
            "id": "warm",
            "name": "Warm",
            "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
            "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
            "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
        }
    ],
    "timeline": [{"at": "1m", "device": "dev-1", "values": {"temperature": 31}}],
    "expect": [{"rule": "Warm", "fires": 1}],
}


PROMISES: dict[str, Any] = {
    "name": "The fan rests",
    "rules": PASSES["rules"],
    "invariants": [{"never": {"channel": "fan", "is": "on"}, "longer_than_seconds": 600}],
}
"""Broken by one high reading: nothing switches the fan off."""


class Project:
    """A folder in which pytest is run as its author would, warnings as errors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text, encoding="utf-8")

    def pytest(self, *options: str) -> subprocess.CompletedProcess[str]:
        # Without other plugins: ours comes by entry point when whenthen is installed, and must not come twice here.
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        command = [sys.executable, "-m", "pytest", "-p", "whenthen.pytest_plugin", "-W", "error", *options]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_scenario_is_a_test(project: Project) -> None:
    project.write("a.scenario.json", PASSES)
    result = project.pytest("-v")

    assert result.returncode == 0, result.stdout
    assert "a.scenario.json::a PASSED" in result.stdout


def test_a_failing_scenario_tells_what_happened_and_keeps_it(project: Project) -> None:
    project.write("hot.scenario.json", {**PASSES, "expect": [{"rule": "Warm", "fires": 1, "until": "30s"}]})
    result = project.pytest()

    assert result.returncode == 1
    assert "A warm room: failed" in result.stdout
    assert "/expect/0: expected: 'Warm' fires once until 30s (00:00:30)" in result.stdout
    assert "nearest outside that time: 1m (00:01:00) for dev-1" in result.stdout
    assert "see it with: whenthen replay" in result.stdout
    assert "Traceback" not in result.stdout
    assert (project.folder / ".whenthen" / "failures" / "hot" / "history.jsonl").exists()


def test_failures_of_one_name_are_kept_apart(project: Project) -> None:
    (project.folder / "deep").mkdir()
    for name in ("hot", "deep/hot"):
        project.write(f"{name}.scenario.json", {**PASSES, "expect": [{"rule": "Warm", "fires": 2}]})
    project.pytest()

    assert sorted(kept.name for kept in (project.folder / ".whenthen" / "failures").iterdir()) == ["deep-hot", "hot"]


def test_a_scenario_that_cannot_be_read_fails_with_its_problems(project: Project) -> None:
    project.write("bad.scenario.json", {**PASSES, "timeline": [{"at": "soon"}]})
    project.write("none.scenario.json", "{")
    result = project.pytest()

    assert result.returncode == 1
    assert "/timeline/0/at: 'soon' is no time" in result.stdout
    assert "is not JSON" in result.stdout
    assert "2 failed" in result.stdout


def test_promises_are_a_test(project: Project) -> None:
    kept = {"at_most": 1, "fires_of": "Warm", "per_seconds": 60}
    project.write("rule.json", {**PASSES["rules"][0], "cooldown_seconds": 60})
    project.write("pytest.ini", "[pytest]\nwhenthen_tries = 50\nwhenthen_seed = 7\n")
    project.write("rest.promises.json", {"rules": ["rule.json"], "invariants": [kept]})
    result = project.pytest("-v", "-rP")

    assert result.returncode == 0, result.stdout
    assert "rest.promises.json::rest PASSED" in result.stdout
    assert "kept in 50 histories (seed 7): at most 1 firing of Warm per 1m" in result.stdout


def test_a_broken_promise_tells_its_timeline_and_keeps_it(project: Project) -> None:
    project.write("rest.promises.json", PROMISES)
    result = project.pytest()
    [scenario] = (project.folder / ".whenthen" / "failures" / "rest.promises").glob("*.scenario.json")
    again = project.pytest(str(scenario))

    assert result.returncode == 1
    assert "The fan rests: failed" in result.stdout
    assert '/invariants/0: expected: never: fan is "on" for longer than 10m' in result.stdout
    assert "0s  08:00:01  'Warm' fires for device-1" in result.stdout
    assert '10m0.000001s  08:10:01  broken: fan is "on" for longer than 10m, for device-1' in result.stdout
    assert f"kept as: {scenario}" in result.stdout
    assert "see it with: whenthen replay" in result.stdout
    assert "Traceback" not in result.stdout
    assert "1 failed" in again.stdout
    assert "1 failed" in project.pytest().stdout  # what was kept is not collected as well


def test_what_rules_in_several_files_promise_is_a_test_where_promises_name_them(project: Project) -> None:
    warm = {**PASSES["rules"][0], "invariants": PROMISES["invariants"]}
    (project.folder / "rules").mkdir()
    project.write("rules/warm.json", warm)
    project.write("rules/cold.json", {**warm, "id": "cold", "name": "Cold", "invariants": []})
    project.write("house.promises.json", {"rules": ["rules"]})
    result = project.pytest()

    assert "Warm: /invariants/0: expected: never: fan" in result.stdout
    assert "1 failed" in result.stdout


def test_promises_that_cannot_be_read_fail_with_their_problems(project: Project) -> None:
    project.write("bad.promises.json", {**PROMISES, "invariants": [{"nevr": {"fired": "Warm"}}]})
    project.write("gone.promises.json", {**PROMISES, "rules": ["rules"]})
    project.write("none.promises.json", "{")
    result = project.pytest()

    assert "is 'nevr' meant to be 'never'?" in result.stdout
    assert "/rules/0: rules: there is no such file or folder" in result.stdout
    assert "is not JSON" in result.stdout
    assert "3 failed" in result.stdout
    assert not (project.folder / ".whenthen").exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("whenthen_tries = many", "whenthen_tries is 'many'; write a whole number from 1 on"),
        ("whenthen_tries = 0", "whenthen_tries is '0'; write a whole number from 1 on"),
        ("whenthen_seed = 1.5", "whenthen_seed is '1.5'; write a whole number"),
    ],
)
def test_a_search_that_is_set_wrongly_is_refused(project: Project, setting: str, said: str) -> None:
    project.write("pytest.ini", f"[pytest]\n{setting}\n")
    result = project.pytest()

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr


def test_tests_and_scenarios_run_side_by_side_and_can_be_chosen(project: Project) -> None:
    project.write("a.scenario.json", PASSES)
    project.write("b.scenario.json", PASSES)
    project.write("test_it.py", "def test_it(): pass\n")

    assert "3 passed" in project.pytest().stdout
    assert "1 passed" in project.pytest("b.scenario.json").stdout
    assert "1 passed, 2 deselected" in project.pytest("-k", "test_it").stdout


def test_the_fixtures_are_there(project: Project) -> None:
    project.write(
        "test_fixtures.py",
        "from whenthen.engine import Engine\n"
        "def test_registry(whenthen_registry):\n"
        "    assert 'comparison' in whenthen_registry.table('condition')\n"
        "    Engine(whenthen_registry)\n"
        "def test_clock(manual_clock):\n"
        "    manual_clock.turn(seconds=90)\n"
        "    assert manual_clock.now().isoformat() == '2026-01-01T00:01:30+00:00'\n",
    )

    assert "2 passed" in project.pytest().stdout


def test_a_project_without_scenarios_notices_nothing(project: Project) -> None:
    project.write("package.json", "{}")
    project.write(
        "test_it.py",
        "import sys\n"
        "def test_it():\n"
        "    idle = {'hypothesis', 'whenthen.testing', 'whenthen.proving', 'whenthen_plugins'}\n"
        "    assert not idle & sys.modules.keys()\n",
    )
    result = project.pytest()

    assert "1 passed" in result.stdout, result.stdout
    assert not (project.folder / ".whenthen").exists()
