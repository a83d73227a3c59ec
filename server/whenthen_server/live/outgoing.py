"""The bounded queue of one client: it stands where Engine.IO would put one without an end.

Engine.IO takes its packets out of ``Socket.queue``, an unbounded ``queue.Queue`` that grows with a client that does not
read (measured: 350 MB in 45 s, without an error). This one takes its place: a packet for the same thing replaces the
one that still waits, and a client that lets more wait than is allowed is cut off, with the reason as its last message.

What comes while nothing waits is written at once, past the queue, and wakes no thread.
"""

from __future__ import annotations

import queue
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Condition, Lock
from typing import Any

from engineio import packet as engine_packet

from whenthen_server.live.line import Line
from whenthen_server.live.packets import Batch, Nothing, event, leave

MOST_MESSAGES = 256
MOST_BYTES = 1_000_000
_AT_ONCE_BYTES = 32_000
"""So much Engine.IO may take out at once: what it has taken is no longer counted, but still in memory."""
_AT_ONCE_MESSAGES = 16
"""So many, too: Engine.IO's own Python client ends its connection over more in one answer to a long poll."""


@dataclass(frozen=True, slots=True)
class _Entry:
    packet: Any
    size: int
    order: int


class Outgoing:
    """Packets that wait for one client, in order; of the same *key* only the newest. Safe for any thread.

    *cut_for* is why the client was cut off, or ``None``.
    """

    def __init__(self, most: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self.cut_for: str | None = None
        self._line: Line | None = None
        self._is_upgraded: Callable[[], bool] = lambda: False
        self._most = most
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._bytes = 0
        self._lent = self._lent_bytes = 0
        self._slow = False
        # Engine.IO's thread waits for a packet, so it has sent all that it took; a long poll waits the same way.
        self._idle = False
        self._lock = Lock()
        self._changed = Condition(self._lock)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Return the bytes that wait."""
        return self._bytes

    # For us

    def attach(self, line: Line, is_upgraded: Callable[[], bool]) -> None:
        """Have a WebSocket; it is written to once it is the client's only connection.

        What is blocked in writing to it is freed by ``hang_up``.
        """
        with self._lock:
            self._line, self._is_upgraded = line, is_upgraded

    def send(self, batch: Batch) -> int:
        """Write what the connection takes at once, if nothing waits; returns how many of the batch that were.

        The others are for ``put``. Never waits.
        """
        with self._lock:
            line = self._line
            if line is None or not self._idle or self._entries or self.cut_for is not None or not self._is_upgraded():
                return 0
            done = line.offer(batch)
            if line.has_rest:
                self._add(Nothing(), None, 0)
                self._changed.notify_all()
            return done

    def put(self, packet: Any, *, key: Hashable | None = None, order: int = 0) -> None:
        """Have a packet sent; ``None`` is the end. Never waits.

        A packet of the same *key* that still waits is replaced, unless its *order* (an instant) is greater.
        """
        with self._changed:
            if self.cut_for is not None and packet is not None:
                return
            self._add(packet, key, order)
            if len(self._entries) > self._most or self._bytes > self._most_bytes:
                self._end("too_slow")
            self._changed.notify_all()

    def await_room(self, seconds: float) -> None:
        """Give a client that reads a moment to get below half of what may wait; one that does not use it gets no more.

        One commit may bring more messages than may wait; only who does not read them shall be cut off for that.
        """
        with self._changed:
            if not self._slow and self._is_half_full():
                self._slow = not self._changed.wait_for(lambda: not self._is_half_full(), seconds)

    def cut(self, reason: str) -> None:
        """Drop what waits, tell the client why, and end its connection. The first reason stands."""
        with self._changed:
            if self.cut_for is None:
                self._end(reason)
                self._changed.notify_all()

    def hang_up(self) -> None:
        """End the TCP connection at once, whoever reads or writes."""
        self.put(None)
        if self._line is not None:
            self._line.shutdown()

    # What Engine.IO does with a queue

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return the next packet; raises ``queue.Empty`` when none comes within *timeout* seconds."""
        with self._changed:
            if block:
                self._lent = self._lent_bytes = 0
                self._idle = True
                self._changed.wait_for(lambda: self._entries, timeout)
                self._idle = False
            if not self._entries or self._lent >= _AT_ONCE_MESSAGES or self._lent_bytes > _AT_ONCE_BYTES:
                raise queue.Empty
            _, entry = self._entries.popitem(last=False)
            self._bytes -= entry.size
            self._lent += 1
            self._lent_bytes += entry.size
            if not self._is_half_full():
                self._slow = False
                self._changed.notify_all()
            return entry.packet

    def task_done(self) -> None:
        """Do nothing: nobody waits for it."""

    def join(self) -> None:
        """Return at once: to wait until a client has read all would be to wait for one that does not read."""

    def _is_half_full(self) -> bool:
        return len(self._entries) * 2 > self._most or self._bytes * 2 > self._most_bytes

    def _add(self, packet: Any, key: Hashable | None, order: int) -> None:
        name: Hashable = object() if key is None else key
        before = self._entries.get(name)
        if before is not None:
            if before.order > order:
                name = object()
            else:
                del self._entries[name]
                self._bytes -= before.size
        size = 0 if packet is None else len(packet.encode())
        self._entries[name] = _Entry(packet, size, order)
        self._bytes += size

    def _end(self, reason: str) -> None:
        self.cut_for = reason
        self._entries.clear()
        self._bytes = 0
        for packet in (event("cut", {"reason": reason}), leave(), engine_packet.Packet(engine_packet.CLOSE), None):
            self._add(packet, None, 0)
