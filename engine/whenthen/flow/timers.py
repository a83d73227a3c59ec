"""What falls due, and when: one heap for everything that waits."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

FAR_US = 1 << 62
"""After every instant."""


class Waiting(Protocol):
    """Something with a due time. ``heap_us`` is the earliest entry that the heap holds for it."""

    due_us: int
    heap_us: int


class Timers:
    """Who waits until when.

    An entry is only pushed when it comes earlier than the one that is there; a due time that moved later is found out
    when the entry comes up. So a sensor that flaps does not fill the heap.
    """

    __slots__ = ("_count", "_heap", "next_us")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Waiting]] = []
        self._count = 0
        self.next_us = FAR_US

    def schedule(self, waiting: Waiting) -> None:
        """Make sure that *waiting* comes up at its ``due_us``."""
        due_us = waiting.due_us
        if due_us < waiting.heap_us:
            waiting.heap_us = due_us
            self._count += 1
            heappush(self._heap, (due_us, self._count, waiting))
            self.next_us = min(self.next_us, due_us)

    def next_due(self) -> int:
        """Return the earliest real due time, ``FAR_US`` when nothing waits."""
        heap = self._heap
        while heap:
            at_us, _, waiting = heap[0]
            if at_us == waiting.heap_us and at_us == waiting.due_us:
                break
            self._drop_stale()
        self.next_us = heap[0][0] if heap else FAR_US
        return self.next_us

    def _drop_stale(self) -> None:
        at_us, _, waiting = heappop(self._heap)
        if at_us != waiting.heap_us:
            return
        waiting.heap_us = FAR_US
        if waiting.due_us < FAR_US:
            self.schedule(waiting)

    def pop_due(self, at_us: int) -> Iterator[Waiting]:
        """Yield and forget everything due at or before *at_us*."""
        while self.next_due() <= at_us:
            _, _, waiting = heappop(self._heap)
            waiting.heap_us = FAR_US
            waiting.due_us = FAR_US
            yield waiting
        self.next_due()
