"""What others must provide: here, the directory of devices, rooms and farms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Device:
    """A device and where it stands. *stale_after_seconds* of silence raise ``sensor_stale``.

    >>> Device("dev-1", room="room-7").stale_after_seconds
    900.0
    """

    id: str
    type: str | None = None
    room: str | None = None
    farm: str | None = None
    stale_after_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Farm:
    """A farm, its IANA time zone and its place on earth in degrees (for sunrise and sunset).

    >>> Farm("farm-1", "Europe/Brussels", 50.85, 4.35).timezone
    'Europe/Brussels'
    """

    id: str
    timezone: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Directory(Protocol):
    """Who knows which devices exist.

    >>> def room_of(directory: Directory, device_id):
    ...     device = directory.device(device_id)
    ...     return device and device.room
    >>> room_of(StaticDirectory([Device("dev-1", room="room-7")]), "dev-1")
    'room-7'
    """

    def device(self, device_id: str) -> Device | None:
        """Return the device, or ``None`` when nobody registered it."""

    def devices(self) -> Iterable[Device]:
        """Return every registered device."""

    def farm(self, farm_id: str) -> Farm | None:
        """Return the farm, or ``None``."""


class StaticDirectory:
    """A directory that is written down once.

    >>> StaticDirectory([Device("dev-1", room="room-7")]).device("dev-1").room
    'room-7'
    """

    def __init__(self, devices: Iterable[Device] = (), farms: Iterable[Farm] = ()) -> None:
        self._devices = {device.id: device for device in devices}
        self._farms = {farm.id: farm for farm in farms}

    def device(self, device_id: str) -> Device | None:
        """Return the device, or ``None``."""
        return self._devices.get(device_id)

    def devices(self) -> Iterable[Device]:
        """Return every device, in the order given."""
        return self._devices.values()

    def farm(self, farm_id: str) -> Farm | None:
        """Return the farm, or ``None``."""
        return self._farms.get(farm_id)
