"""Where a fault can sit: whether the farm has such a room, device or sensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whenthen.errors import Problem
from whenthen_server.demo.faults import KINDS, Fault
from whenthen_server.demo.live import LiveDevice, LiveRoom


def misplaced(fault: Fault, rooms: Mapping[str, LiveRoom], devices: Mapping[str, LiveDevice]) -> Problem | None:
    """Return why the farm cannot break there, or ``None``."""
    kind = KINDS[fault.kind]
    known, place = (rooms, "room") if kind.aim == "room" else (devices, "device")
    if fault.target not in known:
        hint = f"known: {', '.join(known)}"
        return Problem("unknown_target", "/target", f"there is no {place} {fault.target!r}", hint)
    if kind.aim == "sensor":
        return _unknown_sensor(fault, devices[fault.target])
    if fault.sensor is not None:
        return Problem("unknown_field", "/sensor", f"{fault.kind} is not about one sensor", "leave it out")
    if kind.aim == "heater" and devices[fault.target].spec.machine("heater") is None:
        return Problem("unknown_target", "/target", f"{fault.target} has no heater")
    return None


def _unknown_sensor(fault: Fault, device: LiveDevice) -> Problem | None:
    sensors = {sensor.name: sensor for sensor in device.spec.sensors}
    if fault.sensor not in sensors:
        hint = f"known: {', '.join(sensors)}"
        return Problem("unknown_sensor", "/sensor", f"there is no sensor {fault.sensor!r}", hint)
    if fault.kind == "drifting_sensor" and not sensors[fault.sensor].resolution:
        return Problem("unknown_sensor", "/sensor", f"{fault.sensor} says yes or no and cannot drift")
    return None


def possible_faults(rooms: Mapping[str, LiveRoom], devices: Mapping[str, LiveDevice]) -> Iterator[Fault]:
    """Yield every fault that can be injected, each at its default strength."""
    for kind in KINDS.values():
        for target in rooms if kind.aim == "room" else devices:
            names = [sensor.name for sensor in devices[target].spec.sensors] if kind.aim == "sensor" else [None]
            for name in names:
                fault = Fault(kind.name, target, name)
                if misplaced(fault, rooms, devices) is None:
                    yield fault
