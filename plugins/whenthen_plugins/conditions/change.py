"""``change``: a sensor that moved by so much within a while, or went from one value to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from whenthen import Binding, Cell, Check, Condition, Problem, Scalar, SensorRef, Truth, load_schema, seconds_us


class Change(Condition):
    """True while the newest reading makes the change that is asked for (ruling 24)."""

    type = "change"
    schema = load_schema("condition.change")
    examples = ({"sensor": "temperature", "by": 5, "direction": "any", "within_seconds": 600},)

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        self.ref = SensorRef.of(config)

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return the one sensor."""
        return (self.ref,)

    def compile(self, bind: Binding) -> Check:
        """Return the check; the window is in the state and is never refilled from elsewhere."""
        list_cells, state, age_us = bind.cells(self.ref), bind.state, self.ref.max_age_us
        one = self._moved if "by" in self.config else self._went

        def check(now_us: int) -> Truth:
            truths = set()
            for device, cell in list_cells():
                truth = one(state.setdefault(device, {}), cell)
                if age_us is not None:
                    if now_us - cell.at_us >= age_us:
                        truth = None
                    else:
                        bind.wake(cell.at_us + age_us)
                truths.add(truth)
            if True in truths:
                return True
            return False if truths == {False} else None

        return check

    def _moved(self, window: dict[str, Any], cell: Cell) -> Truth:
        """Compare the newest with the lowest and highest of the window, which it enters."""
        value = cell.value
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        keep(window, cell.at_us, value, seconds_us(self.config["within_seconds"]))
        low = min([value, *(old for _, old in window["low"][:1])])
        high = max([value, *(old for _, old in window["high"][:1])])
        by, direction = self.config["by"], self.config.get("direction", "any")
        up = direction != "down" and value - low >= by
        down = direction != "up" and high - value >= by
        return (up or down) and bool(window["low"] or window["high"])

    def _went(self, memory: dict[str, Any], cell: Cell) -> Truth:
        """Compare the newest with the one before it, which it becomes."""
        value = cell.value
        if value is None:
            return None
        if memory.get("at") != cell.at_us:
            if "at" in memory:
                memory["before"] = memory["value"]
            memory["at"] = cell.at_us
        memory["value"] = value
        if "before" not in memory or same(memory["before"], value):
            return False
        from_ok = "from" not in self.config or same(memory["before"], self.config["from"])
        return from_ok and ("to" not in self.config or same(value, self.config["to"]))

    def problems(self) -> Iterable[Problem]:
        """Exactly one of the two forms."""
        moves, goes = "by" in self.config, "from" in self.config or "to" in self.config
        if moves and goes:
            yield Problem("bad_value", "", "by cannot stand beside from or to", "use two conditions")
        elif not moves and not goes:
            yield Problem("bad_value", "", "change needs by (with within_seconds), or from and/or to", "add one")
        elif moves and "within_seconds" not in self.config:
            yield Problem("missing_field", "", "by needs within_seconds", "add within_seconds, in seconds")
        elif goes:
            for name in ("within_seconds", "direction"):
                if name in self.config:
                    yield Problem("bad_value", f"/{name}", f"{name} goes with by, not with from or to", "leave it out")

    def describe(self) -> str:
        """Return for example ``temperature changed by 5 within 600 s``."""
        config = self.config
        if "by" in config:
            direction = {"up": "rose", "down": "fell"}.get(config.get("direction", "any"), "changed")
            return f"{self.ref.sensor} {direction} by {config['by']} within {config['within_seconds']} s"
        return f"{self.ref.sensor} went from {config.get('from', 'anything')} to {config.get('to', 'anything')}"


def same(a: Scalar, b: Scalar) -> bool:
    """Tell whether two values are of one kind and equal (1 equals 1.0, true does not equal 1)."""
    return isinstance(a, bool) is isinstance(b, bool) and isinstance(a, str) is isinstance(b, str) and a == b


def keep(window: dict[str, Any], at_us: int, value: float, within_us: int) -> None:
    """Let the newest reading enter the window, and what has left it go.

    Before the newest, only readings that can still be a window's lowest or highest are kept (a monotonic queue), so the
    window stays small; a reading of the same time replaces the newest.
    """
    low, high = window.setdefault("low", []), window.setdefault("high", [])
    if "at" in window and window["at"] != at_us:
        _push(low, window["at"], window["value"], falling=False)
        _push(high, window["at"], window["value"], falling=True)
    window["at"], window["value"] = at_us, value
    for queue in (low, high):
        while queue and queue[0][0] < at_us - within_us:
            queue.pop(0)


def _push(queue: list[list[float]], at_us: int, value: float, *, falling: bool) -> None:
    while queue and (queue[-1][1] <= value if falling else queue[-1][1] >= value):
        queue.pop()
    queue.append([at_us, value])
