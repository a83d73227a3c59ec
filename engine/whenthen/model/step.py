"""What a recorded or written history is made of: readings and events, and what else befalls an engine."""

from __future__ import annotations

from dataclasses import dataclass

from whenthen.model.event import Event
from whenthen.model.reading import Reading


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes until *at_us* (microseconds since the epoch); timers that are due by then run."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Restart:
    """The process ends at *at_us* and is there again *down_us* later, both in microseconds."""

    at_us: int
    down_us: int = 0


@dataclass(frozen=True, slots=True)
class RunByHand:
    """Somebody runs a rule, for the subjects that *device*, *room* or *farm* concerns; *force* as in ruling 16."""

    at_us: int
    rule_id: str
    device: str | None = None
    room: str | None = None
    farm: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """Somebody switches a rule on or off."""

    at_us: int
    rule_id: str
    enabled: bool


Step = Reading | Event | Tick | Restart | RunByHand | Switch
"""One entry of a history."""


def instant_of(step: Step) -> int:
    """Return when a step happens by our clock, in microseconds since the epoch.

    >>> instant_of(Reading("dev-1", {"co2": 700}, received_us=5, at_us=3))
    5
    """
    return step.received_us if isinstance(step, Reading) else step.at_us
