"""The bounded queue in front of the writer: what cannot be taken is refused at once, never dropped later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Lock
from typing import Any, Generic, Protocol, TypeVar

from whenthen.errors import WhenthenError

Given = TypeVar("Given")
Answer_co = TypeVar("Answer_co", covariant=True)


class QueueFullError(WhenthenError):
    """There is no room: try again after *retry_after_seconds*."""

    code = "queue_full"

    def __init__(self, message: str, retry_after_seconds: float = 1.0) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class Ticket(Generic[Given]):
    """A promise of an answer, which comes once the commit is on the disk."""

    def __init__(self, received_us: int, instants: int = 1) -> None:
        self.received_us = received_us
        self.last_us = received_us + instants - 1
        """The last of the instants that are its own."""
        # Held until there is an answer: one lock is much cheaper than an event, and each reading has a ticket.
        self._pending = Lock()
        self._pending.acquire()
        self._value: Any = None
        self._error: BaseException | None = None

    def wait(self, timeout_seconds: float | None = None) -> Given:
        """Return the answer or raise what went wrong; ``TimeoutError`` if it takes longer than the timeout."""
        if not self._pending.acquire(timeout=-1 if timeout_seconds is None else timeout_seconds):
            raise TimeoutError("no commit yet; what was given may or may not be stored")
        self._pending.release()
        if self._error is not None:
            raise self._error
        value: Given = self._value
        return value

    def resolve(self, value: Any) -> None:
        """Give the answer."""
        self._value = value
        self._pending.release()

    def fail(self, error: BaseException) -> None:
        """Say what went wrong."""
        self._error = error
        self._pending.release()


class Item(Protocol[Answer_co]):
    """Something for the writer to do; see ``whenthen.runtime.writer.Core``.

    One that *writes* to the transaction by itself is given a savepoint, so that it leaves nothing when it raises. One
    that is several things says how many in ``instants``.
    """

    @property
    def writes(self) -> bool:
        """Whether it needs a savepoint."""

    def apply(self, core: Any) -> Answer_co:
        """Do it, within the commit that is being made, and return the answer."""


Entry = tuple[Item[Any], Ticket[Any]]


class Intake:
    """Takes items up to *capacity* and gives them out in order, each with the instant at which it came.

    No two items come at the same instant: so their instants alone tell their order, in what is stored, too. An item
    that is several things has as many instants, a microsecond apart.
    """

    def __init__(self, capacity: int, now_us: Callable[[], int]) -> None:
        self.capacity = capacity
        self.refused = 0
        """How many items there was no room for."""
        self._now_us = now_us
        self._entries: deque[Entry] = deque()
        self._changed = Condition()
        self._last_us = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, item: Item[Given], *, always: bool = False) -> Ticket[Given]:
        """Take an item; raises ``QueueFullError`` when there is no room or the intake is closed.

        With *always* it is taken nevertheless: results of what is already under way are bounded by that.
        """
        with self._changed:
            if not always and (self._closed or len(self._entries) >= self.capacity):
                self.refused += 1
                raise QueueFullError("shutting down" if self._closed else f"{self.capacity} items wait already")
            ticket: Ticket[Given] = Ticket(max(self._now_us(), self._last_us + 1), getattr(item, "instants", 1))
            self._last_us = ticket.last_us
            self._entries.append((item, ticket))
            self._changed.notify()
        return ticket

    def take(self, most: int, timeout_seconds: float | None) -> list[Entry]:
        """Return up to *most* items, waiting for the first; none if the timeout passes or ``wake`` is called."""
        with self._changed:
            if not self._entries:
                self._changed.wait(timeout_seconds)
            return [self._entries.popleft() for _ in range(min(most, len(self._entries)))]

    def wake(self) -> None:
        """Have ``take`` return."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Take nothing more, save what comes *always*."""
        with self._changed:
            self._closed = True
            self._changed.notify()
