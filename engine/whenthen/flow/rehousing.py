"""Devices that come to the directory, move in it or leave it, and the instances that follow them."""

from __future__ import annotations

from collections.abc import Collection

from whenthen.flow.index import forget, heat
from whenthen.flow.instance import Instance
from whenthen.flow.persist import row_key
from whenthen.flow.roster import Roster
from whenthen.flow.rulestate import RuleState
from whenthen.flow.state import NEVER_US, Slot
from whenthen.flow.subjects import Subject, Subjects


class Rehousing:
    """Has every rule follow the directory as it is now."""

    def __init__(self, roster: Roster, subjects: Subjects) -> None:
        self._roster = roster
        self._subjects = subjects

    def follow(
        self, device_ids: Collection[str], now_us: int
    ) -> tuple[list[Instance], list[tuple[RuleState, Instance]]]:
        """Follow devices that came, moved or went.

        Return the instances that may read something else now, and those that have no subject any more.
        """
        moved: dict[Instance, None] = {}
        for device_id in device_ids:
            self._follow_device(device_id, now_us, moved)
        gone: list[tuple[RuleState, Instance]] = []
        for state in self._roster.states.values():
            if state.enabled:
                self._follow(state, device_ids, now_us, moved, gone)
        for _, instance in gone:
            moved.pop(instance, None)
        return list(moved), gone

    def _follow_device(self, device_id: str, now_us: int, moved: dict[Instance, None]) -> None:
        """Forget a device that is no more, and add to *moved* who reads it; listen to one that is."""
        slots = list(self._roster.slots.of(device_id).values())
        directory = self._subjects.directory
        if directory is not None and directory.device(device_id) is None:
            self._subjects.forget(device_id)
            for slot in slots:
                moved.update(slot.watchers)
                self._forget(slot)
        elif self._roster.listing.silence_matters:
            self._roster.silences.listen_anew([slot for slot in slots if slot.at_us > NEVER_US], now_us)

    def _follow(
        self,
        state: RuleState,
        device_ids: Collection[str],
        now_us: int,
        moved: dict[Instance, None],
        gone: list[tuple[RuleState, Instance]],
    ) -> None:
        """Follow the devices with one rule."""
        roster = self._roster
        for instance in list(state.instances.values()):
            if instance.subject.kind == "device" and instance.subject.id not in device_ids:
                continue
            subject = self._subjects.again(state.rule, instance.subject)
            if subject is None:
                if instance.active:  # what it clears is judged by what is there now, not by devices that have left it
                    self._rebind(instance, instance.subject)
                gone.append((state, instance))
                continue
            self._rebind(instance, subject)
            moved[instance] = None
        for subject in self._new_subjects(state, device_ids):
            roster.looks.observe(roster.instance(state, subject), now_us)
        roster.schedules.settle(state, now_us)

    def _new_subjects(self, state: RuleState, device_ids: Collection[str]) -> list[Subject]:
        rule = state.rule
        if rule.global_subject:
            found: list[Subject | None] = [*self._subjects.of_rule(rule)]
        else:
            devices = [self._subjects.device(one) for one in device_ids if self._subjects.exists(one)]
            found = [self._subjects.of_device(rule.scope, device) for device in devices]
        return [one for one in dict.fromkeys(found) if one is not None and one.id not in state.instances]

    def _forget(self, slot: Slot) -> None:
        """Let nothing be known of a sensor; a rule that names its device outright finds it unknown."""
        changes = self._roster.changes
        slot.put(None)
        slot.at_us = slot.heard_us = NEVER_US
        slot.unsettle()
        self._roster.silences.forget(slot)
        if slot.dirty:
            changes.slots.remove(slot)
            slot.dirty = False
        changes.dropped_slots[row_key(slot.device, slot.sensor)] = None

    def _rebind(self, instance: Instance, subject: Subject) -> None:
        """Have an instance read what its subject's devices are now; it remembers what it did."""
        forget(instance)
        instance.subject = subject
        instance.states = instance.states or {}
        self._roster.bind(instance)
        self._roster.looks.reschedule(instance)
        heat(instance)
