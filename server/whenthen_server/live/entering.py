"""Who opens a connection: a cookie from our own page, the ``auth`` payload, or headers; never the query string."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from werkzeug.wrappers import Request

from whenthen.clock import Clock
from whenthen_server.auth import Caller, Site, is_own_page
from whenthen_server.problems import BadRequest, Forbidden, Unauthorized

_FIELDS = {"token": ("Authorization", "Bearer {}"), "key": ("X-Device-Key", "{}")}
_MOST_CHARACTERS = 16_384

Authenticate = Callable[[Mapping[str, str], Mapping[str, str], datetime, str], Caller]


class Door(Protocol):
    """What knows callers."""

    def authenticate(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], now: datetime, address: str
    ) -> Caller:
        """Return who is asking."""


def entering(door: Door, clock: Clock, request: Request, payload: Any, origins: frozenset[str]) -> Callable[[], Caller]:
    """Return what tells who a connection belongs to, now and later, when keys may have ended and roles changed.

    *payload* is the client's ``auth``: ``{"token": …}`` for a bearer token or API key, ``{"key": …}`` for a device's
    key. With it, headers and cookies do not count. Raises ``BadRequest`` for any other form and ``Forbidden`` for a
    cookie that a foreign page brings along; what is returned raises ``Unauthorized`` and its like.
    """
    address = request.remote_addr or ""
    headers, cookies = _credentials(request, payload)
    site = Site(request.host, request.is_secure, origins)
    own = is_own_page(request.headers, site)

    def who() -> Caller:
        caller = door.authenticate(headers, cookies, clock.now(), address)
        if caller.kind == "anonymous":
            raise Unauthorized("Show an API key, a device's key or a token, or sign in on this server's page first.")
        # What follows changes things, whatever the method of the handshake; so a cookie must come from our own page.
        if caller.session is not None and not own:
            raise Forbidden("A connection with a cookie must come from this server's own pages.")
        return caller

    return who


def _credentials(request: Request, payload: Any) -> tuple[dict[str, str], dict[str, str]]:
    if payload is None or payload == {}:
        wanted = ("Authorization", "X-Device-Key")
        return {name: request.headers[name] for name in wanted if name in request.headers}, dict(request.cookies)
    if not isinstance(payload, dict) or len(payload) != 1 or not _FIELDS.keys() >= payload.keys():
        raise BadRequest('auth is {"token": …} or {"key": …}')
    ((name, value),) = payload.items()
    if not isinstance(value, str) or not value.isascii() or not 0 < len(value) <= _MOST_CHARACTERS:
        raise BadRequest(f"auth.{name} is a text")
    field, form = _FIELDS[name]
    return {field: form.format(value)}, {}
