"""The answers to requests with an idempotency key, in the database: what is sent again after a crash is not done again.

Both the beginning of a request and its answer go through the one writer, and are on the disk before anything goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar, TypeVar

from sqlalchemy import JSON, BigInteger, Column, Integer, LargeBinary, Table, Text, delete, select, update

from whenthen.runtime import JournalError, QueueFullError, Ticket
from whenthen.runtime.intake import Item
from whenthen.runtime.writer import Core
from whenthen_server.problems import Unavailable
from whenthen_server.store.journal import connection_of
from whenthen_server.store.schema import metadata
from whenthen_server.store.upsert import upserting

_log = logging.getLogger(__name__)

WAIT_SECONDS = 10.0

answers = Table(
    "answers",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("begun_us", BigInteger, nullable=False, index=True),
    Column("status", Integer),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""A request by the hash of its caller and key; without a status while it is carried out, or when that was cut short."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that was begun, and its answer once there is one. *fingerprint* tells whether another is the same.

    *cut_short* means that the process ended while it was carried out: nobody knows how far it came.
    """

    fingerprint: str
    begun_us: int
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class BeginAnswer:
    """Keep a request unless a fresh one is there; the answer is that one, or ``None``."""

    writes: ClassVar[bool] = True
    key: str
    kept: Kept
    since_us: int

    def apply(self, core: Core) -> Kept | None:
        """Look and keep, as one."""
        connection = connection_of(core)
        row = connection.execute(select(answers).where(answers.c.key == self.key)).first()
        if row is not None and row.begun_us >= self.since_us:
            headers = tuple((name, value) for name, value in row.headers)
            return Kept(row.fingerprint, row.begun_us, row.status, headers, row.body)
        upserting(connection, answers, ["key"], [_row(self.key, self.kept)])
        return None


@dataclass(frozen=True, slots=True)
class EndAnswer:
    """Keep an answer, or with ``None`` drop what was begun."""

    writes: ClassVar[bool] = True
    key: str
    kept: Kept | None

    def apply(self, core: Core) -> None:
        """Write it."""
        connection = connection_of(core)
        if self.kept is None:
            connection.execute(delete(answers).where(answers.c.key == self.key))
        else:
            connection.execute(update(answers).where(answers.c.key == self.key), _row(self.key, self.kept))


class AnswerStore:
    """Keeps answers through *submit*, which hands an item to the writer; what the API asks of an idempotency store."""

    def __init__(self, submit: Callable[[Item[Any]], Ticket[Any]]) -> None:
        self._submit = submit
        self._lock = Lock()
        self._under_way: dict[str, Kept] = {}

    def begin(self, key: str, kept: Kept, *, since_us: int) -> Kept | None:
        """Keep *kept* unless something fresh is there; return that. Raises ``Unavailable`` if it cannot be kept."""
        with self._lock:
            mine = self._under_way.get(key)
            if mine is not None:
                return mine
            self._under_way[key] = kept
        try:
            there: Kept | None = self._submit(BeginAnswer(key, kept, since_us)).wait(WAIT_SECONDS)
        except (JournalError, QueueFullError, TimeoutError) as error:
            self._done(key)
            if isinstance(error, TimeoutError):
                self._drop(key)
            detail = "The request cannot be noted at present, so nothing was done. Send it again in a second."
            raise Unavailable(detail, headers={"Retry-After": "1"}) from error
        if there is None:
            return None
        self._done(key)
        cut_short = there.status is None
        return Kept(there.fingerprint, there.begun_us, there.status, there.headers, there.body, cut_short)

    def finish(self, key: str, kept: Kept) -> None:
        """Keep the answer."""
        self._end(key, kept)

    def forget(self, key: str) -> None:
        """Drop the key: nothing was done."""
        self._end(key, None)

    def _end(self, key: str, kept: Kept | None) -> None:
        try:
            self._submit(EndAnswer(key, kept)).wait(WAIT_SECONDS)
        except (JournalError, QueueFullError, TimeoutError) as error:
            # The request itself was carried out: its sender gets the answer, and only a repetition has to look.
            _log.warning("the answer to a keyed request could not be kept: %s", error)
        self._done(key)

    def _drop(self, key: str) -> None:
        """Take back what may still be kept; if there is no room for that, the key has been used."""
        with suppress(QueueFullError):
            self._submit(EndAnswer(key, None))

    def _done(self, key: str) -> None:
        with self._lock:
            self._under_way.pop(key, None)


def _row(key: str, kept: Kept) -> dict[str, Any]:
    headers = [list(pair) for pair in kept.headers]
    return {
        "key": key,
        "fingerprint": kept.fingerprint,
        "begun_us": kept.begun_us,
        "status": kept.status,
        "headers": headers,
        "body": kept.body,
    }
