"""What can be done: ``archive``, which writes a point down for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from whenthen import Action, ActionCall, Problem

from whenthen_archive.dayfile import append_once
from whenthen_archive.line import line_of


class Files(Protocol):
    """What the action asks of the service ``files``."""

    @property
    def folder(self) -> Path:
        """The folder below which plugins may write."""


class Services(Protocol):
    """What the action asks for."""

    @property
    def files(self) -> Files:
        """The service ``files``."""


class Archive(Action):
    """Appends one point to the file of its day, ``archive/NAME-2026-03-02.lp`` below the data folder.

    A point is what its line says: measurement, tags, fields and instant. Written again, by a retry or by another
    process, it is still there once, which is why the action may be repeated. Days are UTC's.
    """

    type = "archive"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "required": ["measurement", "fields", "at"],
        "additionalProperties": False,
        "properties": {
            "name": {
                "type": "string",
                "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
                "description": "The first part of the files' names; default readings",
            },
            "measurement": {"type": "string", "minLength": 1, "description": "What is measured, for example climate"},
            "tags": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                "description": "What tells one source from another; those without a value are left out",
            },
            "fields": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                "description": "The values; those without one are left out",
            },
            "at": {"type": "string", "minLength": 1, "description": "The instant, ISO 8601; usually {timestamp}"},
        },
    }
    delivery = "idempotent"
    services = ("files",)
    examples = (
        {
            "measurement": "climate",
            "tags": {"room": "{room_id}", "device": "{device_id}"},
            "fields": {"temperature": "{temperature}", "humidity": "{humidity}"},
            "at": "{timestamp}",
        },
    )

    def perform(self, call: ActionCall, services: Services) -> Any:
        """Return the file, and whether the point was not there yet; nothing is written when no field has a value.

        Raises ``ValueError`` for a point that cannot be written, ``OSError`` when the disk refuses.
        """
        config = call.config
        at = datetime.fromisoformat(config["at"])
        if at.tzinfo is None:
            raise ValueError(f"the instant {config['at']!r} lacks its offset from UTC")
        line = line_of(config["measurement"], config.get("tags", {}), config["fields"], at)
        if line is None:
            return {"file": None, "new": False}
        day = at.astimezone(UTC).date().isoformat()
        file, new = append_once(services.files.folder, config.get("name", "readings"), day, line)
        return {"file": file, "new": new}

    def problems(self) -> Iterable[Problem]:
        """Refuse an instant that is neither a placeholder nor one."""
        at = self.config["at"]
        if "{" in at:
            return
        try:
            aware = datetime.fromisoformat(at).tzinfo is not None
        except ValueError:
            aware = False
        if not aware:
            yield Problem("bad_value", "/at", f"{at!r} is not an instant with an offset", "write {timestamp}")

    def describe(self) -> str:
        """Return for example ``archive climate: temperature, humidity``."""
        return f"archive {self.config['measurement']}: {', '.join(self.config['fields'])}"
