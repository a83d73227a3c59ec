"""``simulated``: devices of a simulated farm, reached without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from whenthen import Command, Device, Driver


class Answer(Protocol):
    """What a simulated device answers: ``acknowledged``, ``rejected`` or, when no answer ever comes, ``unanswered``."""

    @property
    def status(self) -> str:
        """Which of the three."""

    @property
    def reason(self) -> str:
        """Why, unless it was acknowledged."""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as a device would send it."""


class Farm(Protocol):
    """What the program that embeds the engine offers as ``services.farm``."""

    def command(self, device_id: str, name: str, params: Mapping[str, Any]) -> Answer:
        """Give a device a command and return its answer at once."""


class Simulated(Driver):
    """Hands commands to the simulated farm that is offered as ``services.farm``."""

    type = "simulated"
    schema: ClassVar[Mapping[str, Any]] = {"type": "object", "additionalProperties": False}
    examples = ({},)

    def send(self, command: Command, device: Device, services: Any) -> Any:
        """Return the device's acknowledgement; raise ``ValueError`` for a rejection, ``TimeoutError`` for none."""
        farm: Farm = services.farm
        answer = farm.command(device.id, command.name, command.params)
        if answer.status == "rejected":
            raise ValueError(answer.reason)
        if answer.status != "acknowledged":
            raise TimeoutError(f"{device.id} did not answer {command.name}")
        return answer.to_json()
