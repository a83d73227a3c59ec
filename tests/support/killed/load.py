"""What a server that is to be killed has to do: two actions hang on every sensor, one that may be repeated, one not.

So at any moment some are decided, some under way, some done.
"""

from __future__ import annotations

from typing import Any

SENSORS = 40

PLUGIN = '''
"""Actions that leave a line for each time that they are carried out, in one write that no kill can halve."""

import os

from whenthen import Action, hookimpl


class LogAgain(Action):
    """May be carried out again, with the same key."""

    type = "log_again"
    delivery = "idempotent"

    def perform(self, call, services):
        file = os.open(call.config["file"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, f"{self.type} {services.key} {call.config['say']}\\n".encode())
        os.close(file)


class LogOnce(LogAgain):
    """May not."""

    type = "log_once"
    delivery = "at_most_once"


@hookimpl
def whenthen_actions():
    return [LogAgain, LogOnce]
'''


def rule(number: int, file: str) -> dict[str, Any]:
    """Return the rule of a sensor, which carries out one action of each kind at every reading."""
    return {
        "id": f"r{number}",
        "name": f"r{number}",
        "trigger": {"type": "sensor", "config": {"sensor": f"s{number}"}},
        "conditions": [],
        "actions": [
            {"type": kind, "config": {"file": file, "say": f"{{s{number}}}"}, **more}
            for kind, more in (("log_once", {}), ("log_again", {"retry_on_failure": True}))
        ],
    }
