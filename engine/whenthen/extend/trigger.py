"""The base class of triggers: what starts an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, ClassVar, Protocol

from whenthen.errors import Problem


@dataclass(frozen=True, slots=True)
class SensorTrigger:
    """Start on a reading of *sensor* (of the subject, or of *device*), at most once per *interval_us*.

    >>> SensorTrigger("temperature", interval_us=60_000_000).device is None
    True
    """

    sensor: str
    device: str | None = None
    interval_us: int = 0


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """Start on the event *name* whose data hold everything in *match*.

    >>> EventTrigger("door_opened", {"door": "cellar"}).match["door"]
    'cellar'
    """

    name: str
    match: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and in which zone a schedule runs; the degrees are ``None`` when nobody knows.

    >>> from datetime import UTC
    >>> Place(UTC, latitude=50.85, longitude=4.35).latitude
    50.85
    """

    zone: tzinfo
    latitude: float | None = None
    longitude: float | None = None


class Schedule(Protocol):
    """Instants at which something runs.

    >>> class EveryMinute:
    ...     def next_after(self, after_us):
    ...         return (after_us // 60_000_000 + 1) * 60_000_000
    >>> schedule: Schedule = EveryMinute()
    >>> schedule.next_after(60_000_000)
    120000000
    """

    def next_after(self, after_us: int) -> int | None:
        """Return the first instant later than *after_us*, in microseconds, or ``None`` when there is none."""


class Trigger:
    """What starts an evaluation. Override what the trigger listens to; the rest stays silent.

    >>> class Doorbell(Trigger):
    ...     type = "doorbell"
    ...
    ...     def events(self):
    ...         return (EventTrigger("doorbell", {}),)
    >>> Doorbell({}).events()[0].name
    'doorbell'
    """

    type: ClassVar[str]
    """The name in rules: ``snake_case``, a prefix and a dot may precede; unique among triggers."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """The JSON Schema (2020-12) of the config; its references stay within it."""
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Configs that the schema allows, for people, editors and tests."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def sensors(self) -> tuple[SensorTrigger, ...]:
        """Return the sensors whose readings start an evaluation."""
        return ()

    def events(self) -> tuple[EventTrigger, ...]:
        """Return the events that start an evaluation."""
        return ()

    @property
    def timezone(self) -> str | None:
        """The IANA zone that the config names, if any."""
        return self.config.get("timezone")

    def schedule(self, place: Place) -> Schedule | None:  # noqa: ARG002 - an offer, not a demand
        """Return the schedule at *place*, or ``None`` when the trigger has none there."""
        return None

    @property
    def scheduled(self) -> bool:
        """Tell whether the trigger runs on a schedule."""
        return type(self).schedule is not Trigger.schedule

    def problems(self) -> Iterable[Problem]:
        """Yield what a schema cannot say is wrong; pointers are within the config."""
        return ()

    def describe(self) -> str:
        """Return a short sentence that a person reads."""
        return f"{self.type} {dict(self.config)}" if self.config else self.type
