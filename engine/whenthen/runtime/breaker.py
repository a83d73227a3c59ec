"""A breaker for each target: what keeps failing is left alone for a while, then probed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from whenthen.clock import SECOND_US

MAX_FAILURES = 5
PROBE_AFTER_US = 30 * SECOND_US
_MAX_TARGETS = 10_000


@dataclass(slots=True)
class _Target:
    failures: int = 0
    closed_until_us: int = 0


class Breaker:
    """Counts failures in a row for each target; after ``MAX_FAILURES`` one attempt is let through every 30 s.

    >>> breaker = Breaker()
    >>> for _ in range(MAX_FAILURES):
    ...     breaker.failed("hooks.example.com", now_us=0)
    >>> breaker.wait_us("hooks.example.com", now_us=1_000_000)
    29000000
    """

    def __init__(self) -> None:
        self._targets: OrderedDict[str, _Target] = OrderedDict()

    def wait_us(self, target: str, now_us: int) -> int:
        """Return how long an attempt has to wait (microseconds), 0 if it may start; who may start is the probe."""
        known = self._targets.get(target)
        if known is None or known.failures < MAX_FAILURES:
            return 0
        if now_us < known.closed_until_us:
            return known.closed_until_us - now_us
        known.closed_until_us = now_us + PROBE_AFTER_US
        return 0

    def failed(self, target: str, now_us: int) -> None:
        """Count a failure."""
        known = self._targets.setdefault(target, _Target())
        known.failures += 1
        known.closed_until_us = now_us + PROBE_AFTER_US
        self._targets.move_to_end(target)
        if len(self._targets) > _MAX_TARGETS:
            self._targets.popitem(last=False)

    def succeeded(self, target: str) -> None:
        """Let everything through again."""
        self._targets.pop(target, None)

    def open(self) -> list[str]:
        """Return the targets that are being left alone."""
        return [name for name, known in self._targets.items() if known.failures >= MAX_FAILURES]
