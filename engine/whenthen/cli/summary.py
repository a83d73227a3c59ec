"""What there is to say after a replay, and of what went wrong in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo

from whenthen.cli.lines import one_line
from whenthen.clock import from_us
from whenthen.model.firing import Notice
from whenthen.recorded import BadRow
from whenthen.replay import Tally

_SHOWN = 5
_UNREADABLE = "row_unreadable"
_QUIET = ("sensor_stale", "sensor_recovered")
"""Kinds of notice that are part of a normal life: counted, not shown one by one."""


class Complaints:
    """Tells of what goes wrong as it happens, the first few of each kind, and counts the rest."""

    def __init__(self, say: Callable[[str], None], zone: tzinfo) -> None:
        self._say = say
        self._zone = zone
        self._seen: Counter[str] = Counter()
        self._left: Counter[str] = Counter()

    def bad_row(self, row: BadRow) -> None:
        """Tell of a row that cannot be read."""
        self._complain(_UNREADABLE, str(row))

    def notice(self, notice: Notice) -> None:
        """Tell of what the engine reports."""
        if notice.kind not in _QUIET:
            when = from_us(notice.at_us).astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")
            times = f" ({notice.count:,} times)" if notice.count > 1 else ""
            self._complain(notice.kind, f"{when} {_concerning(notice)}: {notice.message}{times}", notice.count)

    def _complain(self, kind: str, text: str, count: int = 1) -> None:
        self._seen[kind] += 1
        if self._seen[kind] <= _SHOWN:
            self._say(one_line(text))
        else:
            self._left[kind] += count

    def left_out(self) -> Iterator[str]:
        """Yield how many of each kind were not shown."""
        for kind, count in self._left.items():
            yield f"… and {count:,} more of kind {kind}"


def _concerning(notice: Notice) -> str:
    return " ".join(part for part in (notice.kind, notice.subject, notice.rule_id) if part)


def summary_lines(tally: Tally, names: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    """Yield the summary of a replay; *names* holds every rule's name by its id, so silent rules are told too."""
    yield rows_line(tally, zone)
    yield f"values: {', '.join(f'{tally.values[fate]:,} {fate}' for fate in ('refused', 'late', 'duplicate'))}"
    if tally.backwards:
        yield (
            f"{tally.backwards:,} rows are earlier than one before them, which makes their values late; "
            "sort the file by time if that is not how they came"
        )
    yield ", ".join(_fates(tally.fired.total(), tally.cleared.total(), tally.superseded.total()))
    for rule_id, name in sorted(names.items(), key=lambda item: (-tally.fired[item[0]], item[1])):
        _, *others = _fates(tally.fired[rule_id], tally.cleared[rule_id], tally.superseded[rule_id])
        yield ", ".join([f"{tally.fired[rule_id]:>9,}  {one_line(name)}", *others])
    reported = [f"{count:,} {kind}" for kind, count in sorted(tally.notices.items()) if not kind.startswith("reading_")]
    if reported:
        yield f"reported: {', '.join(reported)}"


def rows_line(tally: Tally, zone: tzinfo) -> str:
    """Return how many rows there were, of what kinds, and when they begin and end."""
    return f"{tally.rows:,} row{'s' * (tally.rows != 1)} read{_span(tally, zone)}: {', '.join(_rows(tally))}"


def _fates(fired: int, cleared: int, superseded: int) -> Iterator[str]:
    yield f"{fired:,} fired"
    if cleared:
        yield f"{cleared:,} cleared"
    if superseded:
        yield f"{superseded:,} superseded"


def _span(tally: Tally, zone: tzinfo) -> str:
    if tally.first_us is None or tally.last_us is None:
        return ""
    first, last = (from_us(us).astimezone(zone).strftime("%Y-%m-%d %H:%M") for us in (tally.first_us, tally.last_us))
    return f", {first} to {last}"


def _rows(tally: Tally) -> Iterator[str]:
    yield f"{tally.readings:,} reading{'s' * (tally.readings != 1)}"
    if tally.events:
        yield f"{tally.events:,} event{'s' * (tally.events > 1)}"
    yield f"{tally.unreadable:,} unreadable"
