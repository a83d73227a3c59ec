"""The writer's own connection, held from commit to commit; on PostgreSQL the lock of this one server lives in it."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from whenthen.runtime.journal import JournalError, JournalLostError
from whenthen_server.store.database import begun
from whenthen_server.store.lock import InUseError

LOCK_CLASS = 0x7768656E
"""The first number of the advisory lock, "when" in ASCII; the second is the oid of the schema that holds the tables."""
_PAUSE_SECONDS = 0.05

_TRY = text("SELECT pg_try_advisory_lock(:kind, oid::int) FROM pg_namespace WHERE nspname = current_schema()")
_HOLDER = text("""
    SELECT locks.pid, coalesce(host(client_addr), 'this machine')
    FROM pg_locks AS locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = :kind AND datname = current_database()
    AND objid = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
""")


class Held:
    """One connection that stays, for the one writer; ``take`` it before anything is read that the writer relies on.

    When it breaks, the lock goes with it, and whatever was read by then may be old: so it is never mended in passing.
    ``writing`` fails until ``take`` was called again, after which everything is to be read anew.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._was_held = False

    def take(self, patience_seconds: float = 0.0) -> None:
        """Connect, if there is no connection; wait a little for a server that is just ending.

        Raises ``InUseError`` when another server has the database, ``JournalLostError`` when it took it meanwhile.
        """
        if self._connection is not None:
            return
        connection = self._engine.connect()
        try:
            if connection.dialect.name == "postgresql":
                self._lock(connection, time.monotonic() + patience_seconds)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        self._connection, self._was_held = connection, True

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Open a transaction that will write, and commit it at the end."""
        connection = self._connection
        if connection is None:
            raise JournalError("the connection to the database is gone")
        try:
            with begun(connection):
                yield connection
        finally:
            # SQLAlchemy sees a broken connection by the error or, at the latest, when it rolls back.
            if connection.invalidated:
                self.release()

    def release(self) -> None:
        """Close the connection, and with it let go of the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # not back into the pool: the lock would live on in there
            connection.close()

    def _lock(self, connection: Connection, until: float) -> None:
        while not connection.execute(_TRY, {"kind": LOCK_CLASS}).scalar():
            if time.monotonic() >= until:
                holder = connection.execute(_HOLDER, {"kind": LOCK_CLASS}).first()
                who = f"connected from {holder[1]} as process {holder[0]} of PostgreSQL" if holder else "just ending"
                message = (
                    f"another whenthen, {who}, uses this database; stop it, or give this one a database of its own"
                )
                if self._was_held:
                    raise JournalLostError(f"the connection to the database broke, and {message}")
                raise InUseError(message)
            connection.rollback()
            time.sleep(_PAUSE_SECONDS)
        connection.rollback()
