"""Reports that wait to be taken: bounded, and equal ones of a failing plugin are one with a count."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from whenthen.model.firing import Notice

MAX_NOTICES = 10_000
"""So many reports wait; older ones go first."""

MAX_MESSAGES = 10
"""So many different messages of one failing plugin about one rule and subject are told apart between two takes."""

_Key = tuple[str | None, ...]


class Notices:
    """What there is to report, in order of first occurrence."""

    def __init__(self, limit: int = MAX_NOTICES) -> None:
        self._limit = limit
        self._waiting: dict[_Key | int, Notice] = {}
        self._repeated: Counter[_Key | int] = Counter()
        self._messages: Counter[_Key] = Counter()
        self._serial = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, notice: Notice) -> None:
        """Take a report that stands for itself."""
        self._serial += 1
        self._keep(self._serial, notice)

    def collapse(self, notice: Notice) -> None:
        """Take a report that may come a million times: by rule, subject and message it waits once, and is counted."""
        key = (notice.kind, notice.rule_id, notice.subject, notice.message)
        if key not in self._waiting:
            of = (notice.kind, notice.rule_id, notice.subject, notice.plugin)
            if self._messages[of] >= MAX_MESSAGES:
                notice = replace(notice, message=f"plugin {notice.plugin} fails in ever new words")
                key = (notice.kind, notice.rule_id, notice.subject, notice.message)
            else:
                self._messages[of] += 1
        if key in self._waiting:
            self._repeated[key] += 1
        else:
            self._keep(key, notice)

    def take(self) -> list[Notice]:
        """Return and forget everything, each with how often it happened."""
        taken = [
            replace(notice, count=1 + self._repeated.get(key, 0)) if key in self._repeated else notice
            for key, notice in self._waiting.items()
        ]
        self._waiting.clear()
        self._repeated.clear()
        self._messages.clear()
        return taken

    def _keep(self, key: _Key | int, notice: Notice) -> None:
        self._waiting[key] = notice
        if len(self._waiting) > self._limit:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._repeated.pop(oldest, None)
