import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from whenthen import ActionCall

from whenthen_archive.actions import Archive

EXAMPLES = Path(__file__).parents[1] / "examples"


def whenthen(*arguments: str) -> str:
    command = [sys.executable, "-m", "whenthen", *arguments]
    return subprocess.run(command, cwd=EXAMPLES, check=False, stdout=subprocess.PIPE, encoding="utf-8").stdout


def test_the_plugin_is_loaded_with_all_that_it_registers() -> None:
    found = {plugin["name"]: plugin for plugin in json.loads(whenthen("plugins", "--json"))}

    assert found["archive"]["registered"] == {
        "action": ["archive"],
    }


def test_the_example_rule_s_points_are_archived_a_file_a_day(tmp_path: Path) -> None:
    fired = map(json.loads, whenthen("replay", "rule.json", "--readings", "readings.csv", "--json").splitlines())
    services: Any = SimpleNamespace(files=SimpleNamespace(folder=tmp_path))
    for line in fired:
        for action in line["actions"]:
            call = ActionCall(action["type"], action["config"], "idempotent")
            Archive(call.config).perform(call, services)

    found = {path.name: path.read_text().splitlines() for path in (tmp_path / "archive").iterdir()}
    assert found == {
        "climate-2026-03-02.lp": ["climate,device=mushroom-1 humidity=90.8,temperature=17.4 1772495940000000000"],
        "climate-2026-03-03.lp": ["climate,device=mushroom-1 humidity=90.6,temperature=17.5 1772496000000000000"],
    }
