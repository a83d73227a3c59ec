"""Time in which the engine runs: while it is down no rule can act, so that time counts for no limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from whenthen.model.step import Restart
from whenthen.proving.promises.track import Run


class Uptime:
    """Counts time without that between the end of a process and the start of the next.

    >>> up = Uptime([Restart(at_us=10, down_us=5)])
    >>> up.after(8, 1), up.after(8, 2), up.after(8, 3)
    (9, 15, 16)
    """

    def __init__(self, restarts: Iterable[Restart]) -> None:
        self._downs = [(restart.at_us, restart.at_us + restart.down_us) for restart in restarts]

    def after(self, from_us: int, span_us: int) -> int:
        """Return the last instant up to which no more than *span_us* of running have passed since *from_us*."""
        at_us = from_us + span_us
        for start_us, end_us in self._downs:
            if start_us <= at_us and end_us > from_us:
                at_us += end_us - max(start_us, from_us)
        return at_us

    def unbroken(self, run: Run) -> Iterator[Run]:
        """Yield the parts of a stretch that no restart interrupts."""
        start_us = run.start_us
        for down_us, again_us in self._downs:
            if run.start_us <= down_us < run.end_us:
                if start_us < down_us:
                    yield Run(start_us, down_us, through=False)
                start_us = max(start_us, again_us)
        if start_us <= run.end_us:
            yield Run(start_us, run.end_us, run.through)
