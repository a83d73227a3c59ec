"""For whom a rule is evaluated: devices, rooms or farms, and which of them an event concerns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from whenthen.dsl.compiled import CompiledRule, Scope
from whenthen.extend.trigger import Place
from whenthen.ports import Device, Directory

SubjectKind = Literal["device", "room", "farm", "default"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject and where it lies."""

    id: str
    kind: SubjectKind
    room: str | None = None
    farm: str | None = None


@dataclass(frozen=True, slots=True)
class Concern:
    """Whom an event or a run concerns: at most one of them; none means everybody."""

    device: str | None = None
    room: str | None = None
    farm: str | None = None


DEFAULT_SUBJECT = Subject("default", "default")


class Subjects:
    """What the directory says, in the terms of rules; without a directory, the devices seen."""

    def __init__(self, directory: Directory | None, timezone: str) -> None:
        self.directory = directory
        self._seen: dict[str, None] = {}
        self.default_place = Place(ZoneInfo(timezone))

    def see(self, device_id: str) -> bool:
        """Note a device that sent a reading; tell whether it is new."""
        if device_id in self._seen:
            return False
        self._seen[device_id] = None
        return True

    @property
    def seen(self) -> Iterable[str]:
        """The devices that sent a reading, in the order of their first."""
        return self._seen

    def device(self, device_id: str) -> Device:
        """Return what is known of a device."""
        found = None if self.directory is None else self.directory.device(device_id)
        return found or Device(device_id)

    def devices(self) -> Iterator[Device]:
        """Yield every device there is."""
        listed = set()
        if self.directory is not None:
            for device in self.directory.devices():
                listed.add(device.id)
                yield device
        for device_id in self._seen:
            if device_id not in listed:
                yield Device(device_id)

    def of_device(self, scope: Scope, device: Device) -> Subject | None:
        """Return the subject under *scope* that the device belongs to, or ``None`` when it is out of scope."""
        if not matches(scope, device):
            return None
        if scope.per == "room" and device.room is not None:
            return Subject(device.room, "room", device.room, device.farm)
        if scope.per == "farm" and device.farm is not None:
            return Subject(device.farm, "farm", None, device.farm)
        return Subject(device.id, "device", device.room, device.farm)

    def of_rule(self, rule: CompiledRule) -> list[Subject]:
        """Return every subject of a rule."""
        if rule.global_subject:
            return self._global(rule.scope)
        if rule.scope.device is not None:
            if not self.exists(rule.scope.device):
                return []
            found = self.of_device(rule.scope, self.device(rule.scope.device))
            return [] if found is None else [found]
        subjects = {self.of_device(rule.scope, device): None for device in self.devices()}
        return [subject for subject in subjects if subject is not None]

    def exists(self, device_id: str) -> bool:
        """Tell whether somebody registered the device, or it sent a reading."""
        return device_id in self._seen or (self.directory is not None and self.directory.device(device_id) is not None)

    def _global(self, scope: Scope) -> list[Subject]:
        farms = {device.farm for device in self.devices() if device.farm is not None and matches(scope, device)}
        if farms:
            return [Subject(farm, "farm", None, farm) for farm in sorted(farms)]
        return [DEFAULT_SUBJECT]

    def again(self, rule: CompiledRule, subject: Subject) -> Subject | None:
        """Return what a subject has become since the directory changed, or ``None`` if no device makes it one."""
        if rule.global_subject or subject.kind != "device":
            return next((one for one in self.of_rule(rule) if (one.id, one.kind) == (subject.id, subject.kind)), None)
        found = self.of_device(rule.scope, self.device(subject.id)) if self.exists(subject.id) else None
        return found if found is not None and found.id == subject.id else None

    def forget(self, device_id: str) -> None:
        """Forget that a device ever sent a reading."""
        self._seen.pop(device_id, None)

    def members(self, scope: Scope, subject: Subject) -> list[str]:
        """Return the devices whose readings are the subject's."""
        if subject.kind == "device":
            return [subject.id]
        return [device.id for device in self.devices() if self.of_device(scope, device) == subject]

    def targets(self, subject: Subject, device_type: str | None) -> list[str]:
        """Return the devices that an action without a named device goes to."""
        if subject.kind == "device" and device_type is None:
            return [subject.id]
        return sorted(
            device.id
            for device in self.devices()
            if lies_in(device, subject) and (device_type is None or device.type == device_type)
        )

    def place(self, subject: Subject) -> Place:
        """Return the zone and coordinates that hold for a subject."""
        farm = None if self.directory is None or subject.farm is None else self.directory.farm(subject.farm)
        if farm is None:
            return self.default_place
        zone: tzinfo = self.default_place.zone if farm.timezone is None else ZoneInfo(farm.timezone)
        return Place(zone, farm.latitude, farm.longitude)

    def concerned(self, concern: Concern, subject: Subject) -> bool:
        """Tell whether a subject is the one named, contains it, or lies in it."""
        if subject.kind == "default" or concern == Concern():
            return True
        if concern.device is not None:
            return lies_in(self.device(concern.device), subject)
        if concern.room is not None:
            return subject.room == concern.room or (subject.kind == "farm" and self._room_in(concern.room, subject))
        return subject.farm == concern.farm

    def _room_in(self, room: str, subject: Subject) -> bool:
        return any(device.room == room and device.farm == subject.id for device in self.devices())

    def concern_of(self, subject: Subject) -> Concern:
        """Return whom a firing of a subject concerns."""
        if subject.kind == "device":
            return Concern(device=subject.id)
        if subject.kind == "room":
            return Concern(room=subject.id)
        return Concern(farm=subject.id) if subject.kind == "farm" else Concern()


def matches(scope: Scope, device: Device) -> bool:
    """Tell whether a device is in scope."""
    return (
        (scope.device is None or scope.device == device.id)
        and (scope.room is None or scope.room == device.room)
        and (scope.farm is None or scope.farm == device.farm)
        and (scope.device_type is None or scope.device_type == device.type)
    )


def lies_in(device: Device, subject: Subject) -> bool:
    """Tell whether a device is the subject, or stands in it."""
    if subject.kind == "device":
        return device.id == subject.id
    return subject.id == (device.room if subject.kind == "room" else device.farm)
