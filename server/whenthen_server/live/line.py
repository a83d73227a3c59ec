"""The TCP connection of one WebSocket: whoever writes, each frame goes out whole, and none after the last."""

from __future__ import annotations

import contextlib
import socket
import ssl
from bisect import bisect_right
from collections.abc import Callable
from threading import Lock

from whenthen_server.live.packets import Batch

# Where a system has no such flag, nothing is written at once: all goes by the client's queue.
_AT_ONCE: int | None = getattr(socket, "MSG_DONTWAIT", None)


class Line:
    """Stands where simple-websocket has its socket. Safe for any thread.

    *is_open* tells whether frames may still be sent: after the one that closes none may.
    """

    def __init__(self, wire: socket.socket, is_open: Callable[[], bool]) -> None:
        self._wire = wire
        self._is_open = is_open
        self._lock = Lock()
        self._rest = b""
        # TLS takes no flags, and what it could not write must be given to it again as it was.
        self._at_once = None if isinstance(wire, ssl.SSLSocket) else _AT_ONCE

    @property
    def has_rest(self) -> bool:
        """Return whether a frame was begun that ``send`` or ``deliver`` must finish."""
        return bool(self._rest)

    def offer(self, batch: Batch) -> int:
        """Write what can be written without waiting; returns how many frames need not be sent any more.

        The last of them may have been begun only: then ``has_rest``, and its rest goes before anything else.
        """
        if self._at_once is None or not self._lock.acquire(blocking=False):
            return 0
        try:
            if self._rest or not self._is_open():
                return 0
            data, ends = batch.data, batch.ends
            taken = self._wire.send(data, self._at_once)
            if taken == len(data):
                return len(ends)
            done = bisect_right(ends, taken)
            if taken == (ends[done - 1] if done else 0):
                return done
            self._rest = data[taken : ends[done]]
            return done + 1
        except OSError:  # full, or at its end: then whoever reads finds out
            return 0
        finally:
            self._lock.release()

    def deliver(self, frame: bytes) -> None:
        """Write a frame, however long it takes; raises ``OSError`` when none may be sent any more."""
        with self._lock:
            if not self._is_open():
                raise OSError("the WebSocket is closed")
            self._write(frame)

    def shutdown(self) -> None:
        """End the connection at once, whoever reads or writes."""
        with contextlib.suppress(OSError):  # closed already
            self._wire.shutdown(socket.SHUT_RDWR)

    # What simple-websocket does with a socket

    def send(self, data: bytes) -> int:
        """Write all of *data*: it comes in whole frames."""
        with self._lock:
            self._write(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        """Return what has come, at most *size* bytes."""
        return self._wire.recv(size)

    def close(self) -> None:
        """Close it, once nobody writes: its number may belong to another connection at once."""
        self.shutdown()
        with self._lock:
            self._wire.close()

    def _write(self, data: bytes) -> None:
        rest, self._rest = self._rest, b""
        self._wire.sendall(rest + data if rest else data)
