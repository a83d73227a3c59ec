"""Entries of a scenario's lists: which kind each is, told by its key, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from whenthen.dsl.validate import SchemaChecker, escaped
from whenthen.errors import Problem
from whenthen_schemas import load

ENTRIES = "timeline"
EXPECTATIONS = "expect"

_AMBIGUOUS: Mapping[str, tuple[str, ...]] = {ENTRIES: ("at",), EXPECTATIONS: ()}
"""Keys that other kinds of entry have, too: they tell the kind only when no other key does."""


def checked_entry(list_name: str, entry: Any, pointer: str, problems: list[Problem]) -> str | None:
    """Return the kind of an entry of that list, if nothing is wrong with it; else add what is to *problems*.

    >>> problems = []
    >>> checked_entry("timeline", {"at": "1m", "silence": "office"}, "/timeline/0", problems)
    'silence'
    >>> checked_entry("timeline", {"at": "1m", "device": "office", "vales": {}}, "/timeline/1", problems)
    >>> print(*problems)
    /timeline/1/vales: there is no field 'vales' (did you mean 'values'?)
    """
    kinds = _checkers(list_name)
    if not isinstance(entry, dict):
        problems.append(Problem("bad_type", pointer, "must be an object", f"with one of {', '.join(kinds)}"))
        return None
    kind = next((kind for kind in kinds if kind in entry), None)
    if kind is None or (kind in _AMBIGUOUS[list_name] and len(entry) > 1):
        problems.append(_kindless(entry, pointer, kinds))
        return None
    found = kinds[kind].problems(entry, pointer)
    problems += found
    return None if found else kind


def _kindless(entry: Mapping[str, Any], pointer: str, kinds: Mapping[str, SchemaChecker]) -> Problem:
    for name in entry:
        if name not in kinds and (near := get_close_matches(name, list(kinds), n=1)):
            return Problem(
                "unknown_field",
                f"{pointer}/{escaped(name)}",
                f"there is no field {name!r}",
                f"did you mean {near[0]!r}?",
            )
    return Problem("missing_field", pointer, "it does not say what it is", f"give one of {', '.join(kinds)}")


@cache
def _checkers(list_name: str) -> dict[str, SchemaChecker]:
    """Return by kind what checks an entry, in the order in which the kinds are tried."""
    places = load("scenario")["$defs"]
    return {
        name.partition(".")[2]: SchemaChecker({"$ref": f"#/$defs/{name}", "$defs": places})
        for name in places
        if name.startswith(f"{list_name}.")
    }
