"""Load: ten thousand rules, a line of JSON each, in a process of their own: seconds, and memory after collection."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import w1
from measure import Figure, agree

CHILD = Path(__file__).with_name("load_child.py")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it; ten rules a device."""

    devices: int
    rounds: int


SIZES = {"full": Size(1_000, 5), "quick": Size(1_000, 2), "tiny": Size(5, 1)}


def _measure(rules: Path, devices: int) -> dict[str, float]:
    command = [sys.executable, str(CHILD), str(rules), str(devices)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def run(size: Size) -> Iterator[Figure]:
    """Load the rules of W1 again and again, each time in a new process."""
    docs = [rule.doc() for rule in w1.rules(size.devices)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.jsonl"
        path.write_text("\n".join(map(json.dumps, docs)), encoding="utf-8")
        told = [_measure(path, size.devices) for _ in range(size.rounds)]
    for lap in told:
        agree("load (rules instead of firings)", int(lap["rules"]), len(docs))

    def figure(what: str, key: str, unit: str, target: float | None = None, note: str = "") -> Figure:
        return Figure("Load", what, tuple(lap[key] for lap in told), unit, target, at_least=False, note=note)

    yield figure(f"{len(docs):,} rules validated and compiled", "loaded_s", "s", 2.0)
    yield figure("first reading of every sensor (binds the rules)", "met_s", "s")
    yield figure("memory above the interpreter's, rules loaded", "loaded_mb", "MB", 60.0)
    yield figure("the same, after the first readings", "met_mb", "MB", None, "every rule is bound, every value known")
    yield figure("of it, the imports without a rule", "imported_mb", "MB")
