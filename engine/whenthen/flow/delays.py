"""Consequences that an action's ``after_seconds`` put off."""

from __future__ import annotations

from whenthen.extend.action import Consequence
from whenthen.flow.changes import Changes
from whenthen.flow.rulestate import Delayed
from whenthen.flow.subjects import Concern
from whenthen.flow.timers import Timers


class Delays:
    """Those whose time is still to come, in the order in which they were put off."""

    def __init__(self, timers: Timers, changes: Changes) -> None:
        self.waiting: list[Delayed] = []
        self._timers = timers
        self._changes = changes
        self._serial = 0

    def add(self, consequence: Consequence, concern: Concern, depth: int, due_us: int) -> None:
        """Put a consequence off until *due_us*."""
        self._serial += 1
        delayed = Delayed(consequence, concern, depth, due_us, self._serial)
        self.waiting.append(delayed)
        self._changes.delayed = True
        self._timers.schedule(delayed)

    def remove(self, delayed: Delayed) -> None:
        """Forget a consequence whose time has come."""
        self.waiting.remove(delayed)
        self._changes.delayed = True
