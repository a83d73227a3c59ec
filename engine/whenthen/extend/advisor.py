"""The base class of advisors: who recommends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Question:
    """What advice is wanted on.

    *subject* is the device, room or farm that it is about; *facts* is what is known, JSON-able (the newest values, the
    limits, the rules).

    >>> Question("Is the room too dry?", "room-7", {"humidity": 61.0}).facts["humidity"]
    61.0
    """

    text: str
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advice:
    """What an advisor recommends: a sentence for a person, and rules (documents as in a rule file) that would do it.

    *confidence* lies between 0 and 1; ``None`` when the advisor cannot tell. Nothing is done because of an advice: a
    person takes a rule over, or does not.

    >>> Advice("Raise the humidity to 85 %", confidence=0.8).rules
    ()
    """

    text: str
    rules: tuple[Mapping[str, Any], ...] = ()
    confidence: float | None = None


class Advisor:
    """Who recommends. Subclass it, name its ``type``, write ``advise``.

    >>> class Dry(Advisor):
    ...     type = "dry"
    ...
    ...     def advise(self, question, services):
    ...         return [Advice("Raise the humidity")] if question.facts["humidity"] < 80 else []
    >>> [advice.text for advice in Dry({}).advise(Question("?", facts={"humidity": 61.0}), None)]
    ['Raise the humidity']
    """

    type: ClassVar[str]
    """The name by which a configuration asks for the advisor; ``snake_case``, unique among advisors."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """The JSON Schema (2020-12) of the config; its references stay within it."""
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Configs that the schema allows, for people, editors and tests."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def advise(self, question: Question, services: Any) -> Sequence[Advice]:  # noqa: ARG002 - to be overridden
        """Return what is recommended, best first; empty when there is nothing to say. May raise.

        Runs outside the engine and may take seconds, within a time limit. *services* is what the program that embeds
        the engine offers.
        """
        raise TypeError(f"{self.type} lacks the method advise")

    def describe(self) -> str:
        """Return a short sentence that a person reads."""
        return f"{self.type} {dict(self.config)}" if self.config else self.type
