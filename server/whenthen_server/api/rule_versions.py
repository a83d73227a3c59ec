"""The versions of a rule: what it said before, by whom it was changed, and when."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.cursor import decode_cursor
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import page_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import Rulebook
from whenthen_server.api.rules import PAGE, answer_of
from whenthen_server.store import rules as kept
from whenthen_server.store.database import reading

SCHEMAS: dict[str, Any] = {
    "RuleVersion": {
        "type": "object",
        "required": ["version", "who", "at", "removed", "rule"],
        "properties": {
            "version": {"type": "integer"},
            "who": {"type": "string", "description": "kind:id of who made it"},
            "at": TOLD,
            "removed": {"type": "boolean", "description": "That was the end of it, until somebody made it anew"},
            "rule": {"type": ["object", "null"], "description": "Left out when it was where the caller may not look"},
        },
    },
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the route."""
    return [_versions(Rulebook(rooms))]


@route(
    "GET",
    "/api/automation/rules/<rule_id>/versions",
    resource="rule",
    verb="read",
    summary="Every version of a rule, newest first: what, by whom, when",
    place=Rulebook.place,
    query={"properties": PAGE},
    answer=answer_of("versions", {"$ref": "#/components/schemas/RuleVersion"}),
)
def _versions(book: Rulebook, request: Request) -> Answer:
    limit, word = request.query["limit"], request.query.get("cursor")
    before = None if word is None else decode_cursor(word, (int,))[0]
    with reading(book.parts.database) as connection:
        found, following = kept.versions(connection, request.path["rule_id"], limit=limit, before=before)
    sees = book.sees(request.caller, "rule")
    rows = [
        {
            "version": one.version,
            "who": one.who,
            "at": iso(one.at_us),
            "removed": one.document is None,
            "rule": one.document if one.document is not None and sees(one.document) else None,
        }
        for one in found
    ]
    return Answer(page_of("versions", rows, None if following is None else [following]))
