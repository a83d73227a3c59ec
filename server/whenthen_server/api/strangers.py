"""Places that a rule names and that nobody has registered: it is saved, and waits for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whenthen.analysis.matters import devices_heard
from whenthen.dsl.compiled import CompiledRule
from whenthen.errors import Problem
from whenthen_server.store.places import Places

_CODE = "not_registered"


def strangers(document: Mapping[str, Any], rule: CompiledRule, places: Places) -> list[Problem]:
    """Return a warning for each farm, room and device that a rule's scope, triggers, conditions or actions name."""
    known: dict[str, Mapping[str, Any]] = {"farm": places.farms, "room": places.rooms, "device": places.devices_by_id}
    scope = document.get("scope") or {}
    found = [(f"/scope/{kind}", kind, scope[kind]) for kind in known if kind in scope]
    named = {*devices_heard(rule), *_acted_on(rule)}
    parts = {name: value for name, value in document.items() if name != "scope"}
    found += [(pointer, "device", name) for pointer, name in _devices(parts, "") if name in named]
    return [_problem(pointer, kind, name) for pointer, kind, name in found if name not in known[kind]]


def _acted_on(rule: CompiledRule) -> Iterator[str]:
    for plan in (*rule.actions, *rule.clear_actions):
        device = plan.call.config.get("device")
        if isinstance(device, str):
            yield device


def _devices(part: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield every text that stands under ``device``, with its pointer."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name == "device" and isinstance(value, str):
                yield f"{pointer}/device", value
            else:
                yield from _devices(value, f"{pointer}/{name}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _devices(value, f"{pointer}/{number}")


def _problem(pointer: str, kind: str, name: str) -> Problem:
    message = f"no {kind} {name!r} is registered"
    return Problem(_CODE, pointer, message, f"register the {kind}, or correct its name", "warning")
