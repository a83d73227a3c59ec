"""gunicorn embedded: one worker with threads, no settings but ours, and an end that is announced."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from whenthen.errors import WhenthenError
from whenthen_server.problems import CONTENT_TYPE, of_status
from whenthen_server.served import Served
from whenthen_server.settings.values import Server

_log = logging.getLogger("whenthen.serve")
_KEEP_ALIVE_SECONDS = 75
_SILENT_WORKER_SECONDS = 120
_FOR_CLOSING = 0.4
"""The share of the graceful seconds that is kept for ``close`` when requests would take all of them."""
_MARGIN_SECONDS = 0.5
_WRONG_USE = 2
_NEW_OBJECTS = 5_000
"""So many more objects than there were before the collector looks at them; Python's default is 700."""
_UNREADABLE = "The request is not HTTP as it should be, or its first line or headers are too long."


_ADDED = {"Worker (pid:%s) exited with code %s.", "Shutting down: %s", "Reason: %s"}
_OF_A_LOAD = {Arbiter.APP_LOAD_ERROR, "Master", "App failed to load."}


class Lines(Logger):  # type: ignore[misc] # gunicorn ships no types
    """Lets gunicorn's lines go where ours go."""

    def setup(self, cfg: Any) -> None:
        """Send them on to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out what gunicorn adds to our sentence when nothing could be loaded, from where it sees it."""
        if not (msg in _ADDED and {*args} & _OF_A_LOAD):
            super().error(msg, *args, **kwargs)


class Lifeline:
    """A pipe that the parent alone keeps open: when it is cut, the parent is dead.

    A worker whose parent was killed would notice within a second and then end gracefully, for up to all of the grace,
    while the next server is started on the same port and the same data. So it ends at once, as its parent did.
    """

    def __init__(self) -> None:
        self._child_end, self._parent_end = os.pipe()

    def hold(self) -> None:
        """Hold on to it, in the child."""
        os.close(self._parent_end)
        threading.Thread(target=self._wait, name="whenthen-lifeline", daemon=True).start()

    def _wait(self) -> None:
        os.read(self._child_end, 1)
        os.kill(os.getpid(), signal.SIGKILL)


class Overheard:
    """A client's socket that keeps to itself what is sent over it."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.said = b""

    def sendall(self, data: bytes) -> None:
        """Keep it."""
        self.said += data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def as_problem(said: bytes) -> bytes:
    r"""Return gunicorn's own answer, an HTML page, as a problem document with the same status.

    >>> as_problem(b"HTTP/1.1 414 URI Too Long").split(b"\r\n")[0]
    b'HTTP/1.1 414 URI Too Long'
    """
    first = said.split(b"\r\n", 1)[0]
    status = int(first.split()[1])
    error = of_status(status, _UNREADABLE if status < HTTPStatus.INTERNAL_SERVER_ERROR else "")
    body = json.dumps(error.document()).encode()
    headers = f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return first + b"\r\n" + headers.encode() + body


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """The process that answers; it says when it stops, since open sockets would hold it for all of the grace."""

    app: Embedded
    grace_seconds = 0.0
    stop_began = 0.0
    stopping: threading.Thread | None = None

    def init_process(self) -> None:
        """Take less of the grace for requests than the parent gives in all."""
        self.app.lifeline.hold()
        self.grace_seconds = self.app.grace_seconds
        self.cfg.set("graceful_timeout", max(1, round(self.grace_seconds * (1 - _FOR_CLOSING))))
        super().init_process()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no request that anybody could answer, such as an address that is too long."""
        overheard = Overheard(client)
        super().handle_error(req, overheard, addr, exc)
        if overheard.said:
            with suppress(OSError):
                write_nonblock(client, as_problem(overheard.said))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop, at SIGTERM."""
        if self.alive:
            self._tell_stopping()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Begin to stop, at SIGINT and SIGQUIT; gunicorn would drop what is under way."""
        self.handle_exit(sig, frame)

    def _tell_stopping(self) -> None:
        self.stop_began = time.monotonic()
        if self.app.served is not None:
            self.stopping = threading.Thread(target=self.app.served.stopping, name="whenthen-stopping", daemon=True)
            self.stopping.start()

    def seconds_left(self) -> float:
        """Return the seconds until the parent loses patience."""
        gone = time.monotonic() - self.stop_began if self.stop_began else 0.0
        return max(0.0, self.grace_seconds - gone - _MARGIN_SECONDS)


def settle_memory() -> None:
    """Have the collector of reference cycles leave alone what stays: rules, routes, statements.

    A list of readings makes thousands of objects and no cycle. By Python's defaults each such list had the collector
    look at all that was loaded, several times a second: a quarter of the processor's time (decision 34).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


class Embedded(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn with our settings, and none from files, environment or command line."""

    def __init__(self, server: Server, load: Callable[[], Served], url_of: Callable[[str, int], str]) -> None:
        self._server = server
        self._load = load
        self._url_of = url_of
        self.served: Served | None = None
        self.lifeline = Lifeline()
        self.grace_seconds = server.graceful_seconds
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop; settings with which nothing can be served end in exit code 2, as everywhere."""
        parent = os.getpid()
        try:
            super().run()
        except SystemExit as end:
            # The worker passes here, too, and its parent must hear the code that it knows.
            if end.code == Arbiter.APP_LOAD_ERROR and os.getpid() == parent:
                sys.exit(_WRONG_USE)
            raise

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        server = self._server
        threads = server.max_sockets + server.request_threads
        host = f"[{server.host}]" if ":" in server.host else server.host
        chosen = {
            "bind": f"{host}:{server.port}",
            "worker_class": Worker,
            # One: the engine's state has one owner, and Socket.IO needs a client's requests in one process.
            "workers": 1,
            "threads": threads,
            "worker_connections": 2 * threads,
            "keepalive": _KEEP_ALIVE_SECONDS,
            "timeout": _SILENT_WORKER_SECONDS,
            "graceful_timeout": max(1, round(server.graceful_seconds)),
            # Otherwise a socket that controls the server stands in the home directory.
            "control_socket_disable": True,
            # Which proxies to believe is a setting of ours; gunicorn would believe any on loopback.
            "forwarded_allow_ips": "",
            "proc_name": "whenthen",
            "logger_class": Lines,
            "loglevel": "warning",
            "post_worker_init": self._ready,
            "worker_exit": self._close,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Build the application, in the worker: threads that it starts do not survive a fork."""
        try:
            self.served = self._load()
        except WhenthenError as error:
            _log.error("%s", error)
            # gunicorn would otherwise start the worker again, and again.
            sys.exit(Arbiter.APP_LOAD_ERROR)
        return self.served.wsgi

    def _ready(self, worker: Worker) -> None:
        settle_memory()
        if self.served is not None:
            host, port = worker.sockets[0].getsockname()[:2]
            self.served.ready(self._url_of(host, port))

    def _close(self, _arbiter: Any, worker: Worker) -> None:
        if self.served is not None:
            if worker.stopping is not None:
                worker.stopping.join(worker.seconds_left())  # an idle worker may get here before it has begun
            self.served.close(worker.seconds_left())
