"""One rule for one subject: what it remembers, and where it stands in the order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whenthen.extend.condition import Check, Restarted, Truth
from whenthen.flow.readers import Variable
from whenthen.flow.state import NEVER_US, Slot, Watched
from whenthen.flow.timers import FAR_US

if TYPE_CHECKING:
    from whenthen.dsl.compiled import CompiledRule
    from whenthen.flow.subjects import Subject

Limit = tuple[Slot, float, bool, Watched]
"""A slot, a cut, whether the number must lie above it, and who watches that cut."""


class Instance:
    """One (rule, subject): its memory, and where it stands in the order.

    ``plain`` ones have neither conditions that remember or wait nor an interval: looking at them is one call.
    ``limits`` are the comparisons of a plain one that is nothing but several of them, all of which must hold; ``focus``
    is the one that it watches at present, ``None`` when it watches all.
    """

    __slots__ = (
        "active",
        "armed",
        "check",
        "dirty",
        "due_us",
        "evaluated_us",
        "fired_us",
        "focus",
        "guards",
        "heap_us",
        "last_eval_us",
        "limits",
        "order",
        "paced",
        "pending_us",
        "plain",
        "restarted",
        "restless",
        "rule",
        "slots",
        "states",
        "subject",
        "timed",
        "trigger_slots",
        "truth",
        "variables",
        "wakes",
        "watched",
    )

    def __init__(self, rule: CompiledRule, subject: Subject) -> None:
        self.rule = rule
        self.subject = subject
        self.order = (-rule.priority, rule.id, subject.id)
        self.truth: Truth = None
        self.armed = True
        self.active = False
        self.dirty = False
        self.fired_us = NEVER_US
        self.last_eval_us = NEVER_US
        self.evaluated_us = NEVER_US
        self.pending_us = FAR_US
        self.wakes: list[int] = []
        self.due_us = FAR_US
        self.heap_us = FAR_US
        self.timed = False
        self.paced = any(trigger.interval_us for trigger in rule.sensor_triggers)
        self.plain = False
        self.limits: tuple[Limit, ...] = ()
        self.focus: Limit | None = None
        self.restless = False
        self.trigger_slots: tuple[Slot, ...] = ()
        self.slots: tuple[Slot, ...] = ()
        self.states: dict[str, dict[str, Any]] | None = None
        self.restarted: list[Restarted] | None = None
        self.guards: dict[int, Check] | None = None
        self.variables: Mapping[str, Variable] | None = None
        self.watched: tuple[Check, ...] = ()
        self.check: Check = unknown

    def wake(self, at_us: int) -> None:
        """Ask to be looked at again at *at_us*."""
        self.wakes.append(at_us)
        self.timed = True

    def wants_look(self) -> bool:
        """Tell whether finding the conditions known false again would arm or clear: so after a forced run."""
        return self.truth is False and (self.active or not self.armed)

    def wants_trigger(self) -> bool:
        """Tell whether a trigger would find the conditions true and the instance willing."""
        return self.truth is True and (self.armed or not self.rule.edge)


def unknown(_now_us: int) -> Truth:
    """Return that nothing is known: the check of an instance whose conditions are not bound."""
    return None
