"""``range``: a sensor's value between two bounds, both inclusive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from whenthen import Atom, Binding, Check, Condition, Formula, Junction, Problem, SensorRef, Truth, load_schema


class Range(Condition):
    """True while ``min`` <= value <= ``max``; either bound may be absent."""

    type = "range"
    schema = load_schema("condition.range")
    examples = ({"sensor": "co2", "min": 400, "max": 1000},)

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        self.ref = SensorRef.of(config)
        self.low: float = config.get("min", -inf)
        self.high: float = config.get("max", inf)

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return the one sensor."""
        return (self.ref,)

    def lowered(self) -> Formula:
        """Return one comparison for each bound that is there."""
        bounds: list[Formula] = []
        if "min" in self.config:
            bounds.append(Atom(self.ref, ">=", self.low))
        if "max" in self.config:
            bounds.append(Atom(self.ref, "<=", self.high))
        return Junction("AND", tuple(bounds))

    def compile(self, bind: Binding) -> Check:
        """Return the check."""
        read, low, high = bind.reader(self.ref), self.low, self.high

        def check(now_us: int) -> Truth:
            value = read(now_us)
            kind = value.__class__
            if kind is float or kind is int:
                return low <= value <= high  # type: ignore[operator]
            return None

        return check

    def problems(self) -> Iterable[Problem]:
        """Refuse a range without bounds or upside down."""
        if "min" not in self.config and "max" not in self.config:
            yield Problem("bad_value", "", "a range needs min or max, or both", "add one of them")
        elif self.low > self.high:
            yield Problem("bad_value", "/min", f"min {self.low} is above max {self.high}", "swap them?")

    def describe(self) -> str:
        """Return for example ``400 <= co2 <= 1000``."""
        low = f"{self.low} <= " if "min" in self.config else ""
        high = f" <= {self.high}" if "max" in self.config else ""
        return f"{low}{self.ref.sensor}{high}"
