"""JSON Lines: one JSON object a line, a reading or an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.recorded.instants import Instants
from whenthen.recorded.row import BadRow, Row


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


def _row(document: dict[str, Any], device: str, instants: Instants) -> Reading | Event:
    if "event" in document:
        return _event(document, instants)
    device = _text(document, "device") or device
    values = document.get("values", document.get("data"))
    if not isinstance(values, dict):
        raise ValueError("there is neither an object 'values' nor an 'event'")
    return Reading(device, values, _instant(document, device, instants))


def _event(document: dict[str, Any], instants: Instants) -> Event:
    name, data = _text(document, "event"), document.get("data", {})
    if not name:
        raise ValueError("the event has no name")
    if not isinstance(data, dict):
        raise ValueError("the event's 'data' is not an object")
    concerned = [_text(document, whom) for whom in ("device", "room", "farm")]
    return Event(name, _instant(document, concerned[0] or "", instants), data, *concerned)


def _instant(document: dict[str, Any], device: str, instants: Instants) -> int:
    if "timestamp" not in document and "at" not in document:
        raise ValueError("there is no 'timestamp'")
    return instants.read_json(document.get("timestamp", document.get("at")), device)


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{name}' is not text")
    return value or None
