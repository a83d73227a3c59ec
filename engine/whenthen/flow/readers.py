"""How a condition reads: a sensor of several devices joined into one, and a rule's variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whenthen.extend.condition import Reader
    from whenthen.extend.formula import SensorRef
    from whenthen.flow.instance import Instance
    from whenthen.flow.state import Slot
    from whenthen.model.reading import Scalar


class Variable:
    """A rule's variable: an expression that each look evaluates once, before the conditions."""

    __slots__ = ("_evaluate", "_readers", "value")

    def __init__(
        self, readers: Mapping[str, Reader], evaluate: Callable[[Mapping[str, Scalar]], Scalar | None]
    ) -> None:
        self._readers = tuple(readers.items())
        self._evaluate = evaluate
        self.value: Scalar | None = None

    def look(self, now_us: int) -> None:
        """Evaluate; unknown if any name is. What a variable reads has no age, so any instant will do."""
        names = {}
        for name, read in self._readers:
            value = read(now_us)
            if value is None:
                self.value = None
                return
            names[name] = value
        self.value = self._evaluate(names)

    def read(self, _now_us: int) -> Scalar | None:
        """Return the value that the present look found."""
        return self.value


def joined_reader(ref: SensorRef, slots: Sequence[Slot], instance: Instance) -> Reader:
    """Return a reader over several devices: the newest usable value, or an aggregate of the usable ones."""
    age_us = ref.max_age_us

    def usable(now_us: int) -> list[Slot]:
        found = []
        for slot in slots:
            if age_us is not None:
                expires_us = slot.at_us + age_us
                if now_us >= expires_us:
                    continue
                instance.wake(expires_us)
            if slot.value is not None:
                found.append(slot)
        return found

    if ref.aggregate is None:

        def newest(now_us: int) -> Scalar | None:
            found = usable(now_us)
            return max(found, key=lambda slot: (slot.at_us, slot.device)).value if found else None

        return newest
    join = {"mean": fmean, "min": min, "max": max}[ref.aggregate]

    def aggregate(now_us: int) -> Scalar | None:
        numbers = [
            slot.value
            for slot in usable(now_us)
            if isinstance(slot.value, int | float) and not isinstance(slot.value, bool)
        ]
        return join(numbers) if numbers else None  # type: ignore[operator]

    return aggregate
