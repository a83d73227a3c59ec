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
