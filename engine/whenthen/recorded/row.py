"""What a recording yields: a step of a history, or a row that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from whenthen.errors import WhenthenError
from whenthen.model.step import Step


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


Row = Step | BadRow


class RecordingError(WhenthenError):
    """A recording of which nothing can be read, with the reason and what to do."""

    code = "unreadable_recording"
