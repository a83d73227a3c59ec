"""Where a look back begins: at a checkpoint, or so far back that all that the rule remembers comes up again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

from sqlalchemy import Connection

from whenthen.dsl.compiled import CompiledRule
from whenthen.model.reading import Reading
from whenthen_server.lookback.memory import LONGEST_US, Memory, cuts_of
from whenthen_server.store import checkpoints, executions, recorded

MAX_VALUES = 100_000
_MAX_SINCE = 3_000
"""So many values are looked at, where each counts, for whether a rule was armed again since it last fired."""

_FEW = 3_000
"""So many values are given to an engine as they are; of more, only those at which something can change."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to begin, and the *rows* that an engine is given from there on.

    *kept*: what the rule remembered there, by subject, if that was put aside. *warm*: from there on the engine knows
    what holds; otherwise it has not seen enough at first.
    """

    from_us: int
    rows: Iterable[Reading]
    complete: bool = True
    kept: Mapping[str, Any] | None = None
    warm: bool = True


@dataclass(frozen=True, slots=True)
class Lived:
    """A rule that has forgotten nothing from *since_us* to the instant asked for, and the series that it reads."""

    rule: CompiledRule
    memory: Memory
    series: recorded.Series
    subjects: Collection[str]
    since_us: int
    at_us: int


def beginning(connection: Connection, lived: Lived) -> Beginning:
    """Return where to begin: a checkpoint is the nearest, and the only one that knows of stops and of other rules."""
    kept = checkpoints.newest(connection, lived.rule.id, max(lived.since_us, lived.at_us - LONGEST_US), lived.at_us)
    if kept is not None:
        near = _again(connection, lived, kept.at_us)
        if near.complete:
            return replace(near, kept=kept.instances)
    wanted_us, long_ago = _far_back(connection, lived)
    again = _again(connection, lived, wanted_us)
    # A rule that was made or switched on there has forgotten nothing.
    return replace(again, warm=again.from_us == lived.since_us or not long_ago)


def _again(connection: Connection, lived: Lived, first_us: int) -> Beginning:
    """Return the rows from an instant on, of sensors with cuts only those at which one is crossed if they are many.

    If they are few, those that were measured before it and came after it are among them.
    """
    few = recorded.since(connection, lived.series, first_us, lived.at_us + 1, _FEW)
    if few is not None:
        return Beginning(first_us, few)
    cuts, to_us = cuts_of(lived.rule, lived.series), lived.at_us + 1
    other = {one: name for one, name in lived.series.items() if one not in cuts}
    from_us, complete = recorded.bounded(connection, other, first_us, to_us, MAX_VALUES)
    rows = merge(
        recorded.readings(connection, other, from_us, to_us, MAX_VALUES),
        recorded.crossings(connection, lived.series, cuts, from_us, to_us),
        key=lambda one: one.received_us,
    )
    return Beginning(from_us, rows, complete)


def _far_back(connection: Connection, lived: Lived) -> tuple[int, bool]:
    """Return from where all that the rule remembers comes up again, and whether it last fired before that.

    Then, if it fires on edges, whether it is armed hangs on all that was since.
    """
    rule, memory, series, at_us = lived.rule, lived.memory, lived.series, lived.at_us
    wanted_us = _begin_us(connection, series, memory, at_us)
    fired = executions.last_fired(connection, rule.id, lived.subjects, at_us)
    long_ago = rule.edge and min(fired.values(), default=at_us) < max(wanted_us, lived.since_us)
    if long_ago:
        cuts = cuts_of(rule, series)
        other = {one: name for one, name in series.items() if one not in cuts}
        first_us = max(min(fired.values()) - memory.window_us, at_us - LONGEST_US)
        wanted_us = min(wanted_us, recorded.bounded(connection, other, first_us, at_us + 1, _MAX_SINCE)[0])
    return max(wanted_us, lived.since_us), long_ago


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
