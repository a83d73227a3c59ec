"""Serves the application until SIGTERM: gunicorn embedded, one worker with threads; Werkzeug where that cannot run."""

from __future__ import annotations

import ipaddress
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from whenthen.errors import WhenthenError
from whenthen_server.served import Served
from whenthen_server.settings import Settings


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


def _with_werkzeug(settings: Settings, load: Callable[[], Served]) -> None:
    from werkzeug.serving import make_server  # noqa: PLC0415 - a development server, for loopback only

    server = settings.server
    if not _is_loopback(server.host):
        raise ServeError(f"werkzeug listens on loopback only, not on {server.host}; use gunicorn on Linux or macOS")
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
