"""Where text goes: a table on a terminal, plain lines into a pipe, everything but JSON beside JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from whenthen.cli.lines import Columns
from whenthen.model.firing import Firing
from whenthen.recorded import Recording, Row

_LONG_BYTES = 2_000_000
_ROWS_BETWEEN_STEPS = 2_000
_LINES_AT_ONCE = 100
_NARROW = 100
"""Terminals with fewer columns fold long lines instead of cutting them off."""
_STYLES = ("dim", "bold", "cyan", "green", "")


class Output:
    """Writes firings, problems and summaries.

    With *beside_json* standard output belongs to the JSON, and all that is for people goes to standard error.
    """

    def __init__(self, *, beside_json: bool = False) -> None:
        self._beside_json = beside_json
        self._screen = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._waiting: list[Text] = []

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines for people."""
        for line in lines:
            click.echo(line, err=self._beside_json)

    def complain(self, line: str) -> None:
        """Write a line about something wrong; always to standard error."""
        if self._screen.is_terminal and not self._beside_json:
            self._flush()
            # Through the same console, so that a progress bar below is not torn.
            self._screen.print(Text(line, style="yellow"))
        else:
            click.echo(line, err=True)

    def firings(self, firings: Iterable[Firing], columns: Columns) -> None:
        """Write firings as they come, one line each; the header comes with the first."""
        self.table((columns.row(firing) for firing in firings), columns.header)

    def table(self, rows: Iterable[tuple[str, ...]], header: Callable[[], tuple[str, ...]]) -> None:
        """Write rows of five cells as they come; the *header* comes with the first."""
        for count, row in enumerate(rows):
            if count == 0:
                self._table_line(header(), "bold underline")
            self._table_line(row)
        self._flush()

    def _table_line(self, cells: tuple[str, ...], style: str = "") -> None:
        if not self._screen.is_terminal:
            click.echo("  ".join(cells).rstrip())
            return
        texts = (Text(cell, style=style or own) for cell, own in zip(cells, _STYLES, strict=True))
        self._waiting.append(Text("  ", style=style).join(texts))
        if len(self._waiting) >= _LINES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        # Many lines at once, because a progress bar below is drawn anew with each print.
        if self._waiting:
            narrow = self._screen.width < _NARROW
            lines = Text("\n").join(self._waiting)
            self._screen.print(lines, no_wrap=not narrow, overflow="fold" if narrow else "ellipsis")
            self._waiting.clear()

    def followed(self, recording: Recording, label: str) -> Iterator[Row]:
        """Yield the rows of a recording; a long one moves a progress bar, if there is a terminal to see it on."""
        console = self._screen if self._screen.is_terminal else Console(stderr=True)
        if recording.size_bytes < _LONG_BYTES or not console.is_terminal:
            yield from recording
            return
        parts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*parts, console=console, transient=True) as progress:
            task = progress.add_task(label, total=recording.size_bytes)
            for count, row in enumerate(recording):
                if count % _ROWS_BETWEEN_STEPS == 0:
                    self._flush()
                    progress.update(task, completed=recording.position_bytes)
                yield row


def write_json_lines(lines: Iterable[str]) -> None:
    """Write lines of JSON to standard output, always as UTF-8."""
    stream = sys.stdout.buffer
    for line in lines:
        # A lone surrogate has no UTF-8, but its escape is the same JSON.
        stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
    stream.flush()


def survive_odd_characters() -> None:
    """Let a terminal that cannot show a character get its escape, rather than an error."""
    for stream in (sys.stdout, sys.stderr):
        _escape(stream)


def _escape(stream: object) -> None:
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
