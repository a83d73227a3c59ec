"""When a failed action is tried again."""

from __future__ import annotations

from collections.abc import Callable

from whenthen.clock import MINUTE_US, SECOND_US

DELAYS_US = (5 * SECOND_US, 30 * SECOND_US, 5 * MINUTE_US, 30 * MINUTE_US, 120 * MINUTE_US)
"""Before the first retry, the second, …; the last for all that follow. The first five of the schedule that the Standard
Webhooks specification recommends."""

_JITTER = 0.2


def delay_us(attempts: int, asked_us: int | None, random: Callable[[], float]) -> int:
    """Return how long to wait after *attempts* attempts, in microseconds.

    *asked_us* is what the target asked for (``Retry-After``): it is obeyed when it is longer. *random* gives numbers in
    [0, 1): many actions that failed together shall not come back together.

    >>> delay_us(1, None, lambda: 0.5)
    5000000
    >>> delay_us(1, 60_000_000, lambda: 0.5)
    60000000
    """
    usual_us = DELAYS_US[min(attempts, len(DELAYS_US)) - 1]
    jittered_us = round(usual_us * (1 + _JITTER * (2 * random() - 1)))
    return max(jittered_us, asked_us or 0)
