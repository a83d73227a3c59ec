"""Whether a request with a cookie comes from our own pages: a browser sends cookies for whoever asks it to."""

from __future__ import annotations

from dataclasses import dataclass

from whenthen_server.auth.caller import Caller, Fields
from whenthen_server.problems import Forbidden

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Site:
    """Where a request arrived: its *host* with the port, whether by *https*, and foreign *origins* allowed by name.

    Behind a proxy that ends TLS both must be what the browser sees, or nothing can be changed by cookie.
    """

    host: str
    https: bool = False
    origins: frozenset[str] = frozenset()

    @property
    def origin(self) -> str:
        """The site as browsers write it in ``Origin``."""
        return f"{'https' if self.https else 'http'}://{self.host}"


def is_own_page(headers: Fields, site: Site) -> bool:
    """Return whether *headers* (found in any case, as Flask's are) say that a page of ours made the request.

    ``Origin`` must be exactly ours and ``Sec-Fetch-Site`` must be ``same-origin``; one of the two must be there, and
    neither may object. An origin that was allowed by name needs nothing else.

    >>> is_own_page({"Origin": "http://127.0.0.1:5005"}, Site("127.0.0.1:5005"))
    True
    >>> is_own_page({"Origin": "http://127.0.0.1.evil"}, Site("127.0.0.1:5005"))
    False
    """
    origin = headers.get("Origin")
    fetched_from = headers.get("Sec-Fetch-Site")
    if origin is not None and origin in site.origins:
        return True
    if origin is not None and origin != site.origin:
        return False
    if fetched_from is not None and fetched_from != "same-origin":
        return False
    return origin is not None or fetched_from is not None


def demand_own_page(caller: Caller, method: str, headers: Fields, site: Site) -> None:
    """Raise ``Forbidden`` for a request that would change something by a cookie, but was not made by a page of ours.

    Keys and bearer tokens need no such check: no browser adds them by itself. A Socket.IO handshake reads by its method
    and writes by what follows: ask ``is_own_page`` there whatever the method.
    """
    if caller.session is None or method.upper() in _READING:
        return
    if not is_own_page(headers, site):
        raise Forbidden(
            "A request with a cookie must come from this server's own pages. From a program, use an API key instead."
        )
