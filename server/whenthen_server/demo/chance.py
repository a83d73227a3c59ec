"""Chance without memory: random numbers that only a seed, a name and a number decide.

They are drawn by hashing, so any instant can be asked for, in any order, and gives the same answer on any machine.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from statistics import NormalDist

_STANDARD = NormalDist()


def share(seed: int, name: str, number: int) -> float:
    """Return a number above 0 and below 1, evenly spread.

    >>> share(1, "rain", 7) == share(1, "rain", 7) != share(2, "rain", 7)
    True
    """
    digest = hashlib.blake2b(f"{seed}/{name}/{number}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


def bell(seed: int, name: str, number: int) -> float:
    """Return a number from the standard normal distribution."""
    return _STANDARD.inv_cdf(share(seed, name, number))


@lru_cache(maxsize=4096)
def _node(seed: int, name: str, number: int) -> float:
    return 2.0 * share(seed, name, number) - 1.0


def smooth_noise(seed: int, name: str, at_us: int, period_us: int) -> float:
    """Return smooth noise from -1 to 1: numbers drawn every *period_us*, joined by smooth steps."""
    number, rest = divmod(at_us, period_us)
    part = rest / period_us
    smooth = part * part * (3.0 - 2.0 * part)
    before, after = _node(seed, name, number), _node(seed, name, number + 1)
    return before + (after - before) * smooth
