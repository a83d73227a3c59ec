"""What ``whenthen test`` does with promises: the options of the search, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from whenthen.proving.promises.hunt import Effort, PromiseVerdict, file_names, keep_broken
from whenthen.proving.promises.moves import FAULTS
from whenthen.proving.promises.search import SEED, TRIES


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the search; ``effort_of`` knows what they said."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def effort_of(seed: int, tries: int, without: Iterable[str]) -> Effort:
    """Return what the options ask for."""
    return Effort(seed, tries, [fault for fault in FAULTS if fault not in set(without)])


@dataclass(frozen=True, slots=True)
class Kept:
    """A failure on disk: the *command* that shows it; of a broken *promise* also the *scenario* that guards it."""

    command: str
    promise: str | None = None
    scenario: Path | None = None

    def to_json(self) -> dict[str, str]:
        """Return what was kept as ``whenthen test --json`` prints it."""
        told = {"promise": self.promise, "scenario": self.scenario, "replay": self.command}
        return {name: str(value) for name, value in told.items() if value is not None}


def keep_all(verdict: PromiseVerdict, folder: Path) -> list[Kept]:
    """Write each history that was found, as a scenario and as files to replay. Raises ``OSError``."""
    if verdict.promises is None:
        return []
    name = verdict.name or verdict.file.name.partition(".")[0]
    kept: list[Kept] = []
    for file_name, broken in zip(file_names(name, verdict.broken), verdict.broken, strict=True):
        scenario, command = keep_broken(folder, file_name, verdict.promises, broken)
        kept.append(Kept(command, str(broken.given.promise), scenario))
    return kept


_OPTIONS = (
    click.option(
        "--seed", default=SEED, show_default=True, metavar="NUMBER", help="Search other histories for broken promises."
    ),
    click.option(
        "--tries",
        type=click.IntRange(1),
        default=TRIES,
        show_default=True,
        metavar="NUMBER",
        help="So many histories are tried for each promise.",
    ),
    click.option(
        "--without",
        multiple=True,
        metavar="FAULT",
        type=click.Choice(FAULTS),
        help=f"Let this not go wrong in the search: {', '.join(FAULTS)}. May be given several times.",
    ),
)
