"""At the door, before any route: by what name we are called, from which page, and what browsers must not do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from whenthen_server.problems import CONTENT_TYPE, Forbidden, MisdirectedRequest

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of what is no page."""
HEADERS = {
    "Content-Security-Policy": NOTHING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_LOWER = [(name.lower(), (name, value)) for name, value in HEADERS.items()]
_HSTS = [("Strict-Transport-Security", "max-age=31536000")]
_PORT = re.compile(r":[0-9]{1,5}$")

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Door:
    """Outermost of all: answers 421 to a ``Host`` that is none of ours, and puts the headers on every answer.

    A page of a stranger may point its own name at our address ("DNS rebinding"); then the browser takes us for that
    page's own server. What gives it away is the name. Addresses in numbers cannot be pointed anywhere.
    """

    def __init__(self, wsgi: Wsgi, names: Collection[str]) -> None:
        self._wsgi = wsgi
        self._names = frozenset(name.lower() for name in names)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on, or refuse it."""
        secure = environ.get("wsgi.url_scheme") == "https"

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # Here rather than on the response: a list is cheap to extend, and Socket.IO's answers pass here, too.
            given = {name.lower() for name, _ in headers}
            added = [pair for key, pair in _LOWER if key not in given]
            return start_response(status, headers + added + (_HSTS if secure else []), *more)

        if self.allows(environ.get("HTTP_HOST", "")):
            return self._wsgi(environ, start)
        error = MisdirectedRequest("Add the name to the setting server.hosts, if it is yours.")
        start("421 Misdirected Request", [("Content-Type", CONTENT_TYPE)])
        return [json.dumps(error.document()).encode()]

    def allows(self, host: str) -> bool:
        """Return whether a ``Host`` header is one of our names or an address in numbers.

        >>> guard = Door(print, ["localhost"])
        >>> [guard.allows(host) for host in ("LOCALHOST:5005", "[::1]:5005", "10.0.0.7", "evil.example", "")]
        [True, True, True, False, False]
        """
        name = _PORT.sub("", host).lower()
        return name in self._names or _is_address(name)


@lru_cache(maxsize=256)  # each device says the same at each request
def _is_address(name: str) -> bool:
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        ip_address(bare)
    except ValueError:
        return False
    return "%" not in bare


def own_names(host: str, machine: str, more: Iterable[str]) -> set[str]:
    """Return the names by which a server at *host*, on a *machine* of that name, may be called."""
    return {"localhost", host, machine, f"{machine}.local", *more} - {"", ".local"}


def demand_own_page(method: str, origin: str | None, host: str, origins: Collection[str]) -> None:
    """Raise ``Forbidden`` when a page elsewhere tries to change something; who is no browser sends no ``Origin``."""
    if origin is None or method in SAFE_METHODS or origin in origins:
        return
    # The scheme is not compared: behind a proxy that ends TLS we do not know ours.
    if urlsplit(origin).netloc.lower() != host.lower() or not host:
        detail = "The request comes from another web page. The setting server.origins names those that may."
        raise Forbidden(detail, code="foreign_origin")
