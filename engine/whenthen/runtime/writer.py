"""One turn of the one writer: items and due timers in, one commit, then what may be told and started."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from whenthen.engine import Engine
from whenthen.model.firing import ActionCall, Firing, Notice
from whenthen.runtime.failpoint import reached
from whenthen.runtime.intake import Entry, Item, Ticket
from whenthen.runtime.journal import Journal, JournalError, JournalLostError, Transaction
from whenthen.runtime.manner import Manner
from whenthen.runtime.outbox import Outbox
from whenthen.runtime.rates import Rates
from whenthen.runtime.records import ActionRow, Execution, Sample

MAX_WAITING = 100_000
"""So many actions wait at most; what further firings want is suppressed, and says so."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Turn:
    """What one commit brought, for those who are told afterwards.

    *started* are the actions to carry out now; *changed* those that ended or wait again; *news* is what items announce,
    as (kind, payload). *verdicts* counts what became of readings.
    """

    now_us: int
    samples: list[Sample] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    new_actions: list[ActionRow] = field(default_factory=list)
    changed: list[ActionRow] = field(default_factory=list)
    started: list[ActionRow] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    news: list[tuple[str, Any]] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)


class Core:
    """What an item may use while it is applied: the engine, the commit that is being made, and this turn's findings."""

    def __init__(self, engine: Engine, transaction: Transaction, outbox: Outbox, turn: Turn, max_sensors: int) -> None:
        self.engine = engine
        self.transaction = transaction
        self.outbox = outbox
        self.turn = turn
        self.max_sensors = max_sensors
        """So many sensors one device may have."""
        self.received_us = 0
        """The instant at which the present item came."""
        self.firings: list[tuple[Firing, str]] = []

    def fired(self, firings: Iterable[Firing], cause: str) -> None:
        """Have firings kept and carried out; *cause* is a few words."""
        self.firings += [(firing, cause) for firing in firings]

    def announce(self, kind: str, payload: Any) -> None:
        """Have *payload* told to whoever listens, once all is on the disk."""
        self.turn.news.append((kind, payload))


class Writer:
    """Owns the engine's state and the outbox; called by one thread only.

    *load* returns a fresh engine from what is kept: it is called at the start, and again after a commit that failed,
    since the engine has then run ahead of what is kept. One device may have *max_sensors* sensors.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it owns, and how it is to go about it
        self,
        load: Callable[[], Engine],
        journal: Journal,
        random: Callable[[], float],
        new_id: Callable[[], str],
        max_sensors: int = 1_000,
        manner: Manner = Manner(),  # noqa: B008 - a frozen value
    ) -> None:
        self.engine = load()
        self.outbox = Outbox(random, manner)
        self._manner = manner
        self._random = random
        self.rates = Rates()
        self.counts: Counter[str] = Counter()
        self._load = load
        self._journal = journal
        self._new_id = new_id
        self._max_sensors = max_sensors
        self._broken = False

    def resume(self, now_us: int) -> None:
        """Take up what is unfinished: actions that waited, and those that nobody is sending any more."""
        under_way = self.outbox.sending
        self.outbox = Outbox(self._random, self._manner)
        waiting, ended = [], []
        for row in self._journal.unfinished_actions():
            if row.key in under_way:
                self.outbox.sending[row.key] = row
            elif row.state == "sending" and self.outbox.interrupted(row, now_us).state != "waiting":
                ended.append(row)
            else:
                waiting.append(row)
        if ended:
            with self._journal.transaction() as transaction:
                transaction.actions([], ended)
        self.outbox.add(waiting)

    def idle(self, now_us: int) -> bool:
        """Tell whether a turn without items would change nothing: no timer runs, nothing is due or to be mended."""
        due_us = self.outbox.next_due_us
        return not self._broken and self.engine.next_due_us is None and (due_us is None or due_us > now_us)

    def turn(self, entries: list[Entry], now_us: int, room: int) -> Turn | None:
        """Apply *entries* and everything due by *now_us* in one commit; at most *room* actions start.

        Every ticket is answered, with ``JournalError`` if nothing could be kept; then ``None`` is returned, or
        ``JournalLostError`` raised, after which there is nothing more to do here.
        """
        try:
            if self._broken:
                self.engine = self._load()
                self.resume(now_us)
                self._broken = False
            turn, answers = self._commit(entries, now_us, room)
            if turn.new_actions:
                reached("enqueue")
            if any(row.finished_us is not None for row in turn.changed):
                reached("mark")
        except JournalError as error:
            self._broken = True
            self.counts["commit_failed"] += 1
            for _, ticket in entries:
                ticket.fail(error)
            if isinstance(error, JournalLostError):
                raise
            return None
        for ticket, answer in answers:
            if isinstance(answer, _Failure):
                ticket.fail(answer.error)
            else:
                ticket.resolve(answer)
        return turn

    def _commit(self, entries: list[Entry], now_us: int, room: int) -> tuple[Turn, list[tuple[Ticket[Any], Any]]]:
        turn = Turn(now_us)
        answers: list[tuple[Ticket[Any], Any]] = []
        with self._journal.transaction() as transaction:
            core = Core(self.engine, transaction, self.outbox, turn, self._max_sensors)
            for item, ticket in entries:
                core.received_us = ticket.received_us
                answers.append((ticket, _applied(item, core)))
            core.fired(self.engine.advance(now_us), "time")
            if core.firings:
                reached("decide")
            self._write(core, now_us)
            begun = self.outbox.start(now_us, room)
            turn.started = [row for row in begun if row.state == "sending"]
            turn.changed += [row for row in begun if row.state != "sending"]
            transaction.samples(turn.samples)
            if turn.samples:
                reached("store")
            transaction.executions(turn.executions)
            new = {row.key for row in turn.new_actions}
            older = {row.key: row for row in [*turn.changed, *turn.started] if row.key not in new}
            transaction.actions(turn.new_actions, list(older.values()))
            transaction.state(self.engine.changed_state())
        turn.notices = self.engine.take_notices()
        return turn, answers

    def _write(self, core: Core, now_us: int) -> None:
        """Turn firings into executions, and their actions into rows."""
        for firing, cause in core.firings:
            execution = Execution(self._new_id(), firing, cause, firing.trace)
            core.turn.executions.append(execution)
            allowed = self.rates.take(firing.rule_id, now_us)
            rows = [_row(execution, position, call, now_us) for position, call in enumerate(firing.actions)]
            for row in rows:
                if row.state == "waiting" and (not allowed or len(self.outbox) >= MAX_WAITING):
                    row.state, row.finished_us = "suppressed", now_us
                    row.error = "too many actions wait" if allowed else "the rule fires too often"
                    self.counts["suppressed"] += 1
            core.turn.new_actions += rows
            self.outbox.add(row for row in rows if row.state == "waiting")


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


def _applied(item: Item[Any], core: Core) -> Any:
    """Apply one item; what it raises is its own answer and undoes what it wrote."""
    try:
        if not item.writes:
            return item.apply(core)
        with core.transaction.savepoint():
            return item.apply(core)
    except JournalError:
        raise
    except Exception as error:  # noqa: BLE001 - one bad item must not take the others' commit with it
        if not getattr(error, "code", None):
            _log.exception("an item could not be applied")
        return _Failure(error)


def _row(execution: Execution, position: int, call: ActionCall, now_us: int) -> ActionRow:
    firing = execution.firing
    due_us = firing.at_us + call.after_us
    row = ActionRow(
        key=f"{execution.id}.{position}",
        execution_id=execution.id,
        rule_id=firing.rule_id,
        rule=firing.rule,
        subject=firing.subject,
        position=position,
        call=call,
        state="waiting",
        due_us=due_us,
        expires_us=None if call.expires_after_us is None else due_us + call.expires_after_us,
        parallel=firing.parallel,
        together_us=firing.timeout_us,
        cause=execution.cause,
    )
    if not call.runs:
        row.state = "superseded" if call.superseded_by else "skipped" if call.skipped else "failed"
        row.error = call.skipped or call.failed or f"superseded by {call.superseded_by}"
        row.finished_us = now_us
    return row
