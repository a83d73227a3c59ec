"""Makes something smaller, step by step, as long as it still shows what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Thing = TypeVar("_Thing")


def smallest(thing: _Thing, smaller: Callable[[_Thing], Iterable[_Thing]], shows: Callable[[_Thing], bool]) -> _Thing:
    """Return what is left of a *thing* when nothing *smaller* that could be made of it still *shows* what it does.

    What *smaller* yields first is tried first. It must make things smaller in an order that ends.

    >>> smallest("hay needle hay", lambda text: (text[:low] + text[high:] for low, high in runs(len(text))),
    ...          lambda text: "needle" in text)
    'needle'
    """
    while True:
        found = next((one for one in smaller(thing) if shows(one)), None)
        if found is None:
            return thing
        thing = found


def runs(count: int) -> Iterator[tuple[int, int]]:
    """Yield the runs that could be left out of so many things, as (start, end): long ones first, of these the last.

    >>> list(runs(3))
    [(1, 3), (0, 2), (2, 3), (1, 2), (0, 1)]
    """
    lengths = (1 << power for power in reversed(range(count.bit_length())))
    return ((start, start + length) for length in lengths for start in reversed(range(count - length + 1)))
