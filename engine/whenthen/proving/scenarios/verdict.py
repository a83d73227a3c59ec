"""What became of one file of tests: it could not be read, or it was run and passed or failed; in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whenthen.errors import Problem
from whenthen.extend.registry import Registry
from whenthen.proving.played import Played
from whenthen.proving.scenarios.judge import Failure
from whenthen.proving.scenarios.run import run_scenario
from whenthen.proving.scenarios.scenario import read_scenario_file
from whenthen.proving.scenarios.told import Words
from whenthen.proving.unsound import InvalidScenarioError

_QUIET = ("sensor_stale", "sensor_recovered")
"""Kinds of notice that are part of a normal life."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of *file*: *problems* when it cannot be run, *failures* when something is not as expected.

    *notes* tell what the engine reported meanwhile (a refused reading, a plugin that failed). *played* and *places* are
    what ``keep`` writes.
    """

    file: Path
    name: str = ""
    problems: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    played: Played | None = None
    places: Mapping[str, Any] | None = None

    @property
    def outcome(self) -> str:
        """Return ``passed``, ``failed`` or ``invalid``."""
        return "invalid" if self.problems else "failed" if self.failures else "passed"

    def lines(self) -> Iterator[str]:
        """Yield what is wrong, and what was reported, for people."""
        yield from map(str, self.problems)
        for failure in self.failures:
            yield from failure.lines()
        yield from (f"note: {note}" for note in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as ``whenthen test --json`` prints it."""
        return {
            "file": str(self.file),
            "name": self.name,
            "outcome": self.outcome,
            "problems": [problem.to_json() for problem in self.problems],
            "failures": [failure.to_json() for failure in self.failures],
            "notes": list(self.notes),
        }


def scenario_verdict(file: Path, registry: Registry) -> Verdict:
    """Read and run the scenario of a file."""
    try:
        scenario = read_scenario_file(file, registry)
    except InvalidScenarioError as error:
        return Verdict(file, error.name, error.problems)
    outcome = run_scenario(scenario, registry)
    words = Words(scenario)
    notes = tuple(words.notice(notice) for notice in outcome.played.notices if notice.kind not in _QUIET)
    return Verdict(file, scenario.name, (), outcome.failures, notes, outcome.played, scenario.places)
