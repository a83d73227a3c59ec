"""Which action may start now, and what becomes of one that has ended. Decides; neither waits nor acts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count, groupby
from urllib.parse import urlsplit

from whenthen.runtime.breaker import Breaker
from whenthen.runtime.manner import Manner
from whenthen.runtime.records import ActionRow, ActionState, Outcome
from whenthen.runtime.retries import delay_us


class Outbox:
    """Every action that waits or is being sent.

    The actions of an execution start one after the other, unless it is parallel. An action that is delayed, or that is
    tried again without holding the others up, stands outside this order.
    """

    def __init__(self, random: Callable[[], float], manner: Manner = Manner()) -> None:  # noqa: B008 - a frozen value
        self._manner = manner
        self.breaker = Breaker()
        self.sending: dict[str, ActionRow] = {}
        self._random = random
        self._ready: list[tuple[int, int, ActionRow]] = []
        self._serial = count()
        self._chains: dict[str, deque[ActionRow]] = {}
        self._chained = 0
        self._deadlines_us: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ready) + len(self.sending) + sum(map(len, list(self._chains.values())))

    @property
    def next_due_us(self) -> int | None:
        """The instant at which the next action may start, in microseconds."""
        return self._ready[0][0] if self._ready else None

    def add(self, rows: Iterable[ActionRow]) -> None:
        """Take rows that wait, those of one execution together and in order."""
        for execution_id, own in groupby(rows, key=lambda row: row.execution_id):
            for row in own:
                if row.parallel or row.call.after_us or (row.attempts and not row.call.stop_on_failure):
                    self._push(row)
                else:
                    self._chains.setdefault(execution_id, deque()).append(row)
                    self._chained += 1
            self._next_in_chain(execution_id)

    def start(self, now_us: int, room: int) -> list[ActionRow]:
        """Return the rows that change now: at most *room* are ``sending``, and those that came too late have ended."""
        changed: list[ActionRow] = []
        started = 0
        while self._ready and self._ready[0][0] <= now_us and started < room:
            row = heappop(self._ready)[2]
            if row.expires_us is not None and now_us >= row.expires_us:
                self._end(row, "expired", now_us, "it was too late")
            elif self._time_is_over(row, now_us):
                self._end(row, "skipped", now_us, "the time for the rule's actions is over")
            elif wait_us := self.breaker.wait_us(target_of(row), now_us):
                row.due_us = now_us + wait_us
                self._push(row)
                continue
            else:
                row.state = "sending"
                row.attempts += 1
                self.sending[row.key] = row
                started += 1
            if row.execution_id in self._chains:
                self._deadlines_us.setdefault(row.execution_id, now_us + row.together_us)
            else:  # the last of its sequence
                self._deadlines_us.pop(row.execution_id, None)
            changed.append(row)
            if row.state != "sending":
                changed += self._after(row, now_us)
        return changed

    def ended(self, key: str, attempt: int, outcome: Outcome, now_us: int) -> list[ActionRow]:
        """Return the rows that change because an attempt has ended; an attempt that was given up changes none."""
        row = self.sending.get(key)
        if row is None or row.attempts != attempt:
            return []
        del self.sending[key]
        target = target_of(row)
        if outcome.kind == "done":
            self.breaker.succeeded(target)
            row.result = outcome.result
            self._end(row, "done", now_us, None)
        elif outcome.kind == "refused":
            self._end(row, "failed", now_us, outcome.error)
        else:
            self.breaker.failed(target, now_us)
            self._failed(row, outcome, now_us)
        return [row, *self._after(row, now_us)]

    def interrupted(self, row: ActionRow, now_us: int) -> ActionRow:
        """Return a row that was being sent when the process ended: it waits again, or its outcome is unknown."""
        if row.call.delivery == "at_most_once":
            self._end(row, "unknown", now_us, "the process ended while it was being sent")
        else:
            row.state, row.due_us = "waiting", now_us
        return row

    def _failed(self, row: ActionRow, outcome: Outcome, now_us: int) -> None:
        if outcome.kind == "unsure" and row.call.delivery == "at_most_once":
            self._end(row, "unknown", now_us, outcome.error)
            return
        retries = self._manner.retries_of(row.call.max_retries)
        if row.attempts > retries:
            self._end(row, "dead" if retries else "failed", now_us, outcome.error)
            return
        row.error = outcome.error
        row.state = "waiting"
        row.due_us = now_us + delay_us(row.attempts, outcome.after_us, self._random)
        if row.expires_us is not None and row.due_us >= row.expires_us:
            self._end(row, "expired", now_us, outcome.error)

    def _end(self, row: ActionRow, state: ActionState, now_us: int, error: str | None) -> None:
        row.state, row.error, row.finished_us = state, error, now_us

    def _after(self, row: ActionRow, now_us: int) -> list[ActionRow]:
        """Move on after a row that is no longer being sent; return the rows that end because of it."""
        chained = not (row.parallel or row.call.after_us)
        if row.state == "waiting":
            self._push(row)
            if chained and not row.call.stop_on_failure:
                self._next_in_chain(row.execution_id)
            return []
        skipped: list[ActionRow] = []
        if row.state != "done" and row.call.stop_on_failure:
            skipped = list(self._chains.pop(row.execution_id, ()))
            self._chained -= len(skipped)
            self._deadlines_us.pop(row.execution_id, None)
            for other in skipped:
                self._end(other, "skipped", now_us, "an action before it failed")
        elif chained:
            self._next_in_chain(row.execution_id)
        return skipped

    def _next_in_chain(self, execution_id: str) -> None:
        chain = self._chains.get(execution_id)
        if chain:
            self._push(chain.popleft())
            self._chained -= 1
        if not chain:
            self._chains.pop(execution_id, None)

    def _time_is_over(self, row: ActionRow, now_us: int) -> bool:
        """Tell whether a row of a sequence comes too late; the time of all runs from the first one's start."""
        if row.parallel or row.call.after_us or row.attempts:
            return False
        until_us = self._deadlines_us.get(row.execution_id)
        return until_us is not None and now_us >= until_us

    def _push(self, row: ActionRow) -> None:
        heappush(self._ready, (row.due_us, next(self._serial), row))


def target_of(row: ActionRow) -> str:
    """Return whom an action goes to, as the breaker counts: a device, a host, or else the action's type."""
    if row.call.targets:
        return f"device {row.call.targets[0]}"
    url = row.call.config.get("url")
    if isinstance(url, str):
        return urlsplit(url).hostname or url
    return row.call.type
