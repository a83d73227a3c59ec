"""What seeded rules are made of: random names and limits, conditions wrapped so that they mean the same, noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

Rule = dict[str, Any]

_WORDS = ("pressure", "level", "flow", "ph", "weight", "voltage", "wind", "rain", "dust", "vibration")
_CHANNELS = ("valve", "shutter", "lamp_a", "motor", "mixer", "door_b", "siren", "feeder", "screen", "roof")


@dataclass
class Seed:
    """Rules with one defect, or none: *expected* has the rules of the one finding that there must be."""

    rules: list[Rule]
    expected: tuple[str, ...] = ()
    effects: dict[str, Any] = field(default_factory=dict)


class Maker:
    """Makes parts of rules from one source of chance."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._made = 0

    def name(self, words: tuple[str, ...] = _WORDS) -> str:
        self._made += 1
        return f"{self.random.choice(words)}_{self._made}x{self.random.randrange(100)}"

    def sensor(self) -> str:
        return self.name()

    def channel(self) -> str:
        return self.name(_CHANNELS)

    def limit(self) -> float:
        return round(self.random.uniform(-50, 500), self.random.choice((0, 1, 2)))

    def step(self) -> float:
        return round(self.random.uniform(1, 80), self.random.choice((0, 1)))

    def scope(self) -> dict[str, str] | None:
        return self.random.choice((None, {"room": self.name(("room",))}, {"device": self.name(("dev",))}))

    def wrapped(self, condition: Rule, *, duration: bool = True) -> Rule:
        """Return a condition that means the same, nested; or, if allowed, that has lasted for a while."""
        kinds = ["plain", "and", "or", "not", *(["duration"] if duration else [])]
        kind = self.random.choice(kinds)
        if kind == "and":
            return composite("AND", condition)
        if kind == "or":
            return composite("OR", condition, condition)
        if kind == "not":
            return composite("NOT", composite("NOT", condition))
        if kind == "duration":
            return lasting(condition, self.random.choice((1, 30, 600)))
        return condition

    def beside(self, condition: Rule) -> tuple[Rule, list[str]]:
        """Return a condition joined by AND with one on a sensor of its own, and that sensor."""
        sensor = self.sensor()
        return composite("AND", condition, compare(sensor, ">", self.limit())), [sensor]

    def rule(  # the parts of a rule
        self, conditions: list[Rule], actions: list[Rule], sensors: list[str], **more: Any
    ) -> Rule:
        """Return a rule of a random id that readings of *sensors* start."""
        self._made += 1
        rule_id = f"{self.random.choice('abcdefghij')}{self.random.randrange(10**6)}-{self._made}"
        trigger = {"type": "sensor", "config": {"sensors": list(dict.fromkeys(sensors))}}
        made = {"id": rule_id, "name": f"Rule {rule_id}", "trigger": trigger}
        return made | {"conditions": conditions, "actions": actions} | {k: v for k, v in more.items() if v is not None}

    def noise(self) -> list[Rule]:
        """Return a few rules that have to do with nothing."""
        rules = []
        for _ in range(self.random.randrange(1, 5)):
            sensor = self.sensor()
            condition = compare(sensor, self.random.choice((">", "<", ">=", "<=")), self.limit())
            action = self.random.choice((turn(self.channel()), log(self.name()), note(self.name())))
            rules.append(
                self.rule(
                    [self.wrapped(condition)], [action], [sensor], cooldown_seconds=self.random.choice((None, 60))
                )
            )
        return rules

    def seed(self, rules: list[Rule], *expected: Rule, effects: dict[str, Any] | None = None) -> Seed:
        """Return the rules among noise, in any order."""
        everything = [*rules, *self.noise()]
        self.random.shuffle(everything)
        return Seed(everything, tuple(rule["id"] for rule in expected), effects or {})


def compare(sensor: str, operator: str, value: Any, **more: Any) -> Rule:
    return {"type": "comparison", "config": {"sensor": sensor, "operator": operator, "value": value, **more}}


def composite(operator: str, *conditions: Rule) -> Rule:
    return {"type": "composite", "config": {"operator": operator, "conditions": list(conditions)}}


def lasting(condition: Rule, seconds: float) -> Rule:
    return {"type": "duration", "config": {"condition": condition, "duration_seconds": seconds}}


def between(*times: str) -> Rule:
    return {"type": "time", "config": {"time_range": list(times)}}


def command(name: str, **more: Any) -> Rule:
    return {"type": "device_command", "config": {"command": name, **more}}


def turn(channel: str, state: str = "on", **more: Any) -> Rule:
    return command(f"turn_{state}_{channel}", **more)


def log(message: str) -> Rule:
    return {"type": "log", "config": {"message": message}}


def note(message: str) -> Rule:
    return {"type": "notify", "config": {"message": message}}


def emit(event: str, **data: Any) -> Rule:
    return {"type": "emit_event", "config": {"event": event, "data": data}}


def on_event(event: str, **match: Any) -> Rule:
    return {"type": "event", "config": {"event": event, **({"match": match} if match else {})}}


def at(clock: str) -> Rule:
    return {"type": "time", "config": {"at": clock}}
