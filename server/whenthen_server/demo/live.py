"""One device and one room as they are now: what was told, what was said, and what the faults make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen import Scalar
from whenthen_server.demo.devices import Ack, CommandRefusedError, DeviceSpec, Machine, Sensor, Setting, obeyed, output
from whenthen_server.demo.faults import Fault
from whenthen_server.demo.physics import IDLE, Climate, Drive, RoomSpec, RoomState, advance, climate
from whenthen_server.demo.weather import Outside

HOUR_US = 3_600_000_000
RUNNING = 0.02
"""From this share of its power a machine says that it runs: chosen so that a meter can tell it from standing."""

WET_MM, DRY_MM = 0.2, 0.02
"""Depths at which a probe on the floor gets wet and dries: chosen so that a drop is no alarm and nothing flickers."""

_BATTERY_FULL_V, _BATTERY_EMPTY_V = 4.1, 3.3
_BATTERY_LIFE_US = 180 * 24 * HOUR_US  # chosen as half a year, a common maker's promise


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault since it was injected; a stuck sensor holds a value."""

    fault: Fault
    since_us: int
    held: Scalar | None = None


class LiveDevice:
    """A device with its settings, its last report, and the faults that sit in it."""

    def __init__(self, spec: DeviceSpec, seed: int, start_us: int, phase_us: int) -> None:
        self.spec = spec
        self.settings = {m.drives: Setting(1.0 if m.drives == "valve" else 0.0) for m in spec.machines}
        self.latest: dict[str, Scalar] = {}
        self.faults: dict[str, ActiveFault] = {}
        self._seed = seed
        self._start_us = start_us
        self._period_us = round(spec.period_s * 1_000_000)
        self._phase_us = phase_us % self._period_us
        self._news = False

    def broken(self, kind: str) -> bool:
        """Tell whether a fault of this kind sits in the device."""
        return bool(self.faults) and any(active.fault.kind == kind for active in self.faults.values())

    def command(self, name: str, params: Mapping[str, Any], at_us: int) -> Ack:
        """Obey, reject or stay silent."""
        if self.broken("silent_device"):
            return Ack("unanswered", self.spec.id, name, at_us, "the device is silent")
        if self.broken("rejects_commands"):
            return Ack("rejected", self.spec.id, name, at_us, "the device rejects every command")
        try:
            machine, setting = obeyed(self.spec.machines, name, params)
        except CommandRefusedError as error:
            return Ack("rejected", self.spec.id, name, at_us, str(error))
        self._news = self._news or self.settings[machine.drives] != setting
        self.settings[machine.drives] = setting
        if self.broken("no_ack"):
            return Ack("unanswered", self.spec.id, name, at_us, "the answer was lost")
        return Ack("acknowledged", self.spec.id, name, at_us)

    def output(self, machine: Machine, air: Climate) -> float:
        """Return what a machine is asked to give, from 0 to 1, whether or not it can."""
        return output(machine, self.settings[machine.drives], air.temperature_c, air.humidity_pct)

    def gives(self, machine: Machine, air: Climate) -> float:
        """Return what a machine gives, from 0 to 1."""
        if machine.drives == "heater" and self.broken("dead_heater"):
            return 0.0
        return self.output(machine, air)

    def due(self, at_us: int) -> bool:
        """Tell whether the device reports at *at_us*; news are told once."""
        news, self._news = self._news and bool(self.spec.sensors), False
        return news or (at_us - self._start_us) % self._period_us == self._phase_us

    def report(self, truth: Mapping[str, Scalar], air: Climate, at_us: int) -> dict[str, Scalar] | None:
        """Return what the device sends at *at_us*, or ``None`` when nothing arrives."""
        if self.broken("silent_device") or self.spec.drops(self._seed, at_us):
            return None
        known = self.known(truth, air, at_us)
        self.latest = {sensor.name: self._said(sensor, known, at_us) for sensor in self.spec.sensors}
        return dict(self.latest)

    def said(self, name: str, truth: Mapping[str, Scalar], at_us: int) -> Scalar:
        """Return what one sensor says of the truth."""
        return self._said(next(sensor for sensor in self.spec.sensors if sensor.name == name), truth, at_us)

    def _said(self, sensor: Sensor, truth: Mapping[str, Scalar], at_us: int) -> Scalar:
        if not self.faults:
            return sensor.measured(truth[sensor.quantity], self._seed, self.spec.id, at_us)
        stuck = self.faults.get(f"stuck_sensor:{self.spec.id}:{sensor.name}")
        if stuck is not None and stuck.held is not None:
            return stuck.held
        drifting = self.faults.get(f"drifting_sensor:{self.spec.id}:{sensor.name}")
        offset = 0.0
        if drifting is not None:
            amount = drifting.fault.amount
            offset = (20.0 * sensor.noise if amount is None else amount) * (at_us - drifting.since_us) / HOUR_US
        return sensor.measured(truth[sensor.quantity], self._seed, self.spec.id, at_us, offset)

    def known(self, truth: Mapping[str, Scalar], air: Climate, at_us: int) -> dict[str, Scalar]:
        """Return the room's truth and the device's own."""
        return dict(truth) | self._of_itself(air, at_us)

    def _of_itself(self, air: Climate, at_us: int) -> dict[str, Scalar]:
        used = min(1.0, (at_us - self._start_us) / _BATTERY_LIFE_US)
        known: dict[str, Scalar] = {"battery_v": _BATTERY_FULL_V - used * (_BATTERY_FULL_V - _BATTERY_EMPTY_V)}
        for machine in self.spec.machines:
            known[f"{machine.drives}_on"] = self.output(machine, air) >= RUNNING
            known[f"{machine.drives}_w"] = machine.rated_w * self.gives(machine, air)
            if machine.drives == "valve":
                known["valve_open"] = self.settings["valve"].level > 0.0
        return known


@dataclass(slots=True)
class LiveRoom:
    """A room with its state, its devices, and the faults that sit in it."""

    spec: RoomSpec
    state: RoomState
    devices: list[LiveDevice]
    faults: dict[str, ActiveFault] = field(default_factory=dict)
    drive: Drive = IDLE
    wet: bool = False

    def climate(self, outer: Outside) -> Climate:
        """Return the true climate."""
        return climate(self.spec, self.state, self.drive, outer)

    def step(self, outer: Outside, seconds: float) -> None:
        """Let the machines act on the room for *seconds*."""
        self.drive = self._driven(self.climate(outer))
        self.state = advance(self.spec, self.state, self.drive, outer, seconds)
        puddle_mm = self.state.puddle_kg / self.spec.floor_m2
        self.wet = puddle_mm > (DRY_MM if self.wet else WET_MM)

    def truth(self, air: Climate) -> dict[str, Scalar]:
        """Return what sensors in the room could know."""
        return {
            "temperature_c": air.temperature_c,
            "humidity_pct": air.humidity_pct,
            "co2_ppm": air.co2_ppm,
            "light_lux": air.light_lux,
            "substrate_moisture_pct": air.substrate_moisture_pct,
            "leak": self.wet,
            "door_open": self.drive.door_open,
        }

    def _driven(self, air: Climate) -> Drive:
        given = {
            machine.drives: device.gives(machine, air) for device in self.devices for machine in device.spec.machines
        }
        water = given.get("valve", 1.0) > 0.0
        leaks = [active.fault.strength for active in self.faults.values() if active.fault.kind == "leak"]
        return Drive(
            heater=given.get("heater", 0.0),
            cooler=given.get("cooler", 0.0),
            fan=given.get("fan", 0.0),
            humidifier=given.get("humidifier", 0.0) if water else 0.0,
            lamp=given.get("lamp", 0.0),
            door_open=any(active.fault.kind == "open_door" for active in self.faults.values()),
            leak_kg_s=sum(leaks) / 3600.0 if water else 0.0,
        )
