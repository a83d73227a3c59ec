"""Where a look back begins: at a checkpoint, or so far back that all that the rule remembers comes up again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import Any

from sqlalchemy import Connection

from whenthen.dsl.compiled import CompiledRule
from whenthen.model.reading import Reading
from whenthen_server.lookback.memory import LONGEST_US, Memory, cuts_of
from whenthen_server.store import checkpoints, executions, recorded
from whenthen_server.store.checkpoints import Checkpoint

MAX_VALUES = 100_000
_MAX_SINCE = 3_000
"""So many values are looked at, where each counts, for whether a rule was armed again since it last fired."""

_FEW = 5_000
"""So many values are given to an engine as they are; of more, only those at which something can change."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Where to begin: *kept* is there if a checkpoint lies nearer than *wanted_us*, from where all comes up again.

    *long_ago*: a rule that fires on edges last fired before that, and whether it is armed hangs on all that came since.
    """

    wanted_us: int
    long_ago: bool
    kept: Checkpoint | None


@dataclass(frozen=True, slots=True)
class Span:
    """What is given to an engine: *rows* from *from_us* on, after what the rule remembered then, if that was *kept*."""

    from_us: int
    complete: bool
    kept: Mapping[str, Any] | None
    rows: Iterable[Reading]


def begin_of(  # noqa: PLR0913, PLR0917 - what is asked, and of what
    connection: Connection,
    rule: CompiledRule,
    memory: Memory,
    series: recorded.Series,
    subjects: Collection[str],
    lived_us: tuple[int, int],
) -> Begin:
    """Return where to begin for a rule that has forgotten nothing from the first instant of *lived_us* to the last."""
    since_us, at_us = lived_us
    wanted_us = _begin_us(connection, series, memory, at_us)
    fired = executions.last_fired(connection, rule.id, subjects, at_us)
    long_ago = rule.edge and min(fired.values(), default=at_us) < max(wanted_us, since_us)
    first_us = max(min(fired.values()) - memory.window_us, at_us - LONGEST_US) if long_ago else wanted_us
    kept = checkpoints.newest(connection, rule.id, max(min(first_us, wanted_us), since_us), at_us)
    if long_ago and kept is None:
        cuts = cuts_of(rule, series)
        other = {one: name for one, name in series.items() if one not in cuts}
        wanted_us = min(wanted_us, recorded.bounded(connection, other, first_us, at_us + 1, _MAX_SINCE)[0])
    return Begin(max(wanted_us, since_us), long_ago, kept)


def span_of(connection: Connection, rule: CompiledRule, series: recorded.Series, begin: Begin, at_us: int) -> Span:
    """Return what there is to be given to an engine from a beginning up to an instant."""
    kept = begin.kept
    if kept is not None:
        few = recorded.since(connection, series, kept.at_us, at_us + 1, _FEW)
        if few is not None:
            return Span(kept.at_us, complete=True, kept=kept.instances, rows=few)
    cuts = cuts_of(rule, series)
    other = {one: name for one, name in series.items() if one not in cuts}
    first_us = begin.wanted_us if kept is None else kept.at_us
    from_us, complete = recorded.bounded(connection, other, first_us, at_us + 1, MAX_VALUES)
    rows = merge(
        recorded.readings(connection, other, from_us, at_us + 1, MAX_VALUES),
        recorded.crossings(connection, series, cuts, from_us, at_us + 1),
        key=lambda one: one.received_us,
    )
    return Span(from_us, complete, kept.instances if kept is not None and complete else None, rows)


def _begin_us(connection: Connection, series: recorded.Series, memory: Memory, at_us: int) -> int:
    """Return where to begin, so that all that the rule remembers comes up again."""
    begin_us = at_us - memory.window_us if memory.window_us else at_us + 1
    if memory.sticks:
        # What is remembered ends with the newest value, however long ago that was.
        begin_us = min([begin_us, *(one.received_us - memory.window_us for one in _newest(connection, series, at_us))])
    for series_id, (device, sensor) in series.items():
        for ref, band in (memory.bands or {}).items():
            if ref.sensor == sensor and ref.device in (None, device):
                outside_us = recorded.last_outside(connection, series_id, band, begin_us)
                begin_us = begin_us if outside_us is None else min(begin_us, outside_us)
        if any(ref.sensor == sensor and ref.device in (None, device) for ref in memory.steps):
            second_us = recorded.last_but_one(connection, series_id, at_us)
            begin_us = begin_us if second_us is None else min(begin_us, second_us)
    return max(begin_us, at_us - LONGEST_US)


def _newest(connection: Connection, series: recorded.Series, at_us: int) -> list[Reading]:
    return recorded.newest_before(connection, series, at_us + 1)
