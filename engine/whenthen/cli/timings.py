"""Who spent the time of a replay, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from whenthen.cli.lines import one_line
from whenthen.flow.guard import BUILTIN
from whenthen.flow.meter import Meter, Spent

_SLOW = 0.25
"""A stranger's type that takes so much of a run is pointed out."""

_HEAD = ("plugin", "kind", "type", "calls", "total ms", "share")


class Timings:
    """What a meter found in a run of *run_ns* nanoseconds."""

    def __init__(self, meter: Meter, run_ns: int) -> None:
        self._rows = meter.spent()
        self._run_ns = max(run_ns, 1)

    def lines(self) -> Iterator[str]:
        """Yield the table, and a sentence for each slow type of a plugin that is not built in."""
        cells = [_HEAD, *(self._cells(row) for row in self._rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
        yield f"time: {self._run_ns / 1_000_000:,.1f} ms, of which"
        for line in cells:
            yield _aligned(line, widths)
        for row in self._rows:
            if row.plugin != BUILTIN and self._share(row) >= _SLOW:
                yield f"slow: {row.kind} {row.name} of plugin {row.plugin} took {self._share(row):.0%} of the time"

    def to_json(self) -> str:
        """Return one line of JSON: ``run_ms`` and ``timings``, the greatest spender first."""
        rows = [
            {
                "plugin": row.plugin,
                "kind": row.kind,
                "type": row.name,
                "calls": row.calls,
                "total_ms": row.total_ms,
                "share": self._share(row),
            }
            for row in self._rows
        ]
        return json.dumps({"run_ms": self._run_ns / 1_000_000, "timings": rows}, ensure_ascii=False)

    def _share(self, row: Spent) -> float:
        return row.total_ns / self._run_ns

    def _cells(self, row: Spent) -> tuple[str, ...]:
        numbers = (f"{row.calls:,}", f"{row.total_ms:,.1f}", f"{self._share(row):.1%}")
        return (one_line(row.plugin), row.kind, row.name, *numbers)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [cell.ljust(width) for cell, width in zip(cells[:3], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join(["", *texts, *numbers])
