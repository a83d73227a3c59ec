"""An HTTP client that costs little: keep-alive connections, each with one request under way at a time."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Run:
    """What a run came to: seconds for each request, and all of them together."""

    seconds: float
    each: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return the requests per second."""
        return len(self.each) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the seconds that *share* of the requests took at most."""
        return sorted(self.each)[min(len(self.each) - 1, int(share * len(self.each)))]


def post(port: int, headers: str, posts: Sequence[tuple[str, bytes]], connections: int) -> Run:
    """Send all *posts* (path and body) over so many connections, in order; every answer must be a 200."""
    requests = [request(port, path, headers, body) for path, body in reversed(posts)]
    chooser = selectors.DefaultSelector()
    begun: dict[socket.socket, float] = {}
    received: dict[socket.socket, bytes] = {}
    each: list[float] = []
    start = time.perf_counter()
    for _ in range(min(connections, len(posts))):
        connection = _connected(port)
        chooser.register(connection, selectors.EVENT_READ)
        _send(connection, requests, begun, received)
    while begun:
        for connection in _answered(chooser, None, received):
            each.append(time.perf_counter() - begun.pop(connection))
            if requests:
                _send(connection, requests, begun, received)
            else:
                chooser.unregister(connection)
                connection.close()
    return Run(time.perf_counter() - start, each)


def paced(port: int, headers: str, posts: Iterable[tuple[str, bytes]], connections: int, rate: float) -> Run:
    """Send *posts*, each made when it is due, *rate* a second; they wait only while every connection is taken."""
    chooser = selectors.DefaultSelector()
    free = [_connected(port) for _ in range(connections)]
    for connection in free:
        chooser.register(connection, selectors.EVENT_READ)
    begun: dict[socket.socket, float] = {}
    received: dict[socket.socket, bytes] = {}
    each: list[float] = []
    start = time.perf_counter()
    waiting = iter(posts)
    sent, ended = 0, False
    while begun or not ended:
        wait = start + sent / rate - time.perf_counter()
        if free and not ended and wait <= 0:
            due = next(waiting, None)
            ended = due is None
            if due is not None:
                sent += 1
                _send(free.pop(), [request(port, due[0], headers, due[1])], begun, received)
            continue
        for connection in _answered(chooser, max(0.0, wait) if free and not ended else None, received):
            each.append(time.perf_counter() - begun.pop(connection))
            free.append(connection)
    for connection in free:
        connection.close()
    return Run(time.perf_counter() - start, each)


def _answered(
    chooser: selectors.BaseSelector, seconds: float | None, received: dict[socket.socket, bytes]
) -> list[socket.socket]:
    """Return the connections that have a whole answer now."""
    whole = []
    for key, _ in chooser.select(seconds):
        connection: socket.socket = key.fileobj  # type: ignore[assignment]
        received[connection] += connection.recv(65_536)
        if _whole(received[connection]):
            assert received[connection].startswith(b"HTTP/1.1 200"), received[connection][:500]
            whole.append(connection)
    return whole


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(port: int, path: str, headers: str, body: bytes) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    host = f"Host: 127.0.0.1:{port}\r\n{headers}"
    head = f"POST {path} HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _send(
    connection: socket.socket,
    requests: list[bytes],
    begun: dict[socket.socket, float],
    received: dict[socket.socket, bytes],
) -> None:
    begun[connection] = time.perf_counter()
    received[connection] = b""
    connection.sendall(requests.pop())


def _whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(body) >= int(length.split(b":")[1])
