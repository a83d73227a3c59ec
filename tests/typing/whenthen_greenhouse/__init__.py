"""A stranger's package with one thing of every kind, fully typed, from nothing but whenthen's public names."""

# ruff: noqa: RUF012 - a schema is written as authors write it

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from whenthen import (
    Action,
    ActionCall,
    Advice,
    Advisor,
    Binding,
    Check,
    Command,
    Condition,
    Device,
    Driver,
    Effect,
    Event,
    EventTrigger,
    Firing,
    Function,
    Notice,
    Observer,
    Place,
    Problem,
    Question,
    RunRule,
    Schedule,
    SensorRef,
    SensorTrigger,
    Trigger,
    Truth,
    View,
    hookimpl,
    seconds_us,
)

whenthen_api = 1


class DewPoint(Condition):
    """True when the dew point lies above a limit; answers through ``evaluate``."""

    type = "greenhouse.dew_point"
    schema = {
        "type": "object",
        "required": ["above_celsius"],
        "additionalProperties": False,
        "properties": {"above_celsius": {"type": "number", "description": "°C"}},
    }
    reads = ("temperature", "humidity")
    examples = ({"above_celsius": 12.5},)

    def evaluate(self, view: View) -> Truth:
        """Compare a rough dew point with the limit."""
        temperature: float = view["temperature"]
        dew_point = temperature - (100 - float(view["humidity"])) / 5
        return dew_point > float(self.config["above_celsius"])

    def problems(self) -> Iterable[Problem]:
        """Refuse a limit that no greenhouse knows."""
        if self.config["above_celsius"] > 100:
            yield Problem("too_high", "/above_celsius", "water boils at 100 °C", "write a lower limit")


class Rising(Condition):
    """True when a sensor has risen since the last look; answers through ``compile`` and remembers."""

    type = "greenhouse.rising"
    schema = {"type": "object", "required": ["sensor"], "properties": {"sensor": {"type": "string"}}}

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return the sensor that the config names."""
        return (SensorRef.of(self.config),)

    def compile(self, bind: Binding) -> Check:
        """Compare with what the state remembers."""
        read, state = bind.reader(SensorRef.of(self.config)), bind.state
        bind.every_reading()

        def check(now_us: int) -> Truth:
            value = read(now_us)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            before: float | None = state.get("before")
            state["before"] = value
            if before is not None and before == value:
                bind.wake(now_us + seconds_us(60))
            return None if before is None else value > before

        return check


class OpenVent(Action):
    """Opens a vent, which may be repeated."""

    type = "greenhouse.open_vent"
    schema = {"type": "object", "properties": {"percent": {"type": "number"}}}
    delivery = "idempotent"
    services = ("devices",)

    def effects(self, config: Mapping[str, Any]) -> tuple[Effect, ...]:
        """Return the channel that it sets."""
        return (Effect("vent", config.get("percent", 100)),)

    def perform(self, call: ActionCall, services: Any) -> list[Any]:
        """Tell every target."""
        return [services.devices.send(device, "vent", dict(call.config)) for device in call.targets]


class Follow(Action):
    """Runs another rule."""

    type = "greenhouse.follow"
    schema = {"type": "object", "required": ["rule"], "properties": {"rule": {"type": "string"}}}

    def consequences(self, config: Mapping[str, Any]) -> tuple[RunRule, ...]:
        """Return the one run."""
        return (RunRule(str(config["rule"])),)


class EveryMinute:
    """Instants a minute apart."""

    def next_after(self, after_us: int) -> int | None:
        """Return the next full minute."""
        minute_us = seconds_us(60)
        return (after_us // minute_us + 1) * minute_us


class Watering(Trigger):
    """Starts when the soil speaks, at an event, and every minute."""

    type = "greenhouse.watering"

    def sensors(self) -> tuple[SensorTrigger, ...]:
        """Return the soil's sensor."""
        return (SensorTrigger("soil_moisture", interval_us=seconds_us(10)),)

    def events(self) -> tuple[EventTrigger, ...]:
        """Return the gardener's event."""
        return (EventTrigger("watered", {"by": "hand"}),)

    def schedule(self, place: Place) -> Schedule | None:
        """Return every minute where the place is known."""
        return None if place.latitude is None else EveryMinute()


class Hose(Driver):
    """Reaches valves by a hose."""

    type = "greenhouse.hose"
    schema = {"type": "object", "properties": {"metres": {"type": "number"}}}

    def send(self, command: Command, device: Device, services: Any) -> dict[str, Any]:
        """Answer what was done."""
        return {"device": device.id, "done": command.name, "key": command.key}


class Gardener(Advisor):
    """Recommends water."""

    type = "greenhouse.gardener"

    def advise(self, question: Question, services: Any) -> Sequence[Advice]:
        """Say so when the soil is dry."""
        dry = question.facts.get("soil_moisture", 100) < 20
        return [Advice(f"Water {question.subject}", confidence=0.9)] if dry else []


class Diary(Observer):
    """Remembers what happened."""

    type = "greenhouse.diary"

    def __init__(self) -> None:
        self.lines: list[str] = []

    def observe(self, thing: Firing | Notice) -> None:
        """Note one line."""
        self.lines.append(thing.rule if isinstance(thing, Firing) else thing.message)


def to_fahrenheit(celsius: float) -> float:
    """Return a temperature in °F."""
    return celsius * 1.8 + 32


def is_bright(view: View, params: Mapping[str, Any]) -> Truth:
    """Tell whether it is bright."""
    return bool(view["light"] > params.get("lux", 1000))


@hookimpl
def whenthen_triggers() -> list[type[Trigger]]:
    """Register the trigger."""
    return [Watering]


@hookimpl
def whenthen_conditions() -> list[type[Condition]]:
    """Register the conditions."""
    return [DewPoint, Rising]


@hookimpl
def whenthen_actions() -> list[type[Action]]:
    """Register the actions."""
    return [OpenVent, Follow]


@hookimpl
def whenthen_functions() -> list[Function]:
    """Register a function for expressions and one for ``custom``."""
    return [
        Function("to_fahrenheit", to_fahrenheit),
        Function("is_bright", is_bright, condition=True, reads=("light",)),
    ]


@hookimpl
def whenthen_drivers() -> list[type[Driver]]:
    """Register the driver."""
    return [Hose]


@hookimpl
def whenthen_advisors() -> list[type[Advisor]]:
    """Register the advisor."""
    return [Gardener]


@hookimpl
def whenthen_observers() -> list[type[Observer]]:
    """Register the observer."""
    return [Diary]


WATERED = Event("watered", 0, {"by": "hand"})
