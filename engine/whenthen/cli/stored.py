"""The history that a server keeps, found by entry point: the engine knows no server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol

import click

from whenthen.extend.registry import Registry
from whenthen.proving.lookback import Explained

ENTRY_POINT_GROUP = "whenthen.histories"


class History(Protocol):
    """What is stored, to be asked about past instants."""

    def explained(self, rule: str, at_us: int, subject: str | None) -> Explained:
        """Return why a rule, by id or name, would fire at an instant, or would not; raises ``WhenthenError``."""


OpenHistory = Callable[[Registry, Path | None, Path | None], AbstractContextManager[History]]
"""Takes the registry, a folder of data and a file of settings, and opens what is stored there."""


def points() -> list[EntryPoint]:
    """Return who can open a stored history."""
    return list(entry_points(group=ENTRY_POINT_GROUP))


def open_history(registry: Registry, data: Path | None, settings: Path | None) -> AbstractContextManager[History]:
    """Open the history that a server stored; raises ``click.UsageError`` when nobody can."""
    install = "Install it with: pip install 'whenthen[server]'"
    for point in points():
        try:
            opened: OpenHistory = point.load()
            return opened(registry, data, settings)
        except ModuleNotFoundError as error:
            raise click.UsageError(f"This needs {error.name}, which is not installed. {install}") from error
    raise click.UsageError(f"A stored history needs the server. {install}")
