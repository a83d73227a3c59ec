"""Binds an instance's conditions to what they read: compiled checks, and a state for each that keeps one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

from whenthen.dsl.compiled import CompiledRule, Node
from whenthen.dsl.reads import is_stateful
from whenthen.extend.condition import Check, Condition, MissingReadingError, Moment, Reader, Truth
from whenthen.extend.fault import wrong_truth
from whenthen.extend.formula import Atom, Formula, Junction, SensorRef, atom_cuts, atoms
from whenthen.extend.registry import Registry
from whenthen.flow.binding import CarefulBinding, NodeBinding
from whenthen.flow.formula import check_of
from whenthen.flow.guard import Guard, wake_after_us
from whenthen.flow.instance import Instance, unknown
from whenthen.flow.readers import Variable, joined_reader
from whenthen.flow.state import Slot
from whenthen.flow.subjects import Subject


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
            return unknown

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
