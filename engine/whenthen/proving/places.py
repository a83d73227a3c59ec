"""The devices, farms and time zones that a file of tests names: read with every problem, and written again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from whenthen.errors import Problem
from whenthen.ports import Device, Directory, Farm, StaticDirectory
from whenthen.proving.offsets import is_zone

Places = Mapping[str, Any]
"""A document ``{"devices": [...], "farms": [...]}``."""


def directory_of(places: Places | None) -> StaticDirectory | None:
    """Return the directory that a sound document describes, ``None`` when there is none."""
    if places is None:
        return None
    devices = [Device(**device) for device in places.get("devices", ())]
    return StaticDirectory(devices, [Farm(**farm) for farm in places.get("farms", ())])


def places_of(directory: Directory) -> dict[str, Any]:
    """Return the document of a directory, without what is as it is anyway.

    >>> places_of(StaticDirectory([Device("dev-1", room="room-7", farm="north")], [Farm("north", "Europe/Brussels")]))
    {'devices': [{'id': 'dev-1', 'room': 'room-7', 'farm': 'north'}], \
'farms': [{'id': 'north', 'timezone': 'Europe/Brussels'}]}
    """
    devices = list(directory.devices())
    named = dict.fromkeys(device.farm for device in devices if device.farm is not None)
    farms = [farm for farm in map(directory.farm, named) if farm is not None]
    told = {"devices": [dict(_said(device)) for device in devices]}
    return told | ({"farms": [dict(_said(farm)) for farm in farms]} if farms else {})


def zone_of(document: Mapping[str, Any], problems: list[Problem]) -> ZoneInfo:
    """Return the zone of times that name none; zones that are none, the farms' too, are added to *problems*."""
    given = document.get("timezone", "UTC")
    zones = {"/timezone": given}
    devices = document.get("devices")
    farms = devices.get("farms") if isinstance(devices, dict) else None
    for index, farm in enumerate(farms if isinstance(farms, list) else ()):
        if isinstance(farm, dict):
            zones[f"/devices/farms/{index}/timezone"] = farm.get("timezone")
    for pointer, name in zones.items():
        if isinstance(name, str) and not is_zone(name):
            near = get_close_matches(name, available_timezones(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else "write it as Europe/Brussels"
            problems.append(Problem("bad_value", pointer, f"there is no time zone {name!r}", hint))
    return ZoneInfo(given if isinstance(given, str) and is_zone(given) else "UTC")


def _said(thing: Device | Farm) -> Iterator[tuple[str, Any]]:
    for field in fields(thing):
        value = getattr(thing, field.name)
        if value != field.default:
            yield field.name, value
