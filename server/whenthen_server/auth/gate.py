"""Says who sends a request, by the cookie, the bearer credential or the device's key that comes with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import Engine

from whenthen.clock import SECOND_US, to_us
from whenthen_server.auth.bearer import BearerTokens, Grant
from whenthen_server.auth.caller import ANONYMOUS, Caller, Fields
from whenthen_server.auth.keys import Hasher, Key, read_key
from whenthen_server.auth.memory import Memory
from whenthen_server.auth.persons import through_api_key, through_session, through_token
from whenthen_server.auth.refused import RefusedError
from whenthen_server.auth.sessions import COOKIE, SECURE_COOKIE, Sessions
from whenthen_server.auth.throttle import Throttle
from whenthen_server.auth.uses import Uses
from whenthen_server.problems import TooManyRequests, Unauthorized
from whenthen_server.store.credentials import StoredKey, find_key, is_token_revoked
from whenthen_server.store.database import reading
from whenthen_server.store.members import User, find_identity, find_user

DEVICE_KEY = "X-Device-Key"


@dataclass(frozen=True, slots=True)
class _Known:
    """A key that is in the store, and whose it is; *caller* is ``None`` when that person was shut out."""

    stored: StoredKey
    caller: Caller | None


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the store says about a provider's token."""

    user: User | None
    is_revoked: bool


class Gate:
    """Checks credentials. Thread-safe; one for the whole process.

    ``forget`` must be called after every change of people or keys: ``People`` does.
    """

    def __init__(
        self,
        engine: Engine,
        hasher: Hasher,
        *,
        sessions: Sessions | None = None,
        tokens: BearerTokens | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.sessions = sessions or Sessions(engine, hasher)
        self._engine = engine
        self._hasher = hasher
        self._tokens = tokens or BearerTokens()
        self._throttle = throttle or Throttle()
        self._memory = Memory()
        self._uses = Uses(engine)

    def authenticate(self, headers: Fields, cookies: Fields, now: datetime, address: str = "") -> Caller:
        """Return who sends a request: nobody (``ANONYMOUS``) when it brings nothing.

        *headers* finds names in any case, as Flask's do; *address* is the sender's, for the throttle. A cookie that
        is not good (any more) is no credential at all, so that the log-in page can be reached with it. Raises
        ``Unauthorized`` for a header that is not good, ``TooManyRequests`` after too many of them, both without a word
        about the reason, and ``Unavailable`` when a token needs keys that its provider does not give.
        """
        now_us = to_us(now)
        bearer, device_key = _bearer(headers.get("Authorization")), headers.get(DEVICE_KEY)
        if bearer is None and device_key is None:
            return self._by_cookie(cookies, now_us)
        try:
            return self._by_header(bearer, device_key, now_us, address)
        except RefusedError as refused:
            self._refuse(refused, address, now_us)

    def log_in(self, token: str, now: datetime, address: str = "") -> Key:
        """Turn a login token into a session; its text goes into the cookie (see ``session_cookie``).

        Raises ``Unauthorized``, ``TooManyRequests``.
        """
        now_us = to_us(now)
        key = read_key(token)
        try:
            if key is not None:
                self._hold_back(f"{address} {key.id}", now_us)
            return self.sessions.log_in(key, now_us)
        except RefusedError as refused:
            self._refuse(refused, address, now_us)

    def forget(self) -> None:
        """Ask the database again from now on: people or keys have changed."""
        self._memory.clear()

    def write_uses(self, now: datetime) -> None:
        """Write down when keys were last used. It happens by itself once a minute; call it before the process ends."""
        self._uses.write(to_us(now))

    def _by_cookie(self, cookies: Fields, now_us: int) -> Caller:
        key = read_key(cookies.get(SECURE_COOKIE) or cookies.get(COOKIE) or "")
        if key is None or key.kind != "ses":
            return ANONYMOUS
        try:
            return self._check(key, now_us)
        except RefusedError:
            return ANONYMOUS

    def _by_header(self, bearer: str | None, device_key: str | None, now_us: int, address: str) -> Caller:
        if bearer is None:
            return self._by_key(read_key(device_key or ""), ("dev",), now_us, address)
        if device_key is not None:
            raise RefusedError  # which of the two is meant is not ours to guess
        return self._by_bearer(bearer, now_us, address)

    def _by_bearer(self, text: str, now_us: int, address: str) -> Caller:
        key = read_key(text)
        if key is not None:
            return self._by_key(key, ("api", "dev"), now_us, address)
        grant = self._tokens.check(text, now_us)
        name = ("token", grant.issuer, grant.subject, grant.token_id)
        standing = self._memory.get(name, now_us, lambda: self._load_standing(grant))
        if standing is None or not _is_welcome(standing, grant):
            raise RefusedError(grant.subject)
        return through_token(standing.user, grant)

    def _by_key(self, key: Key | None, kinds: tuple[str, ...], now_us: int, address: str) -> Caller:
        if key is None or key.kind not in kinds:
            raise RefusedError
        name = f"{address} {key.id}"
        self._hold_back(name, now_us)
        caller = self._check(key, now_us)
        self._throttle.forgive(name)
        return caller

    def _check(self, key: Key, now_us: int) -> Caller:
        """Return whose a key is. Raises ``RefusedError`` for one that is wrong, dead, or of somebody shut out."""
        known = self._memory.get((key.kind, key.id), now_us, lambda: self._load(key))
        if known is None:
            raise RefusedError
        fits = self._hasher.fits(key, known.stored.hash)
        if not fits or known.caller is None or not self._is_alive(key.kind, known.stored, now_us):
            raise RefusedError(key.id)
        self._uses.note(key.kind, key.id, now_us)
        return known.caller

    def _is_alive(self, kind: str, stored: StoredKey, now_us: int) -> bool:
        if kind == "ses":
            return self.sessions.is_alive(stored, now_us, self._uses.last_us(kind, stored.id))
        return stored.is_alive(now_us)

    def _load(self, key: Key) -> _Known | None:
        with reading(self._engine) as connection:
            stored = find_key(connection, key.kind, key.id)
            if stored is None:
                return None
            if key.kind == "dev":
                return _Known(stored, Caller("device", stored.holder, stored.holder, device_id=stored.holder))
            user = find_user(connection, stored.holder)
        if user is None or user.disabled_us is not None:
            return _Known(stored, None)
        return _Known(stored, through_session(user, stored) if key.kind == "ses" else through_api_key(user, stored))

    def _load_standing(self, grant: Grant) -> _Standing:
        with reading(self._engine) as connection:
            revoked = grant.token_id is not None and is_token_revoked(connection, grant.issuer, grant.token_id)
            return _Standing(find_identity(connection, grant.issuer, grant.subject), revoked)

    def _hold_back(self, name: str, now_us: int) -> None:
        wait_us = self._throttle.wait_us(name, now_us)
        if wait_us:
            raise TooManyRequests(
                "Too many wrong credentials. Wait, then try again with good ones.",
                headers={"Retry-After": str(-(-wait_us // SECOND_US))},
            )

    def _refuse(self, refused: RefusedError, address: str, now_us: int) -> NoReturn:
        """Count a refusal and raise what the caller hears.

        One that belongs to a known key or person counts for that and the address together, any other for the address:
        so a device with an old key slows down itself, not all that share its router or proxy.
        """
        name = f"{address} {refused.name}".rstrip()
        self._hold_back(name, now_us)
        self._throttle.failed(name, now_us)
        raise Unauthorized("These credentials are not good, or not any more.") from None


def _bearer(header: str | None) -> str | None:
    """Return what follows ``Bearer``; ``None`` for no header, or one of another scheme, which is none of ours."""
    scheme, _, text = (header or "").partition(" ")
    return text if scheme.lower() == "bearer" else None


def _is_welcome(standing: _Standing, grant: Grant) -> bool:
    if standing.is_revoked:
        return False
    user = standing.user
    return user is None or (user.disabled_us is None and grant.issued_us >= user.tokens_from_us)
