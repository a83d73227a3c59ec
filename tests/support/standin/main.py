"""A server over stand-ins, as a process of its own: ``python -m standin.main SETTING=VALUE…``."""

from __future__ import annotations

import sys
from pathlib import Path

from standin.parts import StandIn
from standin.rooms import SCHEMAS, Rooms

from whenthen.errors import WhenthenError
from whenthen_server.api.resources import own_routes
from whenthen_server.app import create_app
from whenthen_server.logs import set_up_logs
from whenthen_server.serve import serve
from whenthen_server.served import Served
from whenthen_server.settings import load_settings


def main(arguments: list[str]) -> None:
    """Serve until told to stop; the environment is given as arguments."""
    settings = load_settings(None, dict(argument.split("=", 1) for argument in arguments))
    set_up_logs(settings.logs, Path(settings.data.folder) / "whenthen.log")

    def load() -> Served:
        parts = StandIn(settings)
        app = create_app(parts, [*own_routes(parts), *Rooms().routes()], SCHEMAS)
        return Served(app, parts.ready, parts.stopping, parts.close)

    try:
        serve(settings, load)
    except WhenthenError as error:
        sys.exit(str(error))  # as the command does


if __name__ == "__main__":
    main(sys.argv[1:])
