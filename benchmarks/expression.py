"""Expression: a condition that needs an evaluator, against plain simpleeval that has parsed it before."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ours
from measure import Figure, counting, per_second, race, ratios
from simpleeval import SimpleEval

from whenthen import Expression, Reading

SEED = 20261124
TEXT = "abs(humidity - 50) > light / 40 and co2 - 10 * pressure < 900 and temperature * 1.8 + 32 > 85"
PLAIN = "simpleeval, parsed before"
RANGES = {
    "temperature": (10.0, 30.0),
    "humidity": (20.0, 90.0),
    "co2": (400.0, 2000.0),
    "light": (0.0, 1000.0),
    "pressure": (95.0, 105.0),
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it."""

    looks: int
    rules: int
    readings: int
    rounds: int


SIZES = {"full": Size(20_000, 50, 1_000, 7), "quick": Size(5_000, 50, 200, 3), "tiny": Size(50, 5, 10, 1)}


def situations(count: int) -> list[dict[str, float]]:
    """Return values for every name."""
    rng = random.Random(SEED)
    return [{name: round(rng.uniform(*span), 1) for name, span in RANGES.items()} for _ in range(count)]


def plain(seen: Sequence[Mapping[str, float]], times: int = 1) -> Callable[[], int]:
    """Return a run of simpleeval over each situation, *times* over, counting what holds."""
    evaluator = SimpleEval(functions=dict(FUNCTIONS))
    parsed = SimpleEval.parse(TEXT)

    def go() -> int:
        held = 0
        for names in seen:
            evaluator.names = names
            for _ in range(times):
                held += evaluator.eval(TEXT, previously_parsed=parsed) is True
        return held

    return go


def gated(seen: Sequence[Mapping[str, float]]) -> Callable[[], int]:
    """Return a run of our evaluator, behind its syntax gate, over each situation."""
    evaluate = Expression.parse(TEXT).evaluator(FUNCTIONS)

    def go() -> int:
        held = 0
        for names in seen:
            held += evaluate(names) is True
        return held

    return go


def docs(count: int) -> list[dict[str, Any]]:
    """Return rules of one device that all ask the same expression at each reading."""
    return [
        {
            "id": f"rule-{number:03}",
            "name": "A sum over five sensors",
            "scope": {"device": "dev-0"},
            "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
            "conditions": [{"type": "expression", "config": {"expression": TEXT}}],
            "actions": [{"type": "log", "config": {"message": "It holds", "level": "info"}}],
        }
        for number in range(count)
    ]


def run(size: Size) -> Iterator[Figure]:
    """Compare one evaluation, then whole readings of an engine with many such rules."""
    seen = situations(size.looks)
    expected = plain(seen)()
    reference = counting(PLAIN, len(seen), expected, lambda: plain(seen))
    mine = counting(ours.NAME, len(seen), expected, lambda: gated(seen))
    rates = race([reference, mine], size.rounds)
    note = f"{per_second(rates[ours.NAME])}; simpleeval {per_second(rates[PLAIN])}; {expected} true"
    values = ratios(rates, PLAIN, ours.NAME)
    yield Figure("Expression", "time of an evaluation / simpleeval's", values, target=1.3, at_least=False, note=note)
    yield through_the_engine(size)


def through_the_engine(size: Size) -> Figure:
    """Return the time of one condition inside the engine, readings, rules and firings around it."""
    seen = situations(size.readings)
    given = [Reading("dev-0", names, ours.START_US + n * 60_000_000) for n, names in enumerate(seen)]
    expected = plain(seen, size.rules)()
    reference = counting(PLAIN, len(seen), expected, lambda: plain(seen, size.rules))
    rates = race([reference, ours.contestant(docs(size.rules), given, expected)], size.rounds)
    values = ratios(rates, PLAIN, ours.NAME)
    note = f"{size.rules} rules, every part of the engine included; {expected} firings"
    return Figure("Expression", "time in the engine / simpleeval's", values, target=1.3, at_least=False, note=note)
