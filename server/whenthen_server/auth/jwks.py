"""The public keys of an identity provider, fetched from its JWKS address and kept for an hour."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen_server.problems import Unavailable

_log = logging.getLogger(__name__)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 100

Keys = Mapping[tuple[str | None, str], PyJWK]
"""Public keys by key id and algorithm."""


class JwksUrlError(ValueError):
    """An address that keys must not be fetched from."""


def check_jwks_url(url: str, *, allow_http: bool = False) -> str:
    """Return *url* if keys may come from there: https, or http on this machine, or http that was allowed on purpose.

    Raises ``JwksUrlError``: whoever can change the keys on their way can log in as anybody.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname and (allow_http or parts.hostname in _LOOPBACK):
        return url
    raise JwksUrlError(f"{url!r} is no https address; keys fetched in the clear can be exchanged on the way")


class JwksClient:
    """Finds keys by id. Fetches when it has none, after *lifetime_us*, and for an unknown id, but once per *pause_us*.

    When fetching fails, the keys that are there stay good. One thread fetches at a time; the others go on with what
    there is. *load* returns the document, and raises as ``fetch``; *name* is for the log.
    """

    def __init__(
        self,
        load: Callable[[], bytes],
        algorithms: Collection[str],
        *,
        name: str,
        lifetime_us: int = 60 * MINUTE_US,
        pause_us: int = 30 * SECOND_US,
    ) -> None:
        self._load = load
        self._name = name
        self._algorithms = algorithms
        self._lifetime_us = lifetime_us
        self._pause_us = pause_us
        self._keys: Keys = {}
        self._fetched_us: int | None = None
        self._tried_us: int | None = None
        self._lock = Lock()

    def find(self, key_id: str | None, algorithm: str, now_us: int) -> PyJWK | None:
        """Return the key with an id; without one, the only key for *algorithm*. ``None`` if there is none such.

        Raises ``Unavailable`` while no key could be fetched at all.
        """
        if not _is_within(self._fetched_us, now_us, self._lifetime_us):
            self._refresh(now_us)
        key = self._pick(key_id, algorithm)
        if key is None and self._refresh(now_us):
            key = self._pick(key_id, algorithm)
        if self._fetched_us is None:
            raise Unavailable(
                "The identity provider cannot be reached at the moment.",
                headers={"Retry-After": str(self._pause_us // SECOND_US)},
            )
        return key

    def _pick(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        if key_id is not None:
            return self._keys.get((key_id, algorithm))
        fitting = [key for (_, able), key in self._keys.items() if able == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _refresh(self, now_us: int) -> bool:
        """Fetch the keys unless that was tried a moment ago; return whether there are new ones."""
        if not self._lock.acquire(blocking=self._fetched_us is None):
            return False
        try:
            if _is_within(self._tried_us, now_us, self._pause_us):
                return False
            self._tried_us = now_us
            self._keys = read_keys(self._load(), self._algorithms)
            self._fetched_us = now_us
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as error:
            _log.warning("no keys from %s: %s", self._name, type(error).__name__)
            return False
        else:
            return True
        finally:
            self._lock.release()


def discovered(issuer: str, timeout_s: float) -> str:
    """Return the address of the keys from an issuer's discovery document (OpenID Connect Discovery 1.0, section 4).

    Raises as ``fetch``, and ``ValueError`` for a document that is none, or is another issuer's.
    """
    document = json.loads(fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout_s))
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ValueError("no discovery document of this issuer")
    url = document.get("jwks_uri")
    if not isinstance(url, str):
        raise ValueError("no jwks_uri")
    return url


def _is_within(since_us: int | None, now_us: int, span_us: int) -> bool:
    return since_us is not None and 0 <= now_us - since_us < span_us


def fetch(url: str, timeout_s: float) -> bytes:
    """Return what is at *url*, at most 256 KiB, without following redirects.

    Each step may take *timeout_s*, and so may the whole, but for the step that is under way.

    Raises ``httpx2.HTTPError``, ``httpx2.InvalidURL``, ``OSError`` and ``ValueError``.
    """
    deadline_s = time.monotonic() + timeout_s
    body = b""
    with (
        httpx2.Client(timeout=timeout_s, follow_redirects=False) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as response,
    ):
        if response.status_code != httpx2.codes.OK:
            raise ValueError(f"status {response.status_code}")
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError("too long")
            if time.monotonic() > deadline_s:
                raise TimeoutError
    return body


def read_keys(document: bytes, algorithms: Collection[str]) -> Keys:
    """Return the keys of a JWKS document that are for signatures by one of *algorithms*; secret keys never are.

    Raises ``ValueError`` for a document that is none.
    """
    parsed = json.loads(document)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("keys"), list):
        raise ValueError("no JWKS document")
    keys: dict[tuple[str | None, str], PyJWK] = {}
    for raw in parsed["keys"][:_MAX_KEYS]:
        if not isinstance(raw, dict) or raw.get("use", "sig") != "sig" or not isinstance(raw.get("kid", ""), str):
            continue
        for algorithm in algorithms:
            key = _key(raw, algorithm)
            if key is not None:
                keys[raw.get("kid"), algorithm] = key
    return keys


def _key(raw: dict[str, Any], algorithm: str) -> PyJWK | None:
    if raw.get("alg", algorithm) != algorithm:
        return None
    try:
        return PyJWK(raw, algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None  # of another type, or broken: that does not spoil the others
