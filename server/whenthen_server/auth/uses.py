"""Notes when keys were last used, and writes it down once a minute rather than at every request."""

from __future__ import annotations

import logging

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from whenthen.clock import MINUTE_US
from whenthen_server.store.credentials import note_uses
from whenthen_server.store.database import writing

_log = logging.getLogger(__name__)


class Uses:
    """The times of use that are not written yet; a crash loses at most a minute of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._uses: dict[tuple[str, str], int] = {}
        self._written_us: int | None = None

    def note(self, kind: str, key_id: str, now_us: int) -> None:
        """Note a use; write all of them if the last time was a minute ago."""
        self._uses[kind, key_id] = now_us
        if self._written_us is None or not 0 <= now_us - self._written_us < MINUTE_US:
            self.write(now_us)

    def last_us(self, kind: str, key_id: str) -> int:
        """Return when a key was last used if that is not written yet, else 0."""
        return self._uses.get((kind, key_id), 0)

    def write(self, now_us: int) -> None:
        """Write what was noted. A database that cannot take it costs the notes, never the request."""
        self._written_us = now_us
        uses, self._uses = self._uses, {}
        # In one order everywhere, or two processes on PostgreSQL could wait for each other.
        # A list first: a thread that took hold of the dict before it was exchanged may still add to it.
        rows = sorted((kind, key_id, used_us) for (kind, key_id), used_us in list(uses.items()))
        try:
            with writing(self._engine) as connection:
                note_uses(connection, rows)
        except SQLAlchemyError as error:
            _log.warning("could not write down the use of %d keys: %s", len(rows), type(error).__name__)
