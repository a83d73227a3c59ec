"""The engine running by itself: one thread that decides and stores, a few that act, and an orderly end."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from whenthen.clock import SECOND_US, Clock, SystemClock, to_us
from whenthen.engine import Engine, RunResult
from whenthen.extend.registry import Registry
from whenthen.ports import Directory
from whenthen.runtime.dispatcher import Dispatcher, Job, NoServices, Services
from whenthen.runtime.intake import Entry, Intake, Item, Ticket
from whenthen.runtime.items import (
    ActionEnded,
    Given,
    PutRule,
    RemoveRule,
    RunRule,
    SwitchRule,
    TakeEvent,
    TakeReadings,
    Verdict,
)
from whenthen.runtime.journal import Journal, JournalLostError
from whenthen.runtime.manner import Manner
from whenthen.runtime.records import Outcome
from whenthen.runtime.writer import Turn, Writer

_log = logging.getLogger(__name__)

MAX_SENSORS = 1_000
"""So many sensors one device may have, unless told otherwise: each costs memory for as long as the device is there."""

MAX_BATCH = 500
"""So many items share a commit at most."""

_AFTER_FAILURE_SECONDS = 0.2

Answer = TypeVar("Answer")

Listener = Callable[[Turn], None]
"""Is told of a commit, on the writer's thread: it must be quick."""


class Runtime:
    """Readings, events and rule changes come in from any thread; each call returns once all it caused is stored.

    *before_load* is called before the engine is made from what is kept: at the start, and after a commit that failed.
    With *tracing* every execution has its trace. *lost* is told, once, when the journal belongs to somebody else: then
    the writer has ended, and nothing more is taken.
    """

    def __init__(  # noqa: PLR0913 - the parts of a running engine
        self,
        registry: Registry,
        journal: Journal,
        *,
        directory: Directory | None = None,
        services: Services | None = None,
        clock: Clock | None = None,
        timezone: str = "UTC",
        capacity: int = 10_000,
        threads: int = 8,
        max_sensors: int = MAX_SENSORS,
        tracing: bool = False,
        manner: Manner = Manner(),  # noqa: B008 - a frozen value
        before_load: Callable[[], None] = lambda: None,
        lost: Callable[[JournalLostError], None] = lambda _error: None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._journal = journal
        self._lost = lost
        self._manner = manner
        self._listeners: tuple[Listener, ...] = ()
        self.intake = Intake(capacity, self.now_us)
        self.dispatcher = Dispatcher(registry, services or NoServices(), self._acted, threads)

        def load() -> Engine:
            before_load()
            rules = list(journal.rules())
            engine = Engine.restore(registry, directory, rules, journal.engine_state(), timezone)
            engine.tracing, engine.paused = tracing, manner.paused
            return engine

        self.writer = Writer(load, journal, random.random, lambda: uuid.uuid4().hex, max_sensors, manner)
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="whenthen-writer", daemon=True)

    def now_us(self) -> int:
        """Return the present instant, in microseconds since the epoch."""
        return to_us(self._clock.now())

    @property
    def alive(self) -> bool:
        """Tell whether the writer runs."""
        return self._thread.is_alive()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a listener told of every commit from now on, in order; returns how to leave."""
        self._listeners = (*self._listeners, listener)

        def leave() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return leave

    # Its life

    def start(self) -> None:
        """Take up what an earlier process left, then begin."""
        self.writer.resume(self.now_us())
        self.dispatcher.start()
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> bool:
        """Refuse what comes, finish what is there, and tell whether that was done in time; the rest is kept."""
        until = time.monotonic() + timeout_seconds
        self.intake.close()
        self._stopping.set()
        self.intake.wake()
        self._thread.join(max(0.0, until - time.monotonic()))
        self.dispatcher.stop()
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What can be given to it

    def submit(self, item: Item[Answer]) -> Ticket[Answer]:
        """Have an item applied in the next commit; raises ``QueueFullError`` when there is no room."""
        return self.intake.put(item)

    def take(self, device: str, values: Mapping[str, Any], at_us: int | None = None) -> Verdict:
        """Take one reading; returns once it, and all that it caused, is on the disk."""
        return self.submit(TakeReadings([Given(device, values, at_us)])).wait()[0]

    def take_all(self, readings: Iterable[Given]) -> list[Verdict]:
        """Take several readings in one commit, one tick each."""
        return self.submit(TakeReadings(list(readings))).wait()

    def event(self, name: str, data: Mapping[str, Any] | None = None) -> int:
        """Let something have happened; returns how many rules fired."""
        return self.submit(TakeEvent(name, data or {})).wait()

    def put_rule(self, document: Mapping[str, Any], who: str = "", version: int | None = None) -> int:
        """Save a rule, which needs an ``id``; returns its version."""
        return self.submit(PutRule(document, who, version)).wait()

    def remove_rule(self, rule_id: str, who: str = "", version: int | None = None) -> None:
        """Delete a rule."""
        self.submit(RemoveRule(rule_id, who, version)).wait()

    def switch_rule(self, rule_id: str, *, enabled: bool) -> None:
        """Switch a rule on or off."""
        self.submit(SwitchRule(rule_id, enabled)).wait()

    def run_rule(self, rule_id: str, *, force: bool = False) -> RunResult:
        """Run a rule now."""
        return self.submit(RunRule(rule_id, force=force)).wait()

    # The thread

    def _run(self) -> None:
        try:
            self._turns()
        except JournalLostError as error:
            self.intake.close()
            for _, ticket in self.intake.take(len(self.intake), 0.0):
                ticket.fail(error)
            self._lost(error)

    def _turns(self) -> None:
        while True:
            entries = self.intake.take(MAX_BATCH, self._wait_seconds())
            now_us = max(self.now_us(), entries[-1][1].last_us if entries else 0)
            # While a timer runs, a commit each second says how long we were there: a restart measures its gap by that.
            if entries or not self.writer.idle(now_us):
                self._turn(entries, now_us)
            self.dispatcher.give_up(now_us)
            if self._stopping.is_set() and not len(self.intake) and not self.dispatcher.busy:
                return

    def _turn(self, entries: list[Entry], now_us: int) -> None:
        room = 0 if self._stopping.is_set() else self.dispatcher.room
        turn = self.writer.turn(entries, now_us, room)
        if turn is None:
            self._stopping.wait(_AFTER_FAILURE_SECONDS)
        else:
            self._tell(turn, now_us)

    def _wait_seconds(self) -> float:
        longest_seconds = self._manner.wait_us / SECOND_US  # the clock is looked at so often at least: it may be set
        room = self.dispatcher.room
        dues = [self.writer.engine.next_due_us, self.dispatcher.next_due_us]
        dues.append(self.writer.outbox.next_due_us if room and not self._stopping.is_set() else None)
        due_us = min((due for due in dues if due is not None), default=None)
        if due_us is None:
            return longest_seconds
        return min(max(0.0, (due_us - self.now_us()) / SECOND_US), longest_seconds)

    def _tell(self, turn: Turn, now_us: int) -> None:
        for row in turn.started:
            self.dispatcher.give(Job.of(row, now_us, self._manner.attempt_us))
        for listener in self._listeners:
            try:
                listener(turn)
            except Exception:  # noqa: BLE001 - the commit stands, and the others are told
                _log.exception("a listener failed")

    def _acted(self, job: Job, outcome: Outcome) -> None:
        self.intake.put(ActionEnded(job.key, job.attempt, outcome), always=True)
