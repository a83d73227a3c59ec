"""A clock that runs faster than the machine's, so that a day at the farm passes while one looks on."""

from __future__ import annotations

from datetime import datetime

from whenthen.clock import Clock


class FastClock:
    """Runs *speed* times as fast as *clock*, from the instant at which it is made.

    >>> from datetime import UTC, datetime
    >>> from whenthen.clock import ManualClock
    >>> machine = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    >>> fast = FastClock(machine, 60)
    >>> machine.turn(seconds=1)
    >>> fast.now().isoformat()
    '2026-01-01T00:01:00+00:00'
    """

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._began = self._from = clock.now()

    def now(self) -> datetime:
        """Return the present instant of this clock, aware, UTC."""
        return self._from + (self._clock.now() - self._began) * self._speed

    def not_before(self, instant: datetime) -> None:
        """Go on from *instant*, if that is later: an earlier run may have got further."""
        if instant > self.now():
            self._began, self._from = self._clock.now(), instant
