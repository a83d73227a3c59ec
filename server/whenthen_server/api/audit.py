"""The audit log: who did what, newest first."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.cursor import decode_cursor
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import LISTED, answer_of, page_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import reach
from whenthen_server.store.audit import Entry, listed
from whenthen_server.store.database import reading

SCHEMAS: dict[str, Any] = {
    "Deed": {
        "type": "object",
        "required": ["at", "actor", "action", "what"],
        "properties": {
            "at": TOLD,
            "actor": {"type": "string", "description": "Kind and id, such as person:user_owner"},
            "action": {"type": "string", "description": "Resource and verb, such as device.create"},
            "what": {"type": "object", "description": "What it was done to"},
        },
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return ``GET /api/audit``."""
    return [_deeds(rooms)]


@route(
    "GET",
    "/api/audit",
    resource="audit",
    verb="list",
    summary="Who did what, newest first; a farm's managers see what concerns their farm",
    query=LISTED,
    answer=answer_of("deeds", "Deed"),
)
def _deeds(rooms: Rooms, request: Request) -> Answer:
    query, seen = request.query, reach(request.caller, "audit", "list")
    before = decode_cursor(query["cursor"], (int,))[0] if "cursor" in query else None
    farms = None if seen.everything else sorted(seen.farms)
    with reading(rooms.database) as connection:
        found, last = listed(connection, limit=query["limit"], before=before, farms=farms)
    return Answer(page_of("deeds", [_shown(one) for one in found], None if last is None else [last]))


def _shown(entry: Entry) -> dict[str, Any]:
    return {"at": iso(entry.at_us), "actor": entry.actor, "action": entry.action, "what": dict(entry.what)}
