"""What a client may say, read as strictly as a request's body."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from whenthen_server.api.json_body import parse_json
from whenthen_server.api.shapes import Shaped, shaped
from whenthen_server.live.clients import Target
from whenthen_server.problems import BadRequest, Unprocessable

MOST_READINGS = 1_000
_MOST_NAME = 200
_MOST_STATUS = 64
_MOST_CURSOR = 17


def strict(payload: Any, max_depth: int) -> Any:
    """Return a payload as the REST API would have read it; raises ``BadRequest`` for what it would refuse.

    Socket.IO reads JSON leniently (NaN, any depth, half characters), so it is written again and read by our own rules.
    """
    try:
        text = json.dumps(payload, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        raise BadRequest("Send JSON: no binary, and not nested that deep.", code="invalid_json") from None
    return parse_json(text.encode("ascii"), max_depth=max_depth)


def known_event(name: str, events: Collection[str]) -> str:
    """Return the name of an event that is answered; one that is not would leave its sender waiting for nothing."""
    if name not in events:
        near = get_close_matches(name[:_MOST_NAME], events, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(events))}"
        _refuse("", "there is no such event", hint)
    return name


def read_readings(payload: Any, own: str | None, now_us: int) -> list[Shaped]:
    """Return one reading, or a list of them, each with its faults; *own* is the device that sends, when one does.

    A reading is ``{"device_id": …, "timestamp": …, "data": {…}}``, or any other shape that REST takes; a device need
    not name itself, and without a timestamp it is now. Raises ``Unprocessable`` for none, or too many.
    """
    documents = payload if isinstance(payload, list) else [payload]
    if not 0 < len(documents) <= MOST_READINGS:
        _refuse("", f"send 1 to {MOST_READINGS} readings at once", "split the list")
    is_list = isinstance(payload, list)
    return [_reading(one, own, f"/{number}" if is_list else "", now_us) for number, one in enumerate(documents)]


def _reading(document: Any, own: str | None, pointer: str, now_us: int) -> Shaped:
    named = document.get("device_id", document.get("device")) if isinstance(document, Mapping) else None
    device = own if named is None else named
    if device is not None and not _is_text(device, _MOST_NAME):
        device = None
    if device is None and isinstance(document, Mapping):
        found = Shaped(pointer)
        found.fault(f"{pointer}/device_id", f"device_id is a text of up to {_MOST_NAME} characters", "name the device")
        return found
    return shaped(document, device or "", pointer, now_us)


def read_status(payload: Any, own: str | None) -> tuple[str, str, Mapping[str, Any]]:
    """Return whose status it is, the status, and what else is said of it."""
    fields = _fields(payload, {"device_id", "status", "data"}, "")
    status = _text(fields, "status", "", _MOST_STATUS)
    data = fields.get("data") or {}
    if not isinstance(data, Mapping):
        _refuse("/data", "data is an object", "leave it out if there is none")
    return device_of(fields, own, ""), status, data


def read_answer(payload: Any) -> tuple[str, Any, Any]:
    """Return which command was answered, how (``acknowledged`` or ``rejected``), and with what."""
    fields = _fields(payload, {"command_id", "status", "result", "device_id", "timestamp"}, "")
    status = fields.get("status")
    if status not in ("acknowledged", "rejected"):
        _refuse("/status", "status is acknowledged or rejected", "tell why in result")
    return _text(fields, "command_id", ""), status, fields.get("result")


def read_target(payload: Any) -> tuple[Target, int | None]:
    """Return what is subscribed to, and the cursor from which on, if one is given."""
    fields = _fields({} if payload is None else payload, {"farm", "room", "device", "since"}, "")
    named = [name for name in ("farm", "room", "device") if fields.get(name) is not None]
    if len(named) > 1:
        _refuse(f"/{named[1]}", "name one place", "subscribe once for each")
    since = fields.get("since")
    if since is not None and not (
        isinstance(since, str) and since.isascii() and since.isdigit() and len(since) <= _MOST_CURSOR
    ):
        _refuse("/since", "since is the cursor of the last message that you got", "leave it out if there is none")
    target: Target = ("all", "")
    match named:
        case ["farm"]:
            target = ("farm", _text(fields, "farm", ""))
        case ["room"]:
            target = ("room", _text(fields, "room", ""))
        case ["device"]:
            target = ("device", _text(fields, "device", ""))
    return target, None if since is None else int(since)


def device_of(fields: Mapping[str, Any], own: str | None, pointer: str) -> str:
    """Return the device that is named, or the one that speaks."""
    if own is not None and fields.get("device_id") is None:
        return own
    return _text(fields, "device_id", pointer)


def _fields(document: Any, known: set[str], pointer: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        _refuse(pointer, "this is an object", f"with {', '.join(sorted(known))}")
    strange = sorted(document.keys() - known)
    if strange:
        _refuse(f"{pointer}/{strange[0][:_MOST_NAME]}", "there is no such field", f"known: {', '.join(sorted(known))}")
    return document


def _text(fields: Mapping[str, Any], name: str, pointer: str, most: int = _MOST_NAME) -> str:
    value = fields.get(name)
    if not _is_text(value, most):
        _refuse(f"{pointer}/{name}", f"{name} is a text of up to {most} characters", "see docs/server/live.md")
    return str(value)


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()


def _refuse(pointer: str, message: str, hint: str) -> NoReturn:
    fault = {"pointer": pointer, "message": message, "hint": hint}
    raise Unprocessable(f"{pointer or '/'}: {message}", code="invalid_message", errors=[fault])
