"""Rules and what they promise, read from a file: a set of promises over rules, or rules with promises of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whenthen.dsl.read import PROMISES_ENDING, UnreadableFileError, read_json, read_text, rule_files
from whenthen.dsl.validate import SchemaChecker
from whenthen.errors import Problem
from whenthen.extend.registry import Registry
from whenthen.ports import StaticDirectory
from whenthen.proving.places import Places, directory_of, zone_of
from whenthen.proving.promises.promised import Given, promises_given, promises_of
from whenthen.proving.scenarios.rulebook import read_rulebook
from whenthen.proving.unsound import InvalidPromisesError, read_document
from whenthen_schemas import load


@dataclass(frozen=True, slots=True)
class PromiseSet:
    """Promises, and the rules that keep them: documents, each with its id.

    *places* is the document of devices and farms, *zone* the IANA name of the zone of times that name none. *without*
    are the faults (``FAULTS``) in spite of which they need not be kept. *given* and *only* say which rules these are,
    in the file's own words; paths among them are relative to *folder*.
    """

    name: str
    rules: tuple[Mapping[str, Any], ...]
    promises: tuple[Given, ...]
    places: Places | None = None
    zone: str = "UTC"
    without: tuple[str, ...] = ()
    given: tuple[str | Mapping[str, Any], ...] = ()
    only: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def directory(self) -> StaticDirectory | None:
        """The devices and farms; ``None`` when there is no list of them."""
        return directory_of(self.places)


def read_promise_set(document: Any, registry: Registry, folder: Path) -> PromiseSet:
    """Return the promises that a document describes, and those of its rules; paths in it are relative to *folder*.

    Raises ``InvalidPromisesError`` with every problem.
    """
    problems = SchemaChecker(load("promises")).problems(document, "")
    if not isinstance(document, dict):
        raise InvalidPromisesError(tuple(problems))
    name = document.get("name") if isinstance(document.get("name"), str) else ""
    zone = str(zone_of(document, problems))
    given = document.get("rules")
    items = [item for item in given if isinstance(item, str | dict)] if isinstance(given, list) else []
    only = document.get("only")
    names = [told for told in only if isinstance(told, str)] if isinstance(only, list) else []
    rules = read_rulebook(items, names, folder, registry, problems).rules
    promises = document.get("invariants")
    listed = enumerate(promises) if isinstance(promises, list) else ()
    documents = [(f"/invariants/{index}", promise) for index, promise in listed]
    found = promises_given(documents, rules, registry, problems) + promises_of(rules, registry, problems)
    if not problems and not found:
        problems.append(Problem("missing_field", "/invariants", "nothing is promised", "say what must always hold"))
    if problems:
        raise InvalidPromisesError(tuple(problems), str(name))
    places, without = document.get("devices"), tuple(document.get("without", ()))
    return PromiseSet(str(name), rules, tuple(found), places, zone, without, tuple(items), tuple(names), folder)


def read_promise_file(path: Path, registry: Registry) -> PromiseSet:
    """Return the promises of a file, or of the rules in it.

    Raises ``InvalidPromisesError`` with every problem, also for a file that cannot be read.
    """
    if not path.name.endswith(PROMISES_ENDING):
        return read_promise_set({"rules": [path.name]}, registry, path.parent)
    return read_promise_set(read_document(path, InvalidPromisesError), registry, path.parent)


def makes_promises(path: Path) -> bool:
    """Tell whether a file holds rules of which one makes a promise; what cannot be read makes none."""
    try:
        document = read_json(read_text(path))
    except UnreadableFileError:
        return False
    rules = document if isinstance(document, list) else [document]
    return any(isinstance(rule, dict) and "actions" in rule and rule.get("invariants") for rule in rules)


def taken_whole(path: Path) -> Iterator[Path]:
    """Yield the files of which a file of promises takes every rule; what cannot be read takes none."""
    try:
        document = read_json(read_text(path))
    except UnreadableFileError:
        return
    if not isinstance(document, dict) or "only" in document or not isinstance(document.get("rules"), list):
        return
    for item in document["rules"]:
        if isinstance(item, str):
            yield from rule_files(path.parent / item)
