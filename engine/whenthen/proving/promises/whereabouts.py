"""Of whom a promise speaks: devices, rooms and farms, and which of them have to do with one another."""

from __future__ import annotations

from collections.abc import Iterable

from whenthen.ports import Directory

EVERYBODY = "default"
"""The subject of rules that are about no device at all."""


class Whereabouts:
    """Knows which devices belong to a subject."""

    def __init__(self, directory: Directory | None) -> None:
        self._directory = directory
        self._members: dict[str, set[str]] = {}
        for device in () if directory is None else directory.devices():
            for place in (device.room, device.farm):
                if place is not None:
                    self._members.setdefault(place, set()).add(device.id)

    def has(self, subject: str, device: str) -> bool:
        """Tell whether a device is the subject, stands in it, or the subject is everybody."""
        if subject in (device, EVERYBODY):
            return True
        known = self._directory is not None and self._directory.device(subject) is not None
        return not known and device in self._members.get(subject, ())

    def concern(self, one: str, other: str) -> bool:
        """Tell whether two subjects are the same, or one lies in the other."""
        if one == other or EVERYBODY in (one, other):
            return True
        first, second = self._members.get(one, {one}), self._members.get(other, {other})
        return first <= second or second <= first

    def finest(self, subjects: Iterable[str]) -> list[str]:
        """Return the subjects, everybody left out when there is somebody."""
        found = list(dict.fromkeys(subjects))
        return [subject for subject in found if subject != EVERYBODY] or found
