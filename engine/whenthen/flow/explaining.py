"""Why instances are as they are: asked at any time, or told with every firing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whenthen.flow.decide import Decision
from whenthen.flow.index import heat
from whenthen.flow.instance import Instance
from whenthen.flow.roster import Roster
from whenthen.flow.rulestate import RuleState
from whenthen.flow.state import NEVER_US
from whenthen.flow.trace import Trace, standing
from whenthen.model.firing import Firing


class Explaining:
    """Explains instances; with *tracing* every firing carries its reasons."""

    def __init__(self, roster: Roster) -> None:
        self.tracing = False
        self._roster = roster

    def looked_at(self, state: RuleState, subject_id: str) -> Instance | None:
        """Return the instance for a subject, or one that remembers nothing for a subject that has none just now."""
        instance = state.instances.get(subject_id)
        if instance is None:
            subject = next((one for one in self._roster.subjects.of_rule(state.rule) if one.id == subject_id), None)
            if subject is not None:
                instance = Instance(state.rule, subject)
                instance.fired_us = state.cooled.get(subject_id, NEVER_US)
        return instance

    def explained(
        self, instance: Instance, state: RuleState, now_us: int, firing: Firing | None = None
    ) -> dict[str, Any]:
        """Return why an instance's conditions are what they are, and leave them as they are.

        Of a *firing* that comes of them just now, nothing has kept it, whatever keeps the next.
        """
        told = {"rule_id": state.rule.id, "rule": state.rule.name, "subject": instance.subject.id}
        zone = self._roster.subjects.place(instance.subject).zone
        told |= Trace(instance, self._roster.around, zone).of(now_us)
        told |= standing(instance, state, now_us)
        return told if firing is None else {**told, "blocked": None, "kind": firing.kind}

    def trace(self, decision: Decision, now_us: int) -> None:
        """Give each firing the reasons that hold at this very instant: later readings are not to be among them."""
        states = self._roster.states
        decision.firings = [
            replace(firing, trace=self.explained(instance, states[instance.rule.id], now_us, firing))
            for firing, instance, _ in decision.caused
        ]

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
                self._roster.changes.mark(instance)
                heat(instance)
