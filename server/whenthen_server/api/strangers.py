"""Places that a rule names and that nobody has registered: it is saved, and waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whenthen.errors import Problem
from whenthen_server.api.rule_place import named_devices
from whenthen_server.store.places import Places


def strangers(document: Mapping[str, Any], places: Places) -> list[Problem]:
    """Return a warning for each farm, room and device that a valid rule names and that is not there."""
    known: dict[str, Mapping[str, Any]] = {"farm": places.farms, "room": places.rooms, "device": places.devices_by_id}
    scope = document.get("scope") or {}
    found = [(f"/scope/{kind}", kind, scope[kind]) for kind in ("farm", "room") if kind in scope]
    found += [(pointer, "device", device) for pointer, device in named_devices(document)]
    return [_problem(pointer, kind, name) for pointer, kind, name in found if name not in known[kind]]


def _problem(pointer: str, kind: str, name: str) -> Problem:
    message = f"no {kind} {name!r} is registered"
    return Problem("not_registered", pointer, message, f"register the {kind}, or correct its name", "warning")
