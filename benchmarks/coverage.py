"""Coverage: for every example rule, timelines found by the program reach its outcomes and tell its mutants apart."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Figure

from whenthen.extend.host import load_registry
from whenthen.proving.mutation.explore import Exploration, explore
from whenthen.proving.mutation.suggest import suggest

SEED = 0
ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "examples/rules", ROOT / "server/whenthen_server/demo/rules")


@dataclass(frozen=True, slots=True)
class Size:
    """Every how many-th of the rules is looked at."""

    every: int


SIZES = {"full": Size(1), "quick": Size(5), "tiny": Size(20)}


def rules() -> list[dict[str, Any]]:
    """Return every rule of the examples and of the demo."""
    pages = [
        json.loads(file.read_text(encoding="utf-8")) for folder in FOLDERS for file in sorted(folder.glob("*.json"))
    ]
    return [rule for page in pages for rule in (page if isinstance(page, list) else [page])]


def run(size: Size) -> Iterator[Figure]:
    """Search for each rule, write the scenarios, and count what those kill; time is the processor's, as in all laps."""
    registry = load_registry()
    seconds, killed, reached = [], [], []
    mutants = 0
    for rule in rules()[:: size.every]:
        started = time.process_time()
        found = explore(rule, registry, seed=SEED)
        written = suggest(found, registry, rule, Path())
        seconds.append(max(time.process_time() - started, 1e-9))
        killed.append(100 * sum(len(one.kills) for one in written) / len(found.mutants.made))
        reached.append(_reached(found))
        mutants += len(found.mutants.made)
    note = f"{len(seconds)} rules, {mutants} mutants, {sum(seconds) / len(seconds):.2g} s a rule on average"
    yield Figure("Coverage", "slowest rule", (max(seconds),), "s", 10, at_least=False, note=note)
    note = f"median rule {sorted(killed)[len(killed) // 2]:.3g} %"
    yield Figure("Coverage", "mutants killed, worst rule", (min(killed),), "%", 90, note=note)
    yield Figure("Coverage", "outcomes reached, worst rule", (min(reached),), "%", 100)


def _reached(found: Exploration) -> float:
    return 100 * (1 - len(found.unreached) / len(found.possible)) if found.possible else 100.0
