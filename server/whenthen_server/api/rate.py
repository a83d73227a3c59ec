"""How often a caller may ask: a bucket of tokens for each, with the time given."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class Buckets:
    """Buckets of *size* tokens that refill at *per_second*; the *most* recently used keys are remembered.

    >>> buckets = Buckets(size=2, per_second=0.5, most=10)
    >>> [buckets.take("dev-1", 0.0) for _ in range(3)]
    [0.0, 0.0, 2.0]
    """

    def __init__(self, *, size: float, per_second: float, most: int) -> None:
        self._size = size
        self._per_second = per_second
        self._most = most
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now_seconds: float) -> float:
        """Take one token at *now_seconds* and return 0, or the seconds until there is one."""
        with self._lock:
            tokens = self._level(key, now_seconds)
            short = 1.0 - tokens
            self._put(key, tokens if short > 0 else tokens - 1.0, now_seconds)
        return short / self._per_second if short > 0 else 0.0

    def wait(self, key: str, now_seconds: float) -> float:
        """Return the seconds until there is a token, without taking one."""
        with self._lock:
            short = 1.0 - self._level(key, now_seconds)
        return max(0.0, short / self._per_second)

    def _level(self, key: str, now: float) -> float:
        tokens, then = self._buckets.get(key, (self._size, now))
        # A clock that is set back gives nothing, and takes nothing.
        return min(self._size, tokens + max(0.0, now - then) * self._per_second)

    def _put(self, key: str, tokens: float, now: float) -> None:
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
