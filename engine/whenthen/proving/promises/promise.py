"""Promises: what must hold in every history that rules may meet."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from whenthen.clock import seconds_us
from whenthen.dsl.promises import form_of, promise_problems, promises_problems
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import Problem
from whenthen.extend.registry import Registry
from whenthen.proving.offsets import told_span
from whenthen.proving.promises.proposition import Fired, Leaf, Proposition, leaves, read_proposition

_NOTHING = {"type": "log", "config": {"message": "asked"}}


@dataclass(frozen=True, slots=True)
class _Named(ABC):
    """The common part: *name* is what people call it, *document* how it was written."""

    name: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name or self.told()

    @abstractmethod
    def told(self) -> str:
        """Return the promise as a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Never(_Named):
    """*what* never holds; with *longer_than_us* never for longer than that without a break."""

    what: Proposition
    longer_than_us: int | None = None

    def told(self) -> str:
        """Return the promise as a sentence."""
        longer = "" if self.longer_than_us is None else f" for longer than {told_span(self.longer_than_us)}"
        return f"never: {self.what}{longer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Always(_Named):
    """*what* always holds."""

    what: Proposition

    def told(self) -> str:
        """Return the promise as a sentence."""
        return f"always: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart(_Named):
    """*first* and *second* never hold at once, and never begin less than *within_us* from one another."""

    first: Proposition
    second: Proposition
    within_us: int

    def told(self) -> str:
        """Return the promise as a sentence."""
        return f"never: {self.first}, and {self.second}, within {told_span(self.within_us)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whenever(_Named):
    """While *what* has held for *for_us*, *then* holds, at the latest *within_us* later."""

    what: Proposition
    for_us: int
    then: Proposition
    within_us: int

    def told(self) -> str:
        """Return the promise as a sentence."""
        held = f" for {told_span(self.for_us)}" if self.for_us else ""
        return f"whenever: {self.what}{held}, then within {told_span(self.within_us)}: {self.then}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMost(_Named):
    """*rule* (id or name) fires at most *count* times in any *per_us*, for each subject; people call it *called*."""

    count: int
    rule: str
    per_us: int
    called: str = field(default="", compare=False)

    def told(self) -> str:
        """Return the promise as a sentence."""
        firings = f"{self.count} firing{'s' * (self.count != 1)}"
        return f"at most {firings} of {self.called or self.rule} per {told_span(self.per_us)}"


Promise = Never | Always | Apart | Whenever | AtMost


def read_promises(
    document: Any,
    pointer: str = "",
    *,
    registry: Registry | None = None,
    rule: Mapping[str, Any] | None = None,
    rules: Collection[str] | None = None,
) -> tuple[tuple[Promise, ...], list[Problem]]:
    """Return the promises in a list, and everything that is wrong with it; texts in the list are notes for people.

    *pointer* is where the list stands. With *registry* the conditions are checked, too; *rule* is the document of the
    rule whose promises they are, *rules* the ids and names that a promise may use.

    >>> promises, problems = read_promises([{"never": {"channel": "pump", "is": "on"}, "longer_than_seconds": 600}])
    >>> print(*promises, problems)
    never: pump is "on" for longer than 10m []
    """
    reader = _Reader(registry, rule or {})
    problems = promises_problems(document, pointer, reader.condition_problems)
    if not isinstance(document, list):
        return (), problems
    found: list[Promise] = []
    for index, item in enumerate(document):
        place = f"{pointer}/{index}"
        if isinstance(item, str) or any(f"{problem.pointer}/".startswith(f"{place}/") for problem in problems):
            continue
        promise = reader.promise(item)
        wrong = [*_nameless(promise, place), *_unknown_rules(promise, place, rules)]
        problems += wrong
        if not wrong:
            found.append(promise)
    return tuple(found), problems


def read_promise(
    document: Any,
    pointer: str = "",
    *,
    registry: Registry | None = None,
    rules: Collection[str] | None = None,
) -> tuple[Promise | None, list[Problem]]:
    """Return one promise, ``None`` if anything is wrong with it, and all that is wrong; see ``read_promises``."""
    reader = _Reader(registry, {})
    problems = promise_problems(document, pointer, reader.condition_problems)
    if problems:
        return None, problems
    promise = reader.promise(document)
    problems = [*_nameless(promise, pointer), *_unknown_rules(promise, pointer, rules)]
    return (None if problems else promise), problems


def leaves_of(promise: Promise) -> Iterator[Leaf]:
    """Yield the channels, firings and conditions that a promise is about."""
    for part in _propositions(promise):
        yield from leaves(part)


def _propositions(promise: Promise) -> tuple[Proposition, ...]:
    match promise:
        case Never() | Always():
            return (promise.what,)
        case Apart():
            return promise.first, promise.second
        case Whenever():
            return promise.what, promise.then
        case AtMost():
            return (Fired(promise.rule),)


class _Reader:
    """Turns sound documents into promises, conditions judged with a rule's scope and variables."""

    def __init__(self, registry: Registry | None, rule: Mapping[str, Any]) -> None:
        self._compiler = None if registry is None else RuleCompiler(registry)
        self._rule = rule

    def condition_problems(self, condition: Any, pointer: str) -> list[Problem]:
        """Return what is wrong with a condition, as far as it is known which there are."""
        return [] if self._compiler is None else self._compiler.condition_problems(condition, pointer)

    def promise(self, document: Mapping[str, Any]) -> Promise:
        """Return the promise that a sound document describes."""
        rule = self._rule
        named: dict[str, Any] = {"name": document.get("name", ""), "document": _standing_alone(document, rule)}
        within_us = seconds_us(document.get("within_seconds", 0))
        match form_of(document):
            case "never":
                longer = document.get("longer_than_seconds")
                longer_us = None if longer is None else seconds_us(longer)
                return Never(**named, what=self._read(document["never"]), longer_than_us=longer_us)
            case "apart":
                first, second = map(self._read, document["never"])
                return Apart(**named, first=first, second=second, within_us=within_us)
            case "always":
                return Always(**named, what=self._read(document["always"]))
            case "whenever":
                what, then = self._read(document["whenever"]), self._read(document["then"])
                for_us = seconds_us(document.get("for_seconds", 0))
                return Whenever(**named, what=what, for_us=for_us, then=then, within_us=within_us)
        whose = document.get("fires_of") or rule.get("id") or rule.get("name", "")
        called = "" if document.get("fires_of") else rule.get("name", "")
        per_us = seconds_us(document["per_seconds"])
        return AtMost(**named, count=document["at_most"], rule=whose, per_us=per_us, called=called)

    def _read(self, document: Mapping[str, Any]) -> Proposition:
        return read_proposition(document, self._rule, self._described)

    def _described(self, condition: Mapping[str, Any]) -> str:
        if self._compiler is None:
            return ""
        trial = {"name": "a", "trigger": {"type": "manual"}, "conditions": [condition], "actions": [_NOTHING]}
        return self._compiler.compile(trial).conditions[0].condition.describe()


def _standing_alone(document: Mapping[str, Any], rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a promise that means the same outside of its rule."""
    alone: dict[str, Any] = json.loads(json.dumps(document))
    if "at_most" in alone and "fires_of" not in alone and rule:
        alone["fires_of"] = rule.get("id") or rule["name"]
    return alone


def _nameless(promise: Promise, pointer: str) -> list[Problem]:
    if isinstance(promise, AtMost) and not promise.rule:
        message = "the field 'fires_of' is missing"
        return [
            Problem("missing_field", pointer, message, "outside of a rule the promise says whose firings it counts")
        ]
    return []


def _unknown_rules(promise: Promise, pointer: str, rules: Collection[str] | None) -> Iterable[Problem]:
    """Say which rules a promise speaks of that are not there."""
    if rules is None:
        return ()
    named = dict.fromkeys(leaf.rule for leaf in leaves_of(promise) if isinstance(leaf, Fired))
    return [_unknown_rule(pointer, name, rules) for name in named if name not in rules]


def _unknown_rule(pointer: str, name: str, rules: Collection[str]) -> Problem:
    near = get_close_matches(name, rules, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(rules))}"
    return Problem("unknown_rule", pointer, f"there is no rule {name!r}", hint)
