"""Rules and a history as files, and the ``whenthen replay`` line that plays them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from whenthen.model.step import Step
from whenthen.recorded.written import line_of


@dataclass(frozen=True, slots=True)
class Replayable:
    """The files of one history: *rules*, the *history*, and its *devices* if there is a list of them."""

    rules: Path
    history: Path
    devices: Path

    def write(self, rules: Any, steps: Iterable[Step], places: Any = None, zone: tzinfo = UTC) -> str:
        """Write the documents of rules and places and the steps; return the line that plays them. Raises ``OSError``.

        The files' folder is made. What is no JSON (a value that a failing test sent) is written as Python shows it.
        """
        self.rules.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.rules, rules)
        _text(self.history, "".join(f"{as_json(line_of(step, zone))}\n" for step in steps))
        command = ["whenthen", "replay", str(self.rules), "--readings", str(self.history)]
        if str(zone) != "UTC":
            command += ["--timezone", str(zone)]
        if places is not None:
            write_json(self.devices, places)
            command += ["--devices", str(self.devices)]
        return shlex.join(command)


def write_json(file: Path, document: Any) -> None:
    """Write a document for people to read and programs to take. Raises ``OSError``."""
    _text(file, json.dumps(document, ensure_ascii=False, indent=2, default=repr) + "\n")


def as_json(document: Any) -> str:
    """Return a document as one line; what is no JSON as Python shows it."""
    return json.dumps(document, ensure_ascii=False, default=repr)


def _text(file: Path, text: str) -> None:
    # A lone surrogate has no UTF-8, but its escape is the same JSON.
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
