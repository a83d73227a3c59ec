"""Searches for histories that break the promises of a file, one promise after the other, and keeps what it finds."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from whenthen.proving.promises.promisefile import PromiseSet, read_promise_file
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
    """What became of a file of promises: *broken* has each that a history was found for, of those in *promises*."""

    broken: tuple[Broken, ...] = ()
    promises: PromiseSet | None = None

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
            tried = f"{effort.tries:,} {'history' if effort.tries == 1 else 'histories'}"
            notes.append(f"kept in {tried} (seed {effort.seed}): {given.promise}")
        else:
            broken.append(Broken(given, found))
    failures = tuple(_failure(one, effort) for one in broken)
    told = tuple(notes)
    return PromiseVerdict(file, promises.name, (), failures, told, None, promises.places, tuple(broken), promises)


def _failure(broken: Broken, effort: Effort) -> Failure:
    lines = story(broken.found.played, broken.found.breach)
    return Failure(
        broken.given.place, f"{broken.given.promise}", (f"a history breaks it (seed {effort.seed}):", *lines)
    )


def file_names(name: str, found: Sequence[Broken]) -> list[str]:
    """Return what to call the files of each history of a file of promises called *name*, no two the same."""
    told = [one.given.promise.name or f"{one.given.rule or name} {number}" for number, one in enumerate(found, start=1)]
    slugs = [re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "promise" for text in told]
    often = Counter(slugs)
    return [slug if often[slug] == 1 else f"{slug}-{number}" for number, slug in enumerate(slugs, start=1)]


def keep_broken(folder: Path, name: str, promises: PromiseSet, broken: Broken) -> tuple[Path, str]:
    """Write a found history as a scenario, and beside it as files to replay; return the scenario and the command.

    *name* is that of the files, without an ending.
    The scenario expects the promise to be kept, by the rules as they stand in their files: it fails until these are
    mended, and guards them from then on. Raises ``OSError``.
    """
    played = broken.found.played
    places = None if played.directory is None else places_of(played.directory)
    scenario = folder / f"{name}.scenario.json"
    command = keep(folder / name, played, places)
    text = json.dumps(_scenario(broken, places, _rules(promises, folder)), ensure_ascii=False, indent=2)
    scenario.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return scenario, command


def _scenario(broken: Broken, places: Mapping[str, Any] | None, rules: Mapping[str, Any]) -> dict[str, Any]:
    played = broken.found.played
    start_us = min(map(_earliest, played.steps))
    own = {} if broken.given.rule else {"invariants": [dict(broken.given.promise.document)]}
    return {
        "name": str(broken.given.promise)[:200],
        "description": f"Found by a search: {broken.found.breach.reason}",
        **rules,
        **({} if places is None else {"devices": dict(places)}),
        "timezone": played.zone,
        "start": from_us(start_us).astimezone(ZoneInfo(played.zone)).isoformat(),
        "timeline": entries_of(played.steps, start_us, _spoken(played.rules)),
        **own,
    }


def _rules(promises: PromiseSet, folder: Path) -> dict[str, Any]:
    """Return what a scenario in *folder* says of the rules: files stay files, or mending them would mend nothing."""
    here = folder.resolve()
    rules = [
        os.path.relpath((promises.folder / given).resolve(), here) if isinstance(given, str) else dict(given)
        for given in promises.given
    ]
    return {"rules": rules, **({"only": list(promises.only)} if promises.only else {})}


def _spoken(rules: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return by id how rules are spoken of: by name where no other has it, for an id may be made of the content."""
    names = Counter(told for rule in rules for told in {str(rule["id"]), str(rule["name"])})
    return {str(rule["id"]): str(rule["name"]) for rule in rules if names[str(rule["name"])] == 1}


def _earliest(step: Step) -> int:
    at_us = instant_of(step)
    return at_us if not isinstance(step, Reading) or step.at_us is None else min(at_us, step.at_us)
