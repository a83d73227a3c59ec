"""Makes something smaller, step by step, as long as it still shows what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Thing = TypeVar("_Thing")


def smallest(thing: _Thing, smaller: Callable[[_Thing], Iterable[_Thing]], shows: Callable[[_Thing], bool]) -> _Thing:
    """Return what is left of a *thing* when nothing *smaller* that could be made of it still *shows* what it does.

    What *smaller* yields first is tried first. It must make things smaller in an order that ends.

    >>> smallest("hay needle hay", lambda text: (text[:low] + text[high:] for low, high in runs(len(text))),
    ...          lambda text: "needle" in text)
    'needle'
    """
    first = 0
    while True:
        for number, one in enumerate(islice(smaller(thing), first, None), start=first):
            if shows(one):
                # What came before did not show it; it is tried again at the end only, for trying is what costs.
                thing, first = one, number
                break
        else:
            if first == 0:
                return thing
            first = 0


def runs(count: int) -> Iterator[tuple[int, int]]:
    """Yield the runs that could be left out of so many things, as (start, end): long ones first, of these the last.

    Runs of one length do not overlap.

    >>> list(runs(3))
    [(1, 3), (2, 3), (1, 2), (0, 1)]
    """
    lengths = (1 << power for power in reversed(range(count.bit_length())))
    return ((end - length, end) for length in lengths for end in range(count, length - 1, -length))
