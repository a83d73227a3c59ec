"""How speed is measured: contestants take turns, every lap starts afresh, and all must fire equally often."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Lap = tuple[int, float]
"""How often something fired, and the seconds that it took."""


class DisagreementError(Exception):
    """Two engines fired a different number of times: their speeds cannot be compared."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One engine on one input of *items* things, which must make it fire *expected* times.

    *prepare* builds a fresh state, untimed, and returns the lap to be run.
    """

    name: str
    items: int
    expected: int
    prepare: Callable[[], Callable[[], Lap]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: a *value* for each round, and the *target* it should reach, if there is one."""

    workload: str
    what: str
    values: tuple[float, ...]
    unit: str = "x"
    target: float | None = None
    at_least: bool = True
    note: str = ""

    @property
    def median(self) -> float:
        """The value in the middle of all rounds."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target; ``None`` without one."""
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target


def timed(run: Callable[[], int]) -> Callable[[], Lap]:
    """Return a lap that counts the processor's seconds: on a shared machine, waiting for a core says nothing."""

    def lap() -> Lap:
        start = time.process_time()
        fired = run()
        return fired, max(time.process_time() - start, 1e-9)

    return lap


def counting(name: str, items: int, expected: int, make: Callable[[], Callable[[], int]]) -> Contestant:
    """Return a contestant from a function that makes fresh runs; a run returns how often something fired."""
    return Contestant(name, items, expected, lambda: timed(make()))


def race(contestants: Sequence[Contestant], rounds: int) -> dict[str, list[float]]:
    """Return items per second, for each contestant and round; the order turns round after round."""
    rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for turn in range(rounds):
        for contestant in contestants if turn % 2 == 0 else contestants[::-1]:
            lap = contestant.prepare()
            gc.collect()
            fired, seconds = lap()
            agree(contestant.name, fired, contestant.expected)
            rates[contestant.name].append(contestant.items / seconds)
            del lap
    return rates


def agree(name: str, fired: int, expected: int) -> None:
    """Raise ``DisagreementError`` unless an engine fired as often as the reference."""
    if fired != expected:
        raise DisagreementError(f"{name} fired {fired} times, the reference {expected} times")


def ratios(rates: Mapping[str, Sequence[float]], ours: str, theirs: str) -> tuple[float, ...]:
    """Return how many times as fast *ours* was as *theirs*, round by round."""
    return tuple(a / b for a, b in zip(rates[ours], rates[theirs], strict=True))


def per_second(rates: Sequence[float]) -> str:
    """Return a median rate for reading.

    >>> per_second([1_234_567.0])
    '1.23 M/s'
    """
    rate = statistics.median(rates)
    for size, sign in ((1e6, " M"), (1e3, " k")):
        if rate >= size:
            return f"{rate / size:.3g}{sign}/s"
    return f"{rate:.3g}/s"
