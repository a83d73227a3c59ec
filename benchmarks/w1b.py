"""W1b: thousands of rules ``temperature > t`` on one device, of which about a hundred hold at any time."""

from __future__ import annotations

import functools
import gc
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ours
from measure import Figure, agree, counting, per_second, race, ratios, timed

from whenthen import Reading

SEED = 20261121
LOW = 15.0
HOLDING = 100
A_DEGREE = 100
"""Thresholds a degree: 10,000 rules lie between 15 and 115 degrees, and 1 % of them below 16."""
GAP_US = 60_000_000
COOLDOWN_S = 600
LINEAR = "linear closures"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it; *sizes* are the numbers of rules whose times per reading are compared."""

    rules: int
    readings: int
    rounds: int
    sizes: tuple[int, ...]
    scaling_readings: int


SIZES = {
    "full": Size(10_000, 2_000, 5, (1_000, 10_000, 100_000), 20_000),
    "quick": Size(10_000, 500, 3, (1_000, 10_000), 5_000),
    "tiny": Size(300, 60, 1, (300, 600), 100),
}


def thresholds(count: int) -> list[float]:
    """Return the limits, rising; the lowest ones are the same whatever *count* is."""
    rng = random.Random(SEED)
    return [LOW + (number + rng.random()) / A_DEGREE for number in range(count)]


def doc(number: int, limit: float, extra: dict[str, Any]) -> dict[str, Any]:
    """Return one rule as JSON."""
    return {
        "id": f"rule-{number:06}",
        "name": f"Above {limit:.3f} degrees",
        "scope": {"device": "dev-0"},
        "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": limit}}],
        "actions": [{"type": "log", "config": {"message": "Another step up", "level": "info"}}],
        **extra,
    }


def docs(limits: Sequence[float], **extra: Any) -> list[dict[str, Any]]:
    return [doc(number, limit, extra) for number, limit in enumerate(limits)]


def walk(count: int) -> list[float]:
    """Return a room's temperature: like a real sensor's, unchanged six times in ten, else some hundredths away."""
    rng = random.Random(SEED + 1)
    value, made = LOW + HOLDING / A_DEGREE, []
    for _ in range(count):
        if rng.random() > 0.6:
            value = round(min(max(value + rng.gauss(0, 0.055), LOW + 0.5), LOW + 1.5), 2)
        made.append(value)
    return made


def jumps(count: int) -> list[float]:
    """Return temperatures that have nothing to do with one another: the worst case."""
    rng = random.Random(SEED + 2)
    return [round(rng.uniform(LOW + 0.5, LOW + 1.5), 2) for _ in range(count)]


def readings(values: Sequence[float], first: int = 0) -> list[Reading]:
    """Return one reading a minute, the first of them the *first* of the series."""
    return [
        Reading("dev-0", {"temperature": value}, ours.START_US + (first + n) * GAP_US) for n, value in enumerate(values)
    ]


def _closure(limit: float) -> Callable[[float], bool]:
    return lambda value: value > limit


def linear_edges(limits: Sequence[float], values: Sequence[float]) -> Callable[[], int]:
    """Return a run of the reference: every closure is asked, a rise from false to true counts."""
    checks, held = [_closure(limit) for limit in limits], [False] * len(limits)

    def go() -> int:
        fired = 0
        for value in values:
            for number, holds in enumerate(checks):
                now = holds(value)
                if now is not held[number]:
                    held[number] = now
                    fired += now
        return fired

    return go


def linear_cooldown(limits: Sequence[float], values: Sequence[float]) -> Callable[[], int]:
    """Return a run of the reference for ``every`` with a cooldown: it keeps when each rule last fired."""
    checks, last_us = [_closure(limit) for limit in limits], [-COOLDOWN_S * 1_000_000] * len(limits)

    def go() -> int:
        fired = now_us = 0
        for value in values:
            for number, holds in enumerate(checks):
                if holds(value) and now_us - last_us[number] >= COOLDOWN_S * 1_000_000:
                    last_us[number] = now_us
                    fired += 1
            now_us += GAP_US
        return fired

    return go


def sorted_edges(limits: Sequence[float], values: Sequence[float]) -> Callable[[], int]:
    """Return a run of the best that can be done for this one kind of rule, and for nothing else."""

    def go() -> int:
        fired = below = 0
        for value in values:
            now = bisect_left(limits, value)
            fired += max(0, now - below)
            below = now
        return fired

    return go


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to fire on one series of temperatures, and the reference that does the same."""

    what: str
    values: Sequence[float]
    fields: Mapping[str, Any]
    linear: Callable[[Sequence[float], Sequence[float]], Callable[[], int]]
    target: float | None = None

    def figure(self, size: Size) -> Figure:
        """Race the reference."""
        limits, count = thresholds(size.rules), len(self.values)
        expected = self.linear(limits, self.values)()
        reference = counting(LINEAR, count, expected, lambda: self.linear(limits, self.values))
        cold = readings([0.0], first=-1)
        mine = ours.contestant(docs(limits, **self.fields), readings(self.values), expected, cold)
        rates = race([reference, mine], size.rounds)
        note = f"{per_second(rates[ours.NAME])}; reference {per_second(rates[LINEAR])}; {expected} firings"
        return Figure("W1b", self.what, ratios(rates, ours.NAME, LINEAR), target=self.target, note=note)


def variants(size: Size) -> Iterator[Variant]:
    """Yield what is raced against linear evaluation of closures."""
    steady, wild = walk(size.readings), jumps(size.readings)
    edge, every = {"fire": "edge"}, {"fire": "every", "cooldown_seconds": COOLDOWN_S}
    yield Variant("edge / linear closures", steady, edge, linear_edges, 50.0)
    yield Variant("every with cooldown / linear closures", steady, every, linear_cooldown)
    yield Variant("edge, random values / linear closures", wild, edge, linear_edges)


def bisect_figure(size: Size) -> Figure:
    """Return what a bare sorted list would make of it: how much room there is."""
    limits, values = thresholds(size.rules), walk(size.readings)
    expected = sorted_edges(limits, values)()
    reference = counting(LINEAR, len(values), expected, lambda: linear_edges(limits, values))
    best = counting("bisect", len(values), expected, lambda: sorted_edges(limits, values))
    rates = race([reference, best], min(size.rounds, 3))
    note = per_second(rates["bisect"])
    return Figure("W1b", "bare bisect / linear closures", ratios(rates, "bisect", LINEAR), note=note)


def scaling(size: Size) -> Iterator[Figure]:
    """Yield the time per reading at each number of rules, as a multiple of that at the smallest.

    The walk goes on from round to round, so that an engine is built once for each size.
    """
    values = walk(size.scaling_readings * (size.rounds + 1))
    parts = [values[at : at + size.scaling_readings] for at in range(0, len(values), size.scaling_readings)]
    base: tuple[float, ...] = ()
    for count in size.sizes:
        seconds = tuple(_laps(count, parts))
        base = base or seconds
        times = tuple(a / b for a, b in zip(seconds, base, strict=True))
        note = f"{sorted(seconds)[len(seconds) // 2] / size.scaling_readings * 1e6:.1f} µs a reading"
        target = 2.0 if count == size.sizes[-1] else None
        what = f"time a reading, {count:,} rules / {size.sizes[0]:,}"
        yield Figure("W1b", what, times, target=target, at_least=False, note=note)


def _laps(count: int, parts: Sequence[Sequence[float]]) -> Iterator[float]:
    """Yield the seconds of each part but the first, in which the engine gets to know its device."""
    limits, fired, first = thresholds(count), 0, 0
    so_far: list[float] = []
    engine = ours.engine_of(docs(limits, fire="edge"))
    for part in parts:
        given = readings(part, first)
        first += len(part)
        gc.collect()
        more, seconds = timed(functools.partial(ours.feed, engine, given))()
        so_far += part
        fired += more
        agree(f"whenthen with {count} rules", fired, sorted_edges(limits, so_far)())
        if first > len(part):
            yield seconds


def run(size: Size) -> Iterator[Figure]:
    """Race linear evaluation of closures, then compare ourselves over the number of rules."""
    for variant in variants(size):
        yield variant.figure(size)
    yield bisect_figure(size)
    yield from scaling(size)
