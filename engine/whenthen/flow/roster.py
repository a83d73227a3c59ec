"""Who is there: rules, their instances, the slots they read, and the timers that wait on their behalf."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from whenthen.clock import seconds_us
from whenthen.dsl.rule import CompiledRule
from whenthen.errors import Problem
from whenthen.extend.action import Consequence
from whenthen.extend.condition import SensorRef
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import EventTrigger, Place
from whenthen.flow.causes import Happening
from whenthen.flow.guard import Guard
from whenthen.flow.index import forget, limited, trigger, watch, watch_cuts
from whenthen.flow.instance import Binder, Instance, Surroundings
from whenthen.flow.persist import row_key
from whenthen.flow.readers import joined_reader
from whenthen.flow.rulestate import Delayed, ExpiryTimer, RuleState, ScheduleTimer, StaleTimer
from whenthen.flow.state import NEVER_US, Slot, same_value
from whenthen.flow.subjects import Concern, Subject, Subjects
from whenthen.flow.timers import FAR_US, Timers
from whenthen.flow.trace import Trace, standing
from whenthen.model.firing import Firing
from whenthen.model.reading import Scalar
from whenthen.ports import Device

MAX_MISSED = 100_000
"""So many missed runs of one schedule are counted after a stop; more are not told apart."""

MAX_MADE_UP = 10
"""So many missed runs ``misfire: all`` makes up for."""

_SILENCE_EVENTS = ("sensor_stale", "sensor_recovered")
Observe = Callable[[Instance], None]


class Roster:
    """Everything that the engine holds, and the ways to it."""

    def __init__(
        self,
        registry: Registry,
        subjects: Subjects,
        timers: Timers,
        guard: Guard,
    ) -> None:
        self.states: dict[str, RuleState] = {}
        self.listeners: dict[str, list[tuple[RuleState, EventTrigger]]] = {}
        self.delayed: list[Delayed] = []
        self.dirty_slots: list[Slot] = []
        self.dirty_instances: dict[Instance, None] = {}
        self.dirty_rules: dict[RuleState, None] = {}
        self.removed: dict[str, None] = {}
        self.dropped: dict[str, None] = {}
        self.delayed_changed = False
        self._subjects = subjects
        self._timers = timers
        self.slots: dict[str, dict[str, Slot]] = {}
        self._by_sensor: dict[str, list[RuleState]] = {}
        self._by_device: dict[str, list[RuleState]] = {}
        self._for_everyone: list[RuleState] = []
        self._silences: dict[Slot, StaleTimer] = {}
        self.dropped_slots: dict[str, None] = {}
        self._serial = 0
        self.guard = guard
        self._around = Surroundings(registry, self.slot, self._members, guard)
        self.moment = self._around.moment

    # Slots

    def slots_of(self, device: str) -> dict[str, Slot]:
        """Return a device's slots by sensor."""
        slots = self.slots.get(device)
        if slots is None:
            slots = self.slots[device] = {}
        return slots

    def slot(self, device: str, sensor: str) -> Slot:
        """Return the slot of one sensor, made when it is not there."""
        slots = self.slots_of(device)
        slot = slots.get(sensor)
        if slot is None:
            slot = slots[sensor] = Slot(device, sensor)
        return slot

    def all_slots(self) -> Iterator[Slot]:
        """Yield every slot."""
        return chain.from_iterable(slots.values() for slots in self.slots.values())

    def meet(self, slot: Slot, now_us: int, observe: Observe) -> None:
        """Greet a sensor's first reading, and wait for its silence if a rule listens to that."""
        self.greet(slot, now_us, observe)
        if any(name in self.listeners for name in _SILENCE_EVENTS):
            self.listen_for_silence(slot, now_us)

    def greet(self, slot: Slot, now_us: int, observe: Observe) -> None:
        """Give the rules that a new sensor concerns their instances."""
        device_id, sensor = slot.device, slot.sensor
        concerned = [*self._by_device.get(device_id, ()), *self._by_sensor.get(sensor, ())]
        device = self._subjects.device(device_id)
        if self._subjects.see(device_id):
            concerned += self._for_everyone
            self._bring_schedules(device, now_us)
        for state in concerned:
            subject = self._subjects.of_device(state.rule.scope, device)
            if state.enabled and subject is not None and subject.id not in state.instances:
                observe(self.instance(state, subject))

    def sensor_value(self, instance: Instance, name: str) -> Scalar | None:
        """Return a subject's newest value; raises ``KeyError`` for a name that nobody knows."""
        devices = self._members(instance.rule, instance.subject)
        known = name in instance.rule.known_names or any(
            slots[name].at_us > NEVER_US for slots in self.slots.values() if name in slots
        )
        if not known:
            raise KeyError(name)
        slots = [slot for device in devices if (slot := self.slots.get(device, {}).get(name)) is not None]
        return joined_reader(SensorRef(name), slots, instance)(0)

    def answers(self, problem: Problem) -> bool:
        """Tell whether a placeholder that a rule does not know is a sensor that some device has."""
        if problem.code != "unknown_placeholder":
            return False
        return any(repr(slot.sensor) in problem.message for slot in self.all_slots() if slot.at_us > NEVER_US)

    def _members(self, rule: CompiledRule, subject: Subject) -> list[str]:
        return self._subjects.members(rule.scope, subject)

    # Instances

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

    def instance(self, state: RuleState, subject: Subject, states: dict[str, dict[str, Any]] | None = None) -> Instance:
        """Return the instance for a subject, made and bound (to the conditions' kept *states*) if it is not there."""
        instance = state.instances.get(subject.id)
        if instance is None:
            instance = Instance(state.rule, subject)
            instance.fired_us = state.cooled.pop(subject.id, NEVER_US)
            instance.states = states
            state.instances[subject.id] = instance
            self._bind(instance)
            if instance.fired_us > NEVER_US:
                self.mark(instance)  # its cooldown is its own to keep again
        return instance

    def _bind(self, instance: Instance) -> None:
        """Compile the instance's conditions and have it looked at when it is concerned."""
        instance.restarted = None
        binder = Binder(instance, self._around, self._subjects.place(instance.subject).zone)
        binder.bind(instance.states or {})
        rule = instance.rule
        read: list[Slot] = []
        for ref, cuts in zip(rule.reads, rule.cuts, strict=True):
            slots = [self.slot(device, ref.sensor) for device in binder.devices_of(ref)]
            watch(instance, ref, cuts, slots)
            read += slots
        instance.slots = tuple(dict.fromkeys(read))
        watch_cuts(instance)
        limited(instance, binder.limits)
        started = []
        for wanted in rule.sensor_triggers:
            for device in binder.devices_of(SensorRef(wanted.sensor, wanted.device)):
                slot = self.slot(device, wanted.sensor)
                trigger(instance, slot, wanted.interval_us)
                started.append(slot)
        instance.trigger_slots = tuple(dict.fromkeys(started))

    def looked_at(self, state: RuleState, subject_id: str) -> Instance | None:
        """Return the instance for a subject, or one that remembers nothing for a subject that has none just now."""
        instance = state.instances.get(subject_id)
        if instance is None:
            subject = next((one for one in self._subjects.of_rule(state.rule) if one.id == subject_id), None)
            if subject is not None:
                instance = Instance(state.rule, subject)
                instance.fired_us = state.cooled.get(subject_id, NEVER_US)
        return instance

    def recall(self, state: RuleState, fired_us: Mapping[str, int], count: int) -> None:
        """Set when a rule last fired, by subject, and how often in all."""
        state.count, state.last_us = count, max(fired_us.values(), default=None)
        state.cooled = {subject: at_us for subject, at_us in fired_us.items() if subject not in state.instances}
        state.mark()
        for instance in state.instances.values():
            last_us = fired_us.get(instance.subject.id, NEVER_US)
            if last_us != instance.fired_us:
                instance.fired_us = last_us
                instance.armed = not state.rule.edge or last_us == NEVER_US or instance.truth is False
                self.mark(instance)
                self.heat(instance)

    def explained(
        self, instance: Instance, state: RuleState, now_us: int, firing: Firing | None = None
    ) -> dict[str, Any]:
        """Return why an instance's conditions are what they are, and leave them as they are.

        Of a *firing* that comes of them just now, nothing has kept it, whatever keeps the next.
        """
        told = {"rule_id": state.rule.id, "rule": state.rule.name, "subject": instance.subject.id}
        told |= Trace(instance, self._around, self._subjects.place(instance.subject).zone).of(now_us)
        told |= standing(instance, state, now_us)
        return told if firing is None else {**told, "blocked": None, "kind": firing.kind}

    def drop(self, state: RuleState, instance: Instance) -> None:
        """Forget an instance."""
        forget(instance)
        instance.due_us = instance.pending_us = FAR_US
        instance.wakes.clear()
        self.dirty_instances.pop(instance, None)
        del state.instances[instance.subject.id]

    def dismiss(self, state: RuleState, instance: Instance) -> None:
        """Forget an instance, and that it was ever kept."""
        self.dropped[row_key(state.rule.id, instance.subject.id)] = None
        if instance.fired_us > NEVER_US:
            state.cooled[instance.subject.id] = instance.fired_us
            state.mark()
        self.drop(state, instance)

    def rehouse(
        self, device_ids: Collection[str], now_us: int, observe: Observe
    ) -> tuple[list[Instance], list[tuple[RuleState, Instance]]]:
        """Follow devices that came, moved or went.

        Return the instances that may read something else now, and those that have no subject any more.
        """
        directory = self._subjects.directory
        for device_id in device_ids:
            if directory is not None and directory.device(device_id) is None:
                self._forget_device(device_id)
        moved: list[Instance] = []
        gone: list[tuple[RuleState, Instance]] = []
        for state in self.states.values():
            if not state.enabled:
                continue
            for instance in list(state.instances.values()):
                if instance.subject.kind == "device" and instance.subject.id not in device_ids:
                    continue
                subject = self._subjects.again(state.rule, instance.subject)
                if subject is None:
                    gone.append((state, instance))
                else:
                    self._rebind(instance, subject)
                    moved.append(instance)
                    self._schedule_for(state, subject, now_us)
            for subject in self._new_subjects(state, device_ids):
                observe(self.instance(state, subject))
                self._schedule_for(state, subject, now_us)
        return moved, gone

    def _new_subjects(self, state: RuleState, device_ids: Collection[str]) -> list[Subject]:
        rule = state.rule
        if rule.global_subject:
            found: list[Subject | None] = [*self._subjects.of_rule(rule)]
        else:
            devices = [self._subjects.device(one) for one in device_ids if self._subjects.exists(one)]
            found = [self._subjects.of_device(rule.scope, device) for device in devices]
        return [one for one in dict.fromkeys(found) if one is not None and one.id not in state.instances]

    def _forget_device(self, device_id: str) -> None:
        """Let nothing be known of a device; a rule that names it outright finds it unknown."""
        self._subjects.forget(device_id)
        for slot in self.slots_of(device_id).values():
            slot.put(None)
            slot.at_us = slot.heard_us = NEVER_US
            slot.stale = False
            slot.unsettle()
            timer = self._silences.pop(slot, None)
            if timer is not None:
                timer.due_us = FAR_US
            if slot.dirty:
                self.dirty_slots.remove(slot)
                slot.dirty = False
            self.dropped_slots[row_key(device_id, slot.sensor)] = None

    def _rebind(self, instance: Instance, subject: Subject) -> None:
        """Have an instance read what its subject's devices are now; it remembers what it did."""
        forget(instance)
        instance.subject = subject
        instance.states = instance.states or {}
        self._bind(instance)
        self.reschedule(instance)
        self.heat(instance)

    def populate(
        self, state: RuleState, now_us: int, rows: Mapping[str, Mapping[str, Any]] | None = None
    ) -> list[Instance]:
        """Return the instances of every present subject of an enabled rule, made where they are not there.

        *rows* are kept instances, whose conditions' states they are given.
        """
        self.schedule(state, now_us)
        if not state.enabled:
            return []
        kept = rows or {}
        return [
            self.instance(state, subject, kept.get(subject.id, {}).get("states"))
            for subject in self._subjects.of_rule(state.rule)
        ]

    def heat(self, instance: Instance) -> None:
        """Keep note at its trigger slots of whether the next trigger would find the instance willing."""
        restless = instance.wants_look()
        wants = restless or instance.wants_trigger()
        for slot in instance.trigger_slots:
            if wants:
                slot.add_hot(instance)
            elif instance in slot.hot:
                slot.drop_hot(instance)
        if restless or instance.restless:
            self._watch_closely(instance, restless=restless)

    def _watch_closely(self, instance: Instance, *, restless: bool) -> None:
        """Have every reading of what an instance reads looked at, or no longer."""
        instance.restless = restless
        for slot in instance.slots:
            if restless:
                slot.add_hot(instance)
            elif slot not in instance.trigger_slots and instance in slot.hot:
                slot.drop_hot(instance)

    def mark(self, instance: Instance) -> None:
        """Note that the instance's memory has changed."""
        instance.dirty = True
        self.dirty_instances[instance] = None

    def restarted(self, instance: Instance, start_us: int, end_us: int) -> None:
        """Tell an instance's conditions of a stop, and move the wakes that they say have moved."""
        for told in instance.restarted or ():
            moved = told(start_us, end_us)
            self.mark(instance)
            if moved is not None and moved[0] in instance.wakes:
                instance.wakes.remove(moved[0])
                if moved[1] is not None:
                    instance.wakes.append(moved[1])
        self.reschedule(instance)

    def reschedule(self, instance: Instance) -> None:
        """Have the instance come up when its earliest timer is due."""
        due_us = min(instance.pending_us, *instance.wakes, FAR_US)
        if due_us != instance.due_us:
            instance.due_us = due_us
            self._timers.schedule(instance)

    # The life of a rule

    def enter(self, rule: CompiledRule, now_us: int) -> RuleState:
        """Take a new rule."""
        state = RuleState(rule, self.dirty_rules)
        self.states[rule.id] = state
        self.removed.pop(rule.id, None)
        self._list(state, now_us)
        return state

    def _list(self, state: RuleState, now_us: int) -> None:
        rule = state.rule
        own = {ref.sensor for ref in rule.reads if ref.device is None}
        own |= {wanted.sensor for wanted in rule.sensor_triggers if wanted.device is None}
        named = any(ref.device for ref in rule.reads) or any(wanted.device for wanted in rule.sensor_triggers)
        if rule.scope.device is not None:
            self._by_device.setdefault(rule.scope.device, []).append(state)
        elif not rule.global_subject:
            for sensor in own:
                self._by_sensor.setdefault(sensor, []).append(state)
            if named or rule.time_dependent or not own:
                self._for_everyone.append(state)
        for wanted in rule.event_triggers:
            self.listeners.setdefault(wanted.name, []).append((state, wanted))
            if wanted.name in _SILENCE_EVENTS:
                for slot in self.all_slots():
                    self.listen_for_silence(slot, now_us, late=True)

    def _unlist(self, state: RuleState) -> None:
        for table in (self._by_device, self._by_sensor):
            for key in [key for key, states in table.items() if state in states]:
                table[key] = [other for other in table[key] if other is not state]
                if not table[key]:
                    del table[key]
        self._for_everyone = [other for other in self._for_everyone if other is not state]
        for name in {wanted.name for wanted in state.rule.event_triggers}:
            self.listeners[name] = [pair for pair in self.listeners[name] if pair[0] is not state]
            if not self.listeners[name]:
                del self.listeners[name]

    def amend(self, state: RuleState, rule: CompiledRule, now_us: int) -> list[Instance]:
        """Exchange a rule for an edited one that keeps all state (ruling 14); what its actions wait for begins now.

        Return new instances, of subjects with values that only the actions' conditions read: nobody has looked at them.
        """
        for instance in state.instances.values():
            forget(instance)
            instance.states = {
                path: kept for path, kept in (instance.states or {}).items() if path.startswith("/conditions/")
            }
            instance.rule = rule
            instance.order = (-rule.priority, rule.id, instance.subject.id)
            self._bind(instance)
            for judge in instance.watched:
                judge(now_us)
            self.reschedule(instance)
            self.heat(instance)
        more = state.enabled and state.rule.reads != rule.reads
        self._unlist(state)
        state.rule = rule
        state.mark()
        self._list(state, 0)
        self._expire(state)
        subjects = self._subjects.of_rule(rule) if more else ()
        return [self.instance(state, subject) for subject in subjects if subject.id not in state.instances]

    def replace(self, state: RuleState, rule: CompiledRule, now_us: int) -> None:
        """Exchange a rule for an edited one that starts anew; counters and cooldowns stay."""
        self.switch_off(state)
        self._unlist(state)
        state.rule = rule
        state.enabled = rule.enabled
        self._list(state, now_us)

    def remove(self, state: RuleState) -> None:
        """Forget a rule."""
        self.switch_off(state)
        self._unlist(state)
        del self.states[state.rule.id]
        self.removed[state.rule.id] = None

    def switch_off(self, state: RuleState) -> None:
        """Drop a rule's evaluation state and timers; counters and cooldowns stay (ruling 14)."""
        for subject_id, instance in state.instances.items():
            forget(instance)
            instance.due_us = instance.pending_us = FAR_US
            instance.wakes.clear()
            self.dirty_instances.pop(instance, None)
            self.dropped[row_key(state.rule.id, subject_id)] = None
            if instance.fired_us > NEVER_US:
                state.cooled[subject_id] = instance.fired_us
        for timer in state.schedules:
            timer.due_us = FAR_US
        if state.expiry is not None:
            state.expiry.due_us = FAR_US
            state.expiry = None
        state.instances = {}
        state.schedules = []
        state.enabled = False
        state.mark()

    # Timers

    def schedule(self, state: RuleState, now_us: int) -> None:
        """Set the timers of an enabled rule: its schedules, its end of validity."""
        if not state.enabled:
            return
        subjects = self._subjects.of_rule(state.rule)
        for place in dict.fromkeys(map(self._subjects.place, subjects)) or {self._subjects.default_place: None}:
            self._schedule_at(state, place, now_us)
        self._expire(state)

    def _schedule_at(self, state: RuleState, place: Place, now_us: int) -> None:
        """Set a rule's scheduled triggers for one place."""
        for index, wanted in enumerate(state.rule.triggers):
            timetable = self.guard.schedule(state.rule, wanted, place)
            if timetable is not None:
                key = f"{index} {place.zone} {place.latitude} {place.longitude}"
                timer = ScheduleTimer(state, key, place, timetable, now_us)
                state.schedules.append(timer)
                self._timers.schedule(timer)

    def _bring_schedules(self, device: Device, now_us: int) -> None:
        """Let rules run at the place of a device that nobody knew."""
        for state in self.states.values():
            subject = self._subjects.of_device(state.rule.scope, device) if state.schedules else None
            if subject is not None and not state.rule.global_subject:
                self._schedule_for(state, subject, now_us)

    def _schedule_for(self, state: RuleState, subject: Subject, now_us: int) -> None:
        """Let a rule run at a subject's place, if it does not run there yet."""
        place = self._subjects.place(subject)
        if all(timer.place != place for timer in state.schedules):
            self._schedule_at(state, place, now_us)

    def _expire(self, state: RuleState) -> None:
        if state.expiry is not None:
            state.expiry.due_us = FAR_US
            state.expiry = None
        until_us = state.rule.valid_until_us
        if until_us is not None and state.rule.clear_actions:
            state.expiry = ExpiryTimer(state, until_us)
            self._timers.schedule(state.expiry)

    def scheduled(self, timer: ScheduleTimer, observe: Observe) -> list[Instance]:
        """Return the instances that a schedule's run concerns: none once the rule has been switched off."""
        state = timer.state
        if not state.enabled:
            return []
        return [
            self.known(state, subject, observe)
            for subject in self._subjects.of_rule(state.rule)
            if self._subjects.place(subject) == timer.place
        ]

    def known(self, state: RuleState, subject: Subject, observe: Observe) -> Instance:
        """Return a subject's instance; a new one is first observed."""
        instance = state.instances.get(subject.id)
        if instance is None:
            instance = self.instance(state, subject)
            observe(instance)
        return instance

    def missed_runs(self, now_us: int) -> list[tuple[ScheduleTimer, int, int]]:
        """Move every schedule past a stop; return how many runs each missed, and how many to make up for."""
        missed = []
        for state in self.ordered():
            for timer in state.schedules:
                runs = _runs_before(timer, now_us)
                if not runs:
                    continue
                timer.move(runs[-1])
                self._timers.schedule(timer)
                fresh = sum(now_us - run_us <= state.rule.misfire_grace_us for run_us in runs)
                late = {"skip": 0, "once": min(fresh, 1), "all": min(fresh, MAX_MADE_UP)}[state.rule.misfire]
                missed.append((timer, len(runs), late))
        return missed

    def delay(self, consequence: Consequence, concern: Concern, depth: int, due_us: int) -> None:
        """Put a consequence off until *due_us*."""
        self._serial += 1
        waiting = Delayed(consequence, concern, depth, due_us, self._serial)
        self.delayed.append(waiting)
        self.delayed_changed = True
        self._timers.schedule(waiting)

    def undelay(self, waiting: Delayed) -> None:
        """Forget a consequence whose time has come."""
        self.delayed.remove(waiting)
        self.delayed_changed = True

    # Silence

    def listen_for_silence(self, slot: Slot, now_us: int, *, late: bool = False) -> None:
        """Have ``sensor_stale`` raised when the slot falls silent; with *late*, not for a silence begun before."""
        stale_after_us = self._stale_after_us(slot.device)
        if stale_after_us is None or slot in self._silences or (late and slot.at_us == NEVER_US):
            return
        timer = self._silences[slot] = StaleTimer(slot)
        if late and now_us - slot.heard_us >= stale_after_us:
            slot.stale = True
            slot.unsettle()
            self.touch(slot)
            return
        heard_us = slot.heard_us if late else now_us
        timer.due_us = heard_us + stale_after_us
        self._timers.schedule(timer)

    def _stale_after_us(self, device_id: str) -> int | None:
        directory = self._subjects.directory
        if directory is not None and directory.device(device_id) is None:
            return None
        return seconds_us(self._subjects.device(device_id).stale_after_seconds)

    def went_stale(self, timer: StaleTimer, now_us: int) -> list[Slot]:
        """Return the slot if it really is silent; else wait for the rest of its time."""
        slot = timer.slot
        due_us = slot.heard_us + (self._stale_after_us(slot.device) or FAR_US)
        if due_us > now_us:
            timer.due_us = due_us
            self._timers.schedule(timer)
            return []
        slot.stale = True
        slot.unsettle()
        self.touch(slot)
        return [slot]

    def hear_again(self, slot: Slot) -> None:
        """Wait for the next silence of a slot that has just been heard again."""
        slot.stale = False
        timer = self._silences.get(slot)
        if timer is not None:
            timer.due_us = slot.heard_us + (self._stale_after_us(slot.device) or FAR_US)
            self._timers.schedule(timer)

    def resume_silences(self) -> None:
        """Set the timers of silence after a restart."""
        if any(name in self.listeners for name in _SILENCE_EVENTS):
            for slot in self.all_slots():
                if slot.at_us > NEVER_US:
                    self._resume_silence(slot)

    def _resume_silence(self, slot: Slot) -> None:
        stale_after_us = self._stale_after_us(slot.device)
        if stale_after_us is not None:
            timer = self._silences[slot] = StaleTimer(slot)
            if not slot.stale:
                timer.due_us = slot.heard_us + stale_after_us
                self._timers.schedule(timer)

    def see(self, device_id: str) -> None:
        """Note a device that has sent readings before."""
        self._subjects.see(device_id)

    def touch(self, slot: Slot) -> None:
        """Note that a slot has changed."""
        if not slot.dirty:
            slot.dirty = True
            self.dirty_slots.append(slot)

    # Events

    def listening(self, cause: Happening, observe: Observe) -> Iterable[Instance]:
        """Return the instances whose event trigger an event meets."""
        found: dict[Instance, None] = {}
        for state, wanted in list(self.listeners.get(cause.name, ())):
            if state.enabled and _matches(wanted, cause):
                for subject in self._subjects.of_rule(state.rule):
                    if self._subjects.concerned(cause.concern, subject):
                        found[self.known(state, subject, observe)] = None
        return found


def _matches(wanted: EventTrigger, cause: Happening) -> bool:
    return all(name in cause.data and same_value(cause.data[name], value) for name, value in wanted.match.items())


def _runs_before(timer: ScheduleTimer, now_us: int) -> list[int]:
    """Return the instants at which a schedule should have run before *now_us*."""
    runs: list[int] = []
    due_us: int | None = timer.due_us
    while due_us is not None and due_us < now_us and len(runs) < MAX_MISSED:
        runs.append(due_us)
        due_us = timer.schedule.next_after(due_us)
    return runs
