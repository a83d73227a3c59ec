"""JSON Lines: one JSON object a line, one step of a history: mostly a reading or an event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from whenthen.clock import seconds_us
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick
from whenthen.recorded.instants import Instants
from whenthen.recorded.row import BadRow, Row

_LONGEST = 366 * 86_400
"""So many seconds a recorded restart may take at most."""


def read_rows(lines: Iterator[str], device: str, instants: Instants) -> Iterator[Row]:
    """Yield what each line holds; *device* is whose readings they are when a line does not say.

    >>> from datetime import UTC
    >>> line = '{"device": "dev-1", "timestamp": "1970-01-01T00:00:01Z", "values": {"co2": 700}}'
    >>> next(read_rows(iter([line]), "device", Instants(UTC)))
    Reading(device='dev-1', values={'co2': 700}, received_us=1000000, at_us=None)
    """
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            yield _row(_object(line), device, instants)
        except ValueError as error:
            yield BadRow(number, str(error))


def _object(line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise ValueError("not JSON that can be read: too deep, or a number too long") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def _row(document: dict[str, Any], device: str, instants: Instants) -> Step:
    """Return the step that a line holds, told by its key."""
    for key, read in _STEPS.items():
        if key in document:
            return read(document, instants)
    if not document.keys() - {"timestamp", "at"}:
        return Tick(_instant(document, "", instants))
    device = _text(document, "device") or device
    values = document.get("values", document.get("data"))
    if not isinstance(values, dict):
        raise ValueError("there is neither an object 'values' nor an 'event'")
    at_us = _instant(document, device, instants)
    if "received_at" not in document:
        return Reading(device, values, at_us)
    return Reading(device, values, instants.read_json(document["received_at"], device), at_us)


def _event(document: dict[str, Any], instants: Instants) -> Event:
    name, data = _text(document, "event"), document.get("data", {})
    if not name:
        raise ValueError("the event has no name")
    if not isinstance(data, dict):
        raise ValueError("the event's 'data' is not an object")
    concerned = _concerned(document)
    return Event(name, _instant(document, concerned[0] or "", instants), data, *concerned)


def _restart(document: dict[str, Any], instants: Instants) -> Restart:
    restart = document["restart"]
    down_seconds = restart.get("down_seconds", 0) if isinstance(restart, dict) else 0
    if restart is not True and not isinstance(restart, dict):
        raise ValueError("'restart' is neither true nor an object with 'down_seconds'")
    if isinstance(down_seconds, bool) or not isinstance(down_seconds, int | float) or not 0 <= down_seconds <= _LONGEST:
        raise ValueError(f"'down_seconds' is no number from 0 to {_LONGEST}")
    return Restart(_instant(document, "", instants), seconds_us(down_seconds))


def _run(document: dict[str, Any], instants: Instants) -> RunByHand:
    force = document.get("force", False)
    if not isinstance(force, bool):
        raise ValueError("'force' is neither true nor false")
    device, room, farm = _concerned(document)
    return RunByHand(_instant(document, "", instants), _rule(document, "run"), device, room, farm, force)


def _enable(document: dict[str, Any], instants: Instants) -> Switch:
    return Switch(_instant(document, "", instants), _rule(document, "enable"), enabled=True)


def _disable(document: dict[str, Any], instants: Instants) -> Switch:
    return Switch(_instant(document, "", instants), _rule(document, "disable"), enabled=False)


_STEPS: dict[str, Callable[[dict[str, Any], Instants], Step]] = {
    "event": _event,
    "restart": _restart,
    "run": _run,
    "enable": _enable,
    "disable": _disable,
}


def _rule(document: dict[str, Any], name: str) -> str:
    rule_id = _text(document, name)
    if rule_id is None:
        raise ValueError(f"'{name}' names no rule")
    return rule_id


def _concerned(document: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    return _text(document, "device"), _text(document, "room"), _text(document, "farm")


def _instant(document: dict[str, Any], device: str, instants: Instants) -> int:
    if "timestamp" not in document and "at" not in document:
        raise ValueError("there is no 'timestamp'")
    return instants.read_json(document.get("timestamp", document.get("at")), device)


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{name}' is not text")
    return value or None
