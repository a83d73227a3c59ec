"""One condition on the bench: its cells, its memory and the time in plain sight, without an engine around it.

It answers as the engine would, but hides nothing: what is no truth comes out as it is, and what is raised is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from math import inf
from statistics import fmean
from typing import Any

from whenthen.dsl.compiled import Node
from whenthen.errors import RefusedReadingError
from whenthen.extend.condition import (
    Cell,
    Check,
    Condition,
    GapPolicy,
    MissingReadingError,
    Moment,
    Reader,
    Restarted,
    Truth,
    View,
)
from whenthen.extend.formula import SensorRef
from whenthen.extend.registry import Registry
from whenthen.flow.state import accepted, flattened
from whenthen.model.reading import Reading, Scalar

_JOINS: Mapping[str | None, Callable[[Sequence[Any]], Any]] = {"mean": fmean, "min": min, "max": max}

Raised = tuple[type[Exception], ...]


@dataclass(slots=True)
class BenchCell:
    """The newest reading of one sensor of one device."""

    value: Scalar | None
    at_us: int


@dataclass
class Bench:
    """A condition and everything that it may look at.

    *node* is the condition with its inner ones; *declared* are the errors that mean unknown, as in an engine.
    """

    node: Node
    registry: Registry
    declared: Raised = ()
    device: str = "device-1"
    zone: tzinfo = UTC
    now_us: int = 0
    cells: dict[tuple[str, str], BenchCell] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    moment: Moment = field(default_factory=lambda: Moment(evaluating=True, reading=True))
    wakes: list[int] = field(default_factory=list)
    undeclared: set[str] = field(default_factory=set)
    _check: Callable[[int], Any] | None = None

    def take(self, reading: Reading) -> None:
        """Take a reading as the engine does: refused values are left out, late ones change nothing."""
        self.now_us = max(self.now_us, reading.received_us)
        at_us = reading.received_us
        for sensor, given in flattened(reading.values).items():
            try:
                value = accepted(given)
            except RefusedReadingError:
                continue
            cell = self.cells.get((reading.device, sensor))
            if cell is None:
                self.cells[reading.device, sensor] = BenchCell(value, at_us)
            elif at_us >= cell.at_us:
                # In place: a compiled check holds on to its cell.
                cell.value, cell.at_us = value, at_us

    def truth(self) -> Any:
        """Return what the condition answers now, unchanged; ``None`` for an error that it declares."""
        self.wakes.clear()
        try:
            if self._check is None:
                self._check = self._compiled(self.node)
            return self._check(self.now_us)
        except MissingReadingError:
            return None
        except self.declared:
            return None

    def look(self) -> Truth:
        """Return what an engine makes of the answer: what is no truth is unknown."""
        truth = self.truth()
        return truth if truth is True or truth is False else None

    def copy(self, node: Node | None = None, now_us: int | None = None) -> Bench:
        """Return another bench with copies of cells and memory, on which everything is compiled anew."""
        return Bench(
            node or self.node,
            self.registry,
            self.declared,
            self.device,
            self.zone,
            self.now_us if now_us is None else now_us,
            {key: BenchCell(cell.value, cell.at_us) for key, cell in self.cells.items()},
            deepcopy(self.states),
        )

    def forget(self, sensor: str) -> None:
        """Let a sensor have no value, whatever device it belongs to."""
        for (_, name), cell in self.cells.items():
            if name == sensor:
                cell.value = None

    def values(self) -> dict[str, Any]:
        """Return what the subject's own sensors say."""
        return {
            sensor: cell.value for (device, sensor), cell in self.cells.items() if device == self.device and cell.at_us
        }

    def _compiled(self, node: Node) -> Check:
        children = tuple(map(self._compiled, node.children))
        bind = BenchBinding(self, node, children)
        check = node.condition.compile(bind)
        return check if check is not None else self._evaluated(node.condition, bind, children)

    def _evaluated(self, condition: Condition, bind: BenchBinding, children: Sequence[Check]) -> Check:
        view = bind.view()
        required = [bind.reader(ref) for ref in condition.sensors()]

        def check(now_us: int) -> Truth:
            view.now_us = now_us
            view.truths = tuple(child(now_us) for child in children)
            if any(read(now_us) is None for read in required):
                return None
            truth = condition.evaluate(view)
            seconds = condition.due_in(view)
            if seconds is not None:
                if not _is_wait(seconds):
                    raise AssertionError(f"due_in() returned {seconds!r}; it returns seconds, 0 or more, or None")
                bind.wake(now_us + max(round(seconds * 1_000_000), 1_000))
            return truth

        return check


def _is_wait(seconds: Any) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < inf


class WatchedView(View):
    """A view that notes which sensors it is asked for without knowing them."""

    __slots__ = ("undeclared",)

    undeclared: set[str]

    def get(self, sensor: str, default: Any = None) -> Any:
        """Return the sensor's value; note a sensor that the condition has not declared."""
        if sensor not in self._readers:
            self.undeclared.add(sensor)
        return super().get(sensor, default)


class BenchBinding:
    """What a condition on the bench is given when it is compiled; see ``whenthen.Binding``."""

    def __init__(self, bench: Bench, node: Node, children: Sequence[Check]) -> None:
        self._bench = bench
        self._node = node
        self.children = children
        self.moment = bench.moment
        self.zone = bench.zone
        self.gap = GapPolicy()
        self.fires = True
        self.functions: Mapping[str, Callable[..., Any]] = bench.registry.expression_functions()

    @property
    def state(self) -> dict[str, Any]:
        """The condition's own memory."""
        return self._bench.states.setdefault(self._node.path, {})

    def cell(self, ref: SensorRef) -> Cell | None:
        """See ``Binding``: the cell of a plain sensor."""
        if ref.aggregate is not None or ref.max_age_us is not None:
            return None
        return self._cell(ref)

    def cells(self, ref: SensorRef) -> Callable[[], Sequence[tuple[str, Cell]]]:
        """See ``Binding``: only cells that have had a reading."""
        cell = self._cell(ref)
        device = ref.device or self._bench.device
        return lambda: [(device, cell)] if cell.at_us else []

    def reader(self, ref: SensorRef) -> Reader:
        """See ``Binding``: a value that is too old is none, an aggregate joins numbers only."""
        cell, age_us, join = self._cell(ref), ref.max_age_us, _JOINS.get(ref.aggregate)

        def read(now_us: int) -> Scalar | None:
            if age_us is not None:
                if now_us >= cell.at_us + age_us:
                    return None
                self.wake(cell.at_us + age_us)
            if join is None or cell.value is None:
                return cell.value
            return None if isinstance(cell.value, str | bool) else join([cell.value])

        return read

    def wake(self, at_us: int) -> None:
        """See ``Binding``."""
        self._bench.wakes.append(at_us)

    def every_reading(self) -> None:
        """See ``Binding``; the bench looks at every reading anyway."""

    def on_restart(self, call: Restarted) -> None:
        """See ``Binding``; the bench never stops, engines do."""

    def view(self) -> View:
        """See ``Binding``."""
        registry, condition = self._bench.registry, self._node.condition
        refs = {ref.sensor: ref for ref in condition.sensors()}
        for name in condition.functions():
            if name in registry.functions:
                refs.update({sensor: SensorRef(sensor) for sensor in registry.functions[name].reads})
        functions = {f.name: f.call for f in registry.functions.values() if f.condition}
        readers = {name: self.reader(ref) for name, ref in refs.items()}
        view = WatchedView(readers, self.state, self.zone, functions)
        view.undeclared = self._bench.undeclared
        return view

    def _cell(self, ref: SensorRef) -> BenchCell:
        return self._bench.cells.setdefault((ref.device or self._bench.device, ref.sensor), BenchCell(None, 0))
