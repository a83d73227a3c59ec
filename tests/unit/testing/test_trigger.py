"""Each check of the contract of triggers fails for a trigger that breaks it, and says what to do."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from whenthen import EventTrigger, SensorTrigger, Trigger
from whenthen.testing import TriggerContract

HOUR_US = 3_600_000_000
NUMBERS = count(1)


class Hourly(Trigger):
    """A trigger that keeps the contract."""

    type = "kit_hourly"
    schema = {"type": "object", "additionalProperties": False, "properties": {}}  # noqa: RUF012 - as authors write it
    examples = ({},)

    def sensors(self) -> tuple[SensorTrigger, ...]:
        return (SensorTrigger("bell"),)

    def schedule(self, _place: Any) -> Any:
        return Schedule(lambda after_us: (after_us // HOUR_US + 1) * HOUR_US)


class Schedule:
    """A schedule by a function."""

    def __init__(self, following: Any) -> None:
        self._following = following

    def next_after(self, after_us: int) -> Any:
        return self._following(after_us)


def failing(path: Path, check: str, attributes: dict[str, Any], **body: Any) -> str:
    """Run one check over the sound trigger with something replaced and return what the failure says."""
    trigger = type("Broken", (Hourly,), attributes)
    contract = type("TestBroken", (TriggerContract,), {"trigger": trigger, "failures": path, **body})
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is, the caller reads it
        getattr(contract(), check)()
    return "".join(format_exception(failed.value))


def test_a_sound_trigger_keeps_every_check(tmp_path: Path) -> None:
    contract = type("TestHourly", (TriggerContract,), {"trigger": Hourly, "failures": tmp_path})
    checks = [name for name in dir(contract) if name.startswith("test_") and getattr(contract, name)]
    for check in checks:
        getattr(contract(), check)()

    assert len(checks) == 9
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sensors": lambda _self: ["bell"]}, "sensors() returned ['bell']; it returns a tuple"),
        ({"sensors": lambda _self: ("bell",)}, "it holds whenthen.SensorTrigger"),
        ({"sensors": lambda _self: (SensorTrigger(""),)}, "a sensor has no name"),
        ({"sensors": lambda _self: (SensorTrigger("bell", None, 0.5),)}, "interval_us is 0.5"),  # type: ignore[arg-type]
        ({"sensors": lambda _self: (SensorTrigger(f"bell{next(NUMBERS)}"),)}, "change for one config"),
        ({"events": lambda _self: "rung"}, "events() returned 'rung'; it returns a tuple"),
        ({"events": lambda _self: ("rung",)}, "it holds whenthen.EventTrigger"),
        ({"events": lambda _self: (EventTrigger("", {}),)}, "an event has no name"),
        ({"events": lambda _self: (EventTrigger("rung", {"by": {1}}),)}, "an event's match is not JSON"),
        ({"timezone": 1}, "timezone is 1"),
    ],
)
def test_sensors_and_events_that_are_not_well_formed(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    assert said in failing(tmp_path, "test_sensors_and_events_are_well_formed", changed)


@pytest.mark.parametrize(
    ("following", "said"),
    [
        (lambda after_us: after_us, "so it would run for ever"),
        (lambda after_us: after_us - HOUR_US, "so it would run for ever"),
        (lambda after_us: after_us + 0.5, "it returns whole microseconds"),
    ],
)
def test_a_schedule_that_does_not_move_on(tmp_path: Path, following: Any, said: str) -> None:
    changed = {"schedule": lambda _self, _place: Schedule(following)}

    assert said in failing(tmp_path, "test_the_schedule_moves_on", changed)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (lambda _self, _place: Schedule(lambda after_us: after_us + next(NUMBERS)), "when asked again"),
        (lambda _self, _place: Schedule(next(NUMBERS).__add__), "for a new schedule"),
        (lambda _self, _place: Schedule(lambda after_us: after_us + HOUR_US), "but from just before it the next is"),
    ],
)
def test_a_schedule_that_is_not_pure(tmp_path: Path, schedule: Any, said: str) -> None:
    assert said in failing(tmp_path, "test_the_schedule_is_pure", {"schedule": schedule})


def test_a_schedule_beyond_its_time(tmp_path: Path) -> None:
    assert "the limit is 0 (time_limit_ms)" in failing(tmp_path, "test_the_schedule_is_quick", {}, time_limit_ms=0)
