"""The simulated farm: rooms, weather and devices, stepped by whoever holds the clock.

No thread, no clock, no network: time passes only in ``step``, in ticks of ``TICK_S`` counted from the start. The same
seed, start and commands give the same readings, and how the time is cut into steps does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from whenthen import Scalar, from_us, seconds_us
from whenthen_server.demo.devices import Ack
from whenthen_server.demo.equipment import ROOMS, Room
from whenthen_server.demo.faults import KINDS, Fault, FaultError
from whenthen_server.demo.live import ActiveFault, LiveDevice, LiveRoom
from whenthen_server.demo.physics import RoomState, initial
from whenthen_server.demo.placing import misplaced, possible_faults
from whenthen_server.demo.stages import Range
from whenthen_server.demo.weather import BELGIUM, Region, outside

TICK_S = 5.0
_TICK_US = seconds_us(TICK_S)
_START_MOISTURE_PCT = 65.0

FARM_ID = "demo"
TIMEZONE = "Europe/Brussels"


class FarmReading(NamedTuple):
    """What one device sent: values by sensor, and the device's own time in microseconds since the epoch."""

    device_id: str
    values: dict[str, Scalar]
    at_us: int


class SimulatedFarm:
    """A mushroom farm that lives.

    >>> farm = SimulatedFarm(seed=1, start_us=1_768_000_000_000_000)
    >>> readings = farm.step(60)
    >>> farm.command("fruiting-fan", "turn_on_fan").status
    'acknowledged'
    """

    def __init__(self, seed: int, start_us: int, rooms: Sequence[Room] = ROOMS, region: Region = BELGIUM) -> None:
        self._seed = seed
        self._region = region
        self._now_us = self._ticked_us = start_us
        self._outer = outside(region, seed, start_us)
        self._rooms: dict[str, LiveRoom] = {}
        self._devices: dict[str, LiveDevice] = {}
        for room in rooms:
            # Each device reports at a tick of its own, so that not all of them speak at once.
            devices = [
                LiveDevice(spec, seed, start_us, (len(self._devices) + number) * _TICK_US)
                for number, spec in enumerate(room.devices)
            ]
            self._devices |= {device.spec.id: device for device in devices}
            self._rooms[room.spec.id] = LiveRoom(room.spec, _at_start(room), devices)

    @property
    def now_us(self) -> int:
        """The farm's instant, in microseconds since the epoch: the start and all steps."""
        return self._now_us

    def step(self, seconds: float) -> list[FarmReading]:
        """Let *seconds* pass; return what the devices sent meanwhile, in the order of time.

        Raises ``ValueError`` for a negative number or one that is not finite.
        """
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"a step must be a number of seconds from 0, not {seconds}")
        self._now_us += seconds_us(seconds)
        readings: list[FarmReading] = []
        while self._ticked_us + _TICK_US <= self._now_us:
            self._tick(readings)
        return readings

    def command(self, device_id: str, name: str, params: Mapping[str, Any] | None = None) -> Ack:
        """Give a device a command; it takes effect at once and shows in the next step. Never raises."""
        device = self._devices.get(device_id)
        if device is None:
            return Ack("rejected", device_id, name, self._now_us, f"there is no device {device_id!r}")
        return device.command(name, {} if params is None else params, self._now_us)

    # Faults

    def inject(self, fault: Fault) -> str:
        """Break something; return the fault's id. Injecting it again changes its amount only.

        Raises ``FaultError`` when the farm has no such place to break.
        """
        problem = misplaced(fault, self._rooms, self._devices)
        if problem is not None:
            raise FaultError(problem)
        faults = (self._rooms if KINDS[fault.kind].aim == "room" else self._devices)[fault.target].faults
        before = faults.get(fault.id)
        since_us = before.since_us if before else self._now_us
        held = before.held if before else self._held(fault)
        faults[fault.id] = ActiveFault(fault, since_us, held)
        return fault.id

    def clear(self, fault: Fault | str) -> bool:
        """Repair a fault, named by itself or its id; tell whether it was there."""
        fault_id = fault if isinstance(fault, str) else fault.id
        return any(faults.pop(fault_id, None) is not None for faults in self._faults())

    @property
    def faults(self) -> list[Fault]:
        """What is broken now, in the order of rooms and devices."""
        return [active.fault for faults in self._faults() for active in faults.values()]

    def possible_faults(self) -> list[Fault]:
        """Return every fault that can be injected, each at its default strength."""
        return list(possible_faults(self._rooms, self._devices))

    def _faults(self) -> Iterator[dict[str, ActiveFault]]:
        yield from (room.faults for room in self._rooms.values())
        yield from (device.faults for device in self._devices.values())

    def _held(self, fault: Fault) -> Scalar | None:
        """Return what a sensor that sticks now goes on saying: its last value, or the one that it would send."""
        if fault.kind != "stuck_sensor" or fault.sensor is None:
            return None
        device = self._devices[fault.target]
        if fault.sensor in device.latest:
            return device.latest[fault.sensor]
        room = self._rooms[device.spec.room]
        air = room.climate(self._outer)
        return device.said(fault.sensor, device.known(room.truth(air), air, self._now_us), self._now_us)

    # What there is

    def description(self) -> dict[str, Any]:
        """Return, JSON-ready, the farm, its rooms and its devices with their capabilities: what is to be registered."""
        place = {"latitude": self._region.latitude_deg, "longitude": self._region.longitude_deg}
        return {
            "farm": {"id": FARM_ID, "name": "Demo mushroom farm", "timezone": TIMEZONE, **place},
            "rooms": [
                {
                    "id": room.spec.id,
                    "farm_id": FARM_ID,
                    "name": room.spec.name,
                    "stage": room.spec.stage.name,
                    "wanted": {name: [wanted.low, wanted.high] for name, wanted in _wanted(room).items()},
                }
                for room in self._rooms.values()
            ],
            "devices": [{**device.spec.to_json(), "farm_id": FARM_ID} for device in self._devices.values()],
        }

    def state(self) -> dict[str, Any]:
        """Return, JSON-ready, the truth behind the readings: weather, rooms, machines, faults."""
        return {
            "at": from_us(self._now_us).isoformat(),
            "outside": {name: round(value, 4) for name, value in asdict(self._outer).items()},
            "rooms": {room_id: self._room_state(room) for room_id, room in self._rooms.items()},
            "devices": {device_id: _device_state(device) for device_id, device in self._devices.items()},
            "faults": [fault.to_json() for fault in self.faults],
        }

    def _room_state(self, room: LiveRoom) -> dict[str, Any]:
        air = asdict(room.climate(self._outer))
        return {
            "climate": {name: round(value, 3) for name, value in air.items()},
            "in_range": {name: wanted.holds(air[name]) for name, wanted in _wanted(room).items()},
            "machines": {name: round(value, 3) for name, value in asdict(room.drive).items() if name != "door_open"},
            "door_open": room.drive.door_open,
        }

    def _tick(self, readings: list[FarmReading]) -> None:
        for room in self._rooms.values():
            room.step(self._outer, TICK_S)
        self._ticked_us += _TICK_US
        self._outer = outside(self._region, self._seed, self._ticked_us)
        for room in self._rooms.values():
            due = [device for device in room.devices if device.due(self._ticked_us)]
            if not due:
                continue
            air = room.climate(self._outer)
            truth = room.truth(air)
            for device in due:
                values = device.report(truth, air, self._ticked_us)
                if values:
                    readings.append(FarmReading(device.spec.id, values, self._ticked_us))


def _at_start(room: Room) -> RoomState:
    """Return a room in the middle of what its stage wants."""
    stage = room.spec.stage
    temperature_c = 0.5 * (stage.temperature_c.low + stage.temperature_c.high)
    humidity = 0.5 * (stage.humidity_pct.low + stage.humidity_pct.high)
    return initial(room.spec, temperature_c, humidity, 0.5 * stage.co2_ppm.high, _START_MOISTURE_PCT)


def _wanted(room: LiveRoom) -> dict[str, Range]:
    stage = room.spec.stage
    return {"temperature_c": stage.temperature_c, "humidity_pct": stage.humidity_pct, "co2_ppm": stage.co2_ppm}


def _device_state(device: LiveDevice) -> dict[str, Any]:
    settings = {
        name: {k: v for k, v in asdict(s).items() if v not in (None, {})} for name, s in device.settings.items()
    }
    return {"type": device.spec.type, "room": device.spec.room, "settings": settings, "latest": dict(device.latest)}
