"""Replay: a month of a hundred sensors at one minute through the command line; seconds, and memory that stays flat."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from measure import Figure, agree

SEED = 20261123
START = datetime(2026, 1, 1, tzinfo=UTC)
SENSORS = ("temperature", "humidity", "co2", "light")
RULES = 100
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: a hundred sensors, a row of *minutes* for each."""

    minutes: int
    rounds: int


SIZES = {"full": Size(43_200, 1), "quick": Size(2_160, 1), "tiny": Size(30, 1)}


@dataclass(frozen=True, slots=True)
class Ran:
    """What one replay took."""

    seconds: float
    peak_mb: float
    firings: int


def docs(devices: int, sensors: int) -> list[dict[str, Any]]:
    """Return a hundred rules, one for each sensor of each device."""
    keys = [(device, sensor) for device in range(devices) for sensor in SENSORS[:sensors]]
    return [
        {
            "id": f"rule-{number:03}",
            "name": f"{sensor} over 60 on dev-{device:03}",
            "scope": {"device": f"dev-{device:03}"},
            "trigger": {"type": "sensor", "config": {"sensor": sensor}},
            "conditions": [{"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": 60}}],
            "actions": [{"type": "log", "config": {"message": "{" + sensor + "} is too much", "level": "warning"}}],
            "fire": "edge",
        }
        for number, (device, sensor) in zip(range(RULES), keys, strict=True)
    ]


def write(file: TextIO, minutes: int, devices: int, sensors: int) -> int:
    """Write the readings as CSV and return how often their values rise over 60."""
    rng, rises = random.Random(SEED), 0
    names = SENSORS[:sensors]
    file.write(",".join(("timestamp", "device", *names)) + "\n")
    values = [[rng.uniform(40, 60) for _ in names] for _ in range(devices)]
    held = [[False] * sensors for _ in range(devices)]
    for minute in range(minutes):
        at = (START + timedelta(minutes=minute)).isoformat()
        for device, row in enumerate(values):
            for column in range(sensors):
                value = row[column] = round(min(max(row[column] + rng.uniform(-0.3, 0.3), 40), 61), 1)
                over = value > 60
                rises += over and not held[device][column]
                held[device][column] = over
            file.write(f"{at},dev-{device:03},{','.join(map(str, row))}\n")
    return rises


def command() -> list[str]:
    """Return the installed command, the one beside this interpreter first."""
    beside = Path(sys.executable).with_name("whenthen")
    found = str(beside) if beside.exists() else shutil.which("whenthen")
    assert found, "whenthen is not installed"
    return [found]


def _peak_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return max((int(line.split()[1]) / 1e3 for line in status.splitlines() if line.startswith("VmHWM")), default=0.0)


def replayed(rules: Path, csv: Path, folder: Path) -> Ran:
    """Run the command and watch its memory; what it prints goes to a file, to be counted."""
    out, peak_mb, start = folder / "firings.jsonl", 0.0, time.perf_counter()
    line = [*command(), "replay", str(rules), "--readings", str(csv), "--json"]
    with (
        out.open("w", encoding="utf-8") as firings,
        subprocess.Popen(line, stdout=firings, stderr=subprocess.DEVNULL) as process,
    ):
        while process.poll() is None:
            # The kernel's own high-water mark: the last look before the end is the peak.
            peak_mb = max(peak_mb, _peak_mb(process.pid))
            time.sleep(POLL_S)
    seconds = time.perf_counter() - start
    assert process.returncode == 0, f"replay ended with {process.returncode}"
    with out.open(encoding="utf-8") as firings:
        return Ran(seconds, peak_mb, sum(1 for _ in firings))


def measured(minutes: int, devices: int, sensors: int) -> Ran:
    """Generate the input in a temporary folder and replay it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules, csv = folder / "rules.json", folder / "readings.csv"
        rules.write_text(json.dumps(docs(devices, sensors)), encoding="utf-8")
        with csv.open("w", encoding="utf-8") as file:
            rises = write(file, minutes, devices, sensors)
        ran = replayed(rules, csv, folder)
    agree(f"replay of {minutes} minutes", ran.firings, rises)
    return ran


def run(size: Size) -> Iterator[Figure]:
    """Replay a hundred devices of one sensor, a tenth of that, and the same values in rows of four."""
    full = [measured(size.minutes, 100, 1) for _ in range(size.rounds)]
    tenth = [measured(size.minutes // 10, 100, 1) for _ in range(size.rounds)]
    wide = [measured(size.minutes, 25, 4) for _ in range(size.rounds)]
    share = size.minutes / SIZES["full"].minutes
    count = size.minutes * 100
    note = f"target in proportion to the length; {full[0].firings} firings"
    seconds = tuple(ran.seconds for ran in full)
    yield Figure("Replay", f"{count:,} readings, a row each", seconds, "s", 60 * share, at_least=False, note=note)
    seconds = tuple(ran.seconds for ran in wide)
    yield Figure("Replay", f"{count:,} values, four a row", seconds, "s", note=f"{wide[0].firings} firings")
    yield Figure("Replay", "peak memory", tuple(ran.peak_mb for ran in full), "MB")
    growth = tuple(a.peak_mb / b.peak_mb for a, b in zip(full, tenth, strict=True))
    yield Figure("Replay", "peak memory / that of a tenth of the length", growth, target=1.1, at_least=False)
