"""Where rules meet: a device of which each rule speaks, from the directory or made up as the scopes want it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from whenthen.analysis.facts import Facts
from whenthen.analysis.matters import devices_heard
from whenthen.flow.subjects import Subjects, matches
from whenthen.ports import Device, Directory, Farm, StaticDirectory

MADE_UP = "device-1"
MADE_UP_ROOM = "room-1"
MADE_UP_FARM = "farm-1"


@dataclass(frozen=True, slots=True)
class Cast:
    """The devices of a history: for each rule its own, and beside them those that rules name."""

    own: tuple[Device, ...]
    directory: StaticDirectory | None

    def to_json(self) -> dict[str, Any]:
        """Return the devices as ``--devices`` reads them; nothing where no scope asks for any."""
        if self.directory is None:
            return {}
        devices = [_told(asdict(device)) for device in self.directory.devices()]
        known = dict.fromkeys(device.farm for device in self.directory.devices() if device.farm is not None)
        farms = [self.directory.farm(farm) for farm in known]
        return {"devices": devices, "farms": [_told(asdict(farm)) for farm in farms if farm is not None]}


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


class Placing:
    """Finds devices on which rules meet."""

    def __init__(self, directory: Directory | None) -> None:
        self._directory = directory

    def cast(self, facts: Sequence[Facts], *, apart: bool = False) -> Cast | None:
        """Return a device for each rule: one for all of them, or *apart* one each; ``None`` where there is none."""
        if apart:
            found = [self._device([one], f"device-{number + 1}") for number, one in enumerate(facts)]
        else:
            found = [self._device(facts, MADE_UP)] * len(facts)
        own = [device for device in found if device is not None]
        if len(own) < len(facts):
            return None
        return Cast(tuple(own), self._small_directory(facts, own))

    def _device(self, facts: Sequence[Facts], name: str) -> Device | None:
        if self._directory is not None:
            return self._listed(facts)
        scopes = [one.rule.scope for one in facts]
        wanted = {field: {getattr(scope, field) for scope in scopes} - {None} for field in _FIELDS}
        if any(len(values) > 1 for values in wanted.values()):
            return None
        device, kind, room, farm = (next(iter(wanted[field]), None) for field in _FIELDS)
        per = {scope.per for scope in scopes}
        types = {kind for one in facts if one.rule.scope.per == "device" for kind in _types(one)}
        if kind is None and len(types) == 1:  # it can be its own target
            kind = next(iter(types))
        room = room or (MADE_UP_ROOM if "room" in per else None)
        farm = farm or (MADE_UP_FARM if "farm" in per else None)
        return Device(device or name, kind, room, farm)

    def _listed(self, facts: Sequence[Facts]) -> Device | None:
        """Return a device that all scopes allow; if there is one, such that all find whom they act on beside it."""
        assert self._directory is not None  # noqa: S101 - for the type checker
        scopes = [one.rule.scope for one in facts]
        named = next((scope.device for scope in scopes if scope.device is not None), None)
        if named is not None:
            one = self._directory.device(named)
            candidates: Iterable[Device] = () if one is None else (one,)
        else:
            candidates = self._directory.devices()
        fitting = (device for device in candidates if all(matches(scope, device) for scope in scopes))
        first = next(fitting, None)
        typed = [one for one in facts if _types(one)]
        if first is None or not typed:  # most rules: then the rest of the devices need not be looked at
            return first
        return next((one for one in chain([first], fitting) if all(self._serves(one, each) for each in typed)), first)

    def _serves(self, device: Device, facts: Facts) -> bool:
        return all(self._beside(device, facts, kind) for kind in _types(facts))

    def _beside(self, device: Device, facts: Facts, kind: str) -> list[Device]:
        """Return the listed devices of a type that a rule which runs for a device acts on."""
        subjects = Subjects(self._directory, "UTC")
        subject = subjects.of_device(facts.rule.scope, device)
        return [] if subject is None else [subjects.device(name) for name in subjects.targets(subject, kind)]

    def _small_directory(self, facts: Sequence[Facts], own: Sequence[Device]) -> StaticDirectory | None:
        if self._directory is None and set(own) == {Device(own[0].id)} and all(one.listens for one in facts):
            return None  # its readings say that it is there, and nobody asks where
        devices = {device.id: device for device in own}
        for name in named_devices(facts):
            known = None if self._directory is None else self._directory.device(name)
            if name not in devices and known is not None:
                devices[name] = known
        for one, device in zip(facts, own, strict=True):
            for kind in _types(one):
                helper = self._helper(device, one, kind)
                if helper is not None:
                    devices.setdefault(helper.id, helper)
        farms = dict.fromkeys(device.farm for device in devices.values() if device.farm is not None)
        listed = [self._farm(farm) for farm in farms]
        return StaticDirectory(devices.values(), listed)

    def _helper(self, device: Device, facts: Facts, kind: str) -> Device | None:
        """Return a device of a type that a rule acts on where it runs: one that is listed, or made up."""
        if self._directory is not None:
            return next(iter(self._beside(device, facts, kind)), None)
        return None if facts.rule.scope.per == "device" else Device(f"{kind}-1", kind, device.room, device.farm)

    def _farm(self, name: str) -> Farm:
        known = None if self._directory is None else self._directory.farm(name)
        return known or Farm(name)


_FIELDS = ("device", "device_type", "room", "farm")


def _types(facts: Facts) -> list[str]:
    """Return the types of devices that a rule's actions go to."""
    writes = (*facts.writes, *facts.clears)
    return [*dict.fromkeys(write.device_type for write in writes if write.device_type is not None)]


def named_devices(facts: Iterable[Facts]) -> list[str]:
    """Return the devices that rules name outright, in conditions, triggers and actions."""
    found: list[str | None] = [device for one in facts for device in devices_heard(one.rule)]
    found += [write.device for one in facts for write in (*one.writes, *one.clears)]
    return [name for name in dict.fromkeys(found) if name is not None]


def subject_of(facts: Facts, cast: Cast, device: Device) -> str:
    """Return the subject under which a rule runs for a device."""
    subjects = Subjects(cast.directory, "UTC")
    if facts.rule.global_subject:
        return device.farm or "default"
    found = subjects.of_device(facts.rule.scope, subjects.device(device.id))
    return device.id if found is None else found.id
