"""A reading arrives: its values move slots, and everyone whom that can concern is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from whenthen.errors import RefusedReadingError
from whenthen.flow.decide import Candidate
from whenthen.flow.index import fails, heat, sort_cuts
from whenthen.flow.instance import Instance
from whenthen.flow.notices import Notices
from whenthen.flow.roster import Roster
from whenthen.flow.state import NEVER_US, Slot, accepted, flattened, part_refusal, same_value
from whenthen.flow.ticks import Ticks
from whenthen.flow.timers import FAR_US, Timers
from whenthen.model.firing import Notice
from whenthen.model.reading import Scalar


class Arrivals:
    """Moves the state of sensors; *counts* counts readings that are refused, late or there already."""

    def __init__(self, roster: Roster, timers: Timers, ticks: Ticks, notices: Notices, counts: Counter[str]) -> None:
        self._roster = roster
        self._slots = roster.slots
        self._looks = roster.looks
        self._moment = roster.moment
        self._timers = timers
        self._ticks = ticks
        self._notices = notices
        self._counts = counts

    def apply(
        self, device: str, values: Mapping[str, Any], at_us: int, now_us: int, looks: dict[Instance, None]
    ) -> list[Slot]:
        """Put each value in its slot, add to *looks* whom it can concern, return the slots moved."""
        slots = self._slots.of(device)
        touched = []
        for sensor, value in values.items():
            slot = slots.get(sensor)
            if value.__class__ is not float or slot is None or value - value != 0.0:
                if isinstance(value, Mapping):
                    touched += self._apply_object(device, sensor, value, at_us, now_us, looks)
                    continue
                try:
                    value = accepted(value)  # noqa: PLW2901 - from here on it is the accepted value
                except RefusedReadingError as error:
                    self.refuse(device, sensor, str(error), now_us)
                    continue
                slot = slot or self._slots.slot(device, sensor)
            if at_us > slot.at_us or self._is_new(slot, value, at_us):
                self.move(slot, value, at_us, now_us, looks)
                touched.append(slot)
        return touched

    def move(self, slot: Slot, value: Scalar | None, at_us: int, now_us: int, looks: dict[Instance, None]) -> None:
        """Put an accepted value in its slot and add to *looks* whom it can concern."""
        if slot.at_us == NEVER_US:
            self._roster.meet(slot, now_us)
        if not slot.sorted:
            sort_cuts(slot)
        slot.at_us = at_us
        slot.heard_us = now_us
        if not slot.dirty or slot.stale:
            self._note(slot, now_us)
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
        if self._timers.next_us <= now_us:
            # A boundary at this very instant counts for a reading of this instant, though its timer comes later.
            looks.update({instance: None for instance in slot.triggers if instance.due_us <= now_us})

    def refuse(self, device: str, sensor: str, reason: str, now_us: int) -> None:
        """Count and tell of a value that is not taken."""
        self._counts["refused"] += 1
        self._notices.add(Notice("reading_refused", now_us, f"{sensor}: {reason}", None, device))

    def look(self, looks: Mapping[Instance, None], touched: list[Slot], now_us: int) -> list[Candidate]:
        """Look at everyone whom a reading can concern; return who would fire or clear."""
        candidates: list[Candidate] = []
        moment, inner = self._moment, self._looks
        moment.reading = True
        plain = len(looks)
        for instance in looks:
            if not instance.plain:
                plain -= 1
                triggered = self._triggered(instance, touched, now_us)
                inner.look(instance, candidates, now_us, triggered=triggered, evaluating=triggered)
                continue
            truth = False if instance.limits and fails(instance) else instance.check(now_us)
            if truth is not instance.truth:
                instance.truth = truth
                heat(instance)
            if truth is False:
                if instance.active or not instance.armed:
                    inner.known_false(instance, candidates)
            elif truth is True:
                for slot in touched:
                    if instance in slot.triggers:
                        inner.trigger(instance, candidates, now_us)
                        break
        moment.reading = False
        inner.count += plain
        return candidates

    def _is_new(self, slot: Slot, value: Any, at_us: int) -> bool:
        """Tell whether a value that is not newer than the slot's replaces it; a late one or a duplicate is counted."""
        if at_us < slot.at_us:
            self._counts["late"] += 1
            return False
        if same_value(value, slot.value):
            self._counts["duplicate"] += 1
            return False
        return True

    def _note(self, slot: Slot, now_us: int) -> None:
        self._roster.changes.touch(slot)
        if slot.stale:
            self._roster.silences.hear_again(slot)
            self._ticks.sensor_event("sensor_recovered", slot, now_us)

    def _apply_object(  # noqa: PLR0913, PLR0917 - one value of a reading, and all that is known of it
        self,
        device: str,
        sensor: str,
        value: Mapping[str, Any],
        at_us: int,
        now_us: int,
        looks: dict[Instance, None],
    ) -> list[Slot]:
        """Spread an object of numbers over sensors of their own, and trigger the sensor that it was sent as."""
        parts = flattened({sensor: value})
        good = {}
        for part, inner in parts.items():
            reason = part_refusal(inner)
            if reason is None:
                good[part] = inner
            else:
                self.refuse(device, part, reason, now_us)
        touched = self.apply(device, good, at_us, now_us, looks)
        if touched:
            whole = self._slots.slot(device, sensor)
            if whole.heard_us == NEVER_US:
                whole.heard_us = now_us
                self._roster.greet(whole, now_us)
            looks.update(whole.always)
            looks.update(whole.hot)
            looks.update({instance: None for instance in whole.triggers if instance.due_us <= now_us})
            touched.append(whole)
        return touched

    def _triggered(self, instance: Instance, touched: Iterable[Slot], now_us: int) -> bool:
        """Tell whether the slots' readings start an evaluation now; one that must wait is noted (ruling 9)."""
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
            self._looks.reschedule(instance)
        return triggered
