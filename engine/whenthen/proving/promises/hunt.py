"""Searches for histories that break the promises of a file, one promise after the other, and keeps what it finds."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.clock import from_us
from whenthen.extend.registry import Registry
from whenthen.model.reading import Reading
from whenthen.model.step import Step, instant_of
from whenthen.proving.keep import keep
from whenthen.proving.places import places_of
from whenthen.proving.promises.moves import FAULTS
from whenthen.proving.promises.promised import Given
from whenthen.proving.promises.promisefile import read_promise_file
from whenthen.proving.promises.search import SEED, TRIES, Found, search
from whenthen.proving.promises.story import story
from whenthen.proving.scenarios.entries import entries_of
from whenthen.proving.scenarios.judge import Failure
from whenthen.proving.scenarios.verdict import Verdict
from whenthen.proving.unsound import InvalidPromisesError


@dataclass(frozen=True, slots=True)
class Effort:
    """How a search is done: so many *tries* for each promise, drawn from *seed*; *faults* may go wrong meanwhile."""

    seed: int = SEED
    tries: int = TRIES
    faults: Collection[str] = FAULTS


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise and the history that was found to break it."""

    given: Given
    found: Found


@dataclass(frozen=True, slots=True)
class PromiseVerdict(Verdict):
    """What became of a file of promises: *broken* has each that a history was found for."""

    broken: tuple[Broken, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield what is wrong, each broken promise with its history, and which promises were kept, for people."""
        yield from map(str, self.problems)
        for failure in self.failures:
            yield from failure.lines()
        yield from self.notes


def promise_verdict(file: Path, registry: Registry, effort: Effort) -> PromiseVerdict:
    """Read the promises of a file, and search for a history that breaks each of them."""
    try:
        promises = read_promise_file(file, registry)
    except InvalidPromisesError as error:
        return PromiseVerdict(file, error.name, error.problems)
    broken: list[Broken] = []
    notes: list[str] = []
    for given in promises.promises:
        found = search(
            promises.rules,
            [given.promise],
            registry,
            directory=promises.directory,
            timezone=promises.zone,
            seed=effort.seed,
            tries=effort.tries,
            faults=[fault for fault in effort.faults if fault not in promises.without],
        )
        if found is None:
            notes.append(f"kept in {effort.tries:,} histories (seed {effort.seed}): {given.promise}")
        else:
            broken.append(Broken(given, found))
    failures = tuple(_failure(one, effort) for one in broken)
    return PromiseVerdict(file, promises.name, (), failures, tuple(notes), None, promises.places, tuple(broken))


def _failure(broken: Broken, effort: Effort) -> Failure:
    lines = story(broken.found.played, broken.found.breach)
    return Failure(
        broken.given.place, f"{broken.given.promise}", (f"a history breaks it (seed {effort.seed}):", *lines)
    )


def keep_broken(folder: Path, name: str, broken: Broken, number: int) -> tuple[Path, str]:
    """Write a found history as a scenario, and beside it as files to replay; return the scenario and the command.

    The scenario expects the promise to be kept: it fails until the rules are mended, and guards them from then on.
    Raises ``OSError``.
    """
    told = broken.given.promise.name or f"{broken.given.rule or name} {number}"
    slug = re.sub(r"[^a-z0-9]+", "-", told.lower()).strip("-")[:60] or f"promise-{number}"
    played = broken.found.played
    places = None if played.directory is None else places_of(played.directory)
    scenario = folder / f"{slug}.scenario.json"
    command = keep(folder / slug, played, places)
    text = json.dumps(_scenario(broken, places), ensure_ascii=False, indent=2)
    scenario.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return scenario, command


def _scenario(broken: Broken, places: Mapping[str, Any] | None) -> dict[str, Any]:
    played = broken.found.played
    start_us = min(map(_earliest, played.steps))
    own = {} if broken.given.rule else {"invariants": [dict(broken.given.promise.document)]}
    return {
        "name": str(broken.given.promise)[:200],
        "description": f"Found by a search: {broken.found.breach.reason}",
        "rules": [dict(rule) for rule in played.rules],
        **({} if places is None else {"devices": dict(places)}),
        "timezone": played.zone,
        "start": from_us(start_us).astimezone(ZoneInfo(played.zone)).isoformat(),
        "timeline": entries_of(played.steps, start_us),
        **own,
    }


def _earliest(step: Step) -> int:
    at_us = instant_of(step)
    return at_us if not isinstance(step, Reading) or step.at_us is None else min(at_us, step.at_us)
