"""Ids: as requests name things, as people choose them, and as the server makes them up."""

from __future__ import annotations

import uuid
from typing import Any

SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}
"""The id of something in a path, a query or a body; whether there is such a thing is asked later."""

OWN: dict[str, Any] = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
    "examples": ["esp32-1"],
    "description": "Your own id; without one the server makes one up",
}
"""The id that something new is to have."""


def new_id(kind: str) -> str:
    """Return an id that nothing has."""
    return f"{kind}_{uuid.uuid4().hex}"
