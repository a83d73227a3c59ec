"""The shapes in which devices send readings, read into one; every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from whenthen.dsl.validate import escaped
from whenthen.engine import MAX_AHEAD_US
from whenthen.errors import RefusedReadingError
from whenthen.flow.state import accepted, part_refusal
from whenthen.runtime.items import Given
from whenthen_server.api.instants import read_instant

MAX_VALUES = 200
"""So many values one reading may have."""
MAX_NAME = 100

_TIMES = frozenset({"timestamp", "at"})
_HEAD = _TIMES | {"device", "device_id"}
_VALUES = ("data", "values")
_SENSOR = ("sensor_type", "sensor")
_BESIDE = {name: _HEAD | {name} for name in _VALUES}
_BESIDE_SENSOR = {name: _HEAD | {name, "value", "unit"} for name in _SENSOR}


@dataclass(slots=True)
class Shaped:
    """One reading as it can be taken, ``None`` if nothing of it can; and the faults of the rest."""

    pointer: str
    given: Given | None = None
    faults: list[dict[str, str]] = field(default_factory=list)

    def fault(self, pointer: str, message: str, hint: str, code: str = "invalid") -> None:
        """Note a fault."""
        self.faults.append({"pointer": pointer, "message": message, "hint": hint, "code": code})


def shaped(item: Any, device_id: str, pointer: str, now_us: int) -> Shaped:
    """Return what an item at *pointer* of a body says that a device measured.

    It is an object of sensors and values, or has them in ``data`` (or ``values``), or names one in ``sensor_type`` (or
    ``sensor``) and ``value``; beside them may stand ``timestamp`` (or ``at``) and ``device_id``. A bad value costs
    itself, anything else that is wrong the whole reading.

    >>> shaped({"sensor_type": "co2", "value": 800}, "dev-1", "", 0).given
    Given(device='dev-1', values={'co2': 800}, at_us=None)
    """
    found = Shaped(pointer)
    if not isinstance(item, dict):
        found.fault(pointer, "a reading is an object of sensors and values", 'write {"temperature": 21.5}')
        return found
    values, where = _values_of(item, pointer, found)
    at_us = _at_us(item, pointer, now_us, found)
    _check_device(item, device_id, pointer, found)
    if found.faults:
        return found
    if not values:
        found.fault(where, "there is no value", 'write {"temperature": 21.5}')
    elif len(values) > MAX_VALUES:
        found.fault(where, f"there are more than {MAX_VALUES} values", "send several readings")
    else:
        good = {name: value for name, value in values.items() if _is_good(name, value, where, found)}
        found.given = Given(device_id, good, at_us) if good else None
    return found


def _values_of(item: Mapping[str, Any], pointer: str, found: Shaped) -> tuple[Mapping[str, Any], str]:
    """Return the values and where they stand; note fields that the shape does not have."""
    for inside in _VALUES:
        if isinstance(item.get(inside), dict):
            _check_fields(item, _BESIDE[inside], pointer, found)
            return item[inside], f"{pointer}/{inside}"
    named = next((name for name in _SENSOR if name in item), None)
    if named is None or ("value" not in item and item.keys() - _BESIDE_SENSOR[named]):
        return _without_head(item), pointer
    if "value" not in item:
        found.fault(pointer, "the field 'value' is missing", f"'{named}' needs it", "missing_field")
        return {}, pointer
    _check_fields(item, _BESIDE_SENSOR[named], pointer, found)
    if not isinstance(item[named], str):
        found.fault(f"{pointer}/{named}", "the name of a sensor is a text", "write the sensor's name")
        return {}, pointer
    return {item[named]: item["value"]}, pointer


def _without_head(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item if _HEAD.isdisjoint(item) else {name: value for name, value in item.items() if name not in _HEAD}


def _check_fields(item: Mapping[str, Any], known: frozenset[str], pointer: str, found: Shaped) -> None:
    if item.keys() <= known:
        return
    for name in item.keys() - known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else "leave it out"
        found.fault(f"{pointer}/{escaped(name)}", "there is no such field", hint, "unknown_field")


def _check_device(item: Mapping[str, Any], device_id: str, pointer: str, found: Shaped) -> None:
    for name in ("device", "device_id"):
        if item.get(name, device_id) != device_id:
            found.fault(f"{pointer}/{name}", "is not the device of the path", "send each device's readings by itself")


def _at_us(item: Mapping[str, Any], pointer: str, now_us: int, found: Shaped) -> int | None:
    if _TIMES.isdisjoint(item):
        return None
    given = [name for name in ("timestamp", "at") if item.get(name) is not None]
    if not given:
        return None
    where = f"{pointer}/{given[-1]}"
    hint = "write it as 2026-01-01T00:00:00Z, or leave it out"
    if len(given) > 1 or not isinstance(item[given[0]], str):
        found.fault(where, "the time of a reading is one text", hint)
        return None
    try:
        at_us = read_instant(item[given[0]])
    except ValueError as error:
        found.fault(where, str(error), hint)
        return None
    if at_us > now_us + MAX_AHEAD_US:
        message = f"is more than {MAX_AHEAD_US // 60_000_000} minutes in the future"
        found.fault(where, message, "set the device's clock, or leave the time out", "future")
    return at_us


def _is_good(name: str, value: Any, where: str, found: Shaped) -> bool:
    """Note what is wrong with one value; return whether nothing is."""
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        found.fault(where, f"the name of a sensor has 1 to {MAX_NAME} printable characters", "choose another name")
        return False
    if value.__class__ is float and value - value == 0.0:
        return True  # finite, as nearly all are: a list has many, so there is no more ado about one
    pointer = f"{where}/{escaped(name)}"
    if not isinstance(value, dict):
        return _is_accepted(value, pointer, found)
    if not 0 < len(value) <= MAX_VALUES:
        found.fault(pointer, f"an object has 1 to {MAX_VALUES} numbers", "leave it out, or send less")
        return False
    parts = [_is_part(part, inner, pointer, found) for part, inner in value.items()]
    return all(parts)


def _is_part(part: str, value: Any, where: str, found: Shaped) -> bool:
    pointer = f"{where}/{escaped(part)}"
    if not 0 < len(part) <= MAX_NAME or not part.isprintable():
        found.fault(where, f"the name of a part has 1 to {MAX_NAME} printable characters", "choose another name")
        return False
    refusal = part_refusal(value)
    if refusal is not None:
        found.fault(pointer, refusal, "send a number")
    return refusal is None and _is_accepted(value, pointer, found)


def _is_accepted(value: Any, pointer: str, found: Shaped) -> bool:
    try:
        accepted(value)
    except RefusedReadingError as error:
        found.fault(pointer, str(error), "send a number, a text, true, false or null")
        return False
    return True
