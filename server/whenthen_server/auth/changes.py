"""How people and keys are changed: in one transaction, then the gate forgets what it knew, then the audit is told."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from whenthen.clock import Clock, to_us
from whenthen_server.auth.caller import Caller, Role
from whenthen_server.auth.keys import Hasher
from whenthen_server.problems import Conflict, Unprocessable
from whenthen_server.store.database import writing
from whenthen_server.store.members import lock_users

Audit = Callable[[str, str, Mapping[str, Any], int], None]
"""Called with who (``kind:id``), the action (``member.update``), what was done to what, and when (microseconds)."""

_MAX_NAME = 200


class Changes:
    """What the services of people and keys are built on.

    *changed* is called after each commit (give it ``Gate.forget``), then *audit*; neither is inside the transaction, so
    both may use the database. No secret is ever among what *audit* is told.
    """

    def __init__(
        self, engine: Engine, hasher: Hasher, clock: Clock, *, changed: Callable[[], None], audit: Audit
    ) -> None:
        self._engine = engine
        self._hasher = hasher
        self._clock = clock
        self._changed = changed
        self._audit = audit

    def _now_us(self) -> int:
        return to_us(self._clock.now())

    @contextmanager
    def _change(self, actor: Caller, action: str, what: Mapping[str, Any]) -> Generator[Connection]:
        """Open a transaction; after it went well, tell the others. *what* may be filled in until then."""
        try:
            with writing(self._engine) as connection:
                lock_users(connection)
                yield connection
        except IntegrityError as error:
            raise Conflict("Somebody else has changed the same in this moment. Look again, then try again.") from error
        self._changed()
        self._audit(f"{actor.kind}:{actor.id}", action, dict(what), self._now_us())


def read_name(name: str) -> str:
    """Return a name without space around it. Raises ``Unprocessable`` for one that is empty, long or not printable."""
    stripped = name.strip()
    if not 0 < len(stripped) <= _MAX_NAME or not stripped.isprintable():
        refuse("/name", "a name has 1 to 200 printable characters", "choose another name")
    return stripped


def read_role(word: str) -> Role:
    """Return the role that a word names. Raises ``Unprocessable``."""
    try:
        return Role.read(word)
    except ValueError as error:
        refuse("/role", str(error), "choose viewer, operator, manager or owner")


def refuse(pointer: str, message: str, hint: str) -> NoReturn:
    """Raise ``Unprocessable`` for one field of the body."""
    raise Unprocessable(message, errors=[{"pointer": pointer, "message": message, "hint": hint}])
