"""Serves the application until SIGTERM: gunicorn embedded, one worker with threads; Werkzeug where that cannot run."""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from whenthen.errors import WhenthenError
from whenthen_server.served import Served
from whenthen_server.settings import Settings

_PATIENCE_SECONDS = 3.0
"""So long is waited for an earlier server that is just ending."""
_PAUSE_SECONDS = 0.1


class ServeError(WhenthenError):
    """A way of serving that is not possible, or not safe."""

    code = "cannot_serve"


def serve(settings: Settings, load: Callable[[], Served]) -> None:
    """Serve what *load* returns, until SIGTERM or SIGINT.

    *load* is called in the process that answers requests: threads that it starts live there. Raises ``ServeError``
    when the settings ask for what cannot be.
    """
    kind = settings.server.kind
    if kind == "auto":
        kind = "werkzeug" if sys.platform == "win32" else "gunicorn"
    if kind == "gunicorn":
        # Late, because gunicorn cannot even be imported on Windows.
        from whenthen_server.gunicorn_server import Embedded  # noqa: PLC0415

        _demand_address(settings.server.host, settings.server.port)
        Embedded(settings.server, load, url_of).run()
    else:
        _with_werkzeug(settings, load)


def url_of(host: str, port: int) -> str:
    """Return the URL by which the machine itself reaches a listener.

    >>> url_of("0.0.0.0", 5005), url_of("::1", 80)
    ('http://127.0.0.1:5005', 'http://[::1]:80')
    """
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not bound to here
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _demand_address(host: str, port: int) -> None:
    """Raise ``ServeError`` if nobody can listen there: gunicorn would try for long, in lines of its own."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= until:
                raise ServeError(_unusable(host, port, error)) from error
        else:
            return
        time.sleep(_PAUSE_SECONDS)


def _unusable(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{host}:{port} is in use, perhaps by another whenthen; stop that, or choose another port with --port"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; choose one with --host, or 0.0.0.0 for all that it has"
    if error.errno == errno.EACCES:
        return f"this account may not listen on port {port}; choose one from 1024 on with --port"
    return f"nobody can listen on {host}:{port}: {error}"


def _with_werkzeug(settings: Settings, load: Callable[[], Served]) -> None:
    from werkzeug.serving import make_server  # noqa: PLC0415 - a development server, for loopback only

    server = settings.server
    if not _is_loopback(server.host):
        raise ServeError(f"werkzeug listens on loopback only, not on {server.host}; use gunicorn on Linux or macOS")
    _demand_address(server.host, server.port)
    served = load()
    listener = make_server(server.host, server.port, served.wsgi, threaded=True)

    def stop(_signal: int, _frame: Any) -> None:
        threading.Thread(target=listener.shutdown, name="whenthen-stopping").start()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    served.ready(url_of(str(listener.server_address[0]), listener.port))
    listener.serve_forever()
    served.stopping()
    served.close(server.graceful_seconds)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
