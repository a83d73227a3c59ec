"""Runs the benchmarks: ``python benchmarks/run.py [--quick] [--markdown] [NAME ...]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

import table
from measure import DisagreementError, Figure

NAMES = (
    "w1",
    "w1b",
    "durations",
    "load",
    "replay",
    "expression",
    "plugins",
    "isolation",
    "server",
    "web",
    "latency",
    "sockets",
    "check",
    "explain",
    "coverage",
)


def measure(name: str, size: str) -> list[Figure]:
    """Return the figures of one workload, each printed as soon as it is known."""
    workload = importlib.import_module(name)
    figures = []
    for figure in workload.run(workload.SIZES[size]):
        print("  ".join(cell for cell in table.row(figure) if cell), file=sys.stderr, flush=True)
        figures.append(figure)
    return figures


def seeds(names: Sequence[str]) -> str:
    """Return the seed of each workload that draws its own numbers."""
    found = ((name, getattr(importlib.import_module(name), "SEED", None)) for name in names)
    return "seeds: " + ", ".join(f"{name} {seed}" for name, seed in found if seed is not None)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure whenthen against references in the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; all without one")
    parser.add_argument("--quick", action="store_true", help="shorter inputs and fewer rounds")
    parser.add_argument("--markdown", action="store_true", help="write the results into benchmarks/README.md")
    given = parser.parse_args(arguments)
    names = given.names or list(NAMES)
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    size = "quick" if given.quick else "full"
    try:
        figures = [figure for name in names for figure in measure(name, size)]
    except DisagreementError as error:
        print(f"not comparable: {error}", file=sys.stderr)
        return 1
    heading = [f"{table.machine()}; {size} size.", f"{table.versions()}; {seeds(names)}."]
    print(*heading, "", table.plain(figures), sep="\n")
    if given.markdown:
        table.write(figures, heading)
    return 0


if __name__ == "__main__":
    sys.exit(main())
