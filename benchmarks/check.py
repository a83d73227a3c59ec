"""The analysis: a thousand and ten thousand rules looked at together, and one beside a thousand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

import ours
from measure import Figure

from whenthen.analysis.analyse import Analysis
from whenthen.dsl.compiled import CompiledRule

SEED = 5
_ROOM = 20
"""So many rules watch one room."""
_SENSORS = ("temperature", "humidity", "co2", "soil_moisture", "lux")
_CHANNELS = ("heater", "fan", "light", "pump", "mist", "blind")


@dataclass(frozen=True, slots=True)
class Size:
    """How many rules, fewer and more, and how often."""

    fewer: int
    more: int
    alone: int
    rounds: int


SIZES = {"full": Size(1_000, 10_000, 50, 3), "quick": Size(1_000, 2_000, 20, 1), "tiny": Size(40, 60, 3, 1)}


def rules(count: int) -> list[dict[str, Any]]:
    """Return rules of rooms: bands of a sensor, some for a while, some by day, each switching something, some back."""
    random = Random(SEED)
    return [_rule(number, random) for number in range(count)]


def _rule(number: int, random: Random) -> dict[str, Any]:
    sensor, low = random.choice(_SENSORS), random.uniform(0, 50)
    band = {"sensor": sensor, "min": round(low, 1), "max": round(low + random.uniform(5, 40), 1)}
    first: dict[str, Any] = {"type": "range", "config": band}
    if random.random() < 0.3:
        first = {"type": "duration", "config": {"condition": first, "duration_seconds": 300}}
    by_day = {"type": "time", "config": {"time_range": ["06:00", "20:00"]}}
    state = random.choice(("on", "off"))
    channel = f"{random.choice(_CHANNELS)}_{number % 7}"
    rule: dict[str, Any] = {
        "id": f"rule-{number:05}",
        "name": f"Rule {number}",
        "scope": {"room": f"room-{number // _ROOM}"},
        "priority": random.randrange(3),
        "trigger": {"type": "sensor", "config": {"sensor": sensor}},
        "conditions": [first, by_day] if random.random() < 0.3 else [first],
        "actions": [_turn(state, channel)],
    }
    return {**rule, "clear_actions": [_turn("on" if state == "off" else "off", channel)]} if number % 3 == 0 else rule


def _turn(state: str, channel: str) -> dict[str, Any]:
    return {"type": "device_command", "config": {"command": f"turn_{state}_{channel}"}}


def run(size: Size) -> Iterator[Figure]:
    """Yield seconds of the processor: reading and checking, the ratio of both, and one rule beside the others."""
    few = [_whole(size.fewer) for _ in range(size.rounds)]
    found = f"{few[0][2]} findings, all certain"
    note = f"reading and validating included; {found}"
    yield Figure("Check", f"{size.fewer:,} rules", tuple(a + b for a, b, _ in few), "s", 1.0, False, note)
    yield Figure("Check", "of it, the analysis / reading the rules", tuple(b / a for a, b, _ in few), note=found)
    many = _whole(size.more)
    yield Figure("Check", f"{size.more:,} rules", (many[0] + many[1],), "s", 30.0, False, f"{many[2]} findings")
    alone = [_alone(size) for _ in range(size.rounds)]
    note = f"median of {size.alone}; the slowest took {max(worst for _, worst in alone) * 1e3:.3g} ms"
    times = tuple(one * 1e3 for one, _ in alone)
    yield Figure("Check", f"one rule beside {size.fewer:,}", times, "ms", 50.0, False, note)


def _whole(count: int) -> tuple[float, float, int]:
    """Return the seconds of reading rules and of looking at them together, and how much was found."""
    documents = rules(count)
    analysis = Analysis(ours.registry(), now_us=ours.START_US)
    start = time.process_time()
    compiled = [analysis.compiler.compile(document) for document in documents]
    read = time.process_time()
    _take(analysis, compiled)
    findings = analysis.findings()
    end = time.process_time()
    assert all(finding.grade == "certain" for finding in findings)
    return max(read - start, 1e-9), max(end - read, 1e-9), len(findings)


def _alone(size: Size) -> tuple[float, float]:
    """Return the median and the worst seconds of one rule that is saved anew beside the others."""
    analysis = Analysis(ours.registry(), now_us=ours.START_US)
    documents = rules(size.fewer)
    _take(analysis, [analysis.compiler.compile(document) for document in documents])
    spent = []
    for document in documents[:: max(size.fewer // size.alone, 1)]:
        start = time.process_time()
        analysis.put(analysis.compiler.compile(document))
        analysis.findings_of(document["id"])
        spent.append(max(time.process_time() - start, 1e-9))
    return median(spent), max(spent)


def _take(analysis: Analysis, compiled: list[CompiledRule]) -> None:
    for rule in compiled:
        analysis.put(rule)
