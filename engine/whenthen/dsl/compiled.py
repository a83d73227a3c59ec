"""A compiled rule as a value: plugins' objects in their places, numbers in microseconds, texts ready to fill in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whenthen.dsl.expression import Expression
from whenthen.dsl.template import Template
from whenthen.errors import Problem
from whenthen.extend.action import Action
from whenthen.extend.condition import Condition, GapPolicy
from whenthen.extend.formula import SensorRef
from whenthen.extend.trigger import EventTrigger, SensorTrigger, Trigger
from whenthen.model.firing import ActionCall

CONTEXT_NAMES = frozenset({"timestamp", "device_id", "room_id", "farm_id", "rule_name"})
"""Placeholders that every rule knows."""


@dataclass(frozen=True, slots=True)
class Node:
    """One condition in its place: *path* is its JSON Pointer in the rule and the key of its state."""

    condition: Condition
    children: tuple[Node, ...]
    path: str


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """One action as its *call*, ready to be filled in for a firing; one that is *fixed* has nothing to fill in."""

    action: Action
    template: Template
    guard: Node | None
    call: ActionCall
    consequential: bool
    fixed: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """Which devices a rule watches, and for whom it is evaluated."""

    farm: str | None
    room: str | None
    device: str | None
    device_type: str | None
    per: Literal["device", "room", "farm"]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """Everything about a rule that does not change while it stands.

    *text* is its document as JSON: it is seldom asked for again, and as objects it takes four times the room.
    *cuts* has, for each of *reads*, the numbers at which alone something can change; ``None``: every reading matters.
    """

    text: str
    id: str
    name: str
    priority: int
    enabled: bool
    scope: Scope
    edge: bool
    triggers: tuple[Trigger, ...]
    sensor_triggers: tuple[SensorTrigger, ...]
    event_triggers: tuple[EventTrigger, ...]
    variables: Mapping[str, Expression]
    conditions: tuple[Node, ...]
    actions: tuple[ActionPlan, ...]
    clear_actions: tuple[ActionPlan, ...]
    cooldown_us: int
    max_executions: int | None
    valid_from_us: int | None
    valid_until_us: int | None
    gap: GapPolicy
    misfire: Literal["skip", "once", "all"]
    misfire_grace_us: int
    reads: tuple[SensorRef, ...]
    cuts: tuple[tuple[float, ...] | None, ...]
    known_names: frozenset[str]
    global_subject: bool
    time_dependent: bool
    causes: bool
    fixed_actions: tuple[ActionCall, ...]
    parallel: bool
    timeout_us: int
    warnings: tuple[Problem, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The rule as it was put: an object of the caller's own."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    @property
    def evaluation_key(self) -> tuple[Any, ...]:
        """What an edit must leave alone for evaluation state to be kept (ruling 14)."""
        document = self.document
        return (self.global_subject, *(document.get(name) for name in _STATE_FIELDS))


_STATE_FIELDS = (
    "trigger",
    "triggers",
    "conditions",
    "variables",
    "scope",
    "fire",
    "on_gap",
    "max_gap_seconds",
)
