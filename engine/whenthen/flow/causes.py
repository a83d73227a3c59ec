"""What a tick causes in later ticks at the same instant: events, runs, switches, first in, first out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whenthen.extend.action import Consequence, ControlRule, EmitEvent, RunRule
from whenthen.flow.subjects import Concern


@dataclass(frozen=True, slots=True)
class Happening:
    """An event whose tick is still to come."""

    name: str
    data: Mapping[str, Any]
    concern: Concern
    depth: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run of another rule whose tick is still to come."""

    rule: str
    force: bool
    concern: Concern
    depth: int


@dataclass(frozen=True, slots=True)
class Control:
    """A switch of another rule whose tick is still to come."""

    rule: str
    operation: Literal["enable", "disable", "toggle"]
    depth: int


class Causes:
    """The queue."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: deque[Happening | Run | Control] = deque()

    def add(self, consequence: Consequence, concern: Concern, depth: int) -> None:
        """Queue what an action does to the engine itself."""
        if isinstance(consequence, EmitEvent):
            self.waiting.append(Happening(consequence.name, consequence.data, concern, depth))
        elif isinstance(consequence, RunRule):
            self.waiting.append(Run(consequence.rule, consequence.force, concern, depth))
        elif isinstance(consequence, ControlRule):
            self.waiting.append(Control(consequence.rule, consequence.operation, depth))
