"""``--devices``: a file that says which devices, rooms and farms there are."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click

from whenthen.cli.near import did_you_mean
from whenthen.ports import Device, Farm, StaticDirectory


def to_directory(_context: click.Context, param: click.Parameter, value: Path | None) -> StaticDirectory | None:
    """Return the directory that a file describes, or fail with what is wrong in it."""
    if value is None:
        return None
    try:
        return read_directory(json.loads(value.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise click.BadParameter(f"{value}: {error.strerror}", param=param) from None
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{value}: {error}", param=param) from None


def read_directory(document: Any) -> StaticDirectory:
    """Return the directory that ``{"devices": [...], "farms": [...]}`` describes; raises ``ValueError``.

    >>> read_directory({"devices": [{"id": "dev-1", "room": "room-7"}]}).device("dev-1").room
    'room-7'
    """
    if not isinstance(document, dict) or not document.keys() <= {"devices", "farms"}:
        raise ValueError('expected {"devices": [...], "farms": [...]}')
    devices = [Device(**_entry(Device, "devices", i, item)) for i, item in enumerate(_items(document, "devices"))]
    farms = [Farm(**_entry(Farm, "farms", i, item)) for i, item in enumerate(_items(document, "farms"))]
    return StaticDirectory(devices, farms)


def _items(document: dict[str, Any], name: str) -> list[Any]:
    items = document.get(name, [])
    if not isinstance(items, list):
        raise ValueError(f"/{name} is not a list")
    return items


def _entry(kind: type[Device | Farm], name: str, position: int, item: Any) -> dict[str, Any]:
    where = f"/{name}/{position}"
    if not isinstance(item, dict):
        raise ValueError(f"{where} is not an object")
    types = {field.name: str(field.type) for field in fields(kind)}
    for key, value in item.items():
        if key not in types:
            raise ValueError(f"{where}/{key}: there is no such field{did_you_mean(key, types)}")
        number = types[key].startswith("float")
        wanted: type | tuple[type, ...] = (int, float) if number else str
        if value is None and "None" in types[key]:
            continue
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ValueError(f"{where}/{key} must be {'a number' if number else 'text'}")
    if not item.get("id"):
        raise ValueError(f"{where} has no id")
    if isinstance(zone := item.get("timezone"), str):
        _check_zone(zone, where)
    return item


def _check_zone(zone: str, where: str) -> None:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        near = did_you_mean(zone, available_timezones())
        raise ValueError(f"{where}/timezone: there is no time zone {zone!r}{near}") from None


devices_file = click.option(
    "--devices",
    "directory",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=to_directory,
    help="A JSON file of devices, rooms and farms.",
)
