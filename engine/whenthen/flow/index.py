"""Which rule instances a change can concern: the cuts that a value crosses, and those who want every reading.

An instance whose conditions only compare a value with constants cannot change its mind while the value stays between
two neighbouring constants. So each slot keeps those constants sorted: a reading costs a binary search, plus the
instances whose constants lie between the old value and the new one, plus those that hold and wait for a trigger.

A conjunction known false stays so while one of its comparisons is false. So it watches one of those and leaves the
others' constants alone, as SAT solvers watch literals (Moskewicz et al., "Chaff", DAC 2001).
"""

from __future__ import annotations

from collections.abc import Iterable

from whenthen.extend.formula import SensorRef
from whenthen.flow.instance import Instance, Limit
from whenthen.flow.state import Slot, Watched


def watch(instance: Instance, ref: SensorRef, cuts: tuple[float, ...] | None, slots: list[Slot]) -> None:
    """Note at *slots* that *instance* reads them, every reading if cuts alone do not say when it can be concerned."""
    plain = len(slots) == 1 and ref.aggregate is None and ref.max_age_us is None
    for slot in slots:
        slot.watchers[instance] = None
        if cuts is None or not plain:
            slot.add_always(instance)


def watch_cuts(instance: Instance) -> None:
    """Have *instance* looked at when a value that it reads crosses one of the cuts that its rule has for the sensor."""
    for slot in instance.slots:
        for cut in _cuts(instance, slot):
            watched = slot.by_cut.get(cut)
            if watched is None:
                watched = slot.by_cut[cut] = Watched()
                slot.sorted = False
                slot.unsettle()
            watched.users += 1
            watched[instance] = None
            slot.narrow(cut)


def _cuts(instance: Instance, slot: Slot) -> set[float]:
    pairs = zip(instance.rule.reads, instance.rule.cuts, strict=True)
    return {cut for ref, cuts in pairs if ref.sensor == slot.sensor for cut in cuts or ()}


def limited(instance: Instance, limits: Iterable[tuple[Slot, float, bool]]) -> None:
    """Let an instance that watches all its comparisons watch one of them at a time from now on."""
    instance.focus = None
    instance.limits = tuple((slot, cut, above, slot.by_cut[cut]) for slot, cut, above in limits)


def trigger(instance: Instance, slot: Slot, interval_us: int) -> None:
    """Have readings of *slot* start evaluations of *instance*."""
    slot.triggers[instance] = min(interval_us, slot.triggers.get(instance, interval_us))
    if instance.paced:
        slot.add_always(instance)


def forget(instance: Instance) -> None:
    """Remove an instance from every slot that knows it."""
    for slot in instance.slots:
        slot.watchers.pop(instance, None)
        for cut in _cuts(instance, slot):
            watched = slot.by_cut[cut]
            watched.pop(instance, None)
            watched.users -= 1
            if not watched.users:
                del slot.by_cut[cut]
                slot.sorted = False
    for slot in (*instance.slots, *instance.trigger_slots):
        slot.always.pop(instance, None)
        slot.hot.pop(instance, None)
        slot.triggers.pop(instance, None)
        slot.unsettle()


def fails(instance: Instance) -> bool:
    """Tell whether a conjunction is known false, and have it watch one comparison that is; if not, all of them."""
    focus = instance.focus
    for limit in instance.limits:
        slot, cut, above, _ = limit
        # Not-a-number is neither above nor below: an unknown value makes nothing false.
        if slot.number <= cut if above else slot.number > cut:
            if limit is not focus:
                _refocus(instance, limit)
            return True
    if focus is not None:
        _refocus(instance, None)
    return False


def _refocus(instance: Instance, focus: Limit | None) -> None:
    old = instance.focus
    instance.focus = focus
    if old is not None:
        del old[3][instance]
    else:
        for _, _, _, watched in instance.limits:
            watched.pop(instance, None)
    for slot, cut, _, watched in instance.limits if focus is None else (focus,):
        watched[instance] = None
        slot.narrow(cut)


def sort_cuts(slot: Slot) -> None:
    """Put the slot's cuts in order."""
    slot.cuts = sorted(slot.by_cut)
    slot.owners = [slot.by_cut[cut] for cut in slot.cuts]
    slot.sorted = True


def heat(instance: Instance) -> None:
    """Keep note at an instance's trigger slots of whether the next trigger would find it willing."""
    restless = instance.wants_look()
    wants = restless or instance.wants_trigger()
    for slot in instance.trigger_slots:
        if wants:
            slot.add_hot(instance)
        elif instance in slot.hot:
            slot.drop_hot(instance)
    if restless or instance.restless:
        _watch_closely(instance, restless=restless)


def _watch_closely(instance: Instance, *, restless: bool) -> None:
    """Have every reading of what an instance reads looked at, or no longer."""
    instance.restless = restless
    for slot in instance.slots:
        if restless:
            slot.add_hot(instance)
        elif slot not in instance.trigger_slots and instance in slot.hot:
            slot.drop_hot(instance)
