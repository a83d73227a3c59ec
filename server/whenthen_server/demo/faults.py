"""What can go wrong on the farm, on purpose: faults that are injected and cleared, and nothing else breaks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whenthen.errors import Problem, WhenthenError

Aim = Literal["device", "sensor", "heater", "room"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One way to break: what it is aimed at, what it does, and its amount's unit, default and limit, if it has one."""

    name: str
    aim: Aim
    does: str
    unit: str = ""
    amount: float = 0.0
    limit: float = 0.0


KINDS = {
    kind.name: kind
    for kind in (
        FaultKind("stuck_sensor", "sensor", "repeats the value that it had"),
        FaultKind("drifting_sensor", "sensor", "wanders off the truth", "its own unit per hour", limit=1_000.0),
        FaultKind("silent_device", "device", "sends nothing and answers nothing"),
        FaultKind("rejects_commands", "device", "rejects every command"),
        FaultKind("no_ack", "device", "does what it is told and never says so"),
        FaultKind("dead_heater", "heater", "is switched on and stays cold"),
        FaultKind("open_door", "room", "the door stands open"),
        FaultKind("leak", "room", "a pipe behind the valve drips onto the floor", "kg/h", 60.0, 1_000.0),
    )
}


class FaultError(WhenthenError):
    """A fault that cannot be injected or cleared, with every problem."""

    code = "invalid_fault"

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a *kind*, at a *target* (a device's or a room's id), for one *sensor* where the kind is about one.

    *amount* is how strong it is, in the kind's unit; ``None`` takes the kind's default, and lets a sensor drift
    by twenty times its noise an hour. Raises ``FaultError`` for a kind that is not there or an amount out of range.

    >>> Fault("leak", "fruiting").id
    'leak:fruiting'
    """

    kind: str
    target: str
    sensor: str | None = None
    amount: float | None = None

    @property
    def id(self) -> str:
        """Kind, target and sensor: a second fault with the same id is the same fault."""
        return ":".join(part for part in (self.kind, self.target, self.sensor) if part is not None)

    @property
    def strength(self) -> float:
        """The amount, or the kind's default."""
        return KINDS[self.kind].amount if self.amount is None else self.amount

    def __post_init__(self) -> None:
        document = {"kind": self.kind, "target": self.target, "sensor": self.sensor, "amount": self.amount}
        problems = [*_wrong_texts(document), *_wrong_amount(document)]
        if problems:
            raise FaultError(*problems)

    @classmethod
    def from_json(cls, document: Any) -> Fault:
        """Return the fault that a document describes; raises ``FaultError`` with every problem of its shape."""
        if not isinstance(document, Mapping):
            raise FaultError(Problem("wrong_type", "", "a fault is an object", 'as {"kind": …, "target": …}'))
        problems = [*_unknown_fields(document), *_wrong_texts(document), *_wrong_amount(document)]
        if problems:
            raise FaultError(*problems)
        return cls(document["kind"], document["target"], document.get("sensor"), document.get("amount"))

    def to_json(self) -> dict[str, Any]:
        """Return the fault as ``from_json`` takes it, with its ``id`` and what it does beside."""
        document: dict[str, Any] = {"id": self.id, "kind": self.kind, "target": self.target}
        if self.sensor is not None:
            document["sensor"] = self.sensor
        if self.amount is not None or KINDS[self.kind].amount:
            document |= {"amount": self.strength, "unit": KINDS[self.kind].unit}
        return document | {"does": KINDS[self.kind].does}


_READ = ("kind", "target", "sensor", "amount")
_SAID = ("id", "unit", "does")


def _unknown_fields(document: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem("unknown_field", f"/{name}", f"there is no field {name!r}", f"known: {', '.join(_READ)}")
        for name in map(str, document)
        if name not in (*_READ, *_SAID)
    ]


def _wrong_texts(document: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem("wrong_type", f"/{name}", f"{name} must be a text")
        for name in ("kind", "target", "sensor")
        if not isinstance(document.get(name), str) and (name != "sensor" or document.get(name) is not None)
    ]
    kind = document.get("kind")
    if isinstance(kind, str) and kind not in KINDS:
        problems.append(Problem("unknown_kind", "/kind", f"there is no fault {kind!r}", f"known: {', '.join(KINDS)}"))
    return problems


def _wrong_amount(document: Mapping[str, Any]) -> list[Problem]:
    amount, kind = document.get("amount"), document.get("kind")
    if amount is None:
        return []
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return [Problem("wrong_type", "/amount", "amount must be a number")]
    limit = KINDS[kind].limit if isinstance(kind, str) and kind in KINDS else math.inf
    if not limit:
        return [Problem("unknown_field", "/amount", f"{kind} has no amount", "leave it out")]
    low = 0.0 if kind == "leak" else -limit
    if not low <= amount <= limit:
        return [Problem("out_of_range", "/amount", f"amount must lie between {low:g} and {limit:g}")]
    return []
