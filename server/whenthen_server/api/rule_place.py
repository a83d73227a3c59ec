"""Where a rule is, and so whose it is: the smallest place that holds everything that it watches and acts upon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from whenthen.errors import token
from whenthen_server.auth import NOWHERE, Place
from whenthen_server.store.places import Places

Document = Mapping[str, Any]

_DEVICE_KEYS = frozenset({"device", "device_id", "devices"})
_PARTS = ("trigger", "triggers", "conditions", "actions", "clear_actions")
_OWN_DEVICE = "{device_id}"

MAX_RULES = 50
"""So many rules that name one another are looked at; what reaches further may be anywhere."""


def place_of(document: Document, places: Places, rule_of: Callable[[str], Document | None]) -> Place:
    """Return where a rule is: a room, a farm, or ``NOWHERE`` in particular, which is the whole installation.

    It is in a room only if its scope says so and every device and rule that it names is there, too; and in a farm
    likewise. *rule_of* returns the rule of an id. What is named by a placeholder, and a rule that is named by its name,
    may be anywhere.
    """
    found = _own_place(document, places)
    seen = {str(document.get("id"))}
    waiting = [document]
    while waiting and found != NOWHERE:
        one = waiting.pop()
        for _, key, text in _texts(one):
            if key in _DEVICE_KEYS:
                found = found if text == _OWN_DEVICE else _around(found, _of_device(text, places))
            elif text not in seen:
                seen.add(text)
                other = rule_of(text) if len(seen) <= MAX_RULES else None
                found = NOWHERE if other is None else _around(found, _own_place(other, places))
                waiting += [] if other is None else [other]
    return found


def named_devices(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the devices that a rule names outright, each with the JSON Pointer to where it does so."""
    scope = document.get("scope")
    if isinstance(scope, Mapping) and isinstance(scope.get("device"), str):
        yield "/scope/device", scope["device"]
    yield from ((pointer, text) for pointer, key, text in _texts(document) if key in _DEVICE_KEYS and "{" not in text)


def _own_place(document: Document, places: Places) -> Place:
    """Return where a rule is by its scope alone."""
    scope = document.get("scope")
    base = _scoped(scope if isinstance(scope, Mapping) else {}, places)
    return base if base.room is None or _stays(document) else Place(base.farm)


def _scoped(scope: Mapping[str, Any], places: Places) -> Place:
    """Return the place that a scope is confined to."""
    base = NOWHERE
    farm, room, device = (scope.get(name) for name in ("farm", "room", "device"))
    if isinstance(device, str):
        base = _of_device(device, places)
    elif isinstance(room, str):
        base = _of_room(room, places)
    elif isinstance(farm, str) and farm in places.farms:
        base = Place(farm)
    if isinstance(device, str) and isinstance(room, str):
        base = _around(base, _of_room(room, places))
    if isinstance(farm, str) and base.farm != farm:
        return NOWHERE
    return Place(base.farm) if scope.get("per") == "farm" and base != NOWHERE else base


def _stays(document: Document) -> bool:
    """Tell whether what a rule of a room raises stays there: an event of a rule for no device is the whole farm's."""
    scope = document.get("scope")
    if isinstance(scope, Mapping) and "per" in scope:
        return True
    actions = [one for name in ("actions", "clear_actions") for one in _items(document.get(name))]
    return all(action.get("type") != "emit_event" for action in actions)


def _items(listed: Any) -> Iterator[Mapping[str, Any]]:
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, Mapping):
            yield item


def _texts(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield what a rule says of devices and rules below its scope, however deep: a pointer, the field and the text."""
    waiting = [(f"/{part}", document[part]) for part in _PARTS if part in document]
    while waiting:
        pointer, found = waiting.pop()
        if isinstance(found, list):
            waiting += [(f"{pointer}/{number}", value) for number, value in enumerate(found)]
        elif isinstance(found, Mapping):
            for key, value in found.items():
                if key in _DEVICE_KEYS or key == "rule":
                    texts = enumerate(value) if isinstance(value, list) else [("", value)]
                    places = ((f"{pointer}/{key}/{number}".rstrip("/"), text) for number, text in texts)
                    yield from ((place, key, text) for place, text in places if isinstance(text, str))
                waiting.append((f"{pointer}/{token(key)}", value))


def _of_device(device_id: str, places: Places) -> Place:
    device = places.devices_by_id.get(device_id)
    return NOWHERE if device is None else _of_room(device.room_id, places)


def _of_room(room_id: str, places: Places) -> Place:
    room = places.rooms.get(room_id)
    return NOWHERE if room is None else Place(room.farm_id, room.id)


def _around(one: Place, other: Place) -> Place:
    """Return the smallest place that holds two."""
    if one.farm is None or one.farm != other.farm:
        return NOWHERE
    return one if one.room == other.room else Place(one.farm)
