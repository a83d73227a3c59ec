"""The contract of triggers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whenthen.clock import DAY_US, from_us
from whenthen.extend.trigger import EventTrigger, Place, Schedule, SensorTrigger, Trigger
from whenthen.testing.contract import ConfiguredContract, as_json, is_name, millis, repeated, require
from whenthen.testing.play import Document, trigger_rule
from whenthen.testing.readings import START_US

PLACES = (
    Place(ZoneInfo("UTC")),
    Place(ZoneInfo("Europe/Brussels"), 50.85, 4.35),
    Place(ZoneInfo("America/New_York"), 40.7, -74.0),
    Place(ZoneInfo("Asia/Kathmandu"), 27.7, 85.3),
    Place(ZoneInfo("Australia/Lord_Howe"), -31.55, 159.1),
    Place(ZoneInfo("Arctic/Longyearbyen"), 78.2, 15.6),
)
"""Where schedules are tried: offsets of all kinds, half-hour daylight saving, a sun that stays away."""

_RUNS = 6


@dataclass(frozen=True, slots=True)
class TriggerCase:
    """A config, a place, and an instant in microseconds since 1970."""

    config: dict[str, Any]
    place: Place
    after_us: int


class TriggerContract(ConfiguredContract):
    """What a trigger must keep; ``trigger`` names the class.

    >>> from whenthen import SensorTrigger, Trigger
    >>> class Doorbell(Trigger):
    ...     type = "doorbell"
    ...     examples = ({},)
    ...
    ...     def sensors(self):
    ...         return (SensorTrigger("bell"),)
    >>> class TestDoorbell(TriggerContract):
    ...     trigger = Doorbell
    >>> TestDoorbell().test_sensors_and_events_are_well_formed()
    """

    kind = "trigger"
    trigger: ClassVar[type[Trigger]]

    @classmethod
    def rules(cls, config: Mapping[str, Any]) -> list[Document]:
        """Return a rule that the trigger starts."""
        return [trigger_rule(cls.subject().type, config)]

    @classmethod
    def cases(cls) -> SearchStrategy[TriggerCase]:
        """Return valid configs with places and instants within some two years, nights of clock changes among them."""
        nights = [1_774_746_000_000_000, 1_793_494_800_000_000, 1_772_953_200_000_000, 1_793_511_000_000_000]
        near = st.builds(
            lambda night, off: night + off, st.sampled_from(nights), st.integers(-DAY_US // 4, DAY_US // 4)
        )
        anywhere = st.integers(START_US, START_US + 700 * DAY_US)
        return st.builds(TriggerCase, cls.good_configs(), st.sampled_from(PLACES), st.one_of(near, anywhere))

    @classmethod
    def not_offered(cls) -> Collection[str]:
        """Leave the schedule out when there is none."""
        scheduled = cls.subject().schedule is not Trigger.schedule
        names = ("test_the_schedule_moves_on", "test_the_schedule_is_pure", "test_the_schedule_is_quick")
        return [*super().not_offered(), *(() if scheduled else names)]

    def _objects(self, config: Mapping[str, Any]) -> Iterator[Trigger]:
        yield self._trigger(config)

    def _trigger(self, config: Mapping[str, Any]) -> Trigger:
        made: Trigger = self.subject()(config)
        return made

    def _schedule(self, case: TriggerCase) -> Schedule | None:
        return self._trigger(case.config).schedule(case.place)

    @repeated("good_configs")
    def test_sensors_and_events_are_well_formed(self, case: dict[str, Any]) -> None:
        """``sensors()`` and ``events()`` return what they promise, the same each time."""
        trigger = self._trigger(case)
        sensors, events = trigger.sensors(), trigger.events()
        require(isinstance(sensors, tuple), f"sensors() returned {sensors!r}; it returns a tuple")
        require(isinstance(events, tuple), f"events() returned {events!r}; it returns a tuple")
        for wanted in sensors:
            require(isinstance(wanted, SensorTrigger), f"sensors() holds {wanted!r}; it holds whenthen.SensorTrigger")
            require(is_name(wanted.sensor), f"a sensor has no name: {wanted!r}")
            whole = type(wanted.interval_us) is int and wanted.interval_us >= 0
            require(whole, f"interval_us is {wanted.interval_us!r}; it is whole microseconds (seconds_us)")
        for event in events:
            require(isinstance(event, EventTrigger), f"events() holds {event!r}; it holds whenthen.EventTrigger")
            require(is_name(event.name), f"an event has no name: {event!r}")
            require(isinstance(event.match, Mapping), f"an event's match is {event.match!r}; it is an object")
            as_json(dict(event.match), "an event's match")
        again = self._trigger(case)
        require((sensors, events) == (again.sensors(), again.events()), "sensors() or events() change for one config")
        zone = trigger.timezone
        require(zone is None or isinstance(zone, str), f"timezone is {zone!r}; it is an IANA name or None")

    @repeated("cases")
    def test_the_schedule_moves_on(self, case: TriggerCase) -> None:
        """Each run is later than the one before, as whole microseconds."""
        schedule, after_us = self._schedule(case), case.after_us
        if schedule is None:
            return
        for _ in range(_RUNS):
            run_us = schedule.next_after(after_us)
            if run_us is None:
                return
            said = f"next_after({after_us}) returned {run_us!r}"
            require(type(run_us) is int, f"{said}; it returns whole microseconds since 1970 (to_us), or None")
            require(run_us > after_us, f"{said}: not later than {from_us(after_us)}, so it would run for ever")
            after_us = run_us

    @repeated("cases")
    def test_the_schedule_is_pure(self, case: TriggerCase) -> None:
        """The next run depends on the config, the place and the instant only, and none is left out on the way."""
        schedule = self._schedule(case)
        if schedule is None:
            return
        run_us = schedule.next_after(case.after_us)
        for _ in range(_RUNS):
            schedule.next_after(case.after_us + DAY_US)
        anew = self._schedule(case)
        again = schedule.next_after(case.after_us)
        require(again == run_us, f"the run after {from_us(case.after_us)} was {run_us}, and {again} when asked again")
        other = None if anew is None else anew.next_after(case.after_us)
        require(other == run_us, f"the run after {from_us(case.after_us)} is {run_us}, and {other} for a new schedule")
        if run_us is not None:
            shortly = schedule.next_after(run_us - 1)
            require(shortly == run_us, f"there is a run at {run_us}, but from just before it the next is {shortly}")

    @repeated("cases")
    def test_the_schedule_is_quick(self, case: TriggerCase) -> None:
        """The median look for the next run stays under ``time_limit_ms``."""
        schedule = self._schedule(case)
        if schedule is None:
            return
        instants = [case.after_us + day * DAY_US for day in range(_RUNS)]
        self._require_quick("next_after()", [millis(lambda at=at: schedule.next_after(at)) for at in instants])  # type: ignore[misc]
