"""What goes over the pipe: JSON lines, with the few values of the plugins' door that are more than JSON. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from whenthen.errors import Problem
from whenthen.extend.action import ControlRule, Effect, EmitEvent, RunRule
from whenthen.extend.fault import named
from whenthen.extend.formula import SensorRef
from whenthen.extend.trigger import EventTrigger, SensorTrigger
from whenthen.model.firing import ActionCall

_VALUES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        ActionCall,
        ControlRule,
        Effect,
        EmitEvent,
        EventTrigger,
        Problem,
        RunRule,
        SensorRef,
        SensorTrigger,
    )
}
_MARK = "\x00value"
"""The key of an object that stands for a value; no JSON of a person's has it."""


def packed(value: Any) -> Any:
    """Return *value* as JSON; raises ``TypeError`` for what cannot cross.

    >>> unpacked(packed([SensorRef("co2")]))[0].sensor
    'co2'
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("an object whose keys are no texts cannot cross to another process")
        return {key: packed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [packed(inner) for inner in value]
    if is_dataclass(value) and _VALUES.get(type(value).__name__) is type(value):
        return {_MARK: type(value).__name__, **{f.name: packed(getattr(value, f.name)) for f in fields(value)}}
    raise TypeError(f"{named(value)} cannot cross to another process")


def unpacked(value: Any) -> Any:
    """Return what ``packed`` was given; lists for tuples, except within values."""
    if isinstance(value, list):
        return [unpacked(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if _MARK not in value:
        return {key: unpacked(inner) for key, inner in value.items()}
    arguments = {key: _frozen(unpacked(inner)) for key, inner in value.items() if key != _MARK}
    return _VALUES[value[_MARK]](**arguments)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def line_of(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(packed(message), ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def message_of(line: bytes) -> dict[str, Any]:
    """Return the message of a line; raises ``ValueError`` for anything else."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    try:
        found: dict[str, Any] = unpacked(message)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a value cannot be read: {error}") from error
    return found
