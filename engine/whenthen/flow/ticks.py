"""A tick ends: its candidates are decided, and what its firings cause runs in later ticks of the same instant."""

from __future__ import annotations

from whenthen.flow.causes import Causes, Control, Happening, Run
from whenthen.flow.decide import Candidate, Decider, Decision, Reason, outside
from whenthen.flow.explaining import Explaining
from whenthen.flow.index import heat
from whenthen.flow.notices import Notices
from whenthen.flow.roster import Roster
from whenthen.flow.rulestate import Delayed, RuleState
from whenthen.flow.state import Slot
from whenthen.flow.subjects import Concern, Subjects
from whenthen.model.firing import Firing, Notice


class Ticks:
    """Decides ticks and runs what they cause; ``waiting`` is the queue of ticks still to come at this instant.

    While it is *paused*, state moves and nothing fires or clears; what would have cleared does so afterwards.
    """

    def __init__(
        self, roster: Roster, subjects: Subjects, decider: Decider, notices: Notices, explaining: Explaining
    ) -> None:
        self._roster = roster
        self._explaining = explaining
        self._looks = roster.looks
        self._subjects = subjects
        self._decider = decider
        self._notices = notices
        self._causes = Causes()
        self.waiting = self._causes.waiting
        self.paused = False

    def conclude(self, candidates: list[Candidate], now_us: int, depth: int = 0) -> Decision:
        """Decide a tick's candidates; queue what their firings cause."""
        if self.paused:
            return self._held_back(candidates)
        decision = self._decider.decide(candidates, now_us, depth)
        if self._explaining.tracing:
            self._explaining.trace(decision, now_us)
        for instance in decision.refused:
            message = f"more than {depth - 1} firings caused one another"
            rule_id, subject = instance.rule.id, instance.subject.id
            self._notices.add(Notice("rule_failed", now_us, message, rule_id, subject))
        announce = "rule_fired" in self._roster.listing.listeners
        for firing, instance, consequences in decision.caused:
            self._roster.changes.mark(instance)
            if instance.rule.edge or instance.truth is False:
                heat(instance)
            if not consequences and not announce:
                continue
            concern = self._subjects.concern_of(instance.subject)
            for after_us, consequence in consequences:
                if after_us:
                    self._roster.delays.add(consequence, concern, depth + 1, now_us + after_us)
                else:
                    self._causes.add(consequence, concern, depth + 1)
            if announce and firing.kind == "fired" and firing.counted:
                data = {"rule_id": firing.rule_id, "rule": firing.rule, "subject": firing.subject}
                self.waiting.append(Happening("rule_fired", data, concern, depth + 1))
        return decision

    def _held_back(self, candidates: list[Candidate]) -> Decision:
        """Decide nothing; whoever would clear stays active, so that it clears once there is no pause."""
        for candidate in candidates:
            if candidate.kind == "cleared":
                candidate.instance.active = True
                self._roster.changes.mark(candidate.instance)
                heat(candidate.instance)
        return Decision(blocked={candidate.instance.subject.id: "paused" for candidate in candidates})

    def finish(self, firings: list[Firing], now_us: int) -> list[Firing]:
        """Run the later ticks at the same instant that firings cause, first in, first out (ruling 4)."""
        while self.waiting:
            cause = self.waiting.popleft()
            if isinstance(cause, Happening):
                firings = firings + self._happen(cause, now_us)
            elif isinstance(cause, Run):
                firings = firings + self._caused_run(cause, now_us)
            elif isinstance(cause, Control):
                firings = firings + self._control(cause, now_us)
        return firings

    # What causes them

    def sensor_event(self, name: str, slot: Slot, now_us: int) -> None:
        """Tell of a sensor that fell silent or is heard again, and queue the tick of that event."""
        message = f"{slot.sensor} is silent" if name == "sensor_stale" else f"{slot.sensor} is heard again"
        self._notices.add(Notice(name, now_us, message, None, slot.device))
        self.waiting.append(Happening(name, {"sensor": slot.sensor}, Concern(device=slot.device), 0))

    def come_due(self, delayed: Delayed) -> None:
        """Queue the tick of a consequence that was put off until now."""
        self._roster.delays.remove(delayed)
        self._causes.add(delayed.consequence, delayed.concern, delayed.depth)

    def _happen(self, cause: Happening, now_us: int) -> list[Firing]:
        """Run the tick of one event."""
        candidates: list[Candidate] = []
        for instance in self._roster.listening(cause, now_us):
            self._looks.look(instance, candidates, now_us, triggered=True, evaluating=True)
        return self.conclude(candidates, now_us, cause.depth).firings if candidates else []

    def _caused_run(self, cause: Run, now_us: int) -> list[Firing]:
        state = self._roster.find(cause.rule)
        if state is None:
            self._notices.add(Notice("rule_failed", now_us, f"there is no rule {cause.rule!r} to run"))
            return []
        return self.run(state, cause.concern, now_us, cause.depth, force=cause.force).firings

    def _control(self, cause: Control, now_us: int) -> list[Firing]:
        state = self._roster.find(cause.rule)
        if state is None:
            self._notices.add(Notice("rule_failed", now_us, f"there is no rule {cause.rule!r} to switch"))
            return []
        enabled = not state.enabled if cause.operation == "toggle" else cause.operation == "enable"
        return self.switch(state, now_us, cause.depth, enabled=enabled)

    # What a person, or another rule, does to a rule

    def run(self, state: RuleState, concern: Concern, now_us: int, depth: int = 0, *, force: bool) -> Decision:
        """Run one rule for the subjects concerned."""
        subjects = [s for s in self._subjects.of_rule(state.rule) if self._subjects.concerned(concern, s)]
        reason: Reason | None = outside(state.rule, state, now_us)
        if not subjects:
            return Decision(blocked={"": "no_subject"})
        if not state.enabled and reason is not None:
            return Decision(blocked={subject.id: reason for subject in subjects})
        candidates: list[Candidate] = []
        for subject in subjects:
            instance = self._roster.known(state, subject, now_us)
            self._looks.look(instance, candidates, now_us, triggered=False, evaluating=True)
            instance.evaluated_us = now_us
            candidates.append(Candidate(instance, state, "fired", run=True, forced=force))
        return self.conclude(candidates, now_us, depth)

    def switch(self, state: RuleState, now_us: int, depth: int = 0, *, enabled: bool) -> list[Firing]:
        """Switch a rule; return the clears of active instances."""
        if state.enabled == enabled:
            return []
        state.mark()
        if enabled:
            state.enabled = True
            self._roster.observe(state, now_us)
            return []
        cleared = self.clear(state, now_us, depth)
        self._roster.switch_off(state)
        return cleared

    def clear(self, state: RuleState, now_us: int, depth: int = 0) -> list[Firing]:
        """Clear a rule's active instances."""
        candidates = self._looks.clearing_all(state)
        return self.conclude(candidates, now_us, depth).firings if candidates else []
