"""When in a week time conditions hold, and at which instants schedules run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from whenthen.analysis.region import Span, joined
from whenthen.clock import DAY_US
from whenthen.extend.condition import Binding, Condition, GapPolicy, Moment
from whenthen.extend.trigger import Place, Trigger

WEEK_US = 7 * DAY_US
_MONDAY_US = 4 * DAY_US
"""1970-01-05, the first Monday that the engine's clock knows."""
_MOST_CHANGES = 2_000


def week_of(at_us: int) -> int:
    """Return the start (microseconds) of the week, by UTC, in which an instant lies.

    >>> week_of(0) == _MONDAY_US - WEEK_US
    True
    """
    return (at_us - _MONDAY_US) // WEEK_US * WEEK_US + _MONDAY_US


@dataclass(slots=True)
class _Alone:
    """What a condition may ask for that reads nothing but the time."""

    zone: tzinfo
    state: dict[str, Any] = field(default_factory=dict)
    wakes: list[int] = field(default_factory=list)
    moment: Moment = field(default_factory=Moment)
    gap: GapPolicy = field(default_factory=GapPolicy)
    children: Sequence[Any] = ()
    fires: bool = False
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def wake(self, at_us: int) -> None:
        """Note when the truth may change."""
        self.wakes.append(at_us)


def true_spans(condition: Condition, zone: tzinfo, week_us: int) -> tuple[Span, ...] | None:
    """Return when a condition on the time alone holds in the week that starts at *week_us*.

    The spans count from its start, from a day before it to a day after its end; ``None`` when nobody can tell.
    """
    bind = _Alone(zone)
    try:
        check = condition.compile(_as_binding(bind))
        if check is None:
            return None
        return _spans(check, bind, week_us)
    except Exception:  # noqa: BLE001 - a plugin may raise anything, and asks for what is not there
        return None


def _as_binding(alone: Any) -> Binding:
    bind: Binding = alone
    return bind


def _spans(check: Callable[[int], bool | None], bind: _Alone, week_us: int) -> tuple[Span, ...] | None:
    at_us, end_us = week_us - DAY_US, week_us + WEEK_US + DAY_US
    found: list[tuple[float, float]] = []
    for _ in range(_MOST_CHANGES):
        bind.wakes.clear()
        truth = check(at_us)
        if truth is None:
            return None
        later = [wake for wake in bind.wakes if wake > at_us]
        until_us = min([*later, end_us])
        if truth:
            found.append((at_us - week_us, until_us - 1 - week_us))
        if until_us >= end_us:
            return joined(found)
        at_us = until_us
    return None


def rest_of(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return when in the week it does not hold."""
    edges: list[tuple[float, float]] = []
    start: float = -DAY_US
    for span in spans:
        if span.low > start:
            edges.append((start, span.low - 1))
        start = span.high + 1
    if start < WEEK_US + DAY_US:
        edges.append((start, WEEK_US + DAY_US - 1))
    return joined(edges)


def runs(  # noqa: PLR0913, PLR0917 - a schedule, and where to look
    trigger: Trigger, place: Place, week: tuple[Span, ...] | None, from_us: int, until_us: int | None, weeks: int = 53
) -> Iterator[int]:
    """Yield instants at which a schedule runs in a part of the week, from one instant to another (microseconds)."""
    schedule = trigger.schedule(place)
    if schedule is None:
        return
    start_us = week_of(from_us)
    for number in range(weeks):
        base_us = start_us + number * WEEK_US
        spans = week if week is not None else (Span(0, WEEK_US - 1),)
        for span in spans:
            low_us, high_us = max(round(base_us + span.low), from_us), round(base_us + span.high)
            if until_us is not None:
                high_us = min(high_us, until_us - 1)
            found = schedule.next_after(low_us - 1) if low_us <= high_us else None
            while found is not None and found <= high_us:
                yield found
                found = schedule.next_after(found)
