"""A whole server with one route for readings, as a process to be killed: ``python -m killed.child SETTING=VALUE…``.

Two rules' worth of actions hang on every sensor, so that at any moment some are decided, some under way, some done.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from whenthen.runtime.items import Given
from whenthen_server.api.request import Request
from whenthen_server.api.resources import all_routes
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.app import create_app
from whenthen_server.logs import set_up_logs
from whenthen_server.serve import serve
from whenthen_server.served import Served
from whenthen_server.settings import load_settings
from whenthen_server.wiring import House

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


def rules(file: str) -> list[dict[str, Any]]:
    """Return a rule for each sensor that carries out one action of each kind at every reading."""
    return [
        {
            "id": f"r{number}",
            "name": f"r{number}",
            "trigger": {"type": "sensor", "config": {"sensor": f"s{number}"}},
            "conditions": [],
            "actions": [
                {"type": kind, "config": {"file": file, "say": f"{{s{number}}}"}, **more}
                for kind, more in (("log_once", {}), ("log_again", {"retry_on_failure": True}))
            ],
        }
        for number in range(SENSORS)
    ]


def reading_route(house: House) -> Route:
    """Return the route that takes a list of readings and answers once they are stored."""

    @route(
        "POST", "/given", resource="reading", verb="create", summary="Take readings", body={"type": "array"}, batch=True
    )
    def taken(request: Request) -> Answer:
        verdicts = house.runtime.take_all(Given(*each) for each in request.body)
        return Answer({"stored": sum(verdict.stored for verdict in verdicts)})

    return taken


def main(arguments: list[str]) -> None:
    """Serve until told to stop; the environment is given as arguments."""
    settings = load_settings(None, dict(argument.split("=", 1) for argument in arguments))
    settings.data.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    set_up_logs(settings.logs, settings.log_file)

    def load() -> Served:
        house = House(settings)
        house.start()
        if not house.runtime.writer.engine.rule_ids:
            for rule in rules(str(settings.data.folder / "done.log")):
                house.runtime.put_rule(rule)

        def ready(url: str) -> None:
            print(url, os.getpid(), flush=True)  # noqa: T201 - whoever started it reads this

        return Served(create_app(house, [*all_routes(house), reading_route(house)]), ready, house.stopping, house.close)

    serve(settings, load)


if __name__ == "__main__":
    main(sys.argv[1:])
