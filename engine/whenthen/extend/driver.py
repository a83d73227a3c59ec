"""The base class of drivers: how a device is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from whenthen.ports import Device


@dataclass(frozen=True, slots=True)
class Command:
    """What a device is to do: a *name* and its *params*, JSON-able.

    *key* is the same each time one command is sent again, so that a device or driver can drop the repetition. Past
    *expires_us* (microseconds since the epoch; ``None``: never) the command must not be sent any more.

    >>> Command("turn_on_fan", {"speed": 2}).params["speed"]
    2
    """

    name: str
    params: Mapping[str, Any]
    key: str = ""
    expires_us: int | None = None


class Driver:
    """How devices of one kind are reached. Subclass it, name its ``type`` and ``schema``, write ``send``.

    >>> class Printer(Driver):
    ...     type = "printer"
    ...
    ...     def send(self, command, device, services):
    ...         return f"{device.id}: {command.name}"
    >>> Printer({}).send(Command("beep", {}), Device("dev-1"), None)
    'dev-1: beep'
    """

    type: ClassVar[str]
    """The name by which a configuration asks for the driver; ``snake_case``, unique among drivers."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    """The JSON Schema (2020-12) of the config; its references stay within it."""
    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Configs that the schema allows, for people, editors and tests."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def send(self, command: Command, device: Device, services: Any) -> Any:  # noqa: ARG002 - to be overridden
        """Send one command to one device and return its JSON-able answer, or raise.

        Runs outside the engine, one call at a time for each device; it may wait for the device, within a time limit.
        *services* is what the program that embeds the engine offers.
        """
        raise TypeError(f"{self.type} lacks the method send")

    def describe(self) -> str:
        """Return a short sentence that a person reads."""
        return f"{self.type} {dict(self.config)}" if self.config else self.type
