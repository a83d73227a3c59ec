"""W1: many devices, ten rules each, two conditions a rule; one sensor a reading, and few rules hold."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import node_peer
import ours
import peers
from measure import Contestant, Figure, Lap, per_second, race, ratios, timed

from whenthen import Reading

SEED = 20261120
SENSORS = {"temperature": (10.0, 30.0), "humidity": (20.0, 90.0), "co2": (400.0, 2000.0), "light": (0.0, 1000.0)}
RULES_A_DEVICE = 10
SECOND_US = 1_000_000
Step = tuple[str, str, float]
"""Device, sensor, value."""
Index = dict[tuple[str, str], list[peers.Holds]]
"""What there is to ask, by device and sensor."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: every sensor of every device reports once a pass."""

    devices: int
    passes: int
    rounds: int
    peer_passes: int


SIZES = {"full": Size(1_000, 50, 7, 5), "quick": Size(1_000, 12, 3, 2), "tiny": Size(5, 20, 1, 10)}


@dataclass(frozen=True, slots=True)
class Rule(peers.TwoLimits):
    """The same as a rule of ours, for one device."""

    id: str
    device: str

    def doc(self) -> dict[str, Any]:
        """Return the rule as JSON."""
        return {
            "id": self.id,
            "name": f"{self.first} high, {self.second} low on {self.device}",
            "scope": {"device": self.device},
            "trigger": {"type": "sensor", "config": {"sensors": [self.first, self.second]}},
            "conditions": [_comparison(self.first, ">", self.over), _comparison(self.second, "<", self.under)],
            "actions": [{"type": "log", "config": {"message": "Please look at this room", "level": "warning"}}],
        }


def _comparison(sensor: str, sign: str, limit: float) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": sensor, "operator": sign, "value": limit}}


def rules(devices: int) -> list[Rule]:
    """Return ten rules a device; each of the two conditions holds about one time in ten."""
    rng = random.Random(SEED)
    made = []
    for number in range(devices * RULES_A_DEVICE):
        first, second = rng.sample(sorted(SENSORS), 2)
        over, under = _limit(first, rng.uniform(0.87, 0.93)), _limit(second, rng.uniform(0.07, 0.13))
        made.append(Rule(first, over, second, under, f"rule-{number:05}", f"dev-{number // RULES_A_DEVICE:04}"))
    return made


def _limit(sensor: str, share: float) -> float:
    low, high = SENSORS[sensor]
    return round(low + share * (high - low), 2)


def middle() -> dict[str, float]:
    """Return values at which no rule holds: what every engine knows before the clock starts."""
    return {sensor: (low + high) / 2 for sensor, (low, high) in SENSORS.items()}


def steps(devices: int, passes: int, move: Callable[[random.Random, str, float], float] | None = None) -> list[Step]:
    """Return one-sensor readings: in each pass every sensor reports once, in a new random order."""
    rng, move = random.Random(SEED + 1), move or jump
    keys = [(f"dev-{number:04}", sensor) for number in range(devices) for sensor in SENSORS]
    values = {key: rng.uniform(*SENSORS[key[1]]) for key in keys}
    made = []
    for _ in range(passes):
        rng.shuffle(keys)
        for key in keys:
            value = values[key] = round(move(rng, key[1], values[key]), 1)
            made.append((*key, value))
    return made


def jump(rng: random.Random, sensor: str, _before: float) -> float:
    """Return a value that has nothing to do with the one before: harder than any sensor."""
    return rng.uniform(*SENSORS[sensor])


def drift(rng: random.Random, sensor: str, before: float) -> float:
    """Return a value near the one before, as a sensor that reports each minute does."""
    low, high = SENSORS[sensor]
    return min(max(before + rng.gauss(0, 0.02 * (high - low)), low), high)


def readings(taken: Sequence[Step], start_us: int, pass_size: int) -> list[Reading]:
    """Return the steps as readings; a pass takes one minute."""
    gap_us = 60 * SECOND_US // pass_size
    return [Reading(device, {sensor: value}, start_us + n * gap_us) for n, (device, sensor, value) in enumerate(taken)]


def warm_up(devices: int) -> list[Step]:
    """Return a first value for every sensor, at which nothing holds."""
    return [(f"dev-{number:04}", sensor, value) for number in range(devices) for sensor, value in middle().items()]


def index_of(
    made: Sequence[Rule], predicate: Callable[[Rule], peers.Holds]
) -> dict[tuple[str, str], list[peers.Holds]]:
    """Return an engine's rules by the (device, sensor) that they read: the best way to use a library."""
    index: Index = {(rule.device, sensor): [] for rule in made for sensor in SENSORS}
    for rule in made:
        holds = predicate(rule)
        index[rule.device, rule.first].append(holds)
        index[rule.device, rule.second].append(holds)
    return index


def run_index(newest: dict[str, dict[str, float]], index: Index, taken: Sequence[Step]) -> int:
    """Keep the newest values, ask every rule that reads the sensor, count those that hold."""
    fired = 0
    for device, sensor, value in taken:
        state = newest[device]
        state[sensor] = value
        for holds in index[device, sensor]:
            if holds(state):
                fired += 1
    return fired


def over_index(
    name: str, made: Sequence[Rule], predicate: Callable[[Rule], peers.Holds], taken: Sequence[Step], expected: int = -1
) -> Contestant:
    """Return a contestant that has an index of predicates and nothing around it."""
    index = index_of(made, predicate)

    def prepare() -> Callable[[], Lap]:
        newest = {rule.device: middle() for rule in made}
        return timed(lambda: run_index(newest, index, taken))

    return Contestant(name, len(taken), expected if expected >= 0 else prepare()()[0], prepare)


def our_contestant(made: Sequence[Rule], devices: int, taken: Sequence[Step], expected: int) -> Contestant:
    """Return our engine on W1."""
    size = devices * len(SENSORS)
    first = readings(warm_up(devices), ours.START_US, size)
    rest = readings(taken, ours.START_US + 60 * SECOND_US, size)
    return ours.contestant([rule.doc() for rule in made], rest, expected, first)


def run(size: Size) -> Iterator[Figure]:
    """Race the reference, ourselves and every peer that is installed."""
    made, taken = rules(size.devices), steps(size.devices, size.passes)
    yield ours_against(made, taken, size, "whenthen / reference", 0.5)
    drifting = steps(size.devices, size.passes, drift)
    yield ours_against(made, drifting, size, "whenthen / reference, values that drift")
    yield from run_peers(made, taken[: size.peer_passes * size.devices * len(SENSORS)], min(size.rounds, 3))


def ours_against(
    made: Sequence[Rule], taken: Sequence[Step], size: Size, what: str, target: float | None = None
) -> Figure:
    """Race the reference and ourselves."""
    reference = over_index("reference", made, peers.closure, taken)
    contestants = [reference, our_contestant(made, size.devices, taken, reference.expected)]
    # Inputs are nobody's garbage: without this, each collection would look through them all.
    gc.collect()
    gc.freeze()
    rates = race(contestants, size.rounds)
    gc.unfreeze()
    rate = per_second(rates["reference"])
    note = f"{per_second(rates[ours.NAME])}; reference {rate}; {reference.expected} firings"
    return Figure("W1", what, ratios(rates, ours.NAME, "reference"), target=target, note=note)


def run_peers(made: Sequence[Rule], taken: Sequence[Step], rounds: int) -> Iterator[Figure]:
    """Race each peer against the reference on a shorter input: they are slow."""
    reference = over_index("reference", made, peers.closure, taken)
    for name, predicate in peers.available():
        peer = over_index(name, made, predicate, taken, reference.expected)
        rates = race([reference, peer], rounds)
        yield Figure("W1", f"{name} / reference", ratios(rates, name, "reference"), note=per_second(rates[name]))
    node = node_peer.contestant(made, taken, middle(), reference.expected)
    if node is not None:
        rates = race([reference, node], rounds)
        values = ratios(rates, node.name, "reference")
        yield Figure("W1", f"{node.name} / reference", values, note=per_second(rates[node.name]))
