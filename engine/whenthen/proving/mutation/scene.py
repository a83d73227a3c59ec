"""A small scene for one rule: the devices that it means, and beside them some that it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whenthen.analysis.matters import devices_heard
from whenthen.dsl.compiled import CompiledRule
from whenthen.extend.formula import SensorRef
from whenthen.ports import Device, Farm, StaticDirectory

_BRUSSELS = (50.85, 4.35)
_APART = "elsewhere"


@dataclass(frozen=True, slots=True)
class Scene:
    """*members* are the devices that are the rule's; *others* differ from them in one point of its scope each."""

    devices: tuple[Device, ...]
    farms: tuple[Farm, ...]
    members: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def directory(self) -> StaticDirectory:
        """The scene as a directory of its own."""
        return StaticDirectory(self.devices, self.farms)

    def sources(self, ref: SensorRef) -> tuple[str, ...]:
        """Return the devices that may send what *ref* reads, those that the rule means first."""
        return (*self.members, *self.others) if ref.device is None else (ref.device,)

    def subjects(self) -> tuple[str, ...]:
        """Return every id under which a rule may be evaluated here."""
        rooms = [device.room for device in self.devices if device.room]
        farms = [device.farm for device in self.devices if device.farm]
        return tuple(dict.fromkeys([*(device.id for device in self.devices), *rooms, *farms, "default"]))


def scene_of(rule: CompiledRule, document: Mapping[str, Any]) -> Scene:
    """Return the scene for a rule; one evaluated for a room or farm finds two devices there.

    >>> from whenthen.dsl.rule import RuleCompiler
    >>> from whenthen.extend.host import load_registry
    >>> rule = {"name": "Warm", "scope": {"room": "cellar"}, "trigger": {"type": "manual"},
    ...         "conditions": [], "actions": [{"type": "sound", "config": {"sound_id": 1}}]}
    >>> scene = scene_of(RuleCompiler(load_registry()).compile(rule), rule)
    >>> scene.members, scene.others
    (('device-1',), ('elsewhere-room',))
    """
    scope = rule.scope
    room, farm = scope.room or "room-1", scope.farm or "farm-1"
    joined = scope.per != "device" or any(ref.aggregate for ref in rule.reads)
    names = [scope.device] if scope.device is not None else ["device-1", "device-2"] if joined else ["device-1"]
    members = [Device(name, scope.device_type, room, farm) for name in names]
    wanted = {"device": scope.device, "type": scope.device_type, "room": scope.room, "farm": scope.farm}
    others = [_other(key, wanted) for key, value in wanted.items() if value is not None]
    known = {device.id for device in (*members, *others)}
    named = [Device(name) for name in dict.fromkeys(_named(rule, document)) if name not in known]
    typed = [Device(f"{name}-1", name, room, farm) for name in dict.fromkeys(_types(document))]
    sunny = any("sun" in trigger.config for trigger in rule.triggers)
    places = sorted({device.farm for device in (*members, *others) if device.farm} if sunny else ())
    return Scene(
        (*members, *others, *named, *typed),
        tuple(Farm(place, None, *_BRUSSELS) for place in places),
        tuple(device.id for device in members),
        tuple(device.id for device in others),
    )


def _other(key: str, wanted: Mapping[str, str | None]) -> Device:
    """Return a device that is out of scope by one point of it alone."""
    kept = {name: _APART if name == key or value is None else value for name, value in wanted.items()}
    return Device(f"{_APART}-{key}", kept["type"], kept["room"], kept["farm"])


def _named(rule: CompiledRule, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the devices that conditions, triggers and actions name outright."""
    yield from devices_heard(rule)
    yield from (device for device in _of_actions(document, "device") if "{" not in device)


def _types(document: Mapping[str, Any]) -> Iterator[str]:
    return _of_actions(document, "device_type")


def _of_actions(document: Mapping[str, Any], key: str) -> Iterator[str]:
    for item in (*document.get("actions", ()), *document.get("clear_actions", ())):
        value = item.get("config", {}).get(key)
        if isinstance(value, str):
            yield value
