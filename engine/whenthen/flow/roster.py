"""Who is there: rules and their instances, how they come, are bound to what they read, and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from whenthen.dsl.compiled import CompiledRule
from whenthen.extend.formula import SensorRef
from whenthen.extend.registry import Registry
from whenthen.flow.binder import Binder, Surroundings
from whenthen.flow.causes import Happening
from whenthen.flow.changes import Changes
from whenthen.flow.delays import Delays
from whenthen.flow.guard import Guard
from whenthen.flow.index import forget, heat, limited, trigger, watch, watch_cuts
from whenthen.flow.instance import Instance
from whenthen.flow.listing import Listing
from whenthen.flow.look import Looks
from whenthen.flow.persist import row_key
from whenthen.flow.rulestate import RuleState, ScheduleTimer
from whenthen.flow.schedules import Schedules
from whenthen.flow.silence import SILENCE_EVENTS, Silences
from whenthen.flow.slots import Slots
from whenthen.flow.state import NEVER_US, Slot
from whenthen.flow.subjects import Subject, Subjects
from whenthen.flow.timers import FAR_US, Timers


class Roster:
    """The rules and their instances, with everything that is kept or waits for them."""

    def __init__(self, registry: Registry, subjects: Subjects, timers: Timers, guard: Guard) -> None:
        self.states: dict[str, RuleState] = {}
        self.slots = Slots()
        self.changes = Changes()
        self.listing = Listing()
        self.guard = guard
        self.subjects = subjects
        self.silences = Silences(subjects, timers, self.changes)
        self.schedules = Schedules(subjects, timers, guard)
        self.delays = Delays(timers, self.changes)
        self.around = Surroundings(registry, self.slots.slot, self._members, guard)
        self.moment = self.around.moment
        self.looks = Looks(self.moment, self.states, timers, self.changes)

    # Who is there

    def ordered(self) -> list[RuleState]:
        """Return the rules in order of evaluation (ruling 12)."""
        return sorted(self.states.values(), key=lambda state: (-state.rule.priority, state.rule.id))

    def instances(self) -> Iterator[Instance]:
        """Yield every instance."""
        return chain.from_iterable(state.instances.values() for state in self.states.values())

    def find(self, name: str) -> RuleState | None:
        """Return the rule of an id, or else the first in order of that name."""
        if name in self.states:
            return self.states[name]
        return next((state for state in self.ordered() if state.rule.name == name), None)

    def known(self, state: RuleState, subject: Subject, now_us: int) -> Instance:
        """Return a subject's instance; a new one is first observed."""
        instance = state.instances.get(subject.id)
        if instance is None:
            instance = self.instance(state, subject)
            self.looks.observe(instance, now_us)
        return instance

    def scheduled(self, timer: ScheduleTimer, now_us: int) -> list[Instance]:
        """Return the instances that a schedule's run concerns: none once the rule has been switched off."""
        state = timer.state
        if not state.enabled:
            return []
        return [
            self.known(state, subject, now_us)
            for subject in self.subjects.of_rule(state.rule)
            if self.subjects.place(subject) == timer.place
        ]

    def listening(self, cause: Happening, now_us: int) -> list[Instance]:
        """Return the instances whose event trigger an event meets."""
        found: dict[Instance, None] = {}
        for state in self.listing.meant(cause):
            for subject in self.subjects.of_rule(state.rule):
                if self.subjects.concerned(cause.concern, subject):
                    found[self.known(state, subject, now_us)] = None
        return list(found)

    # New sensors

    def meet(self, slot: Slot, now_us: int) -> None:
        """Greet a sensor's first reading, and wait for its silence if a rule listens to that."""
        self.greet(slot, now_us)
        if self.listing.silence_matters:
            self.silences.listen(slot, now_us)

    def greet(self, slot: Slot, now_us: int) -> None:
        """Give the rules that a new sensor concerns their instances."""
        device = self.subjects.device(slot.device)
        first = self.subjects.see(slot.device)
        if first:
            self.schedules.bring(self.states.values(), device, now_us)
        for state in self.listing.concerned(slot.device, slot.sensor, first=first):
            subject = self.subjects.of_device(state.rule.scope, device)
            if state.enabled and subject is not None:
                self.known(state, subject, now_us)

    def _members(self, rule: CompiledRule, subject: Subject) -> list[str]:
        return self.subjects.members(rule.scope, subject)

    # Instances

    def instance(self, state: RuleState, subject: Subject, states: dict[str, dict[str, Any]] | None = None) -> Instance:
        """Return the instance for a subject, made and bound (to the conditions' kept *states*) if it is not there."""
        instance = state.instances.get(subject.id)
        if instance is None:
            instance = Instance(state.rule, subject)
            instance.fired_us = state.cooled.pop(subject.id, NEVER_US)
            instance.states = states
            state.instances[subject.id] = instance
            self.bind(instance)
            if instance.fired_us > NEVER_US:
                self.changes.mark(instance)  # its cooldown is its own to keep again
        return instance

    def bind(self, instance: Instance) -> None:
        """Compile the instance's conditions and have it looked at when it is concerned."""
        instance.restarted = None
        binder = Binder(instance, self.around, self.subjects.place(instance.subject).zone)
        binder.bind(instance.states or {})
        rule = instance.rule
        read: list[Slot] = []
        for ref, cuts in zip(rule.reads, rule.cuts, strict=True):
            slots = [self.slots.slot(device, ref.sensor) for device in binder.devices_of(ref)]
            watch(instance, ref, cuts, slots)
            read += slots
        instance.slots = tuple(dict.fromkeys(read))
        watch_cuts(instance)
        limited(instance, binder.limits)
        started = []
        for wanted in rule.sensor_triggers:
            for device in binder.devices_of(SensorRef(wanted.sensor, wanted.device)):
                slot = self.slots.slot(device, wanted.sensor)
                trigger(instance, slot, wanted.interval_us)
                started.append(slot)
        instance.trigger_slots = tuple(dict.fromkeys(started))

    def populate(
        self, state: RuleState, now_us: int, rows: Mapping[str, Mapping[str, Any]] | None = None
    ) -> list[Instance]:
        """Return the instances of every present subject of an enabled rule, made where they are not there.

        *rows* are kept instances, whose conditions' states they are given.
        """
        self.schedules.start(state, now_us)
        if not state.enabled:
            return []
        kept = rows or {}
        return [
            self.instance(state, subject, kept.get(subject.id, {}).get("states"))
            for subject in self.subjects.of_rule(state.rule)
        ]

    def observe(self, state: RuleState, now_us: int) -> None:
        """Give a rule that begins anew its instances, and look at what they find."""
        for instance in self.populate(state, now_us):
            self.looks.observe(instance, now_us)

    def restarted(self, instance: Instance, start_us: int, end_us: int) -> None:
        """Tell an instance's conditions of a stop, and move the wakes that they say have moved."""
        for told in instance.restarted or ():
            moved = told(start_us, end_us)
            self.changes.mark(instance)
            if moved is not None and moved[0] in instance.wakes:
                instance.wakes.remove(moved[0])
                if moved[1] is not None:
                    instance.wakes.append(moved[1])
        self.looks.reschedule(instance)

    def drop(self, state: RuleState, instance: Instance) -> None:
        """Forget an instance."""
        self._let_go(instance)
        del state.instances[instance.subject.id]

    def dismiss(self, state: RuleState, instance: Instance) -> None:
        """Forget an instance, and that it was ever kept; its cooldown stays."""
        self._leave(state, instance)
        del state.instances[instance.subject.id]
        state.mark()

    def _leave(self, state: RuleState, instance: Instance) -> None:
        self._let_go(instance)
        self.changes.dropped_instances[row_key(state.rule.id, instance.subject.id)] = None
        if instance.fired_us > NEVER_US:
            state.cooled[instance.subject.id] = instance.fired_us

    def _let_go(self, instance: Instance) -> None:
        forget(instance)
        instance.due_us = instance.pending_us = FAR_US
        instance.wakes.clear()
        self.changes.instances.pop(instance, None)

    # The life of a rule

    def enter(self, rule: CompiledRule, now_us: int) -> RuleState:
        """Take a new rule."""
        state = RuleState(rule, self.changes.rules)
        self.states[rule.id] = state
        self.changes.removed_rules.pop(rule.id, None)
        self._list(state, now_us)
        return state

    def amend(self, state: RuleState, rule: CompiledRule, now_us: int) -> list[Instance]:
        """Exchange a rule for an edited one that keeps all state (ruling 14); what its actions wait for begins now.

        Return new instances, of subjects with values that only the actions' conditions read: nobody has looked at them.
        """
        for instance in state.instances.values():
            self._amend(instance, rule, now_us)
        more = state.enabled and state.rule.reads != rule.reads
        self.listing.remove(state)
        state.rule = rule
        state.mark()
        self.listing.add(state)
        self.schedules.expire(state)
        subjects = self.subjects.of_rule(rule) if more else ()
        return [self.instance(state, subject) for subject in subjects if subject.id not in state.instances]

    def _amend(self, instance: Instance, rule: CompiledRule, now_us: int) -> None:
        forget(instance)
        kept = instance.states or {}
        instance.states = {path: state for path, state in kept.items() if path.startswith("/conditions/")}
        instance.rule = rule
        instance.order = (-rule.priority, rule.id, instance.subject.id)
        self.bind(instance)
        for judge in instance.watched:
            judge(now_us)
        if kept:  # what actions remembered has been forgotten, and must not come back with a restart
            self.changes.mark(instance)
        self.looks.reschedule(instance)
        heat(instance)

    def replace(self, state: RuleState, rule: CompiledRule, now_us: int) -> None:
        """Exchange a rule for an edited one that starts anew; counters and cooldowns stay."""
        self.switch_off(state)
        self.listing.remove(state)
        state.rule = rule
        state.enabled = rule.enabled
        self._list(state, now_us)

    def remove(self, state: RuleState) -> None:
        """Forget a rule."""
        self.switch_off(state)
        self.listing.remove(state)
        del self.states[state.rule.id]
        self.changes.removed_rules[state.rule.id] = None

    def switch_off(self, state: RuleState) -> None:
        """Drop a rule's evaluation state and timers; counters and cooldowns stay (ruling 14)."""
        for instance in state.instances.values():
            self._leave(state, instance)
        state.instances = {}
        self.schedules.stop(state)
        state.enabled = False
        state.mark()

    def _list(self, state: RuleState, now_us: int) -> None:
        self.listing.add(state)
        if any(wanted.name in SILENCE_EVENTS for wanted in state.rule.event_triggers):
            self.silences.listen_to(self.slots.heard(), now_us)
