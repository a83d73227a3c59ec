"""What a recording yields: a reading, an event, or a row that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from whenthen.errors import WhenthenError
from whenthen.model.event import Event
from whenthen.model.reading import Reading


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out; *line* counts from 1, the header included.

    >>> str(BadRow(7, "the row has 2 cells, the header 5"))
    'line 7: the row has 2 cells, the header 5'
    """

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


Row = Reading | Event | BadRow


class RecordingError(WhenthenError):
    """A recording of which nothing can be read, with the reason and what to do."""

    code = "unreadable_recording"
