"""Idempotency keys: a POST that is sent again is answered again, not done again."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol

from whenthen_server.problems import ApiError, BadRequest, Conflict, Unprocessable
from whenthen_server.store.answers import Kept as Kept  # noqa: PLC0414 - part of this module's face

KEY = re.compile(r"[\x21-\x7e]{1,200}")
MAX_KEPT_BYTES = 1_000_000
"""An answer larger than this is not kept; the answer to a request sent again is then 409."""


class IdempotencyStore(Protocol):
    """Keeps answers by caller and key."""

    def begin(self, key: str, kept: Kept, *, since_us: int) -> Kept | None:
        """Keep *kept* unless *key* is there and not older than *since_us*; return what was there, or ``None``."""

    def finish(self, key: str, kept: Kept) -> None:
        """Replace what ``begin`` kept by the same with its answer."""

    def forget(self, key: str) -> None:
        """Drop what ``begin`` kept: nothing was done."""


class MemoryIdempotencyStore:
    """Keeps answers in memory, the *most* recent ones; after a restart none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def begin(self, key: str, kept: Kept, *, since_us: int) -> Kept | None:
        """Keep *kept* unless something fresh is there; return that."""
        with self._lock:
            there = self._kept.get(key)
            if there is not None and there.begun_us >= since_us:
                return there
            self._kept[key] = kept
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return None

    def finish(self, key: str, kept: Kept) -> None:
        """Keep the answer."""
        with self._lock:
            if key in self._kept:
                self._kept[key] = kept

    def forget(self, key: str) -> None:
        """Drop the key."""
        with self._lock:
            self._kept.pop(key, None)


@dataclass(frozen=True, slots=True)
class Once:
    """One keyed request under way: call ``finished`` with its answer, or ``failed``."""

    store: IdempotencyStore
    key: str
    kept: Kept

    def finished(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        """Keep the answer of a request that was carried out."""
        if len(body) <= MAX_KEPT_BYTES:
            self.store.finish(self.key, replace(self.kept, status=status, headers=headers, body=body))

    def failed(self) -> None:
        """Forget a request that changed nothing, so that it can be sent again."""
        self.store.forget(self.key)


def begin_once(  # noqa: PLR0913 - all but the first two are named
    store: IdempotencyStore, key: str, *, caller: str, request: bytes, now_us: int, keep_us: int
) -> Once | Kept:
    """Return what to do with a keyed request: carry it out (``Once``), or give the kept answer (``Kept``).

    *request* is all that makes it this request: method, path and body. Raises ``BadRequest`` for a key that is none,
    ``Unprocessable`` when the key was used for something else, ``Conflict`` while the first is under way or when the
    process ended within it.
    """
    if not KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key is 1 to 200 printable ASCII characters without spaces.", code="invalid_key")
    kept = Kept(hashlib.sha256(request).hexdigest(), now_us)
    # The caller is part of the key: nobody is answered with what another got.
    whole = hashlib.sha256(f"{caller}\x1f{key}".encode("utf-8", "surrogatepass")).hexdigest()
    there = store.begin(whole, kept, since_us=now_us - keep_us)
    if there is None:
        return Once(store, whole, kept)
    if there.fingerprint != kept.fingerprint:
        raise _reused()
    if there.cut_short:
        raise Conflict(
            "The server stopped while it carried out the first request with this key, which may or may not have been "
            "done. Look at what there is, and take a new key if it is to be done.",
            code="outcome_unknown",
        )
    if there.status is None:
        detail = "The first request with this key is still being carried out. Send it again in a second."
        raise Conflict(detail, code="request_under_way", headers={"Retry-After": "1"})
    return there


def _reused() -> ApiError:
    title = "The Idempotency-Key was used before"
    detail = "The key belongs to another request of yours. Take a new key for each new request."
    return Unprocessable(detail, code="idempotency_key_reused", title=title)
