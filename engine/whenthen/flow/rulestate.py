"""What a rule remembers as a whole, and what waits on its behalf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whenthen.dsl.compiled import CompiledRule
from whenthen.flow.instance import Instance
from whenthen.flow.timers import FAR_US

if TYPE_CHECKING:
    from whenthen.extend.action import Consequence
    from whenthen.extend.trigger import Place, Schedule
    from whenthen.flow.state import Slot
    from whenthen.flow.subjects import Concern


class RuleState:
    """A rule's counters, its instances and its timers.

    ``count`` counts firings, ``missed`` scheduled runs that a stop swallowed; ``cooled`` keeps, by subject, the last
    firing (microseconds) of instances that were dropped. ``changed`` is the list, shared by all rules, of those whose
    memory is to be kept: a commit must not look at every rule.
    """

    __slots__ = (
        "changed",
        "cooled",
        "count",
        "enabled",
        "expiry",
        "instances",
        "last_us",
        "missed",
        "rule",
        "schedules",
    )

    def __init__(self, rule: CompiledRule, changed: dict[RuleState, None]) -> None:
        self.rule = rule
        self.enabled = rule.enabled
        self.count = 0
        self.last_us: int | None = None
        self.missed = 0
        self.changed = changed
        self.instances: dict[str, Instance] = {}
        self.schedules: list[ScheduleTimer] = []
        self.cooled: dict[str, int] = {}
        self.expiry: ExpiryTimer | None = None
        self.mark()

    def mark(self) -> None:
        """Have what it remembers kept with the next change of state."""
        self.changed[self] = None


class ScheduleTimer:
    """The next run of one scheduled trigger of a rule at one place. ``cursor_us``: what it has run up to."""

    __slots__ = ("cursor_us", "due_us", "heap_us", "key", "place", "schedule", "state")

    def __init__(self, state: RuleState, key: str, place: Place, schedule: Schedule, cursor_us: int) -> None:
        self.state = state
        self.key = key
        self.place = place
        self.schedule = schedule
        self.heap_us = FAR_US
        self.cursor_us = cursor_us
        self.due_us = FAR_US
        self.move(cursor_us)

    def move(self, cursor_us: int) -> None:
        """Go on to the first run after *cursor_us*."""
        self.cursor_us = cursor_us
        following = self.schedule.next_after(cursor_us)
        self.due_us = FAR_US if following is None else following
        self.state.mark()


class ExpiryTimer:
    """A rule's ``valid_until``, at which active instances clear."""

    __slots__ = ("due_us", "heap_us", "state")

    def __init__(self, state: RuleState, due_us: int) -> None:
        self.state = state
        self.due_us = due_us
        self.heap_us = FAR_US


class StaleTimer:
    """The instant at which a silent sensor becomes stale."""

    __slots__ = ("due_us", "heap_us", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.due_us = FAR_US
        self.heap_us = FAR_US


class Delayed:
    """A consequence that an action's ``after_seconds`` put off."""

    __slots__ = ("concern", "consequence", "depth", "due_us", "heap_us", "serial")

    def __init__(self, consequence: Consequence, concern: Concern, depth: int, due_us: int, serial: int) -> None:
        self.consequence = consequence
        self.concern = concern
        self.depth = depth
        self.due_us = due_us
        self.heap_us = FAR_US
        self.serial = serial
