"""Real servers on loopback for what leaves the house: a canary, an HTTP endpoint, a socket that follows a script."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

CANARY_ADDRESSES = ("127.0.0.1", "127.127.127.127", "::1")


class Canary:
    """Listens where nothing must ever connect; counts who did.

    On loopback a connection is complete, and waits to be accepted, before ``connect`` returns: no thread is needed.
    """

    def __init__(self, stack: ExitStack) -> None:
        first = stack.enter_context(socket.create_server((CANARY_ADDRESSES[0], 0)))
        self.port: int = first.getsockname()[1]
        self._listeners = [first]
        for address in CANARY_ADDRESSES[1:]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.create_server((address, self.port), family=family)
            self._listeners.append(stack.enter_context(listener))
        for listener in self._listeners:
            listener.setblocking(False)

    def connections(self) -> int:
        """Return how many connections came since the last look, and close them."""
        count = 0
        for listener in self._listeners:
            while True:
                try:
                    listener.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        return count


@contextmanager
def canary() -> Generator[Canary]:
    with ExitStack() as stack:
        yield Canary(stack)


@dataclass
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Endpoint:
    """An HTTP server's face to a test: what it is to answer, and what it received."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thank you"
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def endpoint(tls: ssl.SSLContext | None = None) -> Generator[Endpoint]:
    """Serve HTTP on a free port, over TLS when a context is given."""
    face = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            face.received.append(Received(self.command, self.path, headers, body))
            self.send_response(face.status)
            for name, value in face.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(face.body)))
            self.end_headers()
            self.wfile.write(face.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that the base class calls

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        face.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield face
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def scripted(script: Callable[[socket.socket], None]) -> Generator[int]:
    """Accept connections on a free port and hand each to *script*; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                with connection:
                    try:
                        script(connection)
                    except OSError:
                        continue  # the client has gone, as it should

        thread = Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
