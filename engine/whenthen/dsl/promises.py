"""Promises (a rule's ``invariants``) as they are written: all mistakes at once, with the form that was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from difflib import get_close_matches
from functools import cache
from typing import Any

from whenthen.dsl.validate import SchemaChecker, escaped
from whenthen.errors import Problem
from whenthen_schemas import load

CheckCondition = Callable[[Any, str], list[Problem]]
"""Takes a condition and where it stands, returns what is wrong with it."""

FORMS = ("never", "always", "whenever", "at_most")
PROPOSITIONS = ("channel", "fired", "condition", "not", "all", "any")

MAX_DEPTH = 20
"""So deep may propositions be nested."""

_HOLDERS = ("never", "always", "whenever", "then")
"""Fields of a promise that hold propositions."""


def promises_problems(promises: Any, pointer: str, condition: CheckCondition) -> list[Problem]:
    """Return what is wrong with a list of promises; texts in it are notes for people."""
    if not isinstance(promises, list):
        return [Problem("bad_type", pointer, "must be a list of promises", "write [{…}]")]
    return [
        problem
        for index, item in enumerate(promises)
        if not isinstance(item, str)
        for problem in promise_problems(item, f"{pointer}/{index}", condition)
    ]


def promise_problems(promise: Any, pointer: str, condition: CheckCondition) -> list[Problem]:
    """Return what is wrong with one promise, its propositions and the conditions in them.

    >>> [problem.hint for problem in promise_problems({"nevr": {}}, "/invariants/0", lambda item, pointer: [])]
    ["is 'nevr' meant to be 'never'?"]
    """
    problem = _misfit(promise, pointer, FORMS, "promise")
    if problem is not None:
        return [problem]
    found = _checker(form_of(promise)).problems(promise, pointer)
    bad_places = {problem.pointer for problem in found}
    for name in _HOLDERS:
        place = f"{pointer}/{name}"
        if name not in promise or place in bad_places:
            continue
        value = promise[name]
        parts = enumerate(value) if isinstance(value, list) and name == "never" else ((None, value),)
        for index, part in parts:
            found += _proposition(part, place if index is None else f"{place}/{index}", condition)
    return found


def form_of(promise: Mapping[str, Any]) -> str:
    """Return the form's name in the schema: two things that never come together are ``apart``."""
    if isinstance(promise.get("never"), list):
        return "apart"
    return next(form for form in FORMS if form in promise)


def _proposition(value: Any, pointer: str, condition: CheckCondition, depth: int = 0) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield Problem("too_deep", pointer, f"propositions are nested more than {MAX_DEPTH} deep", "flatten them")
        return
    problem = _misfit(value, pointer, PROPOSITIONS, "proposition")
    if problem is not None:
        yield problem
        return
    kind = next(name for name in PROPOSITIONS if name in value)
    place = f"{pointer}/{kind}"
    found = _checker(kind).problems(value, pointer)
    yield from found
    if any(problem.pointer == place for problem in found):
        return
    if kind == "condition":
        yield from condition(value[kind], place)
    elif kind == "not":
        yield from _proposition(value[kind], place, condition, depth + 1)
    elif kind in ("all", "any"):
        for index, part in enumerate(value[kind]):
            yield from _proposition(part, f"{place}/{index}", condition, depth + 1)


def _misfit(value: Any, pointer: str, forms: tuple[str, ...], what: str) -> Problem | None:
    """Tell why a value has none of the forms, or more than one."""
    if not isinstance(value, dict):
        return Problem(
            "bad_type", pointer, f"a {what} is an object", f"one that has {', '.join(forms[:-1])} or {forms[-1]}"
        )
    found = [form for form in forms if form in value]
    if len(found) == 1:
        return None
    if found:
        message = f"{' and '.join(found)} are both given"
        return Problem("bad_value", f"{pointer}/{escaped(found[1])}", message, f"make each a {what} of its own")
    message = f"this is no {what}: it has none of {', '.join(forms)}"
    near = [(name, meant) for name in value for meant in get_close_matches(name, forms, n=1)]
    hint = f"is {near[0][0]!r} meant to be {near[0][1]!r}?" if near else "give one of them"
    return Problem("missing_field", pointer, message, hint)


@cache
def _checker(form: str) -> SchemaChecker:
    """Return the checker of one form; the propositions in it are left open, they are checked one by one."""
    schema: dict[str, Any] = deepcopy(load("promise")["$defs"][form])
    for place in schema["properties"].values():
        if place.get("$ref") == "#/$defs/proposition":
            place.clear()
        elif place.get("items", {}).get("$ref") == "#/$defs/proposition":
            place["items"] = {}
        elif form == "condition":
            place.pop("required", None)
    return SchemaChecker(schema)
