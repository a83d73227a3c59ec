"""What the runtime asks of whoever keeps things: one transaction for all that belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from whenthen.errors import WhenthenError
from whenthen.runtime.records import ActionRow, Execution, Sample


class JournalError(WhenthenError):
    """Nothing can be stored at present: the disk is full, locked or gone."""

    code = "store_unavailable"


class JournalLostError(JournalError):
    """Somebody else keeps things there now: whoever did before must end, since what it remembers may be old."""


class RuleConflictError(WhenthenError):
    """A rule has changed since the version that the change was meant for; *version* is the present one."""

    code = "stale_version"

    def __init__(self, message: str, version: int) -> None:
        self.version = version
        super().__init__(message)


class Transaction(Protocol):
    """One commit in the making: everything given to it is there afterwards, or nothing is."""

    def savepoint(self) -> AbstractContextManager[Any]:
        """Open a part that is undone by itself if it raises."""

    def samples(self, samples: Sequence[Sample]) -> None:
        """Keep accepted values."""

    def state(self, changes: Mapping[str, Any]) -> None:
        """Keep what ``Engine.changed_state`` returned."""

    def executions(self, executions: Sequence[Execution]) -> None:
        """Keep firings with their traces."""

    def actions(self, new: Sequence[ActionRow], changed: Sequence[ActionRow]) -> None:
        """Keep new actions, and what became of older ones."""

    def put_rule(self, document: Mapping[str, Any], who: str, at_us: int, version: int | None) -> int:
        """Keep a rule's new version and return its number; raises ``RuleConflictError`` unless *version* is present."""

    def remove_rule(self, rule_id: str, who: str, at_us: int, version: int | None) -> None:
        """Mark a rule as gone; its versions and executions stay."""


class Journal(Protocol):
    """Whoever keeps things; each method raises ``JournalError`` when it cannot at present."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction, committed at the end of the block; raises ``JournalError`` if it cannot be kept."""

    def rules(self) -> Iterable[Mapping[str, Any]]:
        """Return the documents of all rules."""

    def engine_state(self) -> Mapping[str, Any]:
        """Return all that was given to ``Transaction.state``, merged."""

    def unfinished_actions(self) -> Iterable[ActionRow]:
        """Return the actions that wait or were being sent, those of one execution together and in order."""
