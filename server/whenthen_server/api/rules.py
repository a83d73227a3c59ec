"""Rules: made, listed, read, changed, removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whenthen.errors import InvalidRuleError, Problem
from whenthen_server.api import cursor as cursors
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.instants import TOLD
from whenthen_server.api.merge_patch import merged
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import page_of, path_room
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rule_change import at_present
from whenthen_server.api.rulebook import GONE, Look, Rulebook, tag_of, warning_of, who
from whenthen_server.api.strangers import strangers
from whenthen_server.auth import Place, Role
from whenthen_server.problems import Conflict, NotFound
from whenthen_server.store import rules as kept
from whenthen_server.store.database import reading
from whenthen_server.store.rules import DeleteRule, RuleExistsError, RuleRecord, SaveRule, Seen

_PROBLEM = {
    "type": "object",
    "required": ["code", "pointer", "message", "hint", "severity"],
    "properties": {
        **{name: {"type": "string"} for name in ("code", "pointer", "message", "hint", "severity")},
        "grade": {"enum": ["certain", "possible"], "description": "How sure a finding of the analysis is"},
        "rules": {"type": "array", "items": {"type": "string"}, "description": "The rules that it is about"},
    },
}

SCHEMAS: dict[str, Any] = {
    "RuleProblem": _PROBLEM,
    "LooseRule": {
        "type": "object",
        "description": "A rule in a looser shape, taken if it can mean one thing only",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "condition": {"type": ["object", "string"]},
            "action": {"type": ["object", "string"]},
        },
        "examples": [
            {
                "name": "Fan when warm",
                "condition": {"sensor": "temperature", "operator": ">", "value": 30},
                "action": {"type": "device_command", "command": "turn_on_fan"},
            }
        ],
    },
    "SavedRule": {
        "type": "object",
        "description": "The fields of a Rule as they were given, and what the server knows; can be sent back as it is",
        "required": ["id", "name", "enabled", "version", "created_at", "updated_at", "execution_count", "warnings"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "enabled": {"type": "boolean", "description": "Whether it is switched on now"},
            "version": {"type": "integer"},
            "created_at": TOLD,
            "updated_at": TOLD,
            "last_executed": {"type": ["string", "null"], "description": "ISO 8601, UTC"},
            "execution_count": {"type": "integer"},
            "missed_runs": {"type": "integer", "description": "Scheduled runs that a stop of the server swallowed"},
            "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/RuleProblem"}},
        },
    },
}
SAVED = {"$ref": "#/components/schemas/SavedRule"}
GIVEN = {"anyOf": [{"$ref": "#/components/schemas/Rule"}, {"$ref": "#/components/schemas/LooseRule"}]}
LIMIT = {"type": "integer", "minimum": 1, "maximum": 500, "default": 100, "description": "How many at most"}
PAGE = {"limit": LIMIT, "cursor": cursors.SCHEMA}
_EVERY = "/api/automation/rules"
_OF_ROOM = "/api/rooms/<room_id>/automation"
_ONE = "/api/automation/rules/<rule_id>"


def answer_of(name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a page of a list."""
    return {
        "type": "object",
        "required": [name],
        "properties": {
            name: {"type": "array", "items": dict(item)},
            "next": {"type": "string", "description": "The cursor of the next page; absent on the last"},
        },
    }


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of rules themselves; what is done with them is in modules of its own."""
    book = Rulebook(rooms)
    return [one(book) for one in (_listed, _listed_of_room, _create, _create_in_room, _read, _put, _patch, _delete)]


# Where a new rule is to be


def _path_room(book: Rulebook, request: Request) -> Place | None:
    return path_room(book.parts, request)


def _demanded(book: Rulebook, request: Request, body: Any) -> Place:
    """Return where a new rule would be, if the caller may make it there."""
    document = book.given(body)
    book.demand(request.caller, "create", document)
    return book.place_of(document)


def _in_room(request: Request) -> Any:
    """Return the rule of the body, confined to the room of the path."""
    body, room_id = request.body, request.path["room_id"]
    scope = body.get("scope", {}) if isinstance(body, dict) else None
    if not isinstance(scope, dict):
        return body
    if scope.get("room", room_id) != room_id:
        problem = Problem("bad_value", "/scope/room", f"is not {room_id!r}, the room of the address", "leave it out")
        raise InvalidRuleError((problem,), str(body.get("name", "")))
    return {**body, "scope": {**scope, "room": room_id}}


# All rules


@route(
    "GET",
    _EVERY,
    resource="rule",
    verb="list",
    summary="The rules that the caller may see, in the order of their making",
    query={"properties": {"room": ID, "farm": ID, **PAGE}},
    answer=answer_of("rules", SAVED),
)
def _listed(book: Rulebook, request: Request) -> Answer:
    wanted = Place(request.query.get("farm"), request.query.get("room"))
    return _page(book, request, lambda place: _lies(place, wanted))


@route(
    "GET",
    _OF_ROOM,
    resource="rule",
    verb="list",
    summary="The rules of a room",
    place=_path_room,
    query={"properties": PAGE},
    answer=answer_of("rules", SAVED),
)
def _listed_of_room(book: Rulebook, request: Request) -> Answer:
    return _page(book, request, lambda place: place.room == request.path["room_id"])


def _page(book: Rulebook, request: Request, wanted: Callable[[Place], bool]) -> Answer:
    """Return a page of the rules that the caller may see and that are where they are wanted."""
    limit, word = request.query["limit"], request.query.get("cursor")
    after = None if word is None else cursors.decode_cursor(word, (int, str))
    sees = book.sees(request.caller, "rule")
    found: list[RuleRecord] = []
    with reading(book.parts.database) as connection:
        for record in kept.listed(connection, after):
            if sees(record.document) and wanted(book.place_of(record.document)):
                found.append(record)
                if len(found) > limit:
                    break
    page = found[:limit]
    live = committed(book.parts.runtime, Look(tuple(record.id for record in page))) if page else {}
    shown = [book.shown(record, live[record.id]) for record in page if record.id in live]
    return Answer(page_of("rules", shown, (page[-1].created_us, page[-1].id) if len(found) > limit else None))


def _lies(place: Place, wanted: Place) -> bool:
    return (wanted.farm is None or place.farm == wanted.farm) and (wanted.room is None or place.room == wanted.room)


@route(
    "POST",
    _EVERY,
    resource="rule",
    verb="create",
    summary="Save a new rule",
    place=lambda book, request: _demanded(book, request, request.body),
    body=GIVEN,
    body_checked=False,
    answer=SAVED,
    status=201,
    etag=True,
)
def _create(book: Rulebook, request: Request) -> Answer:
    return _created(book, request, request.body)


@route(
    "POST",
    _OF_ROOM,
    resource="rule",
    verb="create",
    summary="Save a new rule of a room: its scope is the room, unless it says a narrower one",
    place=lambda book, request: _path_room(book, request) and _demanded(book, request, _in_room(request)),
    body=GIVEN,
    body_checked=False,
    answer=SAVED,
    status=201,
    etag=True,
)
def _create_in_room(book: Rulebook, request: Request) -> Answer:
    return _created(book, request, _in_room(request))


def _created(book: Rulebook, request: Request, body: Any) -> Answer:
    document = book.checked(body)
    place = book.place_of(document)
    reuse = request.caller.in_installation() >= Role.MANAGER
    try:
        committed(book.parts.runtime, SaveRule(document, who(request.caller, place.farm), reuse=reuse))
    except RuleExistsError as error:
        raise Conflict("The id is taken; leave it out to have one made.", code=error.code) from error
    answer = _warned(book, request, document, None)
    return Answer(answer.body, headers={**answer.headers, "Location": f"{_EVERY}/{document['id']}"})


# One rule


@route(
    "GET",
    _ONE,
    resource="rule",
    verb="read",
    summary="A rule, with what the server counts; its ETag stays while it is neither changed nor switched",
    place=Rulebook.place,
    answer=SAVED,
    etag=True,
)
def _read(book: Rulebook, request: Request) -> Answer:
    return _answer(book, request.path["rule_id"])


def _answer(book: Rulebook, rule_id: str) -> Answer:
    """Return a rule as it is now."""
    live = book.live(rule_id)
    record = book.find(rule_id)
    if record is None:
        raise NotFound(GONE)
    # Counters move without a new tag: a browser that keeps a copy would show old ones.
    headers = {"ETag": tag_of(record, live), "Cache-Control": "no-store"}
    return Answer(book.shown(record, live), headers=headers)


def _warned(book: Rulebook, request: Request, document: dict[str, Any], before: Mapping[str, Any] | None) -> Answer:
    """Return a rule that was just saved; what it does to others is among its warnings and blocks nothing."""
    answer = _answer(book, document["id"])
    waited_for = [one.to_json() for one in strangers(document, book.parts.places)]
    found = map(warning_of, book.introduced(request.caller, document, before))
    body = {**answer.body, "warnings": [*answer.body["warnings"], *waited_for, *found]}
    return Answer(body, headers=answer.headers)


@route(
    "PUT",
    _ONE,
    resource="rule",
    verb="update",
    summary="Put another rule in the place of this one",
    place=Rulebook.place,
    body=GIVEN,
    body_checked=False,
    answer=SAVED,
    etag=True,
)
def _put(book: Rulebook, request: Request) -> Answer:
    return _changed(book, request, lambda _present: request.body)


@route(
    "PATCH",
    _ONE,
    resource="rule",
    verb="update",
    summary="Change fields of a rule (JSON Merge Patch, RFC 7396): null takes a field away",
    place=Rulebook.place,
    body={"type": "object"},
    answer=SAVED,
    etag=True,
)
def _patch(book: Rulebook, request: Request) -> Answer:
    return _changed(book, request, lambda present: merged(present, request.body))


def _changed(book: Rulebook, request: Request, to: Callable[[dict[str, Any]], Any]) -> Answer:
    """Save the next version of a rule: what *to* makes of the present one."""
    saved: dict[str, Any] = {}

    def attempt(record: RuleRecord, seen: Seen) -> None:
        present = {**record.document, "enabled": seen.enabled}
        body = to(present)
        book.demand(request.caller, "update", book.given(body))
        document = book.checked(body, record.id)
        place = book.place_of(document)
        committed(book.parts.runtime, SaveRule(document, who(request.caller, place.farm), seen))
        saved.update(document=document, before=record.document)

    at_present(book, request, "update", attempt)
    return _warned(book, request, saved["document"], saved["before"])


@route(
    "DELETE",
    _ONE,
    resource="rule",
    verb="delete",
    summary="Remove a rule; its versions and executions stay",
    place=Rulebook.place,
    status=204,
    etag=True,
)
def _delete(book: Rulebook, request: Request) -> Answer:
    def attempt(record: RuleRecord, seen: Seen) -> None:
        place = book.place_of(record.document)
        committed(book.parts.runtime, DeleteRule(record.id, who(request.caller, place.farm), seen))

    at_present(book, request, "delete", attempt)
    return Answer(status=204)
