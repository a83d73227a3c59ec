"""What the demo adds to the API: faults to inject and to clear, and the truth behind the readings."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import hidden
from whenthen_server.demo import Fault, FaultError
from whenthen_server.problems import Unprocessable, told
from whenthen_server.showcase.playing import Playing

_FAULT = {"$ref": "#/components/schemas/DemoFault"}

SCHEMAS: dict[str, Any] = {
    "DemoFault": {
        "type": "object",
        "required": ["id", "kind", "target", "does"],
        "properties": {
            "id": {"type": "string", "description": "kind:target:sensor"},
            "kind": {"type": "string"},
            "target": {"type": "string", "description": "A device's or a room's id"},
            "sensor": {"type": "string"},
            "amount": {"type": "number"},
            "unit": {"type": "string"},
            "does": {"type": "string"},
        },
    }
}


def routes(playing: Playing) -> list[Route]:
    """Return ``/api/demo/faults`` and ``/api/demo/state``."""
    return [_faults(playing), _inject(playing), _clear(playing), _state(playing)]


@route(
    "GET",
    "/api/demo/faults",
    resource="demo",
    verb="list",
    summary="What is broken at the simulated farm, and what can be",
    answer={
        "type": "object",
        "required": ["faults", "possible"],
        "properties": {
            "faults": {"type": "array", "items": _FAULT},
            "possible": {"type": "array", "items": _FAULT},
        },
    },
)
def _faults(playing: Playing, _request: Request) -> Answer:
    present, possible = playing.faults()
    return Answer({"faults": _shown(present), "possible": _shown(possible)})


@route(
    "POST",
    "/api/demo/faults",
    resource="demo",
    verb="create",
    summary="Break something at the simulated farm",
    body={"type": "object", "required": ["kind", "target"]},
    answer=_FAULT,
    status=201,
)
def _inject(playing: Playing, request: Request) -> Answer:
    try:
        return Answer(playing.inject(Fault.from_json(request.body)).to_json())
    except FaultError as error:
        raise Unprocessable(str(error), code=error.code, errors=told(list(error.problems))) from None


@route(
    "DELETE",
    "/api/demo/faults/<fault_id>",
    resource="demo",
    verb="delete",
    summary="Repair a fault of the simulated farm",
    status=204,
)
def _clear(playing: Playing, request: Request) -> Answer:
    if not playing.clear(request.path["fault_id"]):
        hidden("demo")
    return Answer(None)


@route(
    "GET",
    "/api/demo/state",
    resource="demo",
    verb="read",
    summary="The truth behind the readings: weather, rooms, machines, faults",
    answer={"type": "object"},
)
def _state(playing: Playing, _request: Request) -> Answer:
    return Answer(playing.state())


def _shown(faults: list[Fault]) -> list[dict[str, Any]]:
    return [fault.to_json() for fault in faults]
