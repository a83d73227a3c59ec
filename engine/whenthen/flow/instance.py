"""One rule for one subject: what it remembers, and its conditions bound to what they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from whenthen.dsl.rule import Node, is_stateful, refs_below
from whenthen.extend.condition import (
    Atom,
    Cell,
    Check,
    Condition,
    Formula,
    GapPolicy,
    Junction,
    MissingReadingError,
    Moment,
    Reader,
    Restarted,
    SensorRef,
    Truth,
    View,
    atom_cuts,
    atoms,
)
from whenthen.flow.formula import check_of
from whenthen.flow.state import NEVER_US, Slot, Watched
from whenthen.flow.timers import FAR_US

if TYPE_CHECKING:
    from datetime import tzinfo

    from whenthen.dsl.rule import CompiledRule
    from whenthen.extend.registry import Registry
    from whenthen.flow.subjects import Subject
    from whenthen.model.reading import Scalar

Limit = tuple[Slot, float, bool, Watched]
"""A slot, a cut, whether the number must lie above it, and who watches that cut."""

_SOONEST_US = 1_000
"""A plugin that asks for a timer gets it no sooner than this, so that it cannot stop the clock."""


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
    """What every binding needs of the engine: slots, functions, the moment, and where to report a failing plugin."""

    def __init__(
        self,
        registry: Registry,
        slot: Callable[[str, str], Slot],
        members: Callable[[CompiledRule, Subject], Sequence[str]],
        report: Callable[[Instance, str, BaseException], None],
    ) -> None:
        self.registry = registry
        self.slot = slot
        self.members = members
        self.report = report
        self.moment = Moment()
        self.expression_functions = registry.expression_functions()
        self.condition_functions = {f.name: f.call for f in registry.functions.values() if f.condition}


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
            evaluate = expression.evaluator(self.around.expression_functions)
            self.variables[name] = Variable(readers, evaluate)
            self.variables[name].look(now_us=0)  # known at once: an action may ask before the next look
        watched = instance.watched = self._bind_guards()
        formula = None if watched or self.variables else self._formula()
        whole = None if formula is None else self._formula_check(formula)
        instance.check = whole or _all_hold(
            tuple(self.variables.values()), tuple(self._check(node) for node in rule.conditions), watched
        )
        kept = {path: state for path, state in self.states.items() if path in self.used}
        instance.states = kept or None
        instance.variables = self.variables or None
        instance.plain = whole is not None and instance.states is None and not instance.paced
        self.limits = self._limits(formula) if instance.plain and formula is not None else ()

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
                if is_stateful(plan.guard):
                    watched.append(guards[id(plan)])
        self.instance.guards = guards or None
        return tuple(watched)

    def _check(self, node: Node) -> Check:
        """Return the compiled check of a condition, its children first."""
        formula = node.condition.lowered()
        written = None if formula is None else self._formula_check(formula)
        if written is not None:
            return written
        children = tuple(self._check(child) for child in node.children)
        bind = NodeBinding(self, node, children)
        condition = node.condition
        own = self.around.registry.owner("condition", condition.type) == "builtin"
        try:
            check = condition.compile(bind)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self.around.report(self.instance, condition.type, error)
            return _unknown
        if check is None:
            return self._evaluated(condition, bind, children)
        return check if own else self._guarded(condition, check)

    def _evaluated(self, condition: Condition, bind: NodeBinding, children: Sequence[Check]) -> Check:
        """Return a check that asks ``evaluate`` when every sensor read has a value."""
        view = bind.view()
        required = [bind.reader(ref) for ref in condition.sensors()]
        instance, report = self.instance, self.around.report

        def check(now_us: int) -> Truth:
            view.now_us = now_us
            if children:
                view.truths = tuple(child(now_us) for child in children)
            for read in required:
                if read(now_us) is None:
                    return None
            try:
                truth = condition.evaluate(view)
                seconds = condition.due_in(view)
            except MissingReadingError:
                return None
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                report(instance, condition.type, error)
                return None
            if seconds is not None:
                bind.wake(now_us + max(round(seconds * 1_000_000), _SOONEST_US))
            return truth if truth is True or truth is False else None

        return check

    def _guarded(self, condition: Condition, check: Check) -> Check:
        instance, report = self.instance, self.around.report

        def guarded(now_us: int) -> Truth:
            try:
                truth = check(now_us)
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                report(instance, condition.type, error)
                return None
            return truth if truth is True or truth is False else None

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


class NodeBinding:
    """What one condition of one instance is given when it is compiled; see ``Binding``."""

    def __init__(self, binder: Binder, node: Node, children: Sequence[Check]) -> None:
        self._binder = binder
        self._node = node
        self.children = children
        self.moment = binder.around.moment
        self.zone = binder.zone
        self.gap: GapPolicy = binder.rule.gap
        self.functions = binder.around.expression_functions

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
                binder.around.slot(device, ref.sensor).add_always(binder.instance)

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
        return View(readers, self.state, self.zone, self._binder.around.condition_functions)


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
