"""The one place where scenarios meet promises: those that are given, and those that their rules make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whenthen.errors import Problem
from whenthen.extend.registry import Registry
from whenthen.proving.played import Played
from whenthen.proving.promises.monitor import Breach, broken
from whenthen.proving.promises.promise import Promise, read_promise, read_promises


@dataclass(frozen=True, slots=True)
class Given:
    """A promise, and where it stands: a JSON Pointer, below the name of the rule that makes it."""

    pointer: str
    promise: Promise
    rule: str = ""

    @property
    def place(self) -> str:
        """Return where it stands, for people."""
        return f"{self.rule}: {self.pointer}" if self.rule else self.pointer


def promises_given(
    documents: Iterable[tuple[str, Any]],
    rules: Sequence[Mapping[str, Any]],
    registry: Registry,
    problems: list[Problem],
) -> list[Given]:
    """Return the promises among (pointer, document), what is wrong added to *problems*; a text is a note for people."""
    found: list[Given] = []
    for pointer, document in documents:
        if not isinstance(document, str):
            promise, wrong = read_promise(document, pointer, registry=registry, rules=names_of(rules))
            problems += wrong
            found += [] if promise is None else [Given(pointer, promise)]
    return found


def promises_of(rules: Sequence[Mapping[str, Any]], registry: Registry, problems: list[Problem]) -> list[Given]:
    """Return the promises that *rules* make in their ``invariants``; what is wrong is added to *problems*."""
    found: list[Given] = []
    for rule in rules:
        for index, document in enumerate(rule.get("invariants", ())):
            read, wrong = read_promises([document], "/invariants", registry=registry, rule=rule, rules=names_of(rules))
            place = f"/invariants/{index}"
            problems += [Problem(one.code, place, f"{rule['name']}: {one.message}", one.hint) for one in wrong]
            found += [Given(place, promise, rule["name"]) for promise in read]
    return found


def names_of(rules: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids and names by which a promise may speak of *rules*, whose documents have ids."""
    return {name for rule in rules for name in (str(rule["id"]), str(rule["name"]))}


def breaches(given: Iterable[Given], played: Played) -> Iterator[tuple[Given, Breach]]:
    """Yield the promises that a played history breaks, and how."""
    for one in given:
        breach = broken(one.promise, played)
        if breach is not None:
            yield one, breach
