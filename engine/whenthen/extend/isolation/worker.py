"""The child process: reads a question, asks the plugin, writes the answer; ends when its parent does."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from typing import Any

from whenthen.errors import PluginError
from whenthen.extend.condition import MissingReadingError
from whenthen.extend.fault import told
from whenthen.extend.isolation.limits import Limits, SelfDestruction, hold_to
from whenthen.extend.isolation.serving import Served
from whenthen.extend.isolation.wire import line_of, message_of


class Line:
    """The two pipes to the parent, out of the plugin's way: what it prints goes to standard error."""

    def __init__(self) -> None:
        self._in = io.BufferedReader(io.FileIO(os.dup(0)))
        self._out = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.close(nothing)
        self.destruction: SelfDestruction | None = None

    def read(self) -> dict[str, Any]:
        """Return the next message; ends the process when there will be none."""
        line = self._in.readline()
        if not line:
            os._exit(0)  # the parent is gone, and threads of the plugin must not keep us
        return message_of(line)

    def write(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        rest = memoryview(line_of(message))
        while rest:
            rest = rest[os.write(self._out, rest) :]

    def call_service(self, service: str, method: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Ask a service of the parent's; its time is not ours. Raises ``PluginError`` with what it raised."""
        if self.destruction is not None:
            self.destruction.disarm()
        self.write({"service": [service, method, arguments, named]})
        answer = self.read()
        if self.destruction is not None:
            self.destruction.arm()
        if "raised" in answer:
            raise PluginError(f"service {service}.{method} {answer['raised']}")
        return answer.get("ok")


def main() -> None:
    """Serve one plugin until the parent ends."""
    line = Line()
    first = line.read()
    limits = Limits(**first["limits"])
    served = Served(line.call_service)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - for as long as the process lives
    hold_to(limits)
    line.write(_answered(served, first))
    line.destruction = destruction = SelfDestruction(limits.deadline_seconds)
    while True:
        question = line.read()
        destruction.arm()
        answer = _answered(served, question)
        destruction.disarm()
        line.write(answer)


def _answered(served: Served, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a question, whatever happens."""
    number = question.get("id")
    try:
        answer = {"id": number, "ok": served.answer(question)}
        line_of(answer)
    except MissingReadingError as missing:
        return {"id": number, "missing": str(missing)}
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, and it has nobody else to tell
        return {"id": number, "raised": told(error)}
    return answer
