"""Where rules meet: a device of which each rule speaks, from the directory or made up as the scopes want it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from whenthen.analysis.facts import Facts
from whenthen.analysis.matters import devices_heard
from whenthen.dsl.compiled import Scope
from whenthen.flow.subjects import Subjects, matches
from whenthen.ports import Device, Directory, Farm, StaticDirectory

MADE_UP = "device-1"


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
            found = [self._device([one.rule.scope], f"device-{number + 1}") for number, one in enumerate(facts)]
        else:
            found = [self._device([one.rule.scope for one in facts], MADE_UP)] * len(facts)
        own = [device for device in found if device is not None]
        if len(own) < len(facts):
            return None
        return Cast(tuple(own), self._small_directory(facts, own))

    def _device(self, scopes: Sequence[Scope], name: str) -> Device | None:
        if self._directory is not None:
            return self._listed(scopes)
        wanted = {field: {getattr(scope, field) for scope in scopes} - {None} for field in _FIELDS}
        if any(len(values) > 1 for values in wanted.values()):
            return None
        device, kind, room, farm = (next(iter(wanted[field]), None) for field in _FIELDS)
        return Device(device or name, kind, room, farm)

    def _listed(self, scopes: Sequence[Scope]) -> Device | None:
        assert self._directory is not None  # noqa: S101 - for the type checker
        named = next((scope.device for scope in scopes if scope.device is not None), None)
        if named is not None:
            one = self._directory.device(named)
            candidates: Iterable[Device] = () if one is None else (one,)
        else:
            candidates = self._directory.devices()
        return next((device for device in candidates if all(matches(scope, device) for scope in scopes)), None)

    def _small_directory(self, facts: Sequence[Facts], own: Sequence[Device]) -> StaticDirectory | None:
        if self._directory is None and set(own) == {Device(own[0].id)} and all(one.listens for one in facts):
            return None  # its readings say that it is there, and nobody asks where
        devices = {device.id: device for device in own}
        for name in named_devices(facts):
            known = None if self._directory is None else self._directory.device(name)
            if name not in devices and known is not None:
                devices[name] = known
        farms = dict.fromkeys(device.farm for device in devices.values() if device.farm is not None)
        listed = [self._farm(farm) for farm in farms]
        return StaticDirectory(devices.values(), listed)

    def _farm(self, name: str) -> Farm:
        known = None if self._directory is None else self._directory.farm(name)
        return known or Farm(name)


_FIELDS = ("device", "device_type", "room", "farm")


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
