"""Who spends the time: how often each plugin's conditions and functions were asked, and how long they took.

Measuring is built in when a rule is bound, so an engine without a meter runs not one instruction more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whenthen.clock import Timer


@dataclass(slots=True)
class Spent:
    """What one type of a plugin has spent: its own time, without that of the conditions inside it."""

    plugin: str
    kind: str
    name: str
    calls: int = 0
    total_ns: int = 0

    @property
    def total_ms(self) -> float:
        """The time in milliseconds."""
        return self.total_ns / 1_000_000


class Meter:
    """Measures by a *timer* that is given to it, as the engine reads no clock.

    >>> ticks = iter(range(0, 100, 5))
    >>> meter = Meter(lambda: next(ticks))
    >>> meter.measured("greenhouse", "condition", "dew_point", abs)(-1)
    1
    >>> meter.spent()
    [Spent(plugin='greenhouse', kind='condition', name='dew_point', calls=1, total_ns=5)]
    """

    def __init__(self, timer: Timer) -> None:
        self.timer = timer
        self._rows: dict[tuple[str, str, str], Spent] = {}
        self._inner_ns = 0

    def spent(self) -> list[Spent]:
        """Return who was asked at all, the greatest spender first."""
        asked = [row for row in self._rows.values() if row.calls]
        return sorted(asked, key=lambda row: (-row.total_ns, row.plugin, row.kind, row.name))

    def measured(self, plugin: str, kind: str, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return *call*, measured on behalf of one type of a plugin."""
        key = (plugin, kind, name)
        row = self._rows.setdefault(key, Spent(*key))
        timer = self.timer

        def measured(*arguments: Any) -> Any:
            outer_ns, self._inner_ns = self._inner_ns, 0
            start_ns = timer()
            try:
                return call(*arguments)
            finally:
                spent_ns = timer() - start_ns
                row.calls += 1
                row.total_ns += spent_ns - self._inner_ns
                self._inner_ns = outer_ns + spent_ns

        return measured
