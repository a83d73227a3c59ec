"""How often callers may ask: each its share, and an address without good credentials a small one."""

from __future__ import annotations

import math

from whenthen.clock import Clock
from whenthen_server.api.rate import Buckets
from whenthen_server.api.request import Caller
from whenthen_server.problems import TooManyRequests
from whenthen_server.settings.values import Limits


class Gate:
    """Counts the requests of each caller, and of each address those that had no good credentials."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._callers = Buckets(
            size=limits.requests_per_second, per_second=limits.requests_per_minute / 60, most=limits.callers
        )
        self._refused = Buckets(
            size=limits.refused_per_minute, per_second=limits.refused_per_minute / 60, most=limits.callers
        )

    def admit(self, caller: Caller, address: str) -> None:
        """Count a request; raise ``TooManyRequests`` when the caller has used its share up."""
        who = address if caller.kind == "anonymous" else caller.id
        self._take(self._callers, f"{caller.kind}:{who}")

    def refused(self, address: str) -> None:
        """Count a request without good credentials; raise ``TooManyRequests`` when there were too many.

        Only such requests are counted and refused: whoever has a good key at the same address is not harmed.
        """
        self._take(self._refused, address)

    def _take(self, buckets: Buckets, key: str) -> None:
        wait = buckets.take(key, self._clock.now().timestamp())
        if wait > 0:
            seconds = math.ceil(wait)
            detail = f"Come back in {seconds} s, and ask less often."
            raise TooManyRequests(detail, headers={"Retry-After": str(seconds)})
