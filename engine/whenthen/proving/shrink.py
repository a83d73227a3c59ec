"""A timeline made as short as it can be while something still holds of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whenthen.model.step import Step


def shrunk(steps: Sequence[Step], holds: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Return *steps* without those that *holds* does not need: first long runs of them are left out, then single ones.

    Nothing moves in time: what is left stays at its instant.

    >>> from whenthen.model.step import Tick
    >>> shrunk([Tick(1), Tick(2), Tick(3), Tick(4)], lambda left: Tick(3) in left)
    [Tick(at_us=3)]
    """
    left = list(steps)
    size = max(1, len(left) // 2)
    while True:
        before = len(left)
        start = 0
        while start < len(left):
            shorter = left[:start] + left[start + size :]
            if shorter and holds(shorter):
                left = shorter
            else:
                start += size
        if size == 1 and len(left) == before:
            return left
        size = max(1, size // 2)
