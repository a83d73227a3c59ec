"""The pure core: readings, events and the time go in, firings come out. No I/O, no thread, no clock.

``handle`` reads as the way of a reading: state, index, evaluate, decide, and then the ticks that the firings cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen.clock import SECOND_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.errors import Problem, UnknownRuleError
from whenthen.extend.registry import Registry
from whenthen.flow.arrival import Arrivals
from whenthen.flow.causes import Happening
from whenthen.flow.decide import Decider, Reason
from whenthen.flow.due import Dues
from whenthen.flow.explaining import Explaining
from whenthen.flow.guard import Fault, Guard
from whenthen.flow.instance import Instance
from whenthen.flow.meter import Meter
from whenthen.flow.notices import Notices
from whenthen.flow.persist import instance_rows, merge_state, restore_into, state_changes
from whenthen.flow.placeholders import Placeholders
from whenthen.flow.rehousing import Rehousing
from whenthen.flow.roster import Roster
from whenthen.flow.rulestate import RuleState
from whenthen.flow.state import NEVER_US
from whenthen.flow.subjects import Concern, Subjects
from whenthen.flow.ticks import Ticks
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
        self._looks = self._roster.looks
        self._slots = self._roster.slots.by_device
        self._placeholders = Placeholders(self._roster.slots, self._subjects)
        self._rehousing = Rehousing(self._roster, self._subjects)
        decider = Decider(registry, self._subjects, self._placeholders.value, guard)
        self._explaining = Explaining(self._roster)
        self._ticks = Ticks(self._roster, self._subjects, decider, self._notices, self._explaining)
        self._dues = Dues(self._roster, self._timers, self._ticks, self._notices)
        self._arrivals = Arrivals(self._roster, self._timers, self._ticks, self._notices, self.counts)
        self._resume_from_us: int | None = None

    # What is asked

    @property
    def rule_ids(self) -> list[str]:
        """The ids of all rules, in order of evaluation."""
        return [state.rule.id for state in self._roster.ordered()]

    @property
    def evaluations(self) -> int:
        """How often the conditions of a rule were looked at, for one subject each."""
        return self._looks.count

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
        slot = self._roster.slots.find(device, sensor)
        return None if slot is None or slot.at_us == NEVER_US else (slot.value, slot.at_us)

    def heard(self, device: str) -> int:
        """Return how many sensors of a device were ever heard."""
        return sum(slot.at_us != NEVER_US for slot in self._slots.get(device, {}).values())

    def warnings(self, rule_id: str) -> list[Problem]:
        """Return what is doubtful about a rule: placeholders and functions that nobody knows (ruling 27)."""
        state = self._state(rule_id)
        return [problem for problem in state.rule.warnings if not self._placeholders.answers(problem)]

    def explain(self, rule_id: str, subject: str) -> dict[str, Any]:
        """Return why a rule would fire for a subject now, or would not, JSON-ready; nothing is changed by asking.

        ``truth`` of the whole and of each condition (``None``: unknown), the values that each read with their ages,
        ``due`` where time alone may change a truth, ``first_failed`` as a pointer into the rule; ``blocked`` with what
        else would keep it from firing, ``last_fired`` and ``can_fire_from``. Raises ``UnknownRuleError``; ``blocked``
        is ``no_subject`` for a subject that the rule does not have.
        """
        state = self._state(rule_id)
        instance = self._explaining.looked_at(state, subject)
        if instance is None:
            told: dict[str, Any] = {"rule_id": rule_id, "rule": state.rule.name, "subject": subject, "truth": None}
            return {**told, "conditions": [], "blocked": "no_subject" if state.enabled else "disabled"}
        explained = self._explaining.explained(instance, state, self.now_us)
        return {**explained, "blocked": "paused", "can_fire_from": None} if self.paused else explained

    @property
    def tracing(self) -> bool:
        """Whether every firing carries its ``trace``; off unless it is switched on."""
        return self._explaining.tracing

    @tracing.setter
    def tracing(self, on: bool) -> None:
        self._explaining.tracing = on

    @property
    def paused(self) -> bool:
        """Whether rules are held back: state moves, and nothing fires or clears until the pause ends."""
        return self._ticks.paused

    @paused.setter
    def paused(self, on: bool) -> None:
        self._ticks.paused = on

    def subjects(self, rule_id: str) -> list[str]:
        """Return the ids of a rule's subjects that are there now; raises ``UnknownRuleError``."""
        return [one.id for one in self._subjects.of_rule(self._state(rule_id).rule)]

    def last_fired(self, rule_id: str) -> dict[str, int]:
        """Return by subject when a rule last fired (microseconds); raises ``UnknownRuleError``."""
        state = self._state(rule_id)
        fired = {one.subject.id: one.fired_us for one in state.instances.values() if one.fired_us > NEVER_US}
        return {**state.cooled, **fired}

    def remembering(self, rule_id: str) -> set[str]:
        """Return the paths of a rule's conditions that remember something; raises ``UnknownRuleError``."""
        return {path for one in self._state(rule_id).instances.values() for path in one.states or ()}

    def kept(self, rule_id: str) -> dict[str, Any]:
        """Return by subject what a rule remembers, as ``changed_state`` tells it; raises ``UnknownRuleError``."""
        return instance_rows(self._state(rule_id), self._roster.guard)

    def recall(self, rule_id: str, fired_us: Mapping[str, int], count: int) -> None:
        """Have a rule take a history's word for when it last fired, by subject, and how often in all.

        A subject for which it fired at another instant than it remembers is armed only if its conditions are known
        false now. Raises ``UnknownRuleError``.
        """
        self._explaining.recall(self._state(rule_id), fired_us, count)

    def take_notices(self) -> list[Notice]:
        """Return and forget what there is to report beside firings; the same failure of a plugin comes once."""
        return self._notices.take()

    # Rules

    def put_rule(self, document: Mapping[str, Any]) -> list[Firing]:
        """Take a rule, new or edited, at the present instant; return the clears that an edit causes.

        Raises ``InvalidRuleError`` with every problem. Present values are observed without firing (ruling 14).
        """
        return self.put_compiled(self._compiler.compile(document))

    def put_compiled(self, rule: CompiledRule) -> list[Firing]:
        """Take a rule that is compiled already, as ``put_rule`` does; one thread at a time may use it."""
        old = self._roster.states.get(rule.id)
        if old is None:
            self._roster.observe(self._roster.enter(rule, self.now_us), self.now_us)
            return []
        if old.rule.evaluation_key == rule.evaluation_key and old.enabled == rule.enabled:
            for instance in self._roster.amend(old, rule, self.now_us):
                self._looks.observe(instance, self.now_us)
            return []
        cleared = self._ticks.clear(old, self.now_us)
        self._roster.replace(old, rule, self.now_us)
        self._roster.observe(old, self.now_us)
        return self._ticks.finish(cleared, self.now_us)

    def remove_rule(self, rule_id: str) -> list[Firing]:
        """Forget a rule; return the clears of its active instances. Raises ``UnknownRuleError``."""
        state = self._state(rule_id)
        cleared = self._ticks.clear(state, self.now_us)
        self._roster.remove(state)
        return self._ticks.finish(cleared, self.now_us)

    def set_enabled(self, rule_id: str, enabled: bool) -> list[Firing]:
        """Switch a rule; return the clears of active instances. Raises ``UnknownRuleError``."""
        switched = self._ticks.switch(self._state(rule_id), self.now_us, enabled=enabled)
        return self._ticks.finish(switched, self.now_us)

    def rehouse(self, device_ids: Collection[str]) -> list[Firing]:
        """Follow devices that came to the directory, moved in it or left it; return the clears that this causes.

        What a room's or farm's rules remember stays; what they remember of a subject that is no more does not.
        """
        moved, gone = self._rehousing.follow(device_ids, self.now_us)
        candidates = [found for _, one in gone if one.active for found in self._looks.clearing(one)]
        for instance in moved:
            self._looks.look(instance, candidates, self.now_us, triggered=False, evaluating=False)
        firings = self._ticks.conclude(candidates, self.now_us).firings if candidates else []
        for state, instance in gone:
            self._roster.dismiss(state, instance)
        return self._ticks.finish(firings, self.now_us)

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
        run = self._ticks.run(self._state(rule_id), Concern(device, room, farm), self.now_us, force=force)
        return RunResult(self._ticks.finish(run.firings, self.now_us), run.blocked)

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
                self._arrivals.refuse(reading.device, "*", "its clock is more than 5 minutes ahead", self.now_us)
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
            self._arrivals.move(slot, value, at_us, self.now_us, looks)
            touched = [slot]
        else:
            touched = self._arrivals.apply(reading.device, values, at_us, self.now_us, looks)
        if looks:
            candidates = self._arrivals.look(looks, touched, self.now_us)
            if candidates:
                firings = firings + self._ticks.conclude(candidates, self.now_us).firings
        if self._ticks.waiting:
            firings = self._ticks.finish(firings, self.now_us)
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
        *,
        gap: bool = True,
    ) -> Engine:
        """Return an engine that goes on from kept *state*; the first instant given to it ends the *gap* (ruling 18)."""
        engine = cls(registry, directory, timezone, meter, compiler)
        engine.now_us = state.get("now_us", 0)
        for document in rules:
            engine._roster.enter(engine._compiler.compile(document), engine.now_us)
        restore_into(engine._roster, state, engine.now_us)
        engine._resume_from_us = engine.now_us if state and gap else None
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
            firings += self._dues.tick(due_us, self.now_us)
        return firings

    def _resume(self, now_us: int) -> list[Firing]:
        """End the gap that a restart left."""
        start_us, self._resume_from_us = self._resume_from_us or 0, None
        if now_us <= start_us:
            return []
        self.now_us = now_us
        return self._dues.resume(start_us, now_us)

    def _event(self, event: Event) -> list[Firing]:
        firings = self._arrive(event.at_us)
        self._ticks.waiting.append(Happening(event.name, event.data, Concern(event.device, event.room, event.farm), 0))
        return self._ticks.finish(firings, self.now_us)

    def _state(self, rule_id: str) -> RuleState:
        state = self._roster.states.get(rule_id)
        if state is None:
            raise UnknownRuleError(f"there is no rule {rule_id!r}")
        return state

    def _plugin_failed(self, fault: Fault) -> None:
        kind = f"{fault.kind}_failed"
        self.counts[kind] += 1
        notice = Notice(kind, self.now_us, fault.message, fault.rule_id, fault.subject, fault.plugin)
        self._notices.collapse(notice)
