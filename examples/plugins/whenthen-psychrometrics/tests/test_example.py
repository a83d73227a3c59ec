import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def whenthen(*arguments: str) -> str:
    command = [sys.executable, "-m", "whenthen", *arguments]
    return subprocess.run(command, cwd=EXAMPLES, check=False, stdout=subprocess.PIPE, encoding="utf-8").stdout


def test_the_plugin_is_loaded_with_all_that_it_registers() -> None:
    found = {plugin["name"]: plugin for plugin in json.loads(whenthen("plugins", "--json"))}

    assert found["psychrometrics"]["registered"] == {
        "condition": ["vapour_pressure_deficit", "dew_point"],
        "function": ["absolute_humidity", "dew_point", "saturation_vapour_pressure", "vapour_pressure_deficit"],
    }


def test_the_example_rules_mist_dry_air_and_warn_before_the_pipe_drips() -> None:
    fired = map(json.loads, whenthen("replay", "rule.json", "--readings", "readings.csv", "--json").splitlines())

    assert [(line["rule_id"], line["at"][11:16], line["kind"]) for line in fired] == [
        ("mist", "09:20", "fired"),
        ("condensation", "09:30", "fired"),
        ("mist", "09:30", "cleared"),
    ]
