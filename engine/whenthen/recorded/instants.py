"""Timestamps of recorded rows as instants."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Any

from whenthen.clock import SECOND_US, to_us

_SECONDS = re.compile(r"\d{9,10}(\.\d+)?")
_MILLISECONDS = re.compile(r"\d{12,13}")
_KEPT = 4_096
"""Rows of one instant stand close together in a file."""

_YEARS = range(1970, 2101)
"""Beyond these a timestamp is a mistake, and one mistake would send the engine's clock there for good."""


class Instants:
    """Reads timestamps; those without an offset are local times of *zone*.

    A local time that occurs twice (clocks go back) is the first one, unless that would send its device back in time.

    >>> from zoneinfo import ZoneInfo
    >>> instants = Instants(ZoneInfo("Europe/Brussels"))
    >>> instants.read("2015-02-04T18:00:00", "office") == instants.read("2015-02-04 17:00:00Z", "office")
    True
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._last_doubled: dict[str, int] = {}
        self.known: dict[str, int] = {}
        """Texts read before whose meaning hangs on nothing else: a look here saves most of the work."""

    def read(self, text: str, device: str) -> int:
        """Return an ISO 8601 time, or a number of seconds or milliseconds since 1970, in microseconds.

        Raises ``ValueError`` with a sentence for a person.
        """
        instant = self._number(text.strip())
        if instant is None:
            local = self._local(text.strip())
            if local.tzinfo is self._zone and local.utcoffset() != local.replace(fold=1).utcoffset():
                return self._doubled(local, device)
            instant = to_us(local)
        if len(self.known) >= _KEPT:
            self.known.clear()
        self.known[text] = instant
        return instant

    def read_json(self, value: Any, device: str) -> int:
        """Return the instant that a JSON value gives: a text as in ``read``, or a number of seconds."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError("the timestamp is neither text nor a number")
        return self.read(str(value), device)

    @staticmethod
    def _number(text: str) -> int | None:
        if _SECONDS.fullmatch(text):
            return round(float(text) * SECOND_US)
        if _MILLISECONDS.fullmatch(text):
            return int(text) * 1_000
        return None

    def _local(self, text: str) -> datetime:
        if not text:
            raise ValueError("there is no timestamp")
        try:
            instant = datetime.fromisoformat(text)
            aware = instant if instant.tzinfo else instant.replace(tzinfo=self._zone)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no time; write it as 2026-03-01T14:30:00") from None
        if aware.year not in _YEARS:
            raise ValueError(f"the year of {text[:40]!r} is not between {_YEARS[0]} and {_YEARS[-1]}")
        return aware

    def _doubled(self, local: datetime, device: str) -> int:
        # A gap in spring also has two offsets; its second reading is the earlier one, so the first is kept.
        first, second = to_us(local), to_us(local.replace(fold=1))
        instant = second if first < self._last_doubled.get(device, first) and second > first else first
        self._last_doubled[device] = instant
        return instant
