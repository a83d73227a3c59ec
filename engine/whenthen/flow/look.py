"""One look at an instance: what its conditions' truth arms, clears or offers to fire."""

from __future__ import annotations

from collections.abc import Mapping

from whenthen.extend.condition import Moment
from whenthen.flow.changes import Changes
from whenthen.flow.decide import Candidate
from whenthen.flow.index import fails, heat
from whenthen.flow.instance import Instance
from whenthen.flow.rulestate import RuleState
from whenthen.flow.timers import FAR_US, Timers


class Looks:
    """Looks at instances; those that would fire or clear are added to the candidates of the present tick.

    *count* is how many looks were taken, those of ``Arrivals`` at plain instances among them.
    """

    def __init__(self, moment: Moment, states: Mapping[str, RuleState], timers: Timers, changes: Changes) -> None:
        self._moment = moment
        self._states = states
        self._timers = timers
        self._changes = changes
        self.count = 0

    def look(
        self, instance: Instance, candidates: list[Candidate], now_us: int, *, triggered: bool, evaluating: bool
    ) -> None:
        """Look at an instance's conditions; arm, clear or offer it to fire as their truth says."""
        self._moment.evaluating = evaluating
        self.count += 1
        if instance.timed:
            instance.wakes.clear()
        truth = instance.check(now_us)
        if instance.timed:
            self.reschedule(instance)
        if instance.states is not None:
            instance.dirty = True
        if instance.dirty:
            self._changes.instances[instance] = None
        if truth is not instance.truth:
            instance.truth = truth
            if instance.timed:  # of others a restart works it out anew
                self._changes.mark(instance)
            heat(instance)
        if instance.limits:
            fails(instance)
        if truth is False and (instance.active or not instance.armed):
            self.known_false(instance, candidates)
        if triggered:
            self.trigger(instance, candidates, now_us)

    def observe(self, instance: Instance, now_us: int) -> None:
        """Look at present values without firing; nothing can be active yet."""
        self.look(instance, [], now_us, triggered=False, evaluating=False)

    def look_when_due(self, due: Mapping[Instance, bool], candidates: list[Candidate], now_us: int) -> None:
        """Look at instances whose time has come, some of them triggered; a duration that completes triggers, too."""
        moment = self._moment
        for instance, triggered in due.items():
            moment.completed = False
            fresh = instance.evaluated_us != now_us
            self.look(instance, candidates, now_us, triggered=triggered, evaluating=True)
            if moment.completed and fresh and not triggered:
                self.trigger(instance, candidates, now_us)

    def trigger(self, instance: Instance, candidates: list[Candidate], now_us: int) -> None:
        """Evaluate a trigger on what the present look found."""
        instance.evaluated_us = now_us
        if instance.wants_trigger():
            candidates.append(Candidate(instance, self._states[instance.rule.id], "fired"))

    def known_false(self, instance: Instance, candidates: list[Candidate]) -> None:
        """Arm an instance again, and clear it if it was active."""
        if not instance.armed:
            instance.armed = True
            self._changes.mark(instance)
        if instance.active:
            candidates += self.clearing(instance)
        heat(instance)

    def clearing(self, instance: Instance) -> list[Candidate]:
        """End an instance's activity; return its clear, if an edit has not taken the clear actions away."""
        instance.active = False
        self._changes.mark(instance)
        if not instance.rule.clear_actions:
            return []
        return [Candidate(instance, self._states[instance.rule.id], "cleared")]

    def clearing_all(self, state: RuleState) -> list[Candidate]:
        """End the activity of all of a rule's instances."""
        active = [instance for instance in state.instances.values() if instance.active]
        return [candidate for instance in active for candidate in self.clearing(instance)]

    def reschedule(self, instance: Instance) -> None:
        """Have an instance come up when its earliest timer is due."""
        due_us = min(instance.pending_us, *instance.wakes, FAR_US)
        if due_us != instance.due_us:
            instance.due_us = due_us
            self._timers.schedule(instance)
