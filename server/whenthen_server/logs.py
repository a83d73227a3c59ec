"""Log lines: one per event, in text or JSON, in a file that is put aside when it is full; nobody can forge one."""

from __future__ import annotations

import json
import logging
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from io import SEEK_END, TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from whenthen.clock import from_us
from whenthen_server.settings.values import Logs

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
REQUESTS = "whenthen.requests"
"""The logger of the lines of requests."""
_MADE = "whenthen_line"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", _MADE}
_SHOWN_IN_TEXT = ("milliseconds", "caller", "address", "request_id")


def one_line(text: str) -> str:
    r"""Return a text without what would start a new line, move the cursor or turn the writing round.

    >>> print(one_line("a" + chr(10) + "INFO b"))
    a\nINFO b
    """
    return _CONTROL.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}"), text)


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Lines(logging.Formatter, ABC):
    """What both forms share: the time with an offset, and the fields that a record was given."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text, made once for all that write it."""
        text: str | None = getattr(record, _MADE, None)
        if text is None:
            text = self.made(record)
            setattr(record, _MADE, text)
        return text

    @abstractmethod
    def made(self, record: logging.LogRecord) -> str:
        """Return the record's text."""

    def time(self, record: logging.LogRecord) -> str:
        return from_us(round(record.created * 1_000_000)).isoformat(timespec="milliseconds")

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        return {name: value for name, value in vars(record).items() if name not in _STANDARD}

    def trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonLines(_Lines):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message``, what was given beside, ``trace``."""

    def made(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            **self.fields(record),
            "time": self.time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = self.trace(record)
        # ASCII only: no character of a stranger reaches the file as it is.
        return json.dumps({**line, "trace": trace} if trace else line, default=str)


class TextLines(_Lines):
    """A line for people; of a traceback each line is marked as part of it."""

    def made(self, record: logging.LogRecord) -> str:
        """Return the line, and those of a traceback below it."""
        fields = self.fields(record)
        beside = " ".join(f"{name}={fields[name]}" for name in _SHOWN_IN_TEXT if fields.get(name) not in (None, ""))
        message = f"{record.getMessage()} {beside}".rstrip()
        line = one_line(f"{self.time(record)} {record.levelname:<7} {record.name}: {message}")
        return "\n".join([line, *(f"    | {one_line(part)}" for part in self.trace(record).splitlines())])


class KeptFile(RotatingFileHandler):
    """A file that is put aside when it is full; it counts what it writes, where the library asks the disk each time."""

    _bytes = 0
    _carried = 0

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        self._bytes = stream.seek(0, SEEK_END) + self._carried
        self._carried = 0
        return stream

    def shouldRollover(self, record: logging.LogRecord) -> int:  # noqa: N802 - the library's name
        """Return whether the file would grow too large by a record."""
        if self.stream is None:
            self.stream = self._open()
        size = len(self.format(record).encode("utf-8", "backslashreplace")) + 1
        self._bytes += size
        full = self._bytes > self.maxBytes and self._bytes > size
        if full:
            self._carried = size  # it goes into the new file
        return int(full)


def _no_request(record: logging.LogRecord) -> bool:
    return record.name != REQUESTS or record.levelno > logging.INFO


def set_up_logs(logs: Logs, file: Path) -> Callable[[], None]:
    """Send what ``whenthen`` and its libraries log to *file* and to standard error; return what undoes that.

    The file is put aside when it holds ``file_bytes``, and ``files`` of those are kept. The lines of requests go to the
    file only: there are too many of them for a terminal.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = KeptFile(
        file, maxBytes=logs.file_bytes, backupCount=logs.files, encoding="utf-8", errors="backslashreplace", delay=True
    )
    seen = logging.StreamHandler(sys.stderr)
    seen.addFilter(_no_request)
    root = logging.getLogger()
    before = root.level
    for handler in (kept, seen):
        handler.setFormatter(JsonLines() if logs.format == "json" else TextLines())
        root.addHandler(handler)
    root.setLevel(logs.level)
    # Werkzeug's own line for each request says nothing that ours does not, and it trusts the path.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # Alembic tells at every start which database it found, even when there is nothing to do.
    logging.getLogger("alembic").setLevel(logging.WARNING)

    def undo() -> None:
        root.setLevel(before)
        for handler in (kept, seen):
            root.removeHandler(handler)
        kept.close()

    return undo
