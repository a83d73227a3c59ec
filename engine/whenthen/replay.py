"""The engine over recorded readings: what would have fired, and what there was to count on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from whenthen.errors import UnknownRuleError
from whenthen.model.event import Event
from whenthen.model.firing import Firing, Notice
from whenthen.model.reading import Reading
from whenthen.model.step import Step, instant_of
from whenthen.recorded.row import BadRow, Row
from whenthen.stage import Stage

_ROWS_BETWEEN_NOTICES = 500


@dataclass(slots=True)
class Tally:
    """What a replay met.

    *backwards* counts rows earlier than one before them; *fired*, *cleared* and *superseded* (of a firing no
    action was left) are by rule id, *notices* by kind; *values* holds those ``refused``, ``late`` or ``duplicate``.
    """

    rows: int = 0
    readings: int = 0
    events: int = 0
    unreadable: int = 0
    backwards: int = 0
    first_us: int | None = None
    last_us: int | None = None
    fired: Counter[str] = field(default_factory=Counter)
    cleared: Counter[str] = field(default_factory=Counter)
    superseded: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)

    def count(self, firing: Firing) -> Firing:
        """Count a firing and return it."""
        fate = self.cleared if firing.kind == "cleared" else self.fired if firing.counted else self.superseded
        fate[firing.rule_id] += 1
        return firing


def begin(stage: Stage, rows: Iterable[Row]) -> Iterator[Row]:
    """Bring a new stage to the instant before the first row, and return all rows.

    Rules that are put afterwards begin their schedules there, so one that is due with the first row still runs.
    """
    read: list[Row] = []
    rest = iter(rows)
    for row in rest:
        read.append(row)
        if not isinstance(row, BadRow):
            stage.engine.advance(instant_of(row) - 1)
            break
    return chain(read, rest)


def replay(  # noqa: PLR0913 - what is read, and who is told of what
    stage: Stage,
    rows: Iterable[Row],
    tally: Tally,
    *,
    on_bad_row: Callable[[BadRow], None] = lambda _: None,
    on_notice: Callable[[Notice], None] = lambda _: None,
    watch: Callable[[Firing | Notice], Iterable[Notice]] = lambda _: (),
) -> Iterator[Firing]:
    """Yield what fires, in order, as *rows* are taken by *stage* one by one; time ends with the last row.

    Nothing is read ahead, so memory stays flat. Rows are taken in the order in which they come: one that goes back in
    time is late, as it would have been on the day. *watch* is told of every firing and notice before anybody else, and
    returns notices of who failed at that.
    """
    playing = Playing(stage, tally, on_bad_row=on_bad_row, on_notice=on_notice, watch=watch)
    for row in rows:
        yield from playing.take(row)
    yield from playing.finish()


class Playing:
    """One stage that takes the rows of a recording, and the tally of what it met; see ``replay``."""

    def __init__(
        self,
        stage: Stage,
        tally: Tally,
        *,
        on_bad_row: Callable[[BadRow], None] = lambda _: None,
        on_notice: Callable[[Notice], None] = lambda _: None,
        watch: Callable[[Firing | Notice], Iterable[Notice]] = lambda _: (),
    ) -> None:
        self.stage = stage
        self.tally = tally
        self._on_bad_row = on_bad_row
        self._on_notice = on_notice
        self._watch = watch
        self._before = stage.counts

    def take(self, row: Row) -> Iterator[Firing]:
        """Yield what one row, and the timers before it, cause."""
        tally = self.tally
        tally.rows += 1
        if tally.rows % _ROWS_BETWEEN_NOTICES == 0:
            self._drain()
        if isinstance(row, BadRow):
            tally.unreadable += 1
            self._on_bad_row(row)
            return
        _count_row(tally, row)
        for firing in self._taken(row):
            yield self._met(firing)

    def finish(self) -> Iterator[Firing]:
        """Yield what is due at the instant of the last row: there time ends."""
        if self.tally.last_us is not None:
            for firing in self.stage.engine.advance(self.tally.last_us):
                yield self._met(firing)
        self._drain()
        self.tally.values = self.stage.counts - self._before

    def _taken(self, row: Step) -> list[Firing]:
        try:
            return self.stage.take(row)
        except UnknownRuleError as error:
            # A history may run or switch a rule that is not looked at now; what came before it has happened.
            self._report([Notice("unknown_rule", instant_of(row), str(error))])
            return []

    def _met(self, firing: Firing) -> Firing:
        self._report(self._watch(firing))
        return self.tally.count(firing)

    def _drain(self) -> None:
        # Taken often, so that a long recording full of refused values does not pile them up.
        for notice in self.stage.take_notices():
            self._report((*self._watch(notice), notice))

    def _report(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self.tally.notices[notice.kind] += notice.count
            self._on_notice(notice)


def _count_row(tally: Tally, row: Step) -> None:
    at_us = instant_of(row)
    if isinstance(row, Reading):
        tally.readings += 1
    elif isinstance(row, Event):
        tally.events += 1
    if tally.last_us is None:
        tally.first_us = tally.last_us = at_us
    elif at_us < tally.last_us:
        tally.backwards += 1
    else:
        tally.last_us = at_us
