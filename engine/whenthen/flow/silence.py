"""Sensors that fall silent: a timer for each that somebody listens for, moved on by every reading that comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whenthen.clock import seconds_us
from whenthen.flow.changes import Changes
from whenthen.flow.rulestate import StaleTimer
from whenthen.flow.state import Slot
from whenthen.flow.subjects import Subjects
from whenthen.flow.timers import FAR_US, Timers

SILENCE_EVENTS = ("sensor_stale", "sensor_recovered")
"""What rules listen for that want to know of silences."""


class Silences:
    """Who is listened for, and until when a silence is none."""

    def __init__(self, subjects: Subjects, timers: Timers, changes: Changes) -> None:
        self._subjects = subjects
        self._timers = timers
        self._changes = changes
        self._awaited: dict[Slot, StaleTimer] = {}

    def listen(self, slot: Slot, now_us: int) -> None:
        """Have ``sensor_stale`` raised when a slot that is heard just now falls silent."""
        stale_after_us = self._stale_after_us(slot.device)
        if stale_after_us is not None and slot not in self._awaited:
            self._await(slot, now_us + stale_after_us)

    def listen_to(self, slots: Iterable[Slot], now_us: int) -> None:
        """Have it raised for slots that were heard before, but not for a silence that has begun already."""
        for slot in slots:
            stale_after_us = self._stale_after_us(slot.device)
            if stale_after_us is None or slot in self._awaited:
                continue
            if slot.stale or now_us - slot.heard_us >= stale_after_us:
                self._await(slot, FAR_US)
                self._fall_silent(slot)
            else:
                self._await(slot, slot.heard_us + stale_after_us)

    def listen_anew(self, slots: Sequence[Slot], now_us: int) -> None:
        """Listen as the directory says now, for slots of a device that came to it or changed in it."""
        for slot in slots:
            self._leave(slot)
        self.listen_to(slots, now_us)

    def went_stale(self, timer: StaleTimer, now_us: int) -> list[Slot]:
        """Return the slot if it really is silent; else wait for the rest of its time."""
        slot = timer.slot
        due_us = slot.heard_us + (self._stale_after_us(slot.device) or FAR_US)
        if due_us > now_us:
            timer.due_us = due_us
            self._timers.schedule(timer)
            return []
        self._fall_silent(slot)
        return [slot]

    def hear_again(self, slot: Slot) -> None:
        """Wait for the next silence of a slot that has just been heard again."""
        slot.stale = False
        timer = self._awaited.get(slot)
        if timer is not None:
            timer.due_us = slot.heard_us + (self._stale_after_us(slot.device) or FAR_US)
            self._timers.schedule(timer)

    def resume(self, slots: Iterable[Slot]) -> None:
        """Wait for silences after a restart; one that had begun before goes on."""
        for slot in slots:
            stale_after_us = self._stale_after_us(slot.device)
            if stale_after_us is not None:
                self._await(slot, FAR_US if slot.stale else slot.heard_us + stale_after_us)

    def forget(self, slot: Slot) -> None:
        """Wait no more for a slot of a device that is gone."""
        slot.stale = False
        self._leave(slot)

    def _leave(self, slot: Slot) -> None:
        timer = self._awaited.pop(slot, None)
        if timer is not None:
            timer.due_us = FAR_US

    def _await(self, slot: Slot, due_us: int) -> None:
        timer = self._awaited[slot] = StaleTimer(slot)
        timer.due_us = due_us
        self._timers.schedule(timer)

    def _fall_silent(self, slot: Slot) -> None:
        slot.stale = True
        slot.unsettle()
        self._changes.touch(slot)

    def _stale_after_us(self, device_id: str) -> int | None:
        directory = self._subjects.directory
        if directory is not None and directory.device(device_id) is None:
            return None
        return seconds_us(self._subjects.device(device_id).stale_after_seconds)
