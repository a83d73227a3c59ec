"""Devices: sensors that are a little wrong, machines that take commands, and what each says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from whenthen import Scalar
from whenthen_server.demo.chance import bell, share, smooth_noise

_DRIFT_PERIOD_US = 10 * 86_400_000_000

LED_MODES = ("constant", "flash", "breathe")


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a sensor measures (*quantity*), under which *name* it tells it, and how well.

    *noise* is a standard deviation, *drift* how far its zero wanders within weeks, both in *unit*; a value lies on
    multiples of *resolution* between *low* and *high*. A yes-or-no sensor has no unit and no noise.
    """

    name: str
    quantity: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    noise: float = 0.0
    resolution: float = 0.0
    drift: float = 0.0

    def measured(self, truth: Scalar, seed: int, place: str, at_us: int, offset: float = 0.0) -> Scalar:
        """Return what the sensor says of *truth* at *at_us*; *offset* is a fault's."""
        if isinstance(truth, bool | str) or not self.resolution:
            return truth
        name = f"{place}/{self.name}"
        wandered = self.drift * smooth_noise(seed, name, at_us, _DRIFT_PERIOD_US)
        value = truth + wandered + self.noise * bell(seed, name, at_us) + offset
        steps = round(min(max(value, self.low), self.high) / self.resolution)
        return round(steps * self.resolution, 6)

    def to_json(self) -> dict[str, Any]:
        """Return the capability: name, and unit and range or that it is yes or no."""
        if not self.resolution:
            return {"name": self.name, "type": "boolean"}
        return {"name": self.name, "type": "number", "unit": self.unit, "min": self.low, "max": self.high}


@dataclass(frozen=True, slots=True)
class Machine:
    """One thing that a device can set: a *channel*, what it drives, its nameplate power, and the target it can hold."""

    channel: str
    drives: str
    rated_w: float = 0.0
    target: str = ""
    target_low: float = 0.0
    target_high: float = 0.0

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that it takes."""
        if self.drives in {"led", "sound"}:
            return (self.channel,)
        if self.drives == "valve":
            return (f"open_{self.channel}", f"close_{self.channel}")
        setters = (f"set_{self.channel}", f"set_{self.target}") if self.target else (f"set_{self.channel}",)
        return (f"turn_on_{self.channel}", f"turn_off_{self.channel}", *setters)

    def to_json(self) -> dict[str, Any]:
        """Return the capability: channel, commands and, where a value is set, unit and range."""
        document: dict[str, Any] = {"channel": self.channel, "commands": list(self.commands)}
        if self.drives not in {"led", "sound", "valve"}:
            document["values"] = {f"set_{self.channel}": {"unit": "%", "min": 0, "max": 100}}
        if self.target:
            unit = "%" if self.target == "humidity" else "°C"
            document["values"][f"set_{self.target}"] = {"unit": unit, "min": self.target_low, "max": self.target_high}
        return document


@dataclass(frozen=True, slots=True)
class Setting:
    """What a machine was last told: a level from 0 to 1, a target that it holds by itself, or words."""

    level: float = 0.0
    target: float | None = None
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A device as it is built. It reports every *period_s*, and at once after a command that changed something."""

    id: str
    name: str
    type: str
    room: str
    sensors: tuple[Sensor, ...] = ()
    machines: tuple[Machine, ...] = ()
    period_s: float = 60.0
    dropout: float = 0.0

    @property
    def stale_after_s(self) -> float:
        """Silence that is too long: three reports and a little."""
        return 3.5 * self.period_s

    def machine(self, drives: str) -> Machine | None:
        """Return the machine that drives something, or ``None``."""
        return next((machine for machine in self.machines if machine.drives == drives), None)

    def drops(self, seed: int, at_us: int) -> bool:
        """Tell whether the report at *at_us* is lost on its way."""
        return share(seed, f"{self.id}/dropout", at_us) < self.dropout

    def to_json(self) -> dict[str, Any]:
        """Return what registering the device needs."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "room_id": self.room,
            "stale_after_seconds": self.stale_after_s,
            "capabilities": {
                "sensors": [sensor.to_json() for sensor in self.sensors],
                "actuators": [machine.to_json() for machine in self.machines],
            },
        }


AckStatus = Literal["acknowledged", "rejected", "unanswered"]


@dataclass(frozen=True, slots=True)
class Ack:
    """A device's answer to a command; ``unanswered`` stands for no answer, now or ever."""

    status: AckStatus
    device_id: str
    command: str
    at_us: int
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as a device would send it."""
        return {
            "status": self.status,
            "device_id": self.device_id,
            "command": self.command,
            "at_us": self.at_us,
            "reason": self.reason,
        }


class CommandRefusedError(ValueError):
    """A command that the device does not take, with the reason in a sentence."""


def obeyed(machines: tuple[Machine, ...], name: str, params: Mapping[str, Any]) -> tuple[Machine, Setting]:
    """Return which machine a command sets, and to what; raises ``CommandRefusedError``."""
    if not isinstance(params, Mapping):
        raise CommandRefusedError("the parameters must be an object")
    for machine in machines:
        if name in machine.commands:
            return machine, _setting(machine, name, params)
    known = ", ".join(command for machine in machines for command in machine.commands)
    raise CommandRefusedError(f"there is no command {name!r} here; known: {known or 'none'}")


def _setting(machine: Machine, name: str, params: Mapping[str, Any]) -> Setting:
    if machine.drives == "led":
        return Setting(level=0.0 if params.get("color") == "off" else 1.0, words=_led(params))
    if machine.drives == "sound":
        return Setting(words={"sound_id": _number(params, "sound_id", 1, 8, whole=True)})
    if not name.startswith("set_"):
        _only(params)
        return Setting(level=1.0 if name.startswith(("turn_on_", "open_")) else 0.0)
    if machine.target and name == f"set_{machine.target}":
        return Setting(target=_number(params, "value", machine.target_low, machine.target_high))
    return Setting(level=_number(params, "value", 0, 100) / 100.0)


def _only(params: Mapping[str, Any], *names: str) -> None:
    unknown = sorted(str(name) for name in params if name not in names)
    if unknown:
        raise CommandRefusedError(f"unknown parameter {unknown[0]!r}; known: {', '.join(names) or 'none'}")


def _number(params: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False) -> float:
    _only(params, name)
    value = params.get(name)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
        raise CommandRefusedError(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}")
    return value


def _led(params: Mapping[str, Any]) -> dict[str, Any]:
    _only(params, "color", "intensity", "mode")
    if not isinstance(params.get("color", ""), str):
        raise CommandRefusedError("color must be a name or #rrggbb")
    if params.get("mode", "constant") not in LED_MODES:
        raise CommandRefusedError(f"mode must be one of {', '.join(LED_MODES)}")
    if "intensity" in params:
        _number({"intensity": params["intensity"]}, "intensity", 0, 100)
    return dict(params)


def output(machine: Machine, setting: Setting, temperature_c: float, humidity: float) -> float:
    """Return the output from 0 to 1; a machine that holds a target eases off in the last kelvin or 5 % of humidity."""
    if setting.target is None:
        return setting.level
    gap = {
        "humidifier": (setting.target - humidity) / 5.0,
        "heater": setting.target - temperature_c,
        "cooler": temperature_c - setting.target,
    }[machine.drives]
    return min(1.0, max(0.0, gap))


def named(sensors: tuple[Sensor, ...], names: Mapping[str, str]) -> tuple[Sensor, ...]:
    """Return the sensors under other names."""
    return tuple(replace(sensor, name=names.get(sensor.name, sensor.name)) for sensor in sensors)
