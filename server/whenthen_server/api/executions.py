"""What rules did: executions with their actions and traces; and failed actions, done once more by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whenthen.runtime.records import ActionRow
from whenthen_server.api import cursor as cursors
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import TOLD, iso, iso_or_none
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import page_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import Rulebook, instant_of, who
from whenthen_server.api.rules import LIMIT, answer_of
from whenthen_server.auth import NOWHERE, Place
from whenthen_server.problems import Conflict, NotFound
from whenthen_server.store import executions as kept
from whenthen_server.store import rules as kept_rules
from whenthen_server.store.database import reading
from whenthen_server.store.executions import ExecutionRecord, NotReplayableError, ReplayAction, Wanted

_TEXT = {"type": "string"}
_TOLD_OR_NULL = {"type": ["string", "null"], "description": "ISO 8601, UTC"}

SCHEMAS: dict[str, Any] = {
    "ActionTaken": {
        "type": "object",
        "required": ["key", "type", "config", "state", "attempts"],
        "properties": {
            "key": {"type": "string", "description": "The same for every attempt"},
            "type": _TEXT,
            "config": {"type": "object", "description": "With its placeholders filled in"},
            "targets": {"type": "array", "items": _TEXT},
            "delivery": {"enum": ["idempotent", "at_most_once"]},
            "state": {"type": "string", "description": "waiting and sending change by themselves; the others are ends"},
            "attempts": {"type": "integer"},
            "max_retries": {"type": ["integer", "null"], "description": "Null: as often as the settings say"},
            "due_at": TOLD,
            "expires_at": _TOLD_OR_NULL,
            "finished_at": _TOLD_OR_NULL,
            "result": {},
            "error": {"type": ["string", "null"]},
        },
    },
    "Execution": {
        "type": "object",
        "required": ["id", "at", "rule_id", "rule", "subject", "kind", "cause", "actions", "trace"],
        "properties": {
            "id": _TEXT,
            "at": TOLD,
            "rule_id": _TEXT,
            "rule": {"type": "string", "description": "Its name at that time"},
            "subject": {"type": "string", "description": "For whom: a device, a room, a farm, or default"},
            "kind": {"enum": ["fired", "cleared"]},
            "cause": {"type": "string", "description": "What led to it, in a few words"},
            "depth": {"type": "integer", "description": "How many firings caused one another before it"},
            "counted": {"type": "boolean", "description": "False when every action lost its actuator to another rule"},
            "actions": {"type": "array", "items": {"$ref": "#/components/schemas/ActionTaken"}},
            "trace": {"type": ["object", "null"], "description": "Why: each condition and what it read"},
        },
    },
}
_EXECUTION = {"$ref": "#/components/schemas/Execution"}
_STRETCH = {"from": INSTANT, "to": INSTANT}
_FILTERS = {
    "subject": ID,
    "kind": {"enum": ["fired", "cleared"]},
    **_STRETCH,
    "limit": LIMIT,
    "cursor": cursors.SCHEMA,
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of executions."""
    book = Rulebook(rooms)
    return [one(book) for one in (_every, _history, _one, _replay)]


def _place(book: Rulebook, request: Request) -> Place | None:
    """Return where the rule of an execution is, or was before it was removed."""
    with reading(book.parts.database) as connection:
        found = kept.find(connection, request.path["execution_id"])
        document = None if found is None else kept_rules.last_document(connection, found.rule_id)
    if found is None:
        return None
    return NOWHERE if document is None else book.place_of(document)


@route(
    "GET",
    "/api/automation/executions",
    resource="execution",
    verb="list",
    summary="What rules did, newest first; a short page can be followed by another",
    query={"properties": {"rule": ID, **_FILTERS}},
    answer=answer_of("executions", _EXECUTION),
)
def _every(book: Rulebook, request: Request) -> Answer:
    sees = book.sees(request.caller, "execution")
    seen: dict[str, bool] = {}

    def passes(rule_id: str) -> bool:
        if rule_id not in seen:
            with reading(book.parts.database) as connection:
                seen[rule_id] = sees(kept_rules.last_document(connection, rule_id))
        return seen[rule_id]

    return _page(book.parts, request, request.query.get("rule"), passes)


@route(
    "GET",
    "/api/automation/rules/<rule_id>/history",
    resource="execution",
    verb="read",
    summary="What a rule did, newest first",
    place=Rulebook.place,
    query={"properties": _FILTERS},
    answer=answer_of("executions", _EXECUTION),
)
def _history(book: Rulebook, request: Request) -> Answer:
    return _page(book.parts, request, request.path["rule_id"], lambda _rule_id: True)


@route(
    "GET",
    "/api/automation/executions/<execution_id>",
    resource="execution",
    verb="read",
    summary="One execution",
    place=_place,
    answer=_EXECUTION,
)
def _one(book: Rulebook, request: Request) -> Answer:
    with reading(book.parts.database) as connection:
        found = kept.find(connection, request.path["execution_id"])
        if found is None:
            raise NotFound("It was there a moment ago, and is gone now.")
        return Answer(_shown(found, kept.actions_of(connection, [found.id])[found.id]))


@route(
    "POST",
    "/api/automation/executions/<execution_id>/actions/<key>/replay",
    resource="execution",
    verb="run",
    summary="Have an action that failed for good done once more, with the same key",
    place=_place,
    answer={"$ref": "#/components/schemas/ActionTaken"},
    status=202,
)
def _replay(book: Rulebook, request: Request) -> Answer:
    at = _place(book, request)
    doer = who(request.caller, at.farm if at else None)
    item = ReplayAction(request.path["execution_id"], request.path["key"], doer)
    try:
        return Answer(_shown_action(committed(book.parts.runtime, item)))
    except kept.UnknownActionError:
        raise NotFound("The execution has no such action; its list names the keys.") from None
    except NotReplayableError as error:
        raise Conflict(f"{error}.", code=error.code) from None


def _page(rooms: Rooms, request: Request, rule_id: str | None, sees: Callable[[str], bool]) -> Answer:
    query = request.query
    word = query.get("cursor")
    wanted = Wanted(rule_id, query.get("subject"), query.get("kind"), *stretch_of(query))
    with reading(rooms.database) as connection:
        found, following = kept.listed(
            connection,
            wanted,
            limit=query["limit"],
            before=None if word is None else cursors.decode_cursor(word, (int, str)),
            sees=sees,
        )
        taken = kept.actions_of(connection, [one.id for one in found])
    shown = [_shown(one, taken[one.id]) for one in found]
    return Answer(page_of("executions", shown, following))


def stretch_of(query: Any) -> tuple[int | None, int | None]:
    """Return the instants ``from`` and ``to`` of a query, ``None`` for what it does not say."""
    return instant_of(query, "from"), instant_of(query, "to")


def _shown(one: ExecutionRecord, taken: list[ActionRow]) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": iso(one.at_us),
        "rule_id": one.rule_id,
        "rule": one.rule,
        "subject": one.subject,
        "kind": one.kind,
        "cause": one.cause,
        "depth": one.depth,
        "counted": one.counted,
        "actions": [_shown_action(row) for row in taken],
        "trace": one.trace,
    }


def _shown_action(row: ActionRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "type": row.call.type,
        "config": row.call.config,
        "targets": list(row.call.targets),
        "delivery": row.call.delivery,
        "state": row.state,
        "attempts": row.attempts,
        "max_retries": row.call.max_retries,
        "due_at": iso(row.due_us),
        "expires_at": iso_or_none(row.expires_us),
        "finished_at": iso_or_none(row.finished_us),
        "result": row.result,
        "error": row.error,
    }
