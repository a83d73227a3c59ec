"""Remembers for a few seconds what the database said, so that a reading costs no query for its device's key."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from whenthen.clock import SECOND_US

T = TypeVar("T")


class Memory:
    """Values by name, each for *keep_us*, at most *capacity* of them; all go at once when something has changed.

    ``None`` is never remembered: names that are not there would fill it. *keep_us* bounds how long another process can
    go on with a key that was revoked here; in this process ``clear`` ends it at once.
    """

    def __init__(self, keep_us: int = 5 * SECOND_US, capacity: int = 20_000) -> None:
        self._keep_us = keep_us
        self._capacity = capacity
        self._values: dict[Hashable, tuple[int, Any]] = {}

    def get(self, name: Hashable, now_us: int, load: Callable[[], T | None]) -> T | None:
        """Return what is remembered as *name*, or else what *load* returns."""
        values = self._values
        found = values.get(name)
        if found is not None and 0 <= now_us - found[0] < self._keep_us:
            return cast("T", found[1])
        value = load()
        if value is not None:
            if len(values) >= self._capacity:
                values.clear()
            # Into the dict that was there before loading: if ``clear`` came in between, nobody will look into it.
            values[name] = (now_us, value)
        return value

    def clear(self) -> None:
        """Forget everything, also what is being loaded at this moment."""
        self._values = {}
