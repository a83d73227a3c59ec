"""Bounds on what comes and goes beneath Socket.IO, where Engine.IO and simple-websocket have none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

import simple_websocket
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from wsproto.connection import ConnectionState

from whenthen_server.live.line import Line
from whenthen_server.live.outgoing import Outgoing
from whenthen_server.live.packets import frame_of
from whenthen_server.problems import CONTENT_TYPE, ApiError, Forbidden, Unavailable

PATH = "/socket.io"
MOST_UNREAD = 16
"""So many messages of one client wait to be looked at; then its TCP connection is not read on."""

_LOOK_AGAIN_SECONDS = 1.0
_EXTENSIONS = "HTTP_SEC_WEBSOCKET_EXTENSIONS"

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class _WebSocket(simple_websocket.Server):  # type: ignore[misc] # ships no types
    """A WebSocket that is read no faster than its messages are dealt with, and written to by one at a time."""

    sock: Any
    environ: Environ

    def handshake(self) -> None:
        """Greet; called before the thread that reads is started.

        Compression is not taken up when it is offered: each client would need its own, and a quarter of a megabyte.
        """
        self.room = Event()
        self.sock = self.line = Line(self.sock, self._is_open)
        self.environ = {name: value for name, value in self.environ.items() if name != _EXTENSIONS}
        super().handshake()

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message."""
        message = super().receive(timeout)
        self.room.set()
        return message

    def _handle_events(self) -> bool:
        while self.connected and len(self.input_buffer) >= MOST_UNREAD:
            self.room.wait(_LOOK_AGAIN_SECONDS)
            self.room.clear()
        going: bool = super()._handle_events()
        return going

    def _is_open(self) -> bool:
        return self.ws.state is ConnectionState.OPEN


class _Opened(SimpleWebSocketWSGI):  # type: ignore[misc] # ships no types
    """Engine.IO's WebSocket, with a limit to messages while they arrive, and known to the client's queue."""

    def __init__(self, max_bytes: int, handler: Any, _server: Any) -> None:
        super().__init__(handler, None)
        self._max_bytes = max_bytes

    def __call__(self, environ: Environ, _start_response: Callable[..., Any]) -> Any:
        """Take over the connection until it ends."""
        client = self.app.__self__
        queue: Outgoing = client.queue
        self.ws = _WebSocket(environ, max_message_size=self._max_bytes)
        queue.attach(self.ws.line, lambda: client.upgraded)
        answer = self.app(self)
        if self.ws.mode == "gunicorn":
            raise StopIteration  # gunicorn's way to be told that the connection is not its own any more
        if self.ws.mode == "werkzeug":
            raise ConnectionError
        return answer

    def send(self, message: str | bytes) -> None:
        """Send a message; raises ``OSError`` once the connection has ended."""
        self.ws.line.deliver(frame_of(message))


def bound(engine: Any, max_bytes: int) -> None:
    """Give an Engine.IO server bounded queues in both directions.

    It asks itself for queues and WebSockets; these are the only two places to stand in between.
    """
    engine.create_queue = Outgoing
    engine._async = {**engine._async, "websocket": partial(_Opened, max_bytes)}  # noqa: SLF001 - see above


class Doorkeeper:
    """In front of Socket.IO: turns away pages from elsewhere, and whoever comes when all places are taken."""

    def __init__(
        self, wsgi: Wsgi, engine: Any, most: Callable[[], int], is_welcome: Callable[[str, Environ], bool]
    ) -> None:
        self._wsgi = wsgi
        self._engine = engine
        self._most = most
        self._is_welcome = is_welcome

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on, or answer 403 or 503."""
        path = environ.get("PATH_INFO", "")
        if path == PATH or path.startswith(f"{PATH}/"):
            error = self._refused(environ)
            if error is not None:
                headers = [("Content-Type", CONTENT_TYPE), *error.headers.items()]
                start_response(f"{error.status} {error.title}", headers)
                return [json.dumps(error.document()).encode()]
        return self._wsgi(environ, start_response)

    def _refused(self, environ: Environ) -> ApiError | None:
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not self._is_welcome(origin, environ):
            detail = "The connection comes from another web page. The setting server.origins names those that may."
            return Forbidden(detail, code="foreign_origin")
        is_new = "sid" not in parse_qs(environ.get("QUERY_STRING", ""))
        if is_new and len(self._engine.sockets) >= self._most():
            detail = (
                "All places for live connections are taken; the setting server.max_sockets says how many there are."
            )
            return Unavailable(detail, headers={"Retry-After": "10"})
        return None


def is_own(origins: Iterable[str]) -> Callable[[str, Environ], bool]:
    """Return what tells whether an origin is this server's own page, or one of those allowed by name."""
    allowed = frozenset(origins)

    def check(origin: str, environ: Environ) -> bool:
        # The scheme is not compared: behind a proxy that ends TLS we do not know ours.
        host = environ.get("HTTP_HOST", "").lower()
        return origin in allowed or (bool(host) and urlsplit(origin).netloc.lower() == host)

    return check
