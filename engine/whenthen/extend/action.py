"""The base class of actions: what can be done, to what, and how often it may be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from whenthen.errors import Problem
from whenthen.model.firing import ActionCall, Delivery


@dataclass(frozen=True, slots=True)
class Effect:
    """The action sets *channel* of *device* (``None``: the subject's own, of *device_type* if given) to *value*.

    >>> Effect("fan", "on").device is None
    True
    """

    channel: str
    value: Any
    device: str | None = None
    device_type: str | None = None


@dataclass(frozen=True, slots=True)
class RunRule:
    """A consequence: another rule (id or name) runs in a later tick.

    >>> RunRule("night-mode").force
    False
    """

    rule: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """A consequence: an event is raised in a later tick.

    >>> EmitEvent("vent_opened", {"percent": 40}).data["percent"]
    40
    """

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ControlRule:
    """A consequence: another rule (id or name) is switched in a later tick.

    >>> ControlRule("night-mode", "disable").operation
    'disable'
    """

    rule: str
    operation: Literal["enable", "disable", "toggle"]


Consequence = RunRule | EmitEvent | ControlRule
"""What an action does to the engine itself; everything else is done to the world, by ``perform``.

>>> isinstance(RunRule("night-mode"), Consequence)
True
"""


class Action:
    """Something that can be done. Subclass it, name its ``type``, ``schema`` and ``delivery``, write ``perform``.

    >>> class Ring(Action):
    ...     type = "ring"
    ...
    ...     def perform(self, call, services):
    ...         return f"rings at {call.config['percent']} %"
    >>> Ring({}).perform(ActionCall("ring", {"percent": 80}, "at_most_once"), None)
    'rings at 80 %'
    """

    type: ClassVar[str]
    """The name in rules: ``snake_case``, a prefix and a dot may precede; unique among actions."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """The JSON Schema (2020-12) of the config; its references stay within it."""
    delivery: ClassVar[Delivery] = "at_most_once"
    """Whether it may be sent again with the same key, or never twice."""
    services: ClassVar[Sequence[str]] = ()
    """The services that ``perform`` asks for: ``http``, ``devices``, ``rules``, ``events``, ``files``, ``messages``,
    ``functions``."""
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Configs that the schema allows, for people, editors and tests."""
    blank_texts: ClassVar[Sequence[str]] = ()
    """Config keys in whose text a sensor without a value is empty rather than ``unknown``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def delivery_of(self) -> Delivery:
        """Return how this very config may be repeated; the class's ``delivery`` unless overridden."""
        return self.delivery

    def effects(self, config: Mapping[str, Any]) -> tuple[Effect, ...]:  # noqa: ARG002 - an offer, not a demand
        """Return what a filled-in *config* sets, for "who wins" and for the analysis of rules."""
        return ()

    def consequences(self, config: Mapping[str, Any]) -> tuple[Consequence, ...]:  # noqa: ARG002 - see effects
        """Return what a filled-in *config* does to the engine itself."""
        return ()

    def touches_subject(self) -> bool:
        """Tell whether the action goes to the subject's own device."""
        return any(effect.device is None for effect in self.effects(self.config))

    def perform(self, call: ActionCall, services: Any) -> Any:  # noqa: ARG002 - to be overridden
        """Carry the action out and return a JSON-able result, or raise; runs in the dispatcher only."""
        raise TypeError(f"{self.type} cannot be performed here")

    def functions(self) -> Sequence[str]:
        """Return the names of registered functions that the config asks for."""
        return ()

    def problems(self) -> Iterable[Problem]:
        """Yield what a schema cannot say is wrong; pointers are within the config."""
        return ()

    def describe(self) -> str:
        """Return a short sentence that a person reads."""
        return f"{self.type} {dict(self.config)}" if self.config else self.type
