"""What one condition of one instance is given when it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from whenthen.dsl.compiled import Node
from whenthen.dsl.reads import refs_below
from whenthen.extend.condition import Cell, Check, GapPolicy, Reader, Restarted, View
from whenthen.extend.formula import SensorRef
from whenthen.flow.guard import Fail
from whenthen.flow.state import NEVER_US

if TYPE_CHECKING:
    from whenthen.flow.binder import Binder


class NodeBinding:
    """What one condition of one instance is given when it is compiled; see ``Binding``."""

    def __init__(self, binder: Binder, node: Node, children: Sequence[Check]) -> None:
        self._binder = binder
        self._node = node
        self.children = children
        self.moment = binder.around.moment
        self.zone = binder.zone
        self.gap: GapPolicy = binder.rule.gap
        self.functions = binder.around.guard.expression_functions

    @property
    def state(self) -> dict[str, Any]:
        """The condition's own memory, kept and persisted by the engine."""
        path = self._node.path
        self._binder.used.add(path)
        return self._binder.states.setdefault(path, {})

    @property
    def fires(self) -> bool:
        """Tell whether what the condition reads is named by a sensor trigger of the rule (ruling 6).

        An action's ``if`` only judges: what it waits for starts nothing.
        """
        rule = self._binder.rule
        if not self._node.path.startswith("/conditions/"):
            return False
        named = {(trigger.sensor, trigger.device) for trigger in rule.sensor_triggers}
        refs = refs_below(self._node, rule.variables, self._binder.around.registry)
        return any((ref.sensor, ref.device) in named for ref in refs)

    def cell(self, ref: SensorRef) -> Cell | None:
        """See ``Binding``."""
        return self._binder.cell(ref)

    def cells(self, ref: SensorRef) -> Callable[[], Sequence[tuple[str, Cell]]]:
        """See ``Binding``."""
        binder = self._binder
        slots = [(device, binder.around.slot(device, ref.sensor)) for device in binder.devices_of(ref)]
        return lambda: [pair for pair in slots if pair[1].at_us > NEVER_US]

    def reader(self, ref: SensorRef) -> Reader:
        """See ``Binding``."""
        return self._binder.reader(ref)

    def wake(self, at_us: int) -> None:
        """See ``Binding``."""
        self._binder.instance.wake(at_us)

    def every_reading(self) -> None:
        """See ``Binding``."""
        binder = self._binder
        started = (SensorRef(wanted.sensor, wanted.device) for wanted in binder.rule.sensor_triggers)
        for ref in (*binder.rule.reads, *started):
            for device in binder.devices_of(ref):
                binder.want_every_reading(binder.around.slot(device, ref.sensor))

    def on_restart(self, call: Restarted) -> None:
        """See ``Binding``."""
        instance = self._binder.instance
        if instance.restarted is None:
            instance.restarted = []
        instance.restarted.append(call)

    def view(self) -> View:
        """See ``Binding``."""
        condition = self._node.condition
        registry = self._binder.around.registry
        names = {ref.sensor: ref for ref in condition.sensors()}
        for function in condition.functions():
            if function in registry.functions:
                names.update({name: SensorRef(name) for name in registry.functions[function].reads})
        readers = {name: self.reader(ref) for name, ref in names.items()}
        return View(readers, self.state, self.zone, self._binder.around.guard.condition_functions)


class CarefulBinding(NodeBinding):
    """The same for a stranger's condition: it can neither stop the clock nor upset a restart."""

    def __init__(self, binder: Binder, node: Node, children: Sequence[Check]) -> None:
        super().__init__(binder, node, children)
        self.fail: Fail = binder.around.guard.condition(binder.instance, node.condition)

    def wake(self, at_us: int) -> None:
        """See ``Binding``; raises ``TypeError`` for what is no instant."""
        super().wake(self._binder.around.guard.soonest(at_us))

    def on_restart(self, call: Restarted) -> None:
        """See ``Binding``."""

        def careful(start_us: int, end_us: int) -> tuple[int, int | None] | None:
            try:
                moved = call(start_us, end_us)
                if moved is None:
                    return None
                old_us, new_us = moved
                return old_us, None if new_us is None else max(int(new_us), end_us)
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
                self.fail(error)
                return None

        super().on_restart(careful)
