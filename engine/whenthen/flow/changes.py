"""What changed since it was last kept: a commit must not look at every rule and every sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whenthen.flow.instance import Instance
    from whenthen.flow.rulestate import RuleState
    from whenthen.flow.state import Slot


class Changes:
    """The slots, instances and rules to be kept anew, and the keys of those that are no more."""

    __slots__ = ("delayed", "dropped_instances", "dropped_slots", "instances", "removed_rules", "rules", "slots")

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.instances: dict[Instance, None] = {}
        self.rules: dict[RuleState, None] = {}
        self.dropped_slots: dict[str, None] = {}
        self.dropped_instances: dict[str, None] = {}
        self.removed_rules: dict[str, None] = {}
        self.delayed = False

    def touch(self, slot: Slot) -> None:
        """Note that a slot has changed."""
        if not slot.dirty:
            slot.dirty = True
            self.slots.append(slot)

    def mark(self, instance: Instance) -> None:
        """Note that an instance's memory has changed."""
        instance.dirty = True
        self.instances[instance] = None
