"""A rule's own timers: its scheduled triggers, one for each place where it runs, and the end of its validity."""

from __future__ import annotations

from collections.abc import Iterable

from whenthen.extend.trigger import Place
from whenthen.flow.guard import Guard
from whenthen.flow.rulestate import ExpiryTimer, RuleState, ScheduleTimer
from whenthen.flow.subjects import Subjects
from whenthen.flow.timers import FAR_US, Timers
from whenthen.ports import Device

MAX_MISSED = 100_000
"""So many missed runs of one schedule are counted after a stop; more are not told apart."""

MAX_MADE_UP = 10
"""So many missed runs ``misfire: all`` makes up for."""


class Schedules:
    """Sets and stops the timers of rules."""

    def __init__(self, subjects: Subjects, timers: Timers, guard: Guard) -> None:
        self._subjects = subjects
        self._timers = timers
        self._guard = guard

    def start(self, state: RuleState, now_us: int) -> None:
        """Set the timers of an enabled rule."""
        if not state.enabled:
            return
        for place in self._places(state):
            self._start_at(state, place, now_us)
        self.expire(state)

    def stop(self, state: RuleState) -> None:
        """Forget the timers of a rule."""
        for timer in state.schedules:
            timer.due_us = FAR_US
        state.schedules = []
        self._never_expire(state)

    def settle(self, state: RuleState, now_us: int) -> None:
        """Let a rule whose subjects came, moved or went run where they are now, and nowhere else."""
        if not state.schedules:
            return
        places = self._places(state)
        for timer in [timer for timer in state.schedules if timer.place not in places]:
            timer.due_us = FAR_US
            state.schedules.remove(timer)
            state.mark()
        for place in places:
            self._follow(state, place, now_us)

    def bring(self, states: Iterable[RuleState], device: Device, now_us: int) -> None:
        """Let rules run at the place of a device that nobody knew."""
        for state in states:
            subject = self._subjects.of_device(state.rule.scope, device) if state.schedules else None
            if subject is not None and not state.rule.global_subject:
                self._follow(state, self._subjects.place(subject), now_us)

    def expire(self, state: RuleState) -> None:
        """Set the end of a rule's validity anew, if there is anything to clear then."""
        self._never_expire(state)
        until_us = state.rule.valid_until_us
        if until_us is not None and state.rule.clear_actions:
            state.expiry = ExpiryTimer(state, until_us)
            self._timers.schedule(state.expiry)

    def go_on(self, timer: ScheduleTimer, cursor_us: int) -> None:
        """Let a schedule go on after what it has run up to."""
        timer.move(cursor_us)
        self._timers.schedule(timer)

    def missed(self, states: Iterable[RuleState], now_us: int) -> list[tuple[ScheduleTimer, int, int]]:
        """Move every schedule past a stop; return how many runs each missed, and how many to make up for."""
        missed = []
        for state in states:
            for timer in state.schedules:
                runs = _runs_before(timer, now_us)
                if not runs:
                    continue
                self.go_on(timer, runs[-1])
                fresh = sum(now_us - run_us <= state.rule.misfire_grace_us for run_us in runs)
                late = {"skip": 0, "once": min(fresh, 1), "all": min(fresh, MAX_MADE_UP)}[state.rule.misfire]
                missed.append((timer, len(runs), late))
        return missed

    def _places(self, state: RuleState) -> list[Place]:
        """Return where a rule's subjects are; a rule without any runs at the default place."""
        subjects = self._subjects.of_rule(state.rule)
        return [*dict.fromkeys(map(self._subjects.place, subjects))] or [self._subjects.default_place]

    def _follow(self, state: RuleState, place: Place, now_us: int) -> None:
        """Let a rule run at a place, if it does not run there yet."""
        if all(timer.place != place for timer in state.schedules):
            self._start_at(state, place, now_us)

    def _start_at(self, state: RuleState, place: Place, now_us: int) -> None:
        for index, wanted in enumerate(state.rule.triggers):
            timetable = self._guard.schedule(state.rule, wanted, place)
            if timetable is not None:
                key = f"{index} {place.zone} {place.latitude} {place.longitude}"
                timer = ScheduleTimer(state, key, place, timetable, now_us)
                state.schedules.append(timer)
                self._timers.schedule(timer)

    def _never_expire(self, state: RuleState) -> None:
        if state.expiry is not None:
            state.expiry.due_us = FAR_US
            state.expiry = None


def _runs_before(timer: ScheduleTimer, now_us: int) -> list[int]:
    """Return the instants at which a schedule should have run before *now_us*."""
    runs: list[int] = []
    due_us: int | None = timer.due_us
    while due_us is not None and due_us < now_us and len(runs) < MAX_MISSED:
        runs.append(due_us)
        due_us = timer.schedule.next_after(due_us)
    return runs
