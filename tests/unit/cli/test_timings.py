"""``whenthen replay --timings``: who took how much of the time."""

from __future__ import annotations

import json
from math import isclose
from pathlib import Path

from click.testing import CliRunner, Result
from distributions import WARM, Site

from whenthen.cli import main
from whenthen.cli.timings import Timings
from whenthen.flow.meter import Meter

RULE = {
    "id": "r",
    "name": "r",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "warm"}],
    "actions": [{"type": "log", "config": {"message": "x"}}],
}


def replayed(folder: Path, *options: str) -> Result:
    rules, readings = folder / "rule.json", folder / "readings.csv"
    rules.write_text(json.dumps(RULE), encoding="utf-8")
    readings.write_text("timestamp,temperature\n2026-03-02T09:00:00,21\n2026-03-02T09:01:00,22\n", encoding="utf-8")
    return CliRunner().invoke(main, ["replay", str(rules), "--readings", str(readings), *options])


def test_each_type_is_told_with_plugin_calls_time_and_share(site: Site, tmp_path: Path) -> None:
    site.install("greenhouse", WARM.format(name="warm"))
    result = replayed(tmp_path, "--timings")
    [line] = [line.split() for line in result.stdout.splitlines() if "greenhouse" in line and "condition" in line]

    assert line[:4] == ["greenhouse", "condition", "warm", "3"]  # two readings, and a look when the device is met
    assert float(line[4]) >= 0
    assert line[5].endswith("%")


def test_as_json_they_are_the_last_line(site: Site, tmp_path: Path) -> None:
    site.install("greenhouse", WARM.format(name="warm"))
    result = replayed(tmp_path, "--timings", "--json")
    told = json.loads(result.stdout.splitlines()[-1])
    [row] = told["timings"]

    assert (row["plugin"], row["kind"], row["type"], row["calls"]) == ("greenhouse", "condition", "warm", 3)
    assert 0 < row["total_ms"] < told["run_ms"]
    assert isclose(row["share"], row["total_ms"] / told["run_ms"], rel_tol=0.01)  # of figures that were rounded


def test_without_the_option_nothing_is_told(site: Site, tmp_path: Path) -> None:
    site.install("greenhouse", WARM.format(name="warm"))

    assert "greenhouse" not in replayed(tmp_path).stdout


def test_a_strangers_type_that_takes_a_quarter_is_pointed_out() -> None:
    ticks = iter([0, 93, 100, 150])
    meter = Meter(lambda: next(ticks))
    meter.measured("greenhouse", "condition", "dew_point", bool)(0)
    meter.measured("builtin", "condition", "time", bool)(0)

    slow = [line for line in Timings(meter, 200).lines() if line.startswith("slow")]
    assert slow == ["slow: condition dew_point of plugin greenhouse took 46% of the time"]
