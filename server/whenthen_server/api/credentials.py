"""What keys and sessions have in common: whose they are, and how long they live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whenthen_server.api.instants import TOLD, iso, iso_or_none
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.auth import Place
from whenthen_server.store.credentials import StoredKey, find_key
from whenthen_server.store.database import reading

_INSTANT = {"type": ["string", "null"]}

LIFE: dict[str, Any] = {"created_at": TOLD, "last_used_at": _INSTANT, "expires_at": _INSTANT}
"""How ``life`` is described."""


def life(key: StoredKey) -> dict[str, Any]:
    """Return when a key was made, last used, and will end."""
    return {
        "created_at": iso(key.created_us),
        "last_used_at": iso_or_none(key.last_used_us),
        "expires_at": iso_or_none(key.expires_us),
    }


def holder(kind: str, parameter: str) -> Callable[[Rooms, Request], Place | None]:
    """Return what tells whose the key of a *kind* is that the path names under *parameter*."""

    def place(rooms: Rooms, request: Request) -> Place | None:
        with reading(rooms.database) as connection:
            found = find_key(connection, kind, request.path[parameter])
        return None if found is None else Place(user=found.holder)

    return place
