"""What settings do to the world: which quantities they move, which are sensitive, which share a limit. A table.

The shipped table is ``effects.json`` beside this module; a user's own takes its place, whole or list by list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from whenthen.dsl.validate import SchemaChecker, too_large
from whenthen.dsl.values import is_number
from whenthen.errors import Problem, WhenthenError

_SWITCHED = ("on", "off")
_MOST_LINES = 10
_PAGE = " docs/testing/check.md"


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of the device that a setting goes to."""

    device: str | None = None
    device_type: str | None = None


@dataclass(frozen=True, slots=True)
class Physical:
    """What one setting does: *moves* has, by quantity, 1 for what it raises and -1 for what it lowers."""

    moves: Mapping[str, int]
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What one setting takes of a group's limit."""

    amount: float
    match: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that share a *limit*, such as the power of one fuse."""

    name: str
    limit: float
    unit: str
    loads: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """The table.

    >>> shipped_effects().of("heater", "on", Target()).moves
    {'temperature': 1}
    """

    sensors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    effects: tuple[Mapping[str, Any], ...] = ()
    sensitive: tuple[Mapping[str, Any], ...] = ()
    groups: tuple[Group, ...] = ()

    def of(self, channel: str, value: Any, target: Target) -> Physical:
        """Return what setting a channel to a value does; nothing when the table does not know."""
        moves: dict[str, int] = {}
        at_once = False
        for entry in self.effects:
            if _matches(entry, channel, value, target):
                moves |= dict.fromkeys(entry.get("raises", ()), 1) | dict.fromkeys(entry.get("lowers", ()), -1)
                at_once = at_once or entry.get("at_once", False)
        return Physical(moves, at_once)

    def sensors_of(self, quantity: str) -> tuple[str, ...]:
        """Return the sensors that measure a quantity."""
        return self.sensors.get(quantity, (quantity,))

    def is_sensitive(self, channel: str, value: Any, command: str, target: Target) -> bool:
        """Tell whether a setting, or a command that sets nothing, is one that guards are for."""
        return any(
            fnmatchcase(command, entry["command"]) and _meant(entry, target)
            if "command" in entry
            else _matches(entry, channel, value, target)
            for entry in self.sensitive
        )

    def loads_of(self, group: Group, channel: str, value: Any, target: Target) -> float:
        """Return what a setting takes of a group's limit."""
        return max((load.amount for load in group.loads if _matches(load.match, channel, value, target)), default=0.0)


def _matches(entry: Mapping[str, Any], channel: str, value: Any, target: Target) -> bool:
    """Tell whether a setting is the entry's; a number above nothing is "on", and parameters do not matter."""
    if entry.get("channel", channel) != channel or not _meant(entry, target):
        return False
    wanted = entry.get("value")
    if isinstance(value, list) and value:
        value = value[0]
    if wanted in _SWITCHED and is_number(value):
        value = "on" if value > 0 else "off"
    return wanted is None or (value == wanted and isinstance(value, bool) is isinstance(wanted, bool))


def _meant(entry: Mapping[str, Any], target: Target) -> bool:
    """Tell whether an entry is about this device, or about any."""
    asked = (("device", target.device), ("device_type", target.device_type))
    return all(entry.get(name, known) == known for name, known in asked)


class BadEffectsError(WhenthenError):
    """A table of effects that cannot be used, with every problem in it."""

    code = "bad_effects"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(self.lines()))

    def lines(self) -> Iterator[str]:
        """Yield the first problems as people read them: of a file that is something else, the rest says no more."""
        yield from map(str, self.problems[:_MOST_LINES])
        if (left := len(self.problems) - _MOST_LINES) > 0:
            yield f"and {left:,} more"


def read_effects(document: Any) -> Effects:
    """Return the table that a document describes; what it leaves out is as shipped. Raises ``BadEffectsError``."""
    problems = tuple(_problems(document))
    if problems:
        raise BadEffectsError(problems)
    whole = {**_shipped_document(), **document}
    groups = tuple(
        Group(
            item["name"],
            item["limit"],
            item.get("unit", ""),
            tuple(Load(load["amount"], load) for load in item["loads"]),
        )
        for item in whole["groups"]
    )
    sensors = {quantity: tuple(names) for quantity, names in whole["quantities"].items()}
    return Effects(sensors, tuple(whole["effects"]), tuple(whole["sensitive"]), groups)


@cache
def shipped_effects() -> Effects:
    """Return the table that comes with whenthen."""
    return read_effects({})


@cache
def _shipped_document() -> dict[str, Any]:
    text = files("whenthen.analysis").joinpath("effects.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _problems(document: Any) -> Iterator[Problem]:
    refusal = too_large(document)
    found = SchemaChecker(_SCHEMA).problems(document, "") if refusal is None else [refusal]
    for one in found:
        hint = one.hint or ("see" if one.pointer else f"a table has {', '.join(_SCHEMA['properties'])}; see") + _PAGE
        yield Problem("bad_effects", one.pointer, one.message, hint)


_TEXT = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _TEXT}
_VALUE = {"type": ["string", "number", "boolean"]}
_NAMED = [{"required": [name]} for name in ("channel", "device", "device_type")]
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "quantities": {"type": "object", "additionalProperties": _NAMES},
        "effects": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "anyOf": _NAMED,
                "properties": {
                    "channel": _TEXT,
                    "device": _TEXT,
                    "device_type": _TEXT,
                    "value": _VALUE,
                    "raises": _NAMES,
                    "lowers": _NAMES,
                    "at_once": {"type": "boolean"},
                },
            },
        },
        "sensitive": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "channel": _TEXT,
                    "device": _TEXT,
                    "device_type": _TEXT,
                    "value": _VALUE,
                    "command": _TEXT,
                },
                "anyOf": [*_NAMED, {"required": ["command"]}],
            },
        },
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "limit", "loads"],
                "additionalProperties": False,
                "properties": {
                    "name": _TEXT,
                    "limit": {"type": "number", "minimum": 0},
                    "unit": {"type": "string"},
                    "loads": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["amount"],
                            "additionalProperties": False,
                            "anyOf": _NAMED,
                            "properties": {
                                "channel": _TEXT,
                                "device": _TEXT,
                                "device_type": _TEXT,
                                "value": _VALUE,
                                "amount": {"type": "number", "exclusiveMinimum": 0},
                            },
                        },
                    },
                },
            },
        },
    },
}
