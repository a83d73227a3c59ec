"""A played history on disk: rules, steps and devices as files, and the command that plays them again."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from whenthen.proving.places import Places
from whenthen.proving.played import Played
from whenthen.recorded.replayable import Replayable


def keep(folder: Path, played: Played, places: Places | None = None) -> str:
    """Write ``rules.json``, ``history.jsonl`` and, of *places*, ``devices.json``; return the command that plays them.

    ``whenthen replay`` then shows every firing of the history. Raises ``OSError``.
    """
    files = Replayable(folder / "rules.json", folder / "history.jsonl", folder / "devices.json")
    return files.write(list(played.rules), played.steps, places, ZoneInfo(played.zone))
