"""The pure core: readings, events and the time go in, firings come out. No I/O, no thread, no clock.

``handle`` reads as the way of a reading: state, index, evaluate, decide, and then the ticks that the firings cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen.clock import SECOND_US
from whenthen.dsl.rule import CompiledRule, RuleCompiler
from whenthen.errors import Problem, RefusedReadingError, UnknownRuleError
from whenthen.extend.registry import Registry
from whenthen.flow.causes import Causes, Control, Happening, Run
from whenthen.flow.decide import Candidate, Decider, Decision, Reason, blocked, outside
from whenthen.flow.guard import Fault, Guard
from whenthen.flow.index import fails, sort_cuts
from whenthen.flow.instance import Instance
from whenthen.flow.meter import Meter
from whenthen.flow.notices import Notices
from whenthen.flow.persist import merge_state, restore_into, state_changes
from whenthen.flow.roster import Roster
from whenthen.flow.rulestate import Delayed, ExpiryTimer, RuleState, ScheduleTimer, StaleTimer
from whenthen.flow.state import NEVER_US, Slot, accepted, flattened, part_refusal, same_value
from whenthen.flow.subjects import Concern, Subjects
from whenthen.flow.timers import FAR_US, Timers
from whenthen.model.event import Event
from whenthen.model.firing import Firing, Notice
from whenthen.model.reading import Reading, Scalar
from whenthen.ports import Directory

__all__ = ["Engine", "RunResult", "merge_state"]

MAX_AHEAD_US = 300 * SECOND_US
"""A reading whose own clock is further ahead than this is refused."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run by a person came to: firings, and by subject what blocked the others."""

    firings: list[Firing]
    blocked: dict[str, Reason] = field(default_factory=dict)


class Engine:
    """Rules, what they remember, and the newest readings.

    >>> from whenthen.extend.host import load_registry
    >>> engine = Engine(load_registry())
    >>> engine.put_rule({
    ...     "id": "r1", "name": "Warm", "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    ...     "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    ...     "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    ... })
    []
    >>> [firing.rule for firing in engine.handle(Reading("dev-1", {"temperature": 31.0}, 1_000_000))]
    ['Warm']
    """

    def __init__(
        self,
        registry: Registry,
        directory: Directory | None = None,
        timezone: str = "UTC",
        meter: Meter | None = None,
        compiler: RuleCompiler | None = None,
    ) -> None:
        self.now_us = 0
        self.counts: Counter[str] = Counter()
        self._compiler = compiler or RuleCompiler(registry)
        self._subjects = Subjects(directory, timezone)
        self._timers = Timers()
        self._notices = Notices()
        guard = Guard(registry, self._plugin_failed, lambda: self.now_us, meter)
        self._roster = Roster(registry, self._subjects, self._timers, guard)
        self._decider = Decider(registry, self._subjects, self._roster.sensor_value, guard)
        self._slots = self._roster.slots
        self._moment = self._roster.moment
        self._causes = Causes()
        self._resume_from_us: int | None = None

    # What is asked

    @property
    def rule_ids(self) -> list[str]:
        """The ids of all rules, in order of evaluation."""
        return [state.rule.id for state in self._roster.ordered()]

    @property
    def next_due_us(self) -> int | None:
        """The instant at which the next timer is due, in microseconds, or ``None``."""
        due_us = self._timers.next_due()
        return None if due_us >= FAR_US else due_us

    def rule(self, rule_id: str) -> Mapping[str, Any]:
        """Return a rule's document as it was put; raises ``UnknownRuleError``."""
        return self._state(rule_id).rule.document

    def enabled(self, rule_id: str) -> bool:
        """Tell whether a rule is switched on now; raises ``UnknownRuleError``."""
        return self._state(rule_id).enabled

    def counters(self, rule_id: str) -> dict[str, int | None]:
        """Return a rule's ``execution_count``, ``last_executed_us`` and ``missed_runs``."""
        state = self._state(rule_id)
        return {"execution_count": state.count, "last_executed_us": state.last_us, "missed_runs": state.missed}

    def newest(self, device: str, sensor: str) -> tuple[Scalar | None, int] | None:
        """Return a sensor's newest value and its instant (microseconds), or ``None`` if it was never heard."""
        slot = self._slots.get(device, {}).get(sensor)
        return None if slot is None or slot.at_us == NEVER_US else (slot.value, slot.at_us)

    def warnings(self, rule_id: str) -> list[Problem]:
        """Return what is doubtful about a rule: placeholders and functions that nobody knows (ruling 27)."""
        state = self._state(rule_id)
        return [problem for problem in state.rule.warnings if not self._roster.answers(problem)]

    def explain(self, rule_id: str, subject: str) -> dict[str, Any]:
        """Return why a rule would fire for a subject now, or would not, JSON-ready; nothing is changed by asking.

        ``truth`` of the whole and of each condition (``None``: unknown), the values that each read with their ages,
        ``first_failed`` as a pointer into the rule, and ``blocked`` with what else would keep it from firing. Raises
        ``UnknownRuleError``; ``blocked`` is ``no_subject`` for a subject that the rule does not have.
        """
        state = self._state(rule_id)
        told: dict[str, Any] = {"rule_id": rule_id, "rule": state.rule.name, "subject": subject}
        instance = state.instances.get(subject)
        if instance is None:
            return {**told, "truth": None, "conditions": [], "blocked": "no_subject" if state.enabled else "disabled"}
        told |= self._roster.explained(instance, self.now_us)
        reason: str | None = blocked(Candidate(instance, state, "fired"), self.now_us)
        if reason is None and state.rule.edge and not instance.armed:
            reason = "not_armed"
        return {**told, "blocked": reason}

    def take_notices(self) -> list[Notice]:
        """Return and forget what there is to report beside firings; the same failure of a plugin comes once."""
        return self._notices.take()

    # Rules

    def put_rule(self, document: Mapping[str, Any]) -> list[Firing]:
        """Take a rule, new or edited, at the present instant; return the clears that an edit causes.

        Raises ``InvalidRuleError`` with every problem. Present values are observed without firing (ruling 14).
        """
        rule = self._compiler.compile(document)
        old = self._roster.states.get(rule.id)
        if old is None:
            self._enter(rule)
            return []
        if old.rule.evaluation_key == rule.evaluation_key and old.enabled == rule.enabled:
            for instance in self._roster.amend(old, rule, self.now_us):
                self._observe(instance)
            return []
        cleared = self._clear_active(old)
        self._roster.replace(old, rule, self.now_us)
        self._observe_all(old)
        return self._finish(cleared)

    def remove_rule(self, rule_id: str) -> list[Firing]:
        """Forget a rule; return the clears of its active instances. Raises ``UnknownRuleError``."""
        state = self._state(rule_id)
        cleared = self._clear_active(state)
        self._roster.remove(state)
        return self._finish(cleared)

    def set_enabled(self, rule_id: str, enabled: bool) -> list[Firing]:
        """Switch a rule; return the clears of active instances. Raises ``UnknownRuleError``."""
        return self._finish(self._switch(self._state(rule_id), 0, enabled=enabled))

    def rehouse(self, device_ids: Collection[str]) -> list[Firing]:
        """Follow devices that came to the directory, moved in it or left it; return the clears that this causes.

        What a room's or farm's rules remember stays; what they remember of a subject that is no more does not.
        """
        moved, gone = self._roster.rehouse(device_ids, self.now_us, self._observe)
        candidates = [candidate for _, instance in gone if instance.active for candidate in self._clearing(instance)]
        for instance in moved:
            self._look(instance, candidates, triggered=False, evaluating=False)
        firings = self._conclude(candidates, 0).firings if candidates else []
        for state, instance in gone:
            self._roster.dismiss(state, instance)
        return self._finish(firings)

    def run_rule(
        self,
        rule_id: str,
        *,
        device: str | None = None,
        room: str | None = None,
        farm: str | None = None,
        force: bool = False,
    ) -> RunResult:
        """Run a rule now, for the subjects that the device, room or farm concerns; all of them when none is named.

        It obeys everything but the edge; *force* skips conditions, edge and cooldown (ruling 16). Raises
        ``UnknownRuleError``.
        """
        result = self._run(self._state(rule_id), Concern(device, room, farm), 0, force=force)
        return RunResult(self._finish(result.firings), result.blocked)

    # The two entrances

    def handle(self, item: Reading | Event) -> list[Firing]:  # noqa: C901 - the way of every reading, in one piece
        """Take one reading or event and return what it and the timers before it caused, in order."""
        if item.__class__ is not Reading:
            return self._event(item)  # type: ignore[arg-type]
        reading: Reading = item
        received_us = reading.received_us
        firings: list[Firing] = []
        if self._resume_from_us is not None or self._timers.next_us < received_us:
            firings = self._arrive(received_us)
        elif received_us > self.now_us:
            self.now_us = received_us
        at_us = reading.at_us
        if at_us is None or at_us > received_us:
            if at_us is not None and at_us - received_us > MAX_AHEAD_US:
                self._refuse(reading.device, "*", "its clock is more than 5 minutes ahead")
                return firings
            at_us = received_us
        values = reading.values
        slot = value = None
        if len(values) == 1 and (slots := self._slots.get(reading.device)) is not None:
            ((sensor, value),) = values.items()
            slot = slots.get(sensor)
            # A newer number between the same two cuts, of a sensor for which nobody waits, changes nothing but itself.
            if (
                slot is not None
                and value.__class__ is float
                and slot.low < value <= slot.high
                and at_us > slot.at_us
                and self._timers.next_us > self.now_us
            ):
                slot.value = slot.number = value
                slot.at_us = at_us
                slot.heard_us = self.now_us
                return firings
        looks: dict[Instance, None] = {}
        if slot is not None and value.__class__ is float and value - value == 0.0 and at_us > slot.at_us:
            self._move(slot, value, at_us, looks)
            touched = [slot]
        else:
            touched = self._apply(reading.device, values, at_us, looks)
        if looks:
            candidates = self._look_at(looks, touched)
            if candidates:
                firings = firings + self._conclude(candidates, 0).firings
        if self._causes.waiting:
            firings = self._finish(firings)
        return firings

    def advance(self, now_us: int) -> list[Firing]:
        """Run every timer due up to and at *now_us* and return what fired; an earlier instant changes nothing."""
        firings = self._arrive(now_us)
        firings += self._run_timers(self.now_us)
        return firings

    # State across restarts

    def changed_state(self) -> dict[str, Any]:
        """Return, JSON-ready, what changed since the last call; ``merge_state`` adds it to what was kept."""
        return state_changes(self._roster, self.now_us)

    @classmethod
    def restore(  # noqa: PLR0913, PLR0917 - what a new engine takes, and what it goes on from
        cls,
        registry: Registry,
        directory: Directory | None,
        rules: Iterable[Mapping[str, Any]],
        state: Mapping[str, Any],
        timezone: str = "UTC",
        meter: Meter | None = None,
        compiler: RuleCompiler | None = None,
    ) -> Engine:
        """Return an engine that goes on from kept *state*; the first instant given to it ends the gap (ruling 18)."""
        engine = cls(registry, directory, timezone, meter, compiler)
        engine.now_us = state.get("now_us", 0)
        for document in rules:
            engine._roster.enter(engine._compiler.compile(document), engine.now_us)
        restore_into(engine._roster, engine._timers, state, engine.now_us)
        engine._resume_from_us = engine.now_us if state else None
        return engine

    # Time

    def _arrive(self, now_us: int) -> list[Firing]:
        """Let time come to *now_us*: a restart's gap first, then every timer due before it at its own instant."""
        firings: list[Firing] = []
        if self._resume_from_us is not None:
            firings += self._resume(now_us)
        if now_us > self.now_us:
            if self._timers.next_us < now_us:
                firings += self._run_timers(now_us - 1)
            self.now_us = now_us
        return firings

    def _run_timers(self, until_us: int) -> list[Firing]:
        firings: list[Firing] = []
        while (due_us := self._timers.next_due()) <= until_us:
            self.now_us = max(self.now_us, due_us)
            firings += self._timer_tick(due_us)
        return firings

    def _timer_tick(self, until_us: int) -> list[Firing]:
        """Run everything due by *until_us* as one tick at the present instant (ruling 2)."""
        now_us = self.now_us
        triggered: dict[Instance, bool] = {}
        candidates: list[Candidate] = []
        stale: list[Slot] = []
        delayed: list[Delayed] = []
        for waiting in list(self._timers.pop_due(until_us)):
            if isinstance(waiting, Instance):
                triggered[waiting] = self._interval_ends(waiting) or triggered.get(waiting, False)
            elif isinstance(waiting, ScheduleTimer):
                waiting.move(now_us)
                self._timers.schedule(waiting)
                triggered.update(dict.fromkeys(self._roster.scheduled(waiting, self._observe), True))
            elif isinstance(waiting, ExpiryTimer):
                candidates += self._expired(waiting.state)
            elif isinstance(waiting, StaleTimer):
                stale += self._roster.went_stale(waiting, now_us)
            elif isinstance(waiting, Delayed):
                delayed.append(waiting)
        self._look_at_timers(triggered, candidates)
        firings = self._conclude(candidates, 0).firings if candidates else []
        for slot in sorted(stale, key=lambda slot: (slot.device, slot.sensor)):
            self._sensor_event("sensor_stale", slot)
        for waiting in sorted(delayed, key=lambda item: item.serial):
            self._roster.undelay(waiting)
            self._causes.add(waiting.consequence, waiting.concern, waiting.depth)
        return self._finish(firings)

    def _interval_ends(self, instance: Instance) -> bool:
        """Tell whether an interval's end triggers the instance now; one that was evaluated already is dropped."""
        if instance.pending_us > self.now_us:
            return False
        instance.pending_us = FAR_US
        instance.dirty = True
        if instance.evaluated_us == self.now_us:
            return False
        instance.last_eval_us = self.now_us
        return True

    def _look_at_timers(self, triggered: dict[Instance, bool], candidates: list[Candidate]) -> None:
        moment = self._moment
        for instance, fires in triggered.items():
            moment.completed = False
            fresh = instance.evaluated_us != self.now_us
            self._look(instance, candidates, triggered=fires, evaluating=True)
            if moment.completed and fresh and not fires:
                self._trigger(instance, candidates)

    def _expired(self, state: RuleState) -> list[Candidate]:
        active = [instance for instance in state.instances.values() if instance.active]
        return [candidate for instance in active for candidate in self._clearing(instance)]

    def _resume(self, now_us: int) -> list[Firing]:
        """Go on after a restart: gaps to the durations, overdue timers once, then missed schedules (ruling 19)."""
        start_us, self._resume_from_us = self._resume_from_us or 0, None
        if now_us <= start_us:
            return []
        for instance in self._roster.instances():
            self._roster.restarted(instance, start_us, now_us)
        missed = self._roster.missed_runs(now_us)
        self.now_us = now_us
        firings = self._timer_tick(now_us - 1) if self._timers.next_due() < now_us else []
        for timer, count, late in missed:
            state = timer.state
            state.missed += count
            message = f"{count} scheduled runs fell into a stop; {late} made up for"
            self._notices.add(Notice("runs_missed", now_us, message, state.rule.id))
            for _ in range(late):
                candidates: list[Candidate] = []
                self._look_at_timers(dict.fromkeys(self._roster.scheduled(timer, self._observe), True), candidates)
                firings += self._finish(self._conclude(candidates, 0).firings)
        return firings

    # A reading

    def _apply(self, device: str, values: Mapping[str, Any], at_us: int, looks: dict[Instance, None]) -> list[Slot]:
        """Move the state: put each value in its slot, add to *looks* whom it can concern, return the slots moved."""
        slots = self._roster.slots_of(device)
        touched = []
        for sensor, value in values.items():
            slot = slots.get(sensor)
            if value.__class__ is not float or slot is None or value - value != 0.0:
                if isinstance(value, Mapping):
                    touched += self._apply_object(device, sensor, value, at_us, looks)
                    continue
                try:
                    value = accepted(value)  # noqa: PLW2901 - from here on it is the accepted value
                except RefusedReadingError as error:
                    self._refuse(device, sensor, str(error))
                    continue
                slot = slot or self._roster.slot(device, sensor)
            if at_us > slot.at_us or self._is_new(slot, value, at_us):
                self._move(slot, value, at_us, looks)
                touched.append(slot)
        return touched

    def _move(self, slot: Slot, value: Scalar | None, at_us: int, looks: dict[Instance, None]) -> None:
        """Put an accepted value in its slot and add to *looks* whom it can concern."""
        if slot.at_us == NEVER_US:
            self._roster.meet(slot, self.now_us, self._observe)
        if not slot.sorted:
            sort_cuts(slot)
        slot.at_us = at_us
        slot.heard_us = self.now_us
        if not slot.dirty or slot.stale:
            self._note(slot)
        crossed = slot.take(value)
        if crossed is None:
            looks.update(slot.watchers)
        else:
            for watched in crossed:
                if watched:
                    looks.update(watched)
        if slot.always:
            looks.update(slot.always)
        if slot.hot:
            looks.update(slot.hot)
        if self._timers.next_us <= self.now_us:
            # A boundary at this very instant counts for a reading of this instant, though its timer comes later.
            looks.update({instance: None for instance in slot.triggers if instance.due_us <= self.now_us})

    def _is_new(self, slot: Slot, value: Any, at_us: int) -> bool:
        """Tell whether a value that is not newer than the slot's replaces it; a late one or a duplicate is counted."""
        if at_us < slot.at_us:
            self.counts["late"] += 1
            return False
        if same_value(value, slot.value):
            self.counts["duplicate"] += 1
            return False
        return True

    def _note(self, slot: Slot) -> None:
        self._roster.touch(slot)
        if slot.stale:
            self._roster.hear_again(slot)
            self._sensor_event("sensor_recovered", slot)

    def _apply_object(
        self, device: str, sensor: str, value: Mapping[str, Any], at_us: int, looks: dict[Instance, None]
    ) -> list[Slot]:
        """Spread an object of numbers over sensors of their own, and trigger the sensor that it was sent as."""
        parts = flattened({sensor: value})
        good = {}
        for part, inner in parts.items():
            reason = part_refusal(inner)
            if reason is None:
                good[part] = inner
            else:
                self._refuse(device, part, reason)
        touched = self._apply(device, good, at_us, looks)
        if touched:
            whole = self._roster.slot(device, sensor)
            if whole.heard_us == NEVER_US:
                whole.heard_us = self.now_us
                self._roster.greet(whole, self.now_us, self._observe)
            looks.update(whole.always)
            looks.update(whole.hot)
            looks.update({instance: None for instance in whole.triggers if instance.due_us <= self.now_us})
            touched.append(whole)
        return touched

    def _look_at(self, looks: Mapping[Instance, None], touched: list[Slot]) -> list[Candidate]:
        """Look at everyone whom a reading can concern; return who would fire or clear."""
        candidates: list[Candidate] = []
        moment, now_us = self._moment, self.now_us
        moment.reading = True
        for instance in looks:
            if not instance.plain:
                triggered = self._triggered(instance, touched)
                self._look(instance, candidates, triggered=triggered, evaluating=triggered)
                continue
            truth = False if instance.limits and fails(instance) else instance.check(now_us)
            if truth is not instance.truth:
                instance.truth = truth
                self._roster.heat(instance)
            if truth is False:
                if instance.active or not instance.armed:
                    self._known_false(instance, candidates)
            elif truth is True:
                for slot in touched:
                    if instance in slot.triggers:
                        self._trigger(instance, candidates)
                        break
        moment.reading = False
        return candidates

    def _triggered(self, instance: Instance, touched: Iterable[Slot]) -> bool:
        """Tell whether the slots' readings start an evaluation now; one that must wait is noted (ruling 9)."""
        now_us = self.now_us
        triggered = False
        for slot in touched:
            interval_us = slot.triggers.get(instance)
            if interval_us is None:
                continue
            if interval_us == 0 or now_us - instance.last_eval_us >= interval_us:
                triggered = True
            else:
                instance.pending_us = min(instance.pending_us, instance.last_eval_us + interval_us)
                instance.dirty = True
        if instance.paced:
            if triggered:
                instance.last_eval_us = now_us
                instance.pending_us = FAR_US
                instance.dirty = True
            self._roster.reschedule(instance)
        return triggered

    def _refuse(self, device: str, sensor: str, reason: str) -> None:
        self.counts["refused"] += 1
        self._notices.add(Notice("reading_refused", self.now_us, f"{sensor}: {reason}", None, device))

    # Evaluate

    def _look(self, instance: Instance, candidates: list[Candidate], *, triggered: bool, evaluating: bool) -> None:
        """Look at an instance's conditions; arm, clear or offer it to fire as their truth says."""
        self._moment.evaluating = evaluating
        if instance.timed:
            instance.wakes.clear()
        truth = instance.check(self.now_us)
        if instance.timed:
            self._roster.reschedule(instance)
        if instance.states is not None:
            instance.dirty = True
        if instance.dirty:
            self._roster.dirty_instances[instance] = None
        if truth is not instance.truth:
            instance.truth = truth
            self._roster.heat(instance)
        if instance.limits:
            fails(instance)
        if truth is False and (instance.active or not instance.armed):
            self._known_false(instance, candidates)
        if triggered:
            self._trigger(instance, candidates)

    def _known_false(self, instance: Instance, candidates: list[Candidate]) -> None:
        if not instance.armed:
            instance.armed = True
            self._roster.mark(instance)
        if instance.active:
            candidates += self._clearing(instance)
        self._roster.heat(instance)

    def _clearing(self, instance: Instance) -> list[Candidate]:
        """End an instance's activity; return its clear, if an edit has not taken the clear actions away."""
        instance.active = False
        self._roster.mark(instance)
        if not instance.rule.clear_actions:
            return []
        return [Candidate(instance, self._roster.states[instance.rule.id], "cleared")]

    def _trigger(self, instance: Instance, candidates: list[Candidate]) -> None:
        instance.evaluated_us = self.now_us
        if instance.wants_trigger():
            candidates.append(Candidate(instance, self._roster.states[instance.rule.id], "fired"))

    def _observe(self, instance: Instance) -> None:
        """Look at present values without firing; nothing can be active yet."""
        self._look(instance, [], triggered=False, evaluating=False)

    def _observe_all(self, state: RuleState) -> None:
        for instance in self._roster.populate(state, self.now_us):
            self._observe(instance)

    # Decide

    def _conclude(self, candidates: list[Candidate], depth: int) -> Decision:
        """Decide a tick's candidates; queue what their firings cause."""
        decision = self._decider.decide(candidates, self.now_us, depth)
        for instance in decision.refused:
            message = f"more than {depth - 1} firings caused one another"
            rule_id, subject = instance.rule.id, instance.subject.id
            self._notices.add(Notice("rule_failed", self.now_us, message, rule_id, subject))
        announce = "rule_fired" in self._roster.listeners
        for firing, instance, consequences in decision.caused:
            self._roster.mark(instance)
            if instance.rule.edge or instance.truth is False:
                self._roster.heat(instance)
            if not consequences and not announce:
                continue
            concern = self._subjects.concern_of(instance.subject)
            for after_us, consequence in consequences:
                if after_us:
                    self._roster.delay(consequence, concern, depth + 1, self.now_us + after_us)
                else:
                    self._causes.add(consequence, concern, depth + 1)
            if announce and firing.kind == "fired" and firing.counted:
                data = {"rule_id": firing.rule_id, "rule": firing.rule, "subject": firing.subject}
                self._causes.waiting.append(Happening("rule_fired", data, concern, depth + 1))
        return decision

    def _finish(self, firings: list[Firing]) -> list[Firing]:
        """Run the later ticks at the same instant that firings cause, first in, first out (ruling 4)."""
        waiting = self._causes.waiting
        while waiting:
            cause = waiting.popleft()
            if isinstance(cause, Happening):
                firings = firings + self._happen(cause)
            elif isinstance(cause, Run):
                firings = firings + self._caused_run(cause)
            elif isinstance(cause, Control):
                firings = firings + self._control(cause)
        return firings

    def _caused_run(self, cause: Run) -> list[Firing]:
        state = self._roster.find(cause.rule)
        if state is None:
            self._notices.add(Notice("rule_failed", self.now_us, f"there is no rule {cause.rule!r} to run"))
            return []
        return self._run(state, cause.concern, cause.depth, force=cause.force).firings

    def _control(self, cause: Control) -> list[Firing]:
        state = self._roster.find(cause.rule)
        if state is None:
            self._notices.add(Notice("rule_failed", self.now_us, f"there is no rule {cause.rule!r} to switch"))
            return []
        enabled = not state.enabled if cause.operation == "toggle" else cause.operation == "enable"
        return self._switch(state, cause.depth, enabled=enabled)

    # Events and runs

    def _event(self, event: Event) -> list[Firing]:
        firings = self._arrive(event.at_us)
        concern = Concern(event.device, event.room, event.farm)
        self._causes.waiting.append(Happening(event.name, event.data, concern, 0))
        return self._finish(firings)

    def _sensor_event(self, name: str, slot: Slot) -> None:
        message = f"{slot.sensor} is silent" if name == "sensor_stale" else f"{slot.sensor} is heard again"
        self._notices.add(Notice(name, self.now_us, message, None, slot.device))
        self._causes.waiting.append(Happening(name, {"sensor": slot.sensor}, Concern(device=slot.device), 0))

    def _happen(self, cause: Happening) -> list[Firing]:
        """Run the tick of one event."""
        candidates: list[Candidate] = []
        for instance in self._roster.listening(cause, self._observe):
            self._look(instance, candidates, triggered=True, evaluating=True)
        return self._conclude(candidates, cause.depth).firings if candidates else []

    def _run(self, state: RuleState, concern: Concern, depth: int, *, force: bool) -> RunResult:
        """Run one rule for the subjects concerned."""
        subjects = [s for s in self._subjects.of_rule(state.rule) if self._subjects.concerned(concern, s)]
        reason: Reason | None = outside(state.rule, state, self.now_us)
        if not subjects:
            return RunResult([], {"": "no_subject"})
        if not state.enabled and reason is not None:
            return RunResult([], {subject.id: reason for subject in subjects})
        candidates: list[Candidate] = []
        for subject in subjects:
            instance = self._roster.known(state, subject, self._observe)
            self._look(instance, candidates, triggered=False, evaluating=True)
            instance.evaluated_us = self.now_us
            candidates.append(Candidate(instance, state, "fired", run=True, forced=force))
        decision = self._conclude(candidates, depth)
        return RunResult(decision.firings, decision.blocked)

    # The life of a rule

    def _state(self, rule_id: str) -> RuleState:
        state = self._roster.states.get(rule_id)
        if state is None:
            raise UnknownRuleError(f"there is no rule {rule_id!r}")
        return state

    def _enter(self, rule: CompiledRule) -> None:
        self._observe_all(self._roster.enter(rule, self.now_us))

    def _switch(self, state: RuleState, depth: int, *, enabled: bool) -> list[Firing]:
        if state.enabled == enabled:
            return []
        state.mark()
        if enabled:
            state.enabled = True
            self._observe_all(state)
            return []
        cleared = self._clear_active(state, depth)
        self._roster.switch_off(state)
        return cleared

    def _clear_active(self, state: RuleState, depth: int = 0) -> list[Firing]:
        candidates = self._expired(state)
        return self._conclude(candidates, depth).firings if candidates else []

    def _plugin_failed(self, fault: Fault) -> None:
        kind = f"{fault.kind}_failed"
        self.counts[kind] += 1
        notice = Notice(kind, self.now_us, fault.message, fault.rule_id, fault.subject, fault.plugin)
        self._notices.collapse(notice)
