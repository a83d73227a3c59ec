"""The slots of all sensors, by device."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from whenthen.flow.state import NEVER_US, Slot


class Slots:
    """Every sensor that was heard, or that a rule reads."""

    __slots__ = ("by_device",)

    def __init__(self) -> None:
        self.by_device: dict[str, dict[str, Slot]] = {}

    def of(self, device: str) -> dict[str, Slot]:
        """Return a device's slots by sensor."""
        slots = self.by_device.get(device)
        if slots is None:
            slots = self.by_device[device] = {}
        return slots

    def slot(self, device: str, sensor: str) -> Slot:
        """Return the slot of one sensor, made when it is not there."""
        slots = self.of(device)
        slot = slots.get(sensor)
        if slot is None:
            slot = slots[sensor] = Slot(device, sensor)
        return slot

    def find(self, device: str, sensor: str) -> Slot | None:
        """Return the slot of one sensor if there is one."""
        return self.by_device.get(device, {}).get(sensor)

    def known(self, sensor: str) -> bool:
        """Tell whether any device has sent a reading of a sensor."""
        found = (slots.get(sensor) for slots in self.by_device.values())
        return any(slot is not None and slot.at_us > NEVER_US for slot in found)

    def heard(self) -> Iterator[Slot]:
        """Yield the slots that have had a reading."""
        every = chain.from_iterable(slots.values() for slots in self.by_device.values())
        return (slot for slot in every if slot.at_us > NEVER_US)
