"""A command that fails is an event of the rules: ``rule_failed``, with the device that did not obey."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import select

from whenthen.errors import WhenthenError
from whenthen.model.event import Event
from whenthen.runtime import Runtime
from whenthen.runtime.writer import Core, Turn
from whenthen_server.store.commands import Command
from whenthen_server.store.journal import connection_of
from whenthen_server.store.places import Places
from whenthen_server.store.tables import executions

FAILED = frozenset({"rejected", "timed_out", "expired", "unknown"})
_EVENT = "rule_failed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RaiseFailure:
    """Let rules know of a command that failed."""

    writes: ClassVar[bool] = False
    places: Places
    command: Command

    def apply(self, core: Core) -> None:
        """Raise the event, unless the command was itself what a rule did about a failure: that ends there."""
        command = self.command
        who, _, rule_id = command.who.partition(" ")
        if who == "rule" and _is_about_failure(core, command):
            return
        place = self.places.device(command.device_id)
        data = {
            "device": command.device_id,
            "command": command.name,
            "state": command.state,
            "rule_id": rule_id if who == "rule" else "",
            "error": f"{command.device_id} has {command.state.replace('_', ' ')} {command.name}",
        }
        event = Event(
            _EVENT,
            core.received_us,
            data,
            command.device_id,
            place.room if place else None,
            place.farm if place else None,
        )
        core.fired(core.engine.handle(event), f"event {_EVENT}")


def _is_about_failure(core: Core, command: Command) -> bool:
    """Tell whether the rule that sent a command was fired by this event; the command's id begins with the firing's."""
    execution_id = command.id.partition(".")[0]
    wanted = select(executions.c.cause).where(executions.c.id == execution_id)
    cause = connection_of(core).execute(wanted).scalar()
    return cause is not None and cause.startswith(f"event {_EVENT}")


class Failures:
    """Watches commits for commands that failed."""

    def __init__(self, runtime: Runtime, places: Places) -> None:
        self._runtime = runtime
        self._places = places

    def take(self, turn: Turn) -> None:
        """Look at a commit, on the writer's thread."""
        for kind, payload in turn.news:
            if kind == "command" and payload.state in FAILED:
                try:
                    self._runtime.submit(RaiseFailure(self._places, payload))
                except WhenthenError as error:
                    _log.warning("rules do not hear that %s failed: %s", payload.id, error)
