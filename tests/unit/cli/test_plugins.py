"""``whenthen plugins`` and the options that choose plugins, with distributions as installers leave them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner, Result
from distributions import WARM, Site

from whenthen.cli import main

RULE: dict[str, Any] = {
    "id": "r1",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "warm"}],
    "actions": [{"type": "log", "config": {"message": "warm"}}],
}


def run(*arguments: str | Path, **environment: str) -> Result:
    result = CliRunner(env=environment).invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def listed(*arguments: str | Path, **environment: str) -> dict[str, Any]:
    return {record["name"]: record for record in json.loads(run("plugins", "--json", *arguments, **environment).stdout)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "mine.py").write_text("whenthen_api = 1\n" + dedent(WARM).format(name="warm"), encoding="utf-8")
    os.utime(made / "mine.py", (1_767_225_600, 1_767_225_600))
    return made


def test_the_table_tells_what_is_there_since_when_and_why_something_is_not(site: Site, folder: Path) -> None:
    site.install("broken", "1 / 0", version="0.3")
    os.utime(site.folder / "broken-0.3.dist-info", (1_767_225_600, 1_767_225_600))
    result = run("plugins", "--plugin-folder", folder)
    lines = result.stdout.splitlines()

    assert result.exit_code == 1
    assert lines[0].split() == ["plugin", "package", "version", "api", "since", "status"]
    assert "broken   broken    0.3      -    2026-01-01  skipped" in lines
    assert "  problem   cannot be imported: ZeroDivisionError: division by zero" in lines
    assert "mine     -         -        1    2026-01-01  loaded" in lines
    assert "  condition warm" in lines


def test_json_holds_all_that_is_known_of_a_plugin(folder: Path) -> None:
    assert listed("--plugin-folder", folder)["mine"] == {
        "name": "mine",
        "package": "",
        "version": "",
        "registered": {"condition": ["warm"]},
        "problems": [],
        "status": "loaded",
        "source": str(folder / "mine.py"),
        "since": "2026-01-01T00:00:00+00:00",
        "api": 1,
        "isolated": False,
        "switched_off": False,
        "warnings": [],
    }


def test_what_a_plugin_prints_does_not_spoil_the_json(site: Site) -> None:
    site.install("chatty", "print('hello')\n" + dedent(WARM).format(name="warm"))
    result = run("plugins", "--json")

    assert [record["name"] for record in json.loads(result.stdout)] == ["builtin", "chatty"]
    assert "hello" in result.stderr


def test_plugins_are_switched_off_by_the_environment_and_by_options_before_and_after_the_command(site: Site) -> None:
    for name in ("aa", "bb", "cc"):
        site.install(name, WARM.format(name=f"{name}_warm"))
    arguments = ("--disable-plugin", "aa", "plugins", "--json", "--disable-plugin", "bb")
    result = run(*arguments, WHENTHEN_DISABLE_PLUGINS="cc")
    statuses = {record["name"]: record["status"] for record in json.loads(result.stdout)}

    assert statuses == {"builtin": "loaded", "aa": "skipped", "bb": "skipped", "cc": "skipped"}
    assert result.exit_code == 0


def test_the_folder_is_off_by_default_and_named_by_the_environment_or_an_option(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    variable = str(folder)

    assert "mine" not in listed()
    assert listed(WHENTHEN_PLUGIN_FOLDER=variable)["mine"]["status"] == "loaded"
    assert "mine" not in listed("--plugin-folder", tmp_path / "empty", WHENTHEN_PLUGIN_FOLDER=variable)


def test_a_plugin_is_isolated_by_the_environment_or_an_option(folder: Path) -> None:
    assert not listed("--plugin-folder", folder)["mine"]["isolated"]
    assert listed("--plugin-folder", folder, "--isolate-plugin", "mine")["mine"]["isolated"]
    assert listed("--plugin-folder", folder, WHENTHEN_ISOLATE_PLUGINS="mine")["mine"]["isolated"]


def test_a_rule_may_use_what_a_plugin_of_the_folder_registered(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rule.json").write_text(json.dumps(RULE), encoding="utf-8")

    assert run("check", tmp_path / "rule.json").exit_code == 1
    assert run("check", tmp_path / "rule.json", "--plugin-folder", folder).exit_code == 0


def test_a_command_that_uses_plugins_says_which_are_not_as_they_should_be(site: Site, tmp_path: Path) -> None:
    site.install("broken", "1 / 0")
    (tmp_path / "rule.json").write_text(json.dumps({**RULE, "conditions": []}), encoding="utf-8")
    result = run("check", tmp_path / "rule.json", "--json")

    assert result.exit_code == 0
    assert result.stderr == "plugin broken: cannot be imported: ZeroDivisionError: division by zero\n"
    assert json.loads(result.stdout)


def test_replay_tells_observers_and_counts_those_that_fail(folder: Path, tmp_path: Path) -> None:
    source = """
        from pathlib import Path
        from whenthen import Firing, Observer, hookimpl

        class Diary(Observer):
            type = "diary"

            def observe(self, thing):
                with Path({diary!r}).open("a") as diary:
                    diary.write(f"{{thing.rule if isinstance(thing, Firing) else thing.kind}}\\n")

        class Fails(Observer):
            type = "fails"

            def observe(self, thing):
                raise OSError("disk full")

        @hookimpl
        def whenthen_observers():
            return [Fails, Diary]
    """
    diary = tmp_path / "diary.txt"
    (folder / "watch.py").write_text(dedent(source).format(diary=str(diary)), encoding="utf-8")
    (tmp_path / "rule.json").write_text(json.dumps(RULE), encoding="utf-8")
    (tmp_path / "r.csv").write_text("timestamp,device,temperature\n2026-03-02T09:00:00,d1,25\n", encoding="utf-8")
    result = run("replay", tmp_path / "rule.json", "--readings", tmp_path / "r.csv", "--plugin-folder", folder)

    assert diary.read_text(encoding="utf-8") == "Warm\n"
    assert "observer_failed: observer 'fails' of plugin watch raised OSError: disk full" in result.stderr
    assert "reported: 1 observer_failed" in result.stdout
    assert result.exit_code == 0
