"""A played history on disk: rules, steps and devices as files, and the command that plays them again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.proving.played import Played
from whenthen.recorded import written


def keep(folder: Path, played: Played, places: Mapping[str, Any] | None = None) -> str:
    """Write ``rules.json``, ``history.jsonl`` and, of *places*, ``devices.json``; return the command that plays them.

    ``whenthen replay`` then shows every firing of the history. Raises ``OSError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rules, history, devices = folder / "rules.json", folder / "history.jsonl", folder / "devices.json"
    _write(rules, list(played.rules))
    lines = written.lines(played.steps, ZoneInfo(played.zone))
    _text(history, "".join(f"{line}\n" for line in lines))
    command = ["whenthen", "replay", str(rules), "--readings", str(history)]
    if played.zone != "UTC":
        command += ["--timezone", played.zone]
    if places is not None:
        _write(devices, places)
        command += ["--devices", str(devices)]
    return shlex.join(command)


def _write(file: Path, document: Any) -> None:
    _text(file, json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def _text(file: Path, text: str) -> None:
    # A lone surrogate has no UTF-8, but its escape is the same JSON.
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
