"""What timers do when their instant comes, and what those do that fell due during a stop."""

from __future__ import annotations

from dataclasses import dataclass, field

from whenthen.flow.decide import Candidate
from whenthen.flow.instance import Instance
from whenthen.flow.notices import Notices
from whenthen.flow.roster import Roster
from whenthen.flow.rulestate import Delayed, ExpiryTimer, ScheduleTimer, StaleTimer
from whenthen.flow.state import Slot
from whenthen.flow.ticks import Ticks
from whenthen.flow.timers import FAR_US, Timers, Waiting
from whenthen.model.firing import Firing, Notice


@dataclass(slots=True)
class _Due:
    """What falls due at one instant: instances and whether they are triggered, clears, silences, consequences."""

    looks: dict[Instance, bool] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    stale: list[Slot] = field(default_factory=list)
    delayed: list[Delayed] = field(default_factory=list)


class Dues:
    """Runs what is due."""

    def __init__(self, roster: Roster, timers: Timers, ticks: Ticks, notices: Notices) -> None:
        self._roster = roster
        self._timers = timers
        self._ticks = ticks
        self._notices = notices

    def tick(self, until_us: int, now_us: int) -> list[Firing]:
        """Run everything due by *until_us* as one tick at the present instant (ruling 2)."""
        due = _Due()
        for waiting in list(self._timers.pop_due(until_us)):
            self._collect(waiting, due, now_us)
        self._roster.looks.look_when_due(due.looks, due.candidates, now_us)
        firings = self._ticks.conclude(due.candidates, now_us).firings if due.candidates else []
        for slot in sorted(due.stale, key=lambda slot: (slot.device, slot.sensor)):
            self._ticks.sensor_event("sensor_stale", slot, now_us)
        for delayed in sorted(due.delayed, key=lambda item: item.serial):
            self._ticks.come_due(delayed)
        return self._ticks.finish(firings, now_us)

    def resume(self, start_us: int, now_us: int) -> list[Firing]:
        """Go on after a stop: gaps to the durations, overdue timers once, then missed schedules (ruling 19)."""
        for instance in self._roster.instances():
            self._roster.restarted(instance, start_us, now_us)
        missed = self._roster.schedules.missed(self._roster.ordered(), now_us)
        firings = self.tick(now_us - 1, now_us) if self._timers.next_due() < now_us else []
        for timer, count, late in missed:
            timer.state.missed += count
            message = f"{count} scheduled runs fell into a stop; {late} made up for"
            self._notices.add(Notice("runs_missed", now_us, message, timer.state.rule.id))
            for _ in range(late):
                firings += self._scheduled_run(timer, now_us)
        return firings

    def _collect(self, waiting: Waiting, due: _Due, now_us: int) -> None:
        """Add to *due* what one timer stands for; a schedule goes on to its next run."""
        if isinstance(waiting, Instance):
            due.looks[waiting] = _interval_ends(waiting, now_us) or due.looks.get(waiting, False)
        elif isinstance(waiting, ScheduleTimer):
            self._roster.schedules.go_on(waiting, now_us)
            due.looks.update(dict.fromkeys(self._roster.scheduled(waiting, now_us), True))
        elif isinstance(waiting, ExpiryTimer):
            due.candidates += self._roster.looks.clearing_all(waiting.state)
        elif isinstance(waiting, StaleTimer):
            due.stale += self._roster.silences.went_stale(waiting, now_us)
        elif isinstance(waiting, Delayed):
            due.delayed.append(waiting)

    def _scheduled_run(self, timer: ScheduleTimer, now_us: int) -> list[Firing]:
        """Run a schedule as a tick of its own."""
        candidates: list[Candidate] = []
        looks = dict.fromkeys(self._roster.scheduled(timer, now_us), True)
        self._roster.looks.look_when_due(looks, candidates, now_us)
        return self._ticks.finish(self._ticks.conclude(candidates, now_us).firings, now_us)


def _interval_ends(instance: Instance, now_us: int) -> bool:
    """Tell whether an interval's end triggers the instance now; one that was evaluated already is dropped."""
    if instance.pending_us > now_us:
        return False
    instance.pending_us = FAR_US
    instance.dirty = True
    if instance.evaluated_us == now_us:
        return False
    instance.last_eval_us = now_us
    return True
