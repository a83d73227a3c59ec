"""What may hold or not at an instant: a channel's setting, a firing, a condition, and these joined."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen.proving.scenarios.expect import contains


@dataclass(frozen=True, slots=True)
class ChannelIs:
    """An actuator's *channel* was last set to *value*: of *device*, or of the subject's own when that is ``None``."""

    channel: str
    value: Any
    device: str | None = None

    def __str__(self) -> str:
        whose = f" of {self.device}" if self.device else ""
        return f"{self.channel}{whose} is {json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class Fired:
    """The rule with that id or name fires at this very instant."""

    rule: str

    def __str__(self) -> str:
        return f"{self.rule} fires"


@dataclass(frozen=True, slots=True)
class Holds:
    """A condition is true. *probe* is the JSON of a rule that has it and does nothing, to be asked about it."""

    probe: str
    described: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.described or json.dumps(json.loads(self.probe)["conditions"][0], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Proposition

    def __str__(self) -> str:
        return f"not ({self.part})"


@dataclass(frozen=True, slots=True)
class Joined:
    """All of the parts hold, or at least one of them does."""

    parts: tuple[Proposition, ...]
    every: bool

    def __str__(self) -> str:
        return (" and " if self.every else " or ").join(
            f"({part})" if isinstance(part, Joined) else str(part) for part in self.parts
        )


Proposition = ChannelIs | Fired | Holds | Not | Joined
Leaf = ChannelIs | Fired | Holds

Describe = Callable[[Any], str]
"""Says a sound condition in words."""

_KEPT = ("scope", "variables", "on_gap", "max_gap_seconds")
"""What of a rule decides what a condition in it means."""


def read_proposition(
    document: Mapping[str, Any], rule: Mapping[str, Any], describe: Describe = lambda _: ""
) -> Proposition:
    """Return the proposition that a sound document describes; a condition is judged with *rule*'s scope and variables.

    >>> print(read_proposition({"not": {"channel": "pump", "is": "on"}}, {}))
    not (pump is "on")
    """
    if "channel" in document:
        return ChannelIs(document["channel"], document["is"], document.get("device"))
    if "fired" in document:
        return Fired(document["fired"])
    if "condition" in document:
        return Holds(_probe(document["condition"], rule), describe(document["condition"]))
    if "not" in document:
        return Not(read_proposition(document["not"], rule, describe))
    every = "all" in document
    parts = document["all" if every else "any"]
    return Joined(tuple(read_proposition(part, rule, describe) for part in parts), every)


def leaves(proposition: Proposition) -> Iterator[Leaf]:
    """Yield the channels, firings and conditions that a proposition is made of."""
    if isinstance(proposition, Not):
        yield from leaves(proposition.part)
    elif isinstance(proposition, Joined):
        for part in proposition.parts:
            yield from leaves(part)
    else:
        yield proposition


def is_set(wanted: Any, value: Any) -> bool:
    """Tell whether a channel set to *value* is what is *wanted*: of an object only the fields that are named count.

    A command with parameters sets its channel to a state and the parameters; the state alone names it.

    >>> is_set({"color": "red"}, {"color": "red", "intensity": 100}), is_set("on", ["on", {"speed": 3}])
    (True, True)
    """
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], Mapping) and not isinstance(wanted, list):
        value = value[0]
    return contains(value, wanted)


def _probe(condition: Any, rule: Mapping[str, Any]) -> str:
    around = {name: rule[name] for name in _KEPT if name in rule}
    probe = {
        "name": "probe",
        **around,
        # A condition that reads no sensor is judged for each device as well, so that it joins with one that does.
        "scope": {"per": "device", **around.get("scope", {})},
        "trigger": {"type": "manual"},
        "conditions": [condition],
        "actions": [{"type": "log", "config": {"message": "asked"}}],
    }
    return json.dumps(probe, sort_keys=True)
