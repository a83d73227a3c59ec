"""CSV: one row a line, a ``timestamp`` column, perhaps a ``device`` column, and a column for each sensor."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress

from whenthen.model.reading import Reading, Scalar
from whenthen.recorded.instants import Instants
from whenthen.recorded.row import BadRow, RecordingError

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = {"nan", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"}
_WORDS: dict[str, Scalar | None] = {"true": True, "false": False, "null": None}
_KEPT = 50_000
_MOST_NAMES = 5
_LONGEST_NAME = 30
_EXPECTED = "the first line must name the columns, for example timestamp,device,co2"


@dataclass(frozen=True, slots=True)
class Header:
    """Where the columns are."""

    width: int
    timestamp: int
    device: int | None
    names: tuple[str, ...]
    is_sensor: tuple[bool, ...]


def read_header(line: str) -> Header:
    """Return what the header line says. Raises ``RecordingError`` when it cannot be used."""
    try:
        names = [name.strip() for name in split_line(line)]
    except ValueError as error:
        raise RecordingError(f"its first line: {error}; {_EXPECTED}") from None
    if not any(names):
        raise RecordingError(f"the file is empty; {_EXPECTED}")
    if "timestamp" not in names:
        raise RecordingError(f"there is no column 'timestamp' among {_some(names)}; {_EXPECTED}{_hint(line)}")
    if "" in names:
        raise RecordingError(f"column {names.index('') + 1} of the header has no name; name it or remove it")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise RecordingError(f"the column {_quoted(twice[0])} is there twice; rename one of them")
    sensors = tuple(name not in ("timestamp", "device") for name in names)
    device = names.index("device") if "device" in names else None
    return Header(len(names), names.index("timestamp"), device, tuple(compress(names, sensors)), sensors)


def _hint(line: str) -> str:
    if "\0" in line or line.encode("utf-8", "replace").decode("utf-8") != line:
        return "; the file is not UTF-8 text"
    return "; separate columns by commas" if ";" in line or "\t" in line else ""


def _some(names: list[str]) -> str:
    """Return the first names, cut and escaped: a file that is no CSV at all has many, and long ones."""
    left = len(names) - _MOST_NAMES
    return ", ".join(map(_quoted, names[:_MOST_NAMES])) + (f" and {left:,} more" if left > 0 else "")


def _quoted(name: str) -> str:
    return repr(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}...")


def split_line(line: str) -> list[str]:
    r"""Return the cells of one line.

    Raises ``ValueError`` for a quote that is never closed; so one stray quote costs one row, not the rest of the file.

    >>> split_line('2026-01-01,"say, hello",7\n')
    ['2026-01-01', 'say, hello', '7']
    """
    if '"' not in line:
        return line.rstrip("\n").split(",")
    try:
        return next(csv.reader([line.rstrip("\n")], strict=True))
    except (csv.Error, StopIteration):
        raise ValueError("a quote is not closed, or stands in the middle of a cell") from None


class Cells(dict[str, "Scalar | None"]):
    """What a cell's text means; sensors repeat themselves, so meanings are kept.

    >>> cells = Cells()
    >>> [cells[text] for text in ("21", "21.5", "true", "null", "open")]
    [21, 21.5, True, None, 'open']
    """

    def __missing__(self, text: str) -> Scalar | None:
        meaning = _meaning(text.strip())
        if len(self) >= _KEPT:
            self.clear()
        self[text] = meaning
        return meaning


def _meaning(text: str) -> Scalar | None:
    if _WHOLE.fullmatch(text):
        return int(text)
    lower = text.lower()
    # Whether a number that is not finite is taken is for the engine to say: it refuses it with a reason.
    if _NUMBER.fullmatch(text) or lower in _NOT_FINITE:
        return float(text)
    if lower in _WORDS:
        return _WORDS[lower]
    if not text.isprintable() and not text.encode("utf-8", "replace").decode("utf-8") == text:
        raise ValueError("a cell is not UTF-8 text")
    return text


def read_rows(lines: Iterator[str], header: Header, device: str, instants: Instants) -> Iterator[Reading | BadRow]:
    """Yield what each line after the header holds; *device* is whose readings they are when no column says."""
    cells_of, known = Cells(), instants.known
    names, is_sensor, width, when, who = header.names, header.is_sensor, header.width, header.timestamp, header.device
    for number, line in enumerate(lines, start=2):
        try:
            cells = split_line(line)
            if len(cells) != width:
                if line.strip():
                    yield BadRow(number, f"the row has {len(cells)} cells, the header {width}")
                continue
            if who is not None:
                device = cells[who].strip()
                if not device:
                    yield BadRow(number, "there is no device")
                    continue
            at_us = known.get(cells[when])
            if at_us is None:
                at_us = instants.read(cells[when], device)
            values = {
                name: cells_of[cell]
                for name, cell in zip(names, compress(cells, is_sensor), strict=True)
                if cell and not cell.isspace()
            }
        except ValueError as error:
            yield BadRow(number, str(error))
        else:
            yield Reading(device, values, at_us)
