"""A file of tests of any kind: judged, and its failures kept with the commands that show them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from whenthen.dsl.read import PROMISES_ENDING, SCENARIO_ENDING, TEST_ENDINGS
from whenthen.extend.registry import Registry
from whenthen.proving.keep import keep
from whenthen.proving.promises.hunt import Effort, PromiseVerdict, file_names, keep_broken, promise_verdict
from whenthen.proving.promises.promisefile import makes_promises, taken_whole
from whenthen.proving.scenarios.verdict import Verdict, scenario_verdict


@dataclass(frozen=True, slots=True)
class Kept:
    """A failure on disk: the *command* that shows it; of a broken *promise* also the *scenario* that guards it."""

    command: str
    promise: str | None = None
    scenario: Path | None = None

    def lines(self) -> list[str]:
        """Return what was kept, for people."""
        written = [] if self.scenario is None else [f"kept as: {self.scenario}"]
        return [*written, f"see it with: {self.command}"]

    def to_json(self) -> dict[str, str]:
        """Return what was kept as ``whenthen test --json`` prints it."""
        told = {"promise": self.promise, "scenario": self.scenario, "replay": self.command}
        return {name: str(value) for name, value in told.items() if value is not None}


def is_test(file: Path) -> bool:
    """Tell whether a file is a scenario, promises, or rules of which one makes a promise."""
    return file.name.endswith(TEST_ENDINGS) or makes_promises(file)


def tests_in(folder: Path) -> list[Path]:
    """Return the files of tests below a folder, in order.

    Rules that a file of promises among them takes whole are left out: they are judged with it, beside their company.
    """
    found = sorted(file for file in folder.rglob("*.json") if is_test(file))
    promises = [file for file in found if file.name.endswith(PROMISES_ENDING)]
    taken = {_plain(file) for one in promises for file in taken_whole(one)}
    return [file for file in found if _plain(file) not in taken]


def judged(file: Path, registry: Registry, effort: Effort) -> Verdict:
    """Return what becomes of a scenario, or of a file of promises or of rules that make some."""
    if file.name.endswith(SCENARIO_ENDING):
        return scenario_verdict(file, registry)
    return promise_verdict(file, registry, effort)


def keep_failures(verdict: Verdict, folder: Path) -> list[Kept]:
    """Write each failure into *folder*, of which nothing is made when there is none. Raises ``OSError``."""
    if isinstance(verdict, PromiseVerdict) and verdict.promises is not None:
        name = verdict.name or verdict.file.name.partition(".")[0]
        named = zip(file_names(name, verdict.broken), verdict.broken, strict=True)
        promises = verdict.promises
        kept = [(broken, keep_broken(folder, file, promises, broken)) for file, broken in named]
        return [Kept(command, str(broken.given.promise), scenario) for broken, (scenario, command) in kept]
    if verdict.failures and verdict.played is not None:
        return [Kept(keep(folder, verdict.played, verdict.places))]
    return []


def _plain(file: Path) -> str:
    return os.path.normpath(file.absolute())
