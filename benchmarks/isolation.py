"""Isolation: a condition in a process of its own against the same one in ours, and what starting a process costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ours
from measure import Contestant, Figure, Lap, per_second, race, ratios

from whenthen import Reading
from whenthen.engine import Engine
from whenthen.extend.folder import load_file
from whenthen.extend.host import load_registry
from whenthen.extend.isolation import Limits, isolated_plugin
from whenthen.extend.registry import Registry

HERE, APART = "in process", "isolated"
SOURCE = '''
"""A condition as a stranger writes it: the dew point by the Magnus formula."""
from math import log
from whenthen import Condition, hookimpl

class DewPoint(Condition):
    type = "dew_point"
    reads = ("temperature", "humidity")

    def evaluate(self, view):
        temperature = view["temperature"]
        gamma = log(view["humidity"] / 100) + 17.625 * temperature / (243.04 + temperature)
        return 243.04 * gamma / (17.625 - gamma) > self.config["above_celsius"]

@hookimpl
def whenthen_conditions():
    return [DewPoint]
'''


@dataclass(frozen=True, slots=True)
class Size:
    """How many readings, each of which has the condition judged once."""

    readings: int
    rounds: int


SIZES = {"full": Size(10_000, 7), "quick": Size(2_000, 3), "tiny": Size(50, 1)}
DOC = {
    "id": "dew",
    "name": "Dew point",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "dew_point", "config": {"above_celsius": 12}}],
    "actions": [{"type": "log", "config": {"message": "Damp", "level": "info"}}],
}


def readings(count: int) -> list[Reading]:
    """Return a saw of temperatures in damp air; the condition holds in the upper part."""
    return [
        Reading("dev-0", {"temperature": 10.0 + number % 20, "humidity": 60.0}, ours.START_US + number * 1_000_000)
        for number in range(count)
    ]


def contestant(name: str, registry: Registry, given: list[Reading], expected: int) -> Contestant:
    """Return the engine with one rule, timed by the clock: the processor's seconds of another process are not ours."""

    def prepare() -> Callable[[], Lap]:
        engine = Engine(registry)
        engine.put_rule(DOC)
        ours.feed(engine, [Reading("dev-0", {"temperature": 0.0, "humidity": 60.0}, ours.START_US - 1)])

        def lap() -> Lap:
            start = time.perf_counter()
            fired = ours.feed(engine, given)
            return fired, time.perf_counter() - start

        return lap

    return Contestant(name, len(given), expected, prepare)


def registry_of(plugin: Any) -> Registry:
    """Return the built-ins and one plugin."""
    return load_registry(extra=[("greenhouse", plugin)])


def run(size: Size) -> Iterator[Figure]:
    """Race the two, and start some workers."""
    given = readings(size.readings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "greenhouse.py"
        path.write_text(SOURCE, encoding="utf-8")
        here = registry_of(load_file(path))
        starts = []
        for _ in range(size.rounds):
            began = time.perf_counter()
            apart = isolated_plugin(str(path), "greenhouse", Limits(deadline_seconds=30))
            starts.append(time.perf_counter() - began)
            apart.close()
        expected = contestant(HERE, here, given, 0).prepare()()[0]
        entered = [contestant(HERE, here, given, expected), contestant(APART, registry_of(apart), given, expected)]
        rates = race(entered, size.rounds)
        apart.close()
    each_us = 1e6 / (sum(rates[APART]) / len(rates[APART]))
    note = f"{per_second(rates[HERE])} and {per_second(rates[APART])}, {each_us:.0f} µs each; {expected} firings"
    yield Figure("Isolation", "time of a reading, isolated / in process", ratios(rates, HERE, APART), note=note)
    yield Figure("Isolation", "a worker started, the plugin loaded", tuple(starts), unit="s", at_least=False)
