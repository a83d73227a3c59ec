"""Numbers and texts that a document mentions: values near them are those that matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

_NUMBER = re.compile(r"-?\b\d{1,9}(?:\.\d{1,9})?\b", re.ASCII)


def numbers_in(value: Any) -> Iterator[float]:
    """Yield the finite numbers within a JSON value, those in texts (an expression's, say) among them.

    >>> list(numbers_in({"above": 5, "parts": [{"below": 7.5}, True, "co2 > -8"]}))
    [5, 7.5, -8.0]
    """
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers_in(inner)
    elif isinstance(value, str):
        yield from map(float, _NUMBER.findall(value)[:20])
    elif isinstance(value, int | float) and not isinstance(value, bool) and _fits(value):
        yield value


def texts_in(value: Any) -> Iterator[str | bool]:
    """Yield the texts and booleans within a JSON value."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, str | bool):
        yield value


def _fits(number: float) -> bool:
    return abs(number) < 1e300 if isinstance(number, int) else isfinite(number)
