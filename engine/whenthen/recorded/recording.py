"""One file of recorded readings, opened once and read as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self

from whenthen.recorded import csv_rows, jsonl_rows
from whenthen.recorded.instants import Instants
from whenthen.recorded.row import RecordingError, Row

_LONGEST_HEADER = 1_000_000
_JSON_LINES = (".jsonl", ".ndjson")


class Recording:
    """A CSV or JSON Lines file, told by its ending; memory does not grow with its length.

    *device* is whose readings they are when the file does not say, *zone* where local times belong. Raises
    ``RecordingError`` when nothing of the file can be read, ``OSError`` when it cannot be opened.
    """

    def __init__(self, path: Path, *, device: str = "device", zone: tzinfo = UTC) -> None:
        if path.suffix.lower() not in (".csv", *_JSON_LINES):
            raise RecordingError(f"{path.name} ends neither in .csv nor in .jsonl, so what it holds is not known")
        self._raw = path.open("rb")
        self.size_bytes = path.stat().st_size
        # Bytes that are no UTF-8 must cost their own row only, so they are let in here and refused there.
        self._text = TextIOWrapper(self._raw, encoding="utf-8-sig", errors="surrogateescape")
        try:
            self._rows = self._open_rows(path, device, Instants(zone))
        except BaseException:
            self._text.close()
            raise

    def _open_rows(self, path: Path, device: str, instants: Instants) -> Iterator[Row]:
        if self.size_bytes == 0 and path.is_file():
            raise RecordingError(f"{path.name} is empty")
        if path.suffix.lower() in _JSON_LINES:
            return jsonl_rows.read_rows(self._text, device, instants)
        try:
            header = csv_rows.read_header(self._text.readline(_LONGEST_HEADER))
        except (RecordingError, ValueError) as error:
            raise RecordingError(f"{path.name}: {error}") from None
        return csv_rows.read_rows(self._text, header, device, instants)

    @property
    def position_bytes(self) -> int:
        """How much of the file has been read."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._text.close()
