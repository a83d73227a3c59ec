"""Time: instants as whole microseconds, and the only place that reads a clock.

Inside the engine an instant is an ``int`` of microseconds since 1970-01-01T00:00Z, because due times are sums and a sum
of floats is not exact (0.1 s intervals drift); see ``docs/decisions/0003-time-in-microseconds.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter_ns
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Return an aware datetime as microseconds since the epoch.

    Raises ``ValueError`` for a datetime without an offset: whose local time would it be?

    >>> from datetime import UTC, datetime
    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if instant.tzinfo is None:
        msg = f"{instant.isoformat()} has no offset; give an aware datetime"
        raise ValueError(msg)
    return (instant - _EPOCH) // _MICROSECOND


def from_us(instant_us: int) -> datetime:
    """Return microseconds since the epoch as an aware UTC datetime.

    >>> from_us(1_500_000).isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """
    return _EPOCH + timedelta(microseconds=instant_us)


def seconds_us(seconds: float) -> int:
    """Return a number of seconds as whole microseconds, rounded to the nearest.

    >>> seconds_us(0.1)
    100000
    """
    return round(seconds * SECOND_US)


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""


Timer = Callable[[], int]
"""What measures how long something takes: nanoseconds from nowhere in particular, that only grow."""

system_timer: Timer = perf_counter_ns
"""The machine's timer."""


class SystemClock:
    """The machine's clock.

    >>> str(SystemClock().now().utcoffset())
    '0:00:00'
    """

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that a test turns by hand.

    >>> from datetime import UTC, datetime
    >>> clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    >>> clock.turn(seconds=90)
    >>> clock.now().isoformat()
    '2026-01-01T00:01:30+00:00'
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant that the clock was last turned to."""
        return self._now

    def turn(self, *, seconds: float) -> None:
        """Move the clock forward by *seconds*."""
        self._now += timedelta(seconds=seconds)
