"""The settings by name: every leaf of the schema, with its place in the file and its environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from whenthen_schemas import load

PREFIX = "WHENTHEN_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its path in the file, its schema, and the variables that set it, the strongest first."""

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    variables: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name as it is told to people, such as ``server.port``."""
        return ".".join(self.path)

    @property
    def secret(self) -> bool:
        """Tell whether the value must not be shown."""
        return bool(self.schema.get("writeOnly", False))


@cache
def all_settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the schema.

    >>> [setting.variables for setting in all_settings() if setting.name == "database.url"]
    [('WHENTHEN_DATABASE_URL', 'DATABASE_URL')]
    """
    return tuple(_leaves(load("settings"), ()))


def _leaves(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Setting]:
    for name, inner in schema["properties"].items():
        here = (*path, name)
        if "properties" in inner:
            yield from _leaves(inner, here)
        else:
            own = PREFIX + "_".join(here).upper()
            yield Setting(here, inner, (own, *inner.get("x-environment", ())))
