"""Sessions of people in browsers: opened with a token that works once, ended by time or by hand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from whenthen.clock import DAY_US, MINUTE_US, SECOND_US
from whenthen_server.auth.keys import Hasher, Key, new_key
from whenthen_server.auth.refused import RefusedError
from whenthen_server.store.credentials import StoredKey, add_key, end_key, find_key
from whenthen_server.store.database import writing
from whenthen_server.store.members import find_user

COOKIE = "whenthen"
SECURE_COOKIE = "__Host-whenthen"
"""The same over https. The prefix makes browsers refuse one that a neighbouring host or plain http planted."""

LOGIN_PATH = "/login?token="
LOGIN_TOKEN_US = 15 * MINUTE_US
LIFETIME_US = 30 * DAY_US
IDLE_US = 7 * DAY_US


def login_token(connection: Connection, hasher: Hasher, user: str, now_us: int) -> Key:
    """Make a token that opens one session for a user within 15 minutes."""
    return _add(connection, hasher, new_key("log"), StoredKey("", "", user, now_us, expires_us=now_us + LOGIN_TOKEN_US))


def _add(connection: Connection, hasher: Hasher, key: Key, like: StoredKey) -> Key:
    stored = StoredKey(key.id, hasher.hash(key), like.holder, like.created_us, expires_us=like.expires_us)
    add_key(connection, key.kind, stored)
    return key


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens sessions and says whether they are alive; *lifetime_us* and *idle_us* in microseconds."""

    engine: Engine
    hasher: Hasher
    lifetime_us: int = LIFETIME_US
    idle_us: int = IDLE_US

    def log_in(self, key: Key | None, now_us: int) -> Key:
        """Turn a login token (``None``: a text that is none) into a session, the secret of its cookie.

        Of two requests that come at once with the same token, one gets a session. Raises ``RefusedError``.
        """
        if key is None:
            raise RefusedError
        with writing(self.engine) as connection:
            stored = find_key(connection, "log", key.id)
            if stored is None:
                raise RefusedError
            user = find_user(connection, stored.holder)
            if not self.hasher.fits(key, stored.hash) or user is None or user.disabled_us is not None:
                raise RefusedError(key.id)
            if not end_key(connection, "log", key.id, now_us):
                raise RefusedError(key.id)
            like = StoredKey("", "", user.id, now_us, expires_us=now_us + self.lifetime_us)
            return _add(connection, self.hasher, new_key("ses"), like)

    def is_alive(self, stored: StoredKey, now_us: int, seen_us: int = 0) -> bool:
        """Return whether a session has neither ended, nor run its full time, nor been idle for too long.

        *seen_us* is when it was used last, if the store does not know yet.
        """
        seen_us = max(seen_us, stored.last_used_us or stored.created_us)
        return stored.is_alive(now_us) and now_us < seen_us + self.idle_us


def session_cookie(key: Key, *, https: bool, lifetime_us: int = LIFETIME_US) -> str:
    """Return the value of the header ``Set-Cookie`` for a session.

    >>> session_cookie(Key("ses", "0123456789abcdef", "s"), https=False, lifetime_us=60_000_000)
    'whenthen=wt_ses_0123456789abcdef_s; Path=/; Max-Age=60; HttpOnly; SameSite=Strict'
    """
    return _cookie(key.text, lifetime_us // SECOND_US, https=https)


def no_cookie(*, https: bool) -> str:
    """Return the value of the header ``Set-Cookie`` that takes the session's cookie away."""
    return _cookie("", 0, https=https)


def _cookie(value: str, max_age_s: int, *, https: bool) -> str:
    name = SECURE_COOKIE if https else COOKIE
    secure = "; Secure" if https else ""
    return f"{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
