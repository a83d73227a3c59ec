"""The newest value of every sensor, and which values are taken at all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import inf, nan
from sys import float_info
from typing import TYPE_CHECKING, Any

from whenthen.errors import RefusedReadingError
from whenthen.model.reading import Scalar

if TYPE_CHECKING:
    from whenthen.flow.instance import Instance

NEVER_US = -(1 << 62)
"""Before every instant."""

MAX_WHOLE_NUMBER = 1 << 53
"""Beyond this a double cannot tell neighbouring whole numbers apart (IEEE 754 binary64)."""

MAX_TEXT_LENGTH = 1_000

_PASSED = 8
"""So many cuts that nobody watches are passed to either side: a slot may have thousands."""

LARGEST = float_info.max
"""No number lies above; infinity is none."""


class Watched(dict["Instance", None]):
    """Who wants to know at present when a value crosses one cut; *users* counts those who may come to want it."""

    __slots__ = ("users",)

    def __init__(self) -> None:
        super().__init__()
        self.users = 0


class Slot:
    """The newest reading of one sensor of one device, and the rule instances that it concerns.

    ``number`` is the value as far as it is a number, else not-a-number. ``by_cut`` has, for each number at which
    something may change when the value crosses it, who wants to know at present; ``cuts`` and ``owners`` are its keys
    and values in order (once ``sorted``). A number with ``low < number <= high`` crosses nothing that
    anyone wants to know. ``always`` are instances for which every reading may matter, ``hot`` those that would fire at
    the next trigger here, ``triggers`` the interval (microseconds) with which a reading starts an evaluation,
    ``watchers`` everyone who reads the value.
    """

    __slots__ = (
        "always",
        "at_us",
        "by_cut",
        "cuts",
        "device",
        "dirty",
        "heard_us",
        "high",
        "hot",
        "low",
        "number",
        "owners",
        "sensor",
        "sorted",
        "stale",
        "triggers",
        "value",
        "watchers",
    )

    def __init__(self, device: str, sensor: str) -> None:
        self.device = device
        self.sensor = sensor
        self.value: Scalar | None = None
        self.number: float = nan
        self.at_us = NEVER_US
        self.heard_us = NEVER_US
        self.dirty = False
        self.stale = False
        self.by_cut: dict[float, Watched] = {}
        self.sorted = True
        self.cuts: list[float] = []
        self.owners: list[Watched] = []
        self.low = inf
        self.high = -inf
        self.always: dict[Instance, None] = {}
        self.hot: dict[Instance, None] = {}
        self.triggers: dict[Instance, int] = {}
        self.watchers: dict[Instance, None] = {}

    def add_always(self, instance: Instance) -> None:
        """Have every reading looked at for an instance."""
        self.always[instance] = None
        self.low = inf

    def add_hot(self, instance: Instance) -> None:
        """Have every reading looked at for an instance until it is cold again."""
        self.hot[instance] = None
        self.low = inf

    def drop_hot(self, instance: Instance) -> None:
        """Leave an instance alone again."""
        del self.hot[instance]
        if not self.hot and self.sorted and self.number == self.number:
            self.settle(bisect_left(self.cuts, self.number))

    def unsettle(self) -> None:
        """Have the next reading looked at closely."""
        self.low = inf

    def take(self, value: Scalar | None) -> list[Watched] | None:
        """Set the value; return who watches the cuts that it crosses, ``None`` if everyone has to be asked."""
        before = self.number
        self.value = value
        if value.__class__ is not float and value.__class__ is not int:
            self.number = nan
            self.low = inf
            return None
        self.number = number = value
        cuts, owners = self.cuts, self.owners
        position = bisect_left(cuts, number)
        self.settle(position)
        if before < number:
            return owners[bisect_left(cuts, before) : position]
        if before > number:
            return owners[position : bisect_left(cuts, before)]
        return [] if before == number else None  # it was no number before

    def settle(self, position: int) -> None:
        """Work out how far the value may move unnoticed; *position* is where it lies among the cuts."""
        if self.hot or self.always or self.stale or not self.dirty:
            self.low = inf  # the next reading has more to do than to replace a number
            return
        cuts, owners = self.cuts, self.owners
        below = position - 1
        last = below - _PASSED
        while below > last and below >= 0 and not owners[below]:
            below -= 1
        self.low = cuts[below] if below >= 0 else -inf
        above, end = position, len(cuts)
        last = above + _PASSED
        while above < last and above < end and not owners[above]:
            above += 1
        self.high = cuts[above] if above < end else LARGEST

    def narrow(self, cut: float) -> None:
        """Have the value's crossing of *cut* noticed."""
        if self.number > cut:
            self.low = max(self.low, cut)
        else:
            self.high = min(self.high, cut)

    def put(self, value: Scalar | None) -> None:
        """Set the value."""
        self.value = value
        self.number = value if isinstance(value, int | float) and not isinstance(value, bool) else nan

    def __repr__(self) -> str:
        return f"Slot({self.device!r}, {self.sensor!r}, {self.value!r})"


def accepted(value: Any) -> Scalar | None:
    """Return the value if it may be taken, or raise ``RefusedReadingError`` with the reason.

    >>> accepted(21.5)
    21.5
    """
    if value.__class__ is float and value - value == 0.0:
        finite: float = value
        return finite
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT_LENGTH:
            raise RefusedReadingError(f"text of {len(value)} characters; at most {MAX_TEXT_LENGTH} are taken")
        return value
    if isinstance(value, int):
        if not -MAX_WHOLE_NUMBER <= value <= MAX_WHOLE_NUMBER:
            raise RefusedReadingError("whole number beyond 2^53, which a double cannot hold exactly")
        return int(value)
    if isinstance(value, float):
        if value - value != 0.0:
            raise RefusedReadingError(f"{value} is not a finite number")
        return float(value)
    raise RefusedReadingError(f"a sensor's value is a number, text, true, false or null, not {type(value).__name__}")


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with each object of numbers spread out: ``accelerometer`` gives ``accelerometer_x`` and so on.

    >>> flattened({"accelerometer": {"x": 0, "y": 1}})
    {'accelerometer_x': 0, 'accelerometer_y': 1}
    """
    flat: dict[str, Any] = {}
    for sensor, value in values.items():
        if value.__class__ is float:  # first, since nearly all are, and an abstract class is slow to ask
            flat[sensor] = value
        elif isinstance(value, Mapping):
            flat.update({f"{sensor}_{part}": inner for part, inner in value.items()})
        else:
            flat[sensor] = value
    return flat


def part_refusal(value: Any) -> str | None:
    """Return why a part of an object is refused, or ``None``: only numbers may stand in one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"an object's parts are numbers, not {type(value).__name__}"
    return None


def same_value(a: Scalar | None, b: Scalar | None) -> bool:
    """Tell whether a repeated value is the same: of one kind, and equal."""
    return isinstance(a, bool) is isinstance(b, bool) and a == b
