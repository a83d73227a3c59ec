"""How a truth goes over time: at which instants it changes, what it is just then and from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from whenthen.extend.condition import Truth


class Point(NamedTuple):
    """The truth at the instant *at_us*, and right *after* it until the next point (a firing is an instant only)."""

    at_us: int
    now: Truth
    after: Truth


Track = Sequence[Point]
"""Points in order of time, one an instant; before the first the truth is not known."""


class Run(NamedTuple):
    """A stretch in which something holds without a break; *through*: at *end_us* itself, too."""

    start_us: int
    end_us: int
    through: bool

    def covers(self, at_us: int) -> bool:
        """Tell whether it holds at an instant."""
        return self.start_us <= at_us < self.end_us or (self.through and at_us == self.end_us)


def changes(values: Iterable[tuple[int, Truth]]) -> list[Point]:
    """Return the track of a truth that stays as it is until it changes; the last at an instant counts.

    >>> changes([(0, False), (5, True), (5, False), (9, True)])
    [Point(at_us=0, now=False, after=False), Point(at_us=9, now=True, after=True)]
    """
    newest: dict[int, Truth] = dict(values)
    points: list[Point] = []
    for at_us, truth in newest.items():
        if not points or points[-1].after is not truth:
            points.append(Point(at_us, truth, truth))
    return points


def observed(values: Iterable[tuple[int, Truth]]) -> list[Point]:
    """Return the track of a truth that was looked at again and again; one that lasts no longer than its instant counts.

    >>> observed([(0, True), (5, False), (5, True)])
    [Point(at_us=0, now=True, after=True), Point(at_us=5, now=False, after=True)]
    """
    points: list[Point] = []
    for at_us, looks in groupby(values, key=itemgetter(0)):
        truths = [truth for _, truth in looks]
        before, after = points[-1].after if points else None, truths[-1]
        passing = [truth for truth in truths if truth is not before and truth is not after]
        if passing or not points or before is not after:
            points.append(Point(at_us, passing[0] if passing else after, after))
    return points


def combined(tracks: Sequence[Track], join: Callable[[Sequence[Truth]], Truth]) -> list[Point]:
    """Return the track of what several truths come to together."""
    instants = sorted({point.at_us for track in tracks for point in track})
    places = [0] * len(tracks)
    nows: list[Truth] = [None] * len(tracks)
    afters: list[Truth] = [None] * len(tracks)
    points: list[Point] = []
    for at_us in instants:
        for index, track in enumerate(tracks):
            place = places[index]
            nows[index] = afters[index]
            if place < len(track) and track[place].at_us == at_us:
                _, nows[index], afters[index] = track[place]
                places[index] = place + 1
        points.append(Point(at_us, join(nows), join(afters)))
    return points


def runs(track: Track, end_us: int) -> Iterator[Run]:
    """Yield each stretch in which the truth is known to be true; the last may go on to the end of time, *end_us*."""
    start_us: int | None = None
    for at_us, now, after in track:
        if now is True:
            start_us = at_us if start_us is None else start_us
            if after is not True:
                yield Run(start_us, at_us, through=True)
                start_us = None
            continue
        if start_us is not None:
            yield Run(start_us, at_us, through=False)
        start_us = at_us if after is True else None
    if start_us is not None:
        yield Run(start_us, end_us, through=True)


def every(truths: Sequence[Truth]) -> Truth:
    """Join truths with AND, as Kleene's tables say."""
    if any(truth is False for truth in truths):
        return False
    return None if any(truth is None for truth in truths) else True


def either(truths: Sequence[Truth]) -> Truth:
    """Join truths with OR, as Kleene's tables say."""
    if any(truth is True for truth in truths):
        return True
    return None if any(truth is None for truth in truths) else False


def opposite(truths: Sequence[Truth]) -> Truth:
    """Return NOT of the only truth."""
    (truth,) = truths
    return None if truth is None else not truth
