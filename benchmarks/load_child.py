"""Loads rules in a process of its own, for load.py, and prints what each step took as JSON."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from pathlib import Path

PAGE_BYTES = 4096
MB = 1e6


def rss_bytes() -> int:
    """Return the memory that this process holds now, garbage collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def measured(rules: Path, devices: int) -> dict[str, float]:
    """Load the rules, then let every sensor of every device report once."""
    bare = rss_bytes()
    # Imported only now, because what that takes is part of the figure.
    ours, w1 = importlib.import_module("ours"), importlib.import_module("w1")
    ours.registry()
    imported, start = rss_bytes(), time.perf_counter()
    with rules.open(encoding="utf-8") as lines:
        engine = ours.engine_of(map(json.loads, lines))
    loaded_s = time.perf_counter() - start
    loaded, count = rss_bytes(), len(engine.rule_ids)
    readings = w1.readings(w1.warm_up(devices), ours.START_US, devices * len(w1.SENSORS))
    start = time.perf_counter()
    ours.feed(engine, readings)
    met_s = time.perf_counter() - start
    del readings
    met = rss_bytes()
    return {
        "rules": count,
        "loaded_s": loaded_s,
        "met_s": met_s,
        "imported_mb": (imported - bare) / MB,
        "loaded_mb": (loaded - bare) / MB,
        "met_mb": (met - bare) / MB,
    }


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]))))
