"""The results as people read them: a table on the screen, and the same in README.md between two markers."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from measure import Figure

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
HEAD = ("workload", "figure", "median", "min", "max", "target", "", "more")
PACKAGES = ("whenthen", "simpleeval", "rule-engine", "zen-engine", "business-rules", "json-logic-qubit")


def machine() -> str:
    """Return on what it was measured."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def versions() -> str:
    """Return what is installed of all that was compared."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _number(value: float, unit: str) -> str:
    return f"{value:.3g}" if unit == "x" else f"{value:.3g} {unit}"


def row(figure: Figure) -> tuple[str, ...]:
    """Return a figure's cells."""
    numbers = (_number(value, figure.unit) for value in (figure.median, min(figure.values), max(figure.values)))
    target = "" if figure.target is None else f"{'≥' if figure.at_least else '≤'} {_number(figure.target, figure.unit)}"
    verdict = {True: "met", False: "missed", None: ""}[figure.met]
    return (figure.workload, figure.what, *numbers, target, verdict, figure.note)


def plain(figures: Iterable[Figure]) -> str:
    """Return the table for a terminal, its columns aligned."""
    rows = [HEAD, *map(row, figures)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in rows
    )


def markdown(figures: Iterable[Figure]) -> str:
    """Return the table for README.md."""
    lines = [HEAD, ("---",) * len(HEAD), *map(row, figures)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(figures: Sequence[Figure], heading: Sequence[str]) -> None:
    """Put the results between README.md's markers."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    body = "\n\n".join([*heading, markdown(figures)])
    README.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")
