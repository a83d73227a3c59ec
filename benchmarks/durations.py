"""Durations: 10,000 rules ``for 300 s`` whose timers start, break and complete while readings come in."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import ours
import peers
import w1
from measure import Contestant, Figure, counting, per_second, race, ratios

from whenthen import Reading

SEED = 20261122
FOR_S = 300
FOR_US = FOR_S * 1_000_000
HEAP = "bare heap"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it; a pass is one reading of each device, about a minute."""

    devices: int
    passes: int
    rounds: int
    w1_passes: int


SIZES = {"full": Size(1_000, 100, 5, 25), "quick": Size(1_000, 20, 3, 5), "tiny": Size(5, 60, 1, 5)}

Limit = tuple[str, float]
"""Device and temperature."""


def limits(devices: int) -> list[Limit]:
    """Return ten limits a device, the upper half of them never reached."""
    rng = random.Random(SEED)
    return [(f"dev-{number // 10:04}", round(rng.uniform(20, 30), 2)) for number in range(devices * 10)]


def doc(number: int, limit: Limit) -> dict[str, Any]:
    """Return one rule as JSON: it fires once each time that the temperature has been over the limit for 300 s."""
    device, celsius = limit
    over = {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": celsius}}
    return {
        "id": f"rule-{number:05}",
        "name": f"Too warm for five minutes on {device}",
        "scope": {"device": device},
        "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
        "conditions": [{"type": "duration", "config": {"condition": over, "duration_seconds": FOR_S}}],
        "actions": [{"type": "log", "config": {"message": "Too warm for five minutes", "level": "warning"}}],
        "fire": "edge",
    }


def readings(devices: int, passes: int) -> list[Reading]:
    """Return a walk between 15 and 25 degrees for each device, one reading a minute and some jitter."""
    rng = random.Random(SEED + 1)
    celsius = [rng.uniform(15, 25) for _ in range(devices)]
    made = []
    for minute in range(passes):
        for number in range(devices):
            value = celsius[number] = round(min(max(celsius[number] + rng.gauss(0, 0.5), 15), 25), 2)
            second_us = round((number / devices * 50 + rng.uniform(0, 10)) * 1_000_000)
            made.append((ours.START_US + minute * 60_000_000 + second_us, f"dev-{number:04}", value))
    return [Reading(device, {"temperature": value}, at_us) for at_us, device, value in sorted(made)]


class Watched:
    """One rule of the reference: its check, since when it holds, and whether it has fired since."""

    __slots__ = ("fired", "holds", "since_us")

    def __init__(self, limit: float) -> None:
        self.holds: Callable[[float], bool] = lambda value: value > limit
        self.since_us: int | None = None
        self.fired = False

    def completes(self, since_us: int | None) -> bool:
        """Fire, unless the break or the firing came first."""
        if self.fired or self.since_us is None or self.since_us != since_us:
            return False
        self.fired = True
        return True


def bare_heap(rules: Sequence[Limit], steps: Sequence[tuple[int, str, float]]) -> Callable[[], int]:
    """Return a run of the reference: closures by device, and a heap of deadlines, each with its start."""
    index: dict[str, list[Watched]] = {device: [] for _, device, _ in steps}
    for device, celsius in rules:
        index[device].append(Watched(celsius))

    def go() -> int:
        heap: list[tuple[int, int, Watched]] = []
        fired = started = 0
        for now_us, device, value in steps:
            while heap and heap[0][0] < now_us:
                due_us, _, watched = heappop(heap)
                fired += watched.completes(due_us - FOR_US)
            for watched in index[device]:
                if not watched.holds(value):
                    watched.since_us, watched.fired = None, False
                elif watched.since_us is None:
                    watched.since_us, started = now_us, started + 1
                    heappush(heap, (now_us + FOR_US, started, watched))
                elif now_us - watched.since_us >= FOR_US:
                    fired += watched.completes(watched.since_us)
        return fired

    return go


def contestants(size: Size) -> list[Contestant]:
    """Return the bare heap, our durations, and our W1 to compare with."""
    rules, given = limits(size.devices), readings(size.devices, size.passes)
    steps = [(reading.received_us, reading.device, reading.values["temperature"]) for reading in given]
    expected = bare_heap(rules, steps)()
    docs = [doc(number, limit) for number, limit in enumerate(rules)]
    # The engine meets each device before the clock starts, as in W1; a cold reading starts no duration.
    cold = [
        Reading(f"dev-{number:04}", {"temperature": 0.0}, ours.START_US - 60_000_000) for number in range(size.devices)
    ]
    mine = ours.contestant(docs, given, expected, cold)
    return [counting(HEAP, len(steps), expected, lambda: bare_heap(rules, steps)), mine, _our_w1(size)]


def _our_w1(size: Size) -> Contestant:
    made, taken = w1.rules(size.devices), w1.steps(size.devices, size.w1_passes)
    expected = w1.over_index("reference", made, peers.closure, taken).expected
    found = w1.our_contestant(made, size.devices, taken, expected)
    return Contestant("W1", found.items, found.expected, found.prepare)


def run(size: Size) -> Iterator[Figure]:
    """Race durations against our own W1 and against a bare heap of deadlines."""
    entered = contestants(size)
    gc.freeze()
    rates = race(entered, size.rounds)
    gc.unfreeze()
    note = f"{per_second(rates[ours.NAME])}; W1 {per_second(rates['W1'])}; {entered[0].expected} firings"
    yield Figure("Durations", "whenthen / its own W1", ratios(rates, ours.NAME, "W1"), target=0.3, note=note)
    note = f"bare heap {per_second(rates[HEAP])}"
    yield Figure("Durations", "whenthen / bare heap of deadlines", ratios(rates, ours.NAME, HEAP), note=note)
