"""One HTTP/1.1 exchange with one address, every step of which ends at one instant.

The standard library's ``http.client`` reads and writes; it gets a socket that is connected already, so it never
resolves, never connects, knows no proxy, follows nothing and decompresses nothing. See
``docs/decisions/0020-one-outbound-function.md``.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from whenthen_server.services.addresses import Address
from whenthen_server.services.urls import Target

Monotonic = Callable[[], float]

_PIECE = 4_096


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: *headers* in the order given, nothing added to them."""

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: names of *headers* are in lower case; *body* holds the first bytes, *truncated* when more came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool


class Deadline:
    """An instant by which all must be over.

    >>> Deadline(15, lambda: 0.0).left()
    15.0
    """

    def __init__(self, seconds: float, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; raises ``TimeoutError`` when there are none."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        return left


def connect(addresses: Sequence[Address], port: int, seconds: float, deadline: Deadline) -> socket.socket:
    """Return a socket to the first address that answers; all of them together have *seconds*.

    Raises ``OSError`` (``TimeoutError`` among them) of the last one when none answers.
    """
    phase = Deadline(min(seconds, deadline.left()))
    failure = OSError("there is no address")
    for tried, address in enumerate(addresses):
        try:
            return _connect(address, port, phase.left() / (len(addresses) - tried))
        except OSError as error:
            failure = error
    raise failure


def _connect(address: Address, port: int, seconds: float) -> socket.socket:
    # Not ``create_connection``, which would ask the resolver again.
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def exchange(
    sock: socket.socket, request: Request, *, deadline: Deadline, tls: ssl.SSLContext, body_limit: int
) -> Response:
    """Send one request over a connected socket and return the answer; closes the socket.

    Raises ``OSError`` or ``HTTPException`` when no whole head of an answer comes in time. A body that does not come
    whole is ``truncated``: the status has said what became of the request.
    """
    target = request.target
    with sock:
        sock.settimeout(deadline.left())
        if target.scheme == "https":
            sock = tls.wrap_socket(sock, server_hostname=target.host)
        with sock:
            connection = HTTPConnection(target.host, target.port)
            connection.auto_open = 0  # it must never open a connection by itself
            connection.sock = _TimedSocket(sock, deadline)
            connection.putrequest(request.method, target.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            with connection.getresponse() as response:
                start, truncated = _start_of_body(response, body_limit)
                fields = {name.lower(): value for name, value in response.getheaders()}
                return Response(response.status, fields, start, truncated)


def _start_of_body(response: HTTPResponse, limit: int) -> tuple[bytes, bool]:
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= limit and (piece := response.read(min(_PIECE, limit + 1 - size))):
            pieces.append(piece)
            size += len(piece)
        short = response.length is not None and response.length > 0
    except (OSError, HTTPException, ValueError):  # ValueError: a chunk whose length is no number
        short = True
    body = b"".join(pieces)
    return body[:limit], short or size > limit


class _TimedSocket:
    """What ``http.client`` uses of a socket; each operation has what is left of the time, so a slow drip ends too."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(self._deadline.left())
            rest = rest[self._sock.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._deadline))

    def close(self) -> None:
        """Leave the socket open: ``http.client`` lets go of it before the body has been read."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)
