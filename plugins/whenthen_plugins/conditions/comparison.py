"""``comparison``: a sensor's value against a constant or another sensor, with hysteresis if wanted."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, nextafter
from typing import Any

from whenthen import (
    Atom,
    Binding,
    Bounds,
    Check,
    Condition,
    Formula,
    Problem,
    Reader,
    Scalar,
    SensorRef,
    Truth,
    atom_cuts,
    load_schema,
)

Compare = Callable[[Any, Any], bool]

OPERATORS: Mapping[str, Compare] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_EQUALITY = ("==", "!=")


class Comparison(Condition):
    """True when the value compares as said; unknown when the two are not of one kind (ruling 22)."""

    type = "comparison"
    schema = load_schema("condition.comparison")
    examples = ({"sensor": "co2", "operator": ">", "value": 1000, "hysteresis": 50},)

    def __init__(self, config: Mapping[str, Any], children: Sequence[Condition] = ()) -> None:
        super().__init__(config, children)
        self.ref = SensorRef.of(config)
        value = config["value"]
        self.other = SensorRef.of(value) if isinstance(value, Mapping) else None
        self.hysteresis: float = config.get("hysteresis", 0)

    def sensors(self) -> tuple[SensorRef, ...]:
        """Return the sensor, and the one it is compared with."""
        return (self.ref,) if self.other is None else (self.ref, self.other)

    def lowered(self) -> Formula | None:
        """Return the comparison with a constant number; hysteresis has a memory and stays as it is."""
        if self.hysteresis or not _is_number(self.config["value"]):
            return None
        return Atom(self.ref, self.config["operator"], self.config["value"])

    def cuts(self) -> Mapping[SensorRef, tuple[float, ...]] | None:
        """Return the limit, and where hysteresis lets go."""
        if self.other is not None or not self.hysteresis:
            return super().cuts()
        limit, name = self.config["value"], self.config["operator"]
        rising = name in (">", ">=")
        release = limit - self.hysteresis if rising else limit + self.hysteresis
        return {self.ref: (*atom_cuts(Atom(self.ref, name, limit)), nextafter(release, -inf) if rising else release)}

    def bounds(self) -> Bounds | None:
        """Return the side on which the limit lets it be true; with hysteresis, as far as it lets go."""
        limit, name = self.config["value"], self.config["operator"]
        if not self.hysteresis:
            return super().bounds()
        if self.ref.device is not None or self.ref.aggregate is not None:
            return None
        rising = name in (">", ">=")
        return {self.ref.sensor: (limit - self.hysteresis, inf) if rising else (-inf, limit + self.hysteresis)}

    def compile(self, bind: Binding) -> Check:
        """Return the quickest check that this config allows."""
        compare = OPERATORS[self.config["operator"]]
        if self.other is not None:
            return _against_sensor(compare, self.config["operator"], self._reader(bind), bind.reader(self.other))
        limit = self.config["value"]
        if self.hysteresis:
            return _with_hysteresis(self.config["operator"], limit, self.hysteresis, self._reader(bind), bind.state)
        if not _is_number(limit):
            return _against_same_kind(compare, limit, self._reader(bind))
        return _against_number(compare, limit, self._reader(bind))

    def _reader(self, bind: Binding) -> Reader:
        return bind.reader(self.ref)

    def problems(self) -> Iterable[Problem]:
        """Refuse hysteresis and ordering where they mean nothing."""
        name, value = self.config["operator"], self.config["value"]
        if self.hysteresis and name in _EQUALITY:
            yield Problem("bad_value", "/hysteresis", f"hysteresis means nothing with {name}", "use > >= < or <=")
        if self.hysteresis and not _is_number(value):
            yield Problem("bad_value", "/hysteresis", "hysteresis needs a number as value", "leave hysteresis out")
        if isinstance(value, str | bool) and name not in _EQUALITY:
            yield Problem("bad_value", "/operator", f"{value!r} has no order", "use == or !=")

    def describe(self) -> str:
        """Return for example ``co2 > 1000``, or ``co2 > 1000 (hysteresis 50)``, which 960 may keep true."""
        value = self.other.sensor if self.other else self.config["value"]
        slack = f" (hysteresis {self.config['hysteresis']})" if self.config.get("hysteresis") else ""
        return f"{self.ref.sensor} {self.config['operator']} {value}{slack}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Scalar) -> type:
    return float if value.__class__ is int else value.__class__


def _against_number(compare: Compare, limit: float, read: Reader) -> Check:
    def check(now_us: int) -> Truth:
        value = read(now_us)
        return compare(value, limit) if _is_number(value) else None

    return check


def _against_same_kind(compare: Compare, wanted: Scalar, read: Reader) -> Check:
    kind = _kind(wanted)

    def check(now_us: int) -> Truth:
        value = read(now_us)
        return compare(value, wanted) if value is not None and _kind(value) is kind else None

    return check


def _against_sensor(compare: Compare, name: str, left: Reader, right: Reader) -> Check:
    def check(now_us: int) -> Truth:
        a, b = left(now_us), right(now_us)
        if a is None or b is None or _kind(a) is not _kind(b):
            return None
        if _kind(a) is not float and name not in _EQUALITY:
            return None
        return compare(a, b)

    return check


def _with_hysteresis(name: str, limit: float, hysteresis: float, read: Reader, state: dict[str, Any]) -> Check:
    """Hold until the value has come back by more than the hysteresis; unknown leaves the memory (ruling 23)."""
    compare = OPERATORS[name]
    rising = name in (">", ">=")
    release = limit - hysteresis if rising else limit + hysteresis

    def check(now_us: int) -> Truth:
        value: Any = read(now_us)
        if not _is_number(value):
            return None
        keeps = operator.ge if rising else operator.le
        held = keeps(value, release) if state.get("held") else compare(value, limit)
        state["held"] = held
        return held

    return check
