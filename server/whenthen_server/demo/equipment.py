"""What stands in each room: a room of single devices, or a tent with one node that does it all.

Sensors' accuracy: Sensirion SHT35 (±0.1 K, ±1.5 %) and SCD30 (±30 ppm), from their data sheets; the check sensor is a
cheap second one (±0.5 K, ±3 %). Powers are chosen as nameplates of such machines.
"""

from __future__ import annotations

from dataclasses import dataclass

from whenthen_server.demo.devices import DeviceSpec, Machine, Sensor, named
from whenthen_server.demo.physics import RoomSpec
from whenthen_server.demo.rooms import FRUITING_ROOM, INCUBATION, TENT

AIR_SENSORS = (
    Sensor("temperature_c", "temperature_c", "°C", -40.0, 60.0, noise=0.08, resolution=0.1, drift=0.1),
    Sensor("humidity_pct", "humidity_pct", "%", 0.0, 100.0, noise=0.3, resolution=0.1, drift=0.5),
    Sensor("co2_ppm", "co2_ppm", "ppm", 0.0, 40_000.0, noise=10.0, resolution=1.0, drift=15.0),
    Sensor("light_lux", "light_lux", "lx", 0.0, 100_000.0, noise=1.0, resolution=1.0),
)
BATTERY = Sensor("battery_v", "battery_v", "V", 0.0, 5.0, noise=0.003, resolution=0.01)
SUBSTRATE = Sensor(
    "substrate_moisture", "substrate_moisture_pct", "%", 0.0, 100.0, noise=0.2, resolution=0.1, drift=0.5
)
SAFETY_SENSORS = (Sensor("leak", "leak"), Sensor("door_open", "door_open"))
CHECK_SENSORS = (
    Sensor("check_temperature_c", "temperature_c", "°C", -20.0, 60.0, noise=0.2, resolution=0.1, drift=0.3),
    Sensor("check_humidity_pct", "humidity_pct", "%", 0.0, 100.0, noise=1.0, resolution=1.0, drift=1.5),
)

PLAIN_NAMES = {
    "temperature_c": "temperature",
    "humidity_pct": "humidity",
    "co2_ppm": "co2",
    "light_lux": "light",
}
"""The short names that the rules in ``examples/rules`` use; the tent's node sends these."""

SIGNALS = (Machine("led", "led"), Machine("sound", "sound"))


@dataclass(frozen=True, slots=True)
class Room:
    """A room and the devices in it."""

    spec: RoomSpec
    devices: tuple[DeviceSpec, ...]


def _machines(spec: RoomSpec) -> tuple[Machine, ...]:
    return (
        Machine("humidifier", "humidifier", 300.0, "humidity", 30.0, 100.0),
        Machine("fan", "fan", 80.0),
        Machine("heater", "heater", spec.heater_w, "heater_target", 5.0, 30.0),
        Machine("cooler", "cooler", 900.0, "cooler_target", 5.0, 30.0),
        Machine("light", "lamp", spec.lamp_w),
        Machine("valve", "valve"),
    )


def _own_sensors(machine: Machine) -> tuple[Sensor, ...]:
    """Return what a machine tells about itself."""
    if machine.drives == "valve":
        return (Sensor("valve_open", "valve_open"),)
    running = Sensor(f"{machine.channel}_on", f"{machine.drives}_on")
    power = Sensor(f"{machine.channel}_power_w", f"{machine.drives}_w", "W", 0.0, 10_000.0, noise=0.5, resolution=1.0)
    return (running, power)


def single_devices(spec: RoomSpec) -> tuple[DeviceSpec, ...]:
    """Return a room's devices, one for each purpose: two sensors and six machines."""
    room = spec.id
    air = DeviceSpec(
        f"{room}-air",
        f"{spec.name}: air",
        "climate_sensor",
        room,
        (*AIR_SENSORS, SUBSTRATE, BATTERY),
        SIGNALS,
        30.0,
        0.01,
    )
    safety = DeviceSpec(
        f"{room}-safety",
        f"{spec.name}: floor and door",
        "safety_sensor",
        room,
        (*SAFETY_SENSORS, *CHECK_SENSORS, BATTERY),
        period_s=60.0,
        dropout=0.01,
    )
    machines = (
        DeviceSpec(
            f"{room}-{machine.channel}",
            f"{spec.name}: {machine.channel}",
            machine.channel,
            room,
            _own_sensors(machine),
            (machine,),
            300.0,
        )
        for machine in _machines(spec)
    )
    return (air, safety, *machines)


def one_node(spec: RoomSpec, device_id: str) -> tuple[DeviceSpec, ...]:
    """Return a single node with everything on it, its air sensors under their short names."""
    machines = _machines(spec)
    sensors = (
        *named(AIR_SENSORS, PLAIN_NAMES),
        *SAFETY_SENSORS,
        BATTERY,
        *(sensor for machine in machines for sensor in _own_sensors(machine)),
    )
    return (DeviceSpec(device_id, spec.name, "node", spec.id, sensors, (*machines, *SIGNALS), 30.0, 0.01),)


ROOMS = (
    Room(INCUBATION, single_devices(INCUBATION)),
    Room(FRUITING_ROOM, single_devices(FRUITING_ROOM)),
    Room(TENT, one_node(TENT, "mushroom-1")),
)
