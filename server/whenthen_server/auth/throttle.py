"""Slows down whoever keeps showing wrong credentials: five failures a minute, then a wait that doubles."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from threading import Lock

from whenthen.clock import MINUTE_US

_FAILURES = 5


@dataclass(slots=True)
class _Record:
    failed_us: deque[int] = field(default_factory=lambda: deque(maxlen=_FAILURES))
    until_us: int = 0
    strikes: int = 0


class Throttle:
    """Counts failures by name, in memory, for at most *capacity* names; times are the caller's clock's.

    >>> throttle = Throttle()
    >>> [throttle.failed("10.0.0.9", 0) for _ in range(5)]
    [0, 0, 0, 0, 60000000]
    >>> throttle.wait_us("10.0.0.9", 20_000_000)
    40000000
    """

    def __init__(self, *, longest_us: int = 60 * MINUTE_US, capacity: int = 10_000) -> None:
        self._longest_us = longest_us
        self._capacity = capacity
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._lock = Lock()

    def wait_us(self, name: str, now_us: int) -> int:
        """Return how long *name* has to wait yet, in microseconds; 0 when it need not."""
        record = self._records.get(name)
        left_us = 0 if record is None else record.until_us - now_us
        # More than the longest wait means that the clock was set back: nobody is shut out for a year by that.
        return left_us if 0 < left_us <= self._longest_us else 0

    def failed(self, name: str, now_us: int) -> int:
        """Count a failure; return how long *name* has to wait now, in microseconds: 1 min, then 2, 4, … up to 60."""
        with self._lock:
            record = self._records.pop(name, None) or _Record()
            self._records[name] = record
            if len(self._records) > self._capacity:
                self._records.popitem(last=False)
            record.failed_us.append(now_us)
            if len(record.failed_us) == _FAILURES and now_us - record.failed_us[0] < MINUTE_US:
                if now_us - record.until_us > self._longest_us:
                    record.strikes = 0  # so long ago that it is another story
                wait_us = min(MINUTE_US << min(record.strikes, 30), self._longest_us)
                record.until_us = now_us + wait_us
                record.strikes += 1
                record.failed_us.clear()
                return wait_us
            return 0

    def forgive(self, name: str) -> None:
        """Forget the failures of *name*: it has shown that it knows better."""
        if name in self._records:
            with self._lock:
                self._records.pop(name, None)
