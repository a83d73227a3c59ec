"""A scenario: rules, a history, and what must and must not happen in it; read from a document with every problem."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.dsl.validate import SchemaChecker, too_large
from whenthen.errors import Problem
from whenthen.extend.registry import Registry
from whenthen.model.step import Restart, Step, Tick, instant_of
from whenthen.ports import StaticDirectory
from whenthen.proving.offsets import read_start
from whenthen.proving.places import Places, directory_of, zone_of
from whenthen.proving.promises.promised import Given, promises_given, promises_of
from whenthen.proving.scenarios.entry import ENTRIES, EXPECTATIONS
from whenthen.proving.scenarios.expect import Expectation, read_expectations
from whenthen.proving.scenarios.history import History
from whenthen.proving.scenarios.rulebook import read_rulebook
from whenthen.proving.unsound import InvalidScenarioError, read_document
from whenthen_schemas import load

MOST_CHARACTERS = 10_000_000
"""A longer scenario is a recording: replay it."""

DEFAULT_START = "2026-01-05T00:00:00"
"""A Monday, local to the scenario's zone."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A history and what is expected of it; instants are microseconds since the epoch.

    *rules* are documents, each with its id; *steps* begin and end with the instants between which time passes. *places*
    is the document of devices and farms, *zone* the IANA name of the zone of times that name none.
    """

    name: str
    rules: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]
    expectations: tuple[Expectation, ...]
    promises: tuple[Given, ...] = ()
    places: Places | None = None
    zone: str = "UTC"
    description: str = ""

    @property
    def start_us(self) -> int:
        """When it begins."""
        return instant_of(self.steps[0])

    @property
    def end_us(self) -> int:
        """When it ends."""
        return instant_of(self.steps[-1])

    @property
    def directory(self) -> StaticDirectory | None:
        """The devices and farms; ``None`` when the devices are those of the readings."""
        return directory_of(self.places)


def read_scenario(document: Any, registry: Registry, folder: Path) -> Scenario:
    """Return the scenario that a document describes; paths in it are relative to *folder*.

    Raises ``InvalidScenarioError`` with every problem.
    """
    refusal = too_large(document, MOST_CHARACTERS)
    problems = _frame().problems(document, "") if refusal is None else [refusal]
    if refusal is not None or not isinstance(document, dict):
        raise InvalidScenarioError(tuple(problems))
    zone = zone_of(document, problems)
    start_us = _start(document, zone, problems)
    rules = read_rulebook(
        [item for item in _list(document, "rules") if isinstance(item, str | dict)],
        [told for told in _list(document, "only") if isinstance(told, str)],
        folder,
        registry,
        problems,
    )
    history = History(start_us, zone, rules, problems)
    steps = history.steps(_list(document, "timeline"))
    expectations, given = read_expectations(_list(document, "expect"), history, rules, start_us, problems)
    given += [(f"/invariants/{index}", promise) for index, promise in enumerate(_list(document, "invariants"))]
    promises = promises_given(given, rules.rules, registry, problems)
    promises += promises_of(rules.rules, registry, problems)
    if not problems and not expectations and not promises:
        problems.append(
            Problem("missing_field", "/expect", "nothing is expected", "say what must happen, and what must not")
        )
    if problems:
        name = document.get("name")
        raise InvalidScenarioError(tuple(problems), name if isinstance(name, str) else "")
    last_us = max([start_us, *map(_end_of, steps), *(one.last_us for one in expectations)])
    return Scenario(
        document["name"],
        rules.rules,
        _spanned(start_us, steps, last_us),
        expectations,
        tuple(promises),
        document.get("devices"),
        str(zone),
        document.get("description", ""),
    )


def read_scenario_file(path: Path, registry: Registry) -> Scenario:
    """Return the scenario of a file; raises ``InvalidScenarioError``, also for a file that cannot be read."""
    return read_scenario(read_document(path, InvalidScenarioError), registry, path.parent)


@cache
def _frame() -> SchemaChecker:
    """Return what checks all but the entries of lists, which are checked by kind."""
    schema = deepcopy(load("scenario"))
    for name in (ENTRIES, EXPECTATIONS):
        schema["properties"][name]["items"] = {}
    return SchemaChecker(schema)


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list of the document; what is none has been told by its schema."""
    given = document.get(name)
    return given if isinstance(given, list) else []


def _start(document: Mapping[str, Any], zone: ZoneInfo, problems: list[Problem]) -> int:
    given = document.get("start", DEFAULT_START)
    try:
        return read_start(given if isinstance(given, str) else DEFAULT_START, zone)
    except ValueError as error:
        problems.append(Problem("bad_time", "/start", str(error)))
        return read_start(DEFAULT_START, zone)


def _end_of(step: Step) -> int:
    return instant_of(step) + (step.down_us if isinstance(step, Restart) else 0)


def _spanned(start_us: int, steps: tuple[Step, ...], last_us: int) -> tuple[Step, ...]:
    """Return the steps with time passing before and after them, where it does."""
    if not steps or instant_of(steps[0]) > start_us:
        steps = (Tick(start_us), *steps)
    return steps if instant_of(steps[-1]) == last_us else (*steps, Tick(last_us))
