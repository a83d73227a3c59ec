"""Which rule instances a change can concern: the cuts that a value crosses, and those who want every reading.

An instance whose conditions only compare a value with constants cannot change its mind while the value stays between
two neighbouring constants. So each slot keeps those constants sorted: a reading costs a binary search, plus the
instances whose constants lie between the old value and the new one, plus those that hold and wait for a trigger.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from math import isnan

from whenthen.extend.condition import SensorRef
from whenthen.flow.instance import Instance
from whenthen.flow.state import Slot


def watch(instance: Instance, ref: SensorRef, slots: list[Slot]) -> None:
    """Have *instance* looked at when a reading of one of *slots* can concern it."""
    cuts = instance.rule.cuts[ref]
    plain = len(slots) == 1 and ref.aggregate is None and ref.max_age_us is None
    for slot in slots:
        slot.watchers[instance] = None
        if cuts is None or not plain:
            slot.always[instance] = None
        else:
            _cut(slot, instance, cuts)


def _cut(slot: Slot, instance: Instance, cuts: tuple[float, ...]) -> None:
    for cut in cuts:
        slot.by_cut.setdefault(cut, []).append(instance)
    slot.sorted = False
    slot.unsettle()


def trigger(instance: Instance, slot: Slot, interval_us: int) -> None:
    """Have readings of *slot* start evaluations of *instance*."""
    slot.triggers[instance] = min(interval_us, slot.triggers.get(instance, interval_us))
    if instance.paced:
        slot.always[instance] = None


def forget(instance: Instance, slots: Iterator[Slot]) -> None:
    """Remove an instance from every slot that knows it."""
    for slot in slots:
        slot.watchers.pop(instance, None)
        slot.always.pop(instance, None)
        slot.hot.pop(instance, None)
        slot.triggers.pop(instance, None)
        for cut in [cut for cut, owners in slot.by_cut.items() if instance in owners]:
            owners = [owner for owner in slot.by_cut[cut] if owner is not instance]
            if owners:
                slot.by_cut[cut] = owners
            else:
                del slot.by_cut[cut]
        slot.sorted = False
        slot.unsettle()


def sort_cuts(slot: Slot) -> None:
    """Put the slot's cuts in order and find where its value lies among them."""
    slot.cuts = sorted(slot.by_cut)
    slot.owners = [slot.by_cut[cut] for cut in slot.cuts]
    slot.position = None if isnan(slot.number) else bisect_left(slot.cuts, slot.number)
    slot.sorted = True
