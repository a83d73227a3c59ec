"""One rule for one subject: what it remembers, and its conditions bound to what they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from whenthen.dsl.compiled import Node
from whenthen.dsl.reads import is_stateful, refs_below
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
from whenthen.extend.fault import wrong_truth
from whenthen.extend.formula import Atom, Formula, Junction, SensorRef, atom_cuts, atoms
from whenthen.flow.formula import check_of
from whenthen.flow.guard import Fail, Guard, wake_after_us
from whenthen.flow.readers import Variable, joined_reader
from whenthen.flow.state import NEVER_US, Slot, Watched
from whenthen.flow.timers import FAR_US

if TYPE_CHECKING:
    from datetime import tzinfo

    from whenthen.dsl.compiled import CompiledRule
    from whenthen.extend.registry import Registry
    from whenthen.flow.subjects import Subject

Limit = tuple[Slot, float, bool, Watched]
"""A slot, a cut, whether the number must lie above it, and who watches that cut."""


class Instance:
    """One (rule, subject): its memory, and where it stands in the order.

    ``plain`` ones have neither conditions that remember or wait nor an interval: looking at them is one call.
    ``limits`` are the comparisons of a plain one that is nothing but several of them, all of which must hold; ``focus``
    is the one that it watches at present, ``None`` when it watches all.
    """

    __slots__ = (
        "active",
        "armed",
        "check",
        "dirty",
        "due_us",
        "evaluated_us",
        "fired_us",
        "focus",
        "guards",
        "heap_us",
        "last_eval_us",
        "limits",
        "order",
        "paced",
        "pending_us",
        "plain",
        "restarted",
        "restless",
        "rule",
        "slots",
        "states",
        "subject",
        "timed",
        "trigger_slots",
        "truth",
        "variables",
        "wakes",
        "watched",
    )

    def __init__(self, rule: CompiledRule, subject: Subject) -> None:
        self.rule = rule
        self.subject = subject
        self.order = (-rule.priority, rule.id, subject.id)
        self.truth: Truth = None
        self.armed = True
        self.active = False
        self.dirty = False
        self.fired_us = NEVER_US
        self.last_eval_us = NEVER_US
        self.evaluated_us = NEVER_US
        self.pending_us = FAR_US
        self.wakes: list[int] = []
        self.due_us = FAR_US
        self.heap_us = FAR_US
        self.timed = False
        self.paced = any(trigger.interval_us for trigger in rule.sensor_triggers)
        self.plain = False
        self.limits: tuple[Limit, ...] = ()
        self.focus: Limit | None = None
        self.restless = False
        self.trigger_slots: tuple[Slot, ...] = ()
        self.slots: tuple[Slot, ...] = ()
        self.states: dict[str, dict[str, Any]] | None = None
        self.restarted: list[Restarted] | None = None
        self.guards: dict[int, Check] | None = None
        self.variables: Mapping[str, Variable] | None = None
        self.watched: tuple[Check, ...] = ()
        self.check: Check = _unknown

    def wake(self, at_us: int) -> None:
        """Ask to be looked at again at *at_us*."""
        self.wakes.append(at_us)
        self.timed = True

    def wants_look(self) -> bool:
        """Tell whether finding the conditions known false again would arm or clear: so after a forced run."""
        return self.truth is False and (self.active or not self.armed)

    def wants_trigger(self) -> bool:
        """Tell whether a trigger would find the conditions true and the instance willing."""
        return self.truth is True and (self.armed or not self.rule.edge)


def _unknown(_now_us: int) -> Truth:
    return None


class Surroundings:
    """What every binding needs of the engine: slots, the moment, and the guard that plugins run behind."""

    def __init__(
        self,
        registry: Registry,
        slot: Callable[[str, str], Slot],
        members: Callable[[CompiledRule, Subject], Sequence[str]],
        guard: Guard,
    ) -> None:
        self.registry = registry
        self.slot = slot
        self.members = members
        self.guard = guard
        self.moment = Moment()


class Binder:
    """Binds one instance's conditions: compiled checks, one state a condition that keeps one."""

    def __init__(self, instance: Instance, around: Surroundings, zone: tzinfo) -> None:
        self.instance = instance
        self.rule = instance.rule
        self.around = around
        self.zone = zone
        self.members = around.members(instance.rule, instance.subject)
        self.variables: dict[str, Variable] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        self.limits: tuple[tuple[Slot, float, bool], ...] = ()
        """After ``bind``: the comparisons of a plain conjunction of them."""

    def bind(self, states: dict[str, dict[str, Any]]) -> None:
        """Give the instance its check, which looks at everything once, without short cuts."""
        instance, rule = self.instance, self.rule
        self.states = states
        for name, expression in rule.variables.items():
            readers = {used: self.reader(SensorRef(used)) for used in expression.names}
            evaluate = expression.evaluator(self.around.guard.expression_functions)
            self.variables[name] = Variable(readers, evaluate)
            self.variables[name].look(now_us=0)  # known at once: an action may ask before the next look
        watched = instance.watched = self._bind_guards()
        formula, whole = (None, None) if watched or self.variables else self._whole()
        instance.check = whole or _all_hold(
            tuple(self.variables.values()), tuple(self._check(node) for node in rule.conditions), watched
        )
        kept = {path: state for path, state in self.states.items() if path in self.used}
        instance.states = kept or None
        instance.variables = self.variables or None
        instance.plain = whole is not None and instance.states is None and not instance.paced
        self.limits = self._limits(formula) if instance.plain and formula is not None else ()

    def _whole(self) -> tuple[Formula | None, Check | None]:
        """Return all conditions as one formula, and its check, when they are nothing but comparisons."""
        try:
            formula = self._formula()
            check = None if formula is None else self._formula_check(formula)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a plugin's ``lowered`` failed; asked one by one, the condition says so
            return None, None
        if check is not None:
            check = self.around.guard.measured(check, *(node.condition for node in self.rule.conditions))
        return formula, check

    def want_every_reading(self, slot: Slot) -> None:
        """Have the instance looked at whenever the slot is given a value."""
        slot.add_always(self.instance)

    def _formula(self) -> Formula | None:
        """Return all conditions as one formula when they are nothing but comparisons, else ``None``."""
        formulas = [node.condition.lowered() for node in self.rule.conditions]
        known = tuple(formula for formula in formulas if formula is not None)
        if not known or len(known) < len(formulas):
            return None
        return known[0] if len(known) == 1 else Junction("AND", known)

    def _limits(self, formula: Formula) -> tuple[tuple[Slot, float, bool], ...]:
        """Return a conjunction's comparisons; nothing if it is anything else, or if actions have conditions too."""
        if isinstance(formula, Atom) or self.instance.guards is not None:
            return ()
        found = []
        for part in formula.parts:
            if formula.operator != "AND" or not isinstance(part, Atom) or part.operator in ("==", "!="):
                return ()
            slot = self.cell(part.ref)
            if slot is not None:
                found.append((slot, atom_cuts(part)[0], part.operator in (">", ">=")))
        return tuple(found)

    def _formula_check(self, formula: Formula) -> Check | None:
        slots: dict[SensorRef, Slot] = {}
        for atom in atoms(formula):
            slot = self.cell(atom.ref)
            if slot is None:
                return None
            slots[atom.ref] = slot
        return check_of(formula, slots)

    def _bind_guards(self) -> tuple[Check, ...]:
        """Bind the actions' ``if``; return those that remember something, which every look must include."""
        guards = {}
        watched = []
        for plan in (*self.rule.actions, *self.rule.clear_actions):
            if plan.guard is not None:
                guards[id(plan)] = self._check(plan.guard)
                if self._remembers(plan.guard):
                    watched.append(guards[id(plan)])
        self.instance.guards = guards or None
        return tuple(watched)

    def _remembers(self, node: Node) -> bool:
        try:
            return is_stateful(node)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self.around.guard.condition(self.instance, node.condition)(error)
            return True

    def _check(self, node: Node) -> Check:
        """Return the compiled check of a condition, its children first; one that fails to compile is unknown."""
        try:
            return self.around.guard.measured(self._compiled(node), node.condition)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self.around.guard.condition(self.instance, node.condition)(error)
            return _unknown

    def _compiled(self, node: Node) -> Check:
        condition = node.condition
        formula = condition.lowered()
        written = None if formula is None else self._formula_check(formula)
        if written is not None:
            return written
        children = tuple(self._check(child) for child in node.children)
        if self.around.guard.own("condition", condition.type):
            bind = NodeBinding(self, node, children)
            return condition.compile(bind) or self._evaluated(condition, bind, children)
        careful = CarefulBinding(self, node, children)
        check = condition.compile(careful)
        return self._evaluated(condition, careful, children) if check is None else self._guarded(careful, check)

    def _evaluated(self, condition: Condition, bind: NodeBinding, children: Sequence[Check]) -> Check:
        """Return a check that asks ``evaluate`` when every sensor read has a value."""
        view = bind.view()
        required = [bind.reader(ref) for ref in condition.sensors()]
        fail = self.around.guard.condition(self.instance, condition)
        waits = type(condition).due_in is not Condition.due_in

        def check(now_us: int) -> Truth:
            view.now_us = now_us
            if children:
                view.truths = tuple(child(now_us) for child in children)
            for read in required:
                if read(now_us) is None:
                    return None
            try:
                truth = condition.evaluate(view)
                seconds = condition.due_in(view) if waits else None
                if seconds is not None:
                    bind.wake(now_us + wake_after_us(seconds))
            except MissingReadingError:
                return None
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
                fail(error)
                return None
            if truth is True or truth is False or truth is None:
                return truth
            fail(wrong_truth(truth))
            return None

        return check

    def _guarded(self, bind: CarefulBinding, check: Check) -> Check:
        """Return a stranger's check behind the guard."""
        fail = bind.fail

        def guarded(now_us: int) -> Truth:
            try:
                truth = check(now_us)
            except MissingReadingError:
                return None
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
                fail(error)
                return None
            if truth is True or truth is False or truth is None:
                return truth
            fail(wrong_truth(truth))
            return None

        return guarded

    def reader(self, ref: SensorRef) -> Reader:
        """Return a function that reads a sensor or variable, whatever kind it is."""
        variable = self.variables.get(ref.sensor) if ref.device is None else None
        if variable is not None:
            return variable.read
        cell = self.cell(ref)
        if cell is not None:
            return lambda _now_us: cell.value
        slots = [self.around.slot(device, ref.sensor) for device in self.devices_of(ref)]
        return joined_reader(ref, slots, self.instance)

    def devices_of(self, ref: SensorRef) -> Sequence[str]:
        """Return the devices whose sensor *ref* means."""
        return self.members if ref.device is None else (ref.device,)

    def cell(self, ref: SensorRef) -> Slot | None:
        """Return the slot behind a plain sensor, else ``None``."""
        if ref.aggregate is not None or ref.max_age_us is not None:
            return None
        if ref.device is None and ref.sensor in self.variables:
            return None
        devices = self.devices_of(ref)
        return self.around.slot(devices[0], ref.sensor) if len(devices) == 1 else None


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


def _all_hold(variables: Sequence[Variable], checks: Sequence[Check], watched: Sequence[Check]) -> Check:
    """Return Kleene's AND over the top conditions, every one looked at; *watched* ones are looked at, no more."""
    if not variables and not watched and len(checks) == 1:
        return checks[0]

    def check(now_us: int) -> Truth:
        for variable in variables:
            variable.look(now_us)
        joined: Truth = True
        for inner in checks:
            truth = inner(now_us)
            if truth is False:
                joined = False
            elif truth is None and joined is True:
                joined = None
        for inner in watched:
            inner(now_us)
        return joined

    return check
