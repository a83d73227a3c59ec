"""Rules: made, listed, read, changed, removed, with every version that there was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whenthen.errors import InvalidRuleError, Problem, UnknownRuleError
from whenthen.runtime.journal import RuleConflictError
from whenthen_server.api import cursor as cursors
from whenthen_server.api.commit import committed
from whenthen_server.api.etag import demand_match
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.merge_patch import merged
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import GONE, Look, Rulebook, tag_of, warning_of, who
from whenthen_server.auth import Place, Role
from whenthen_server.problems import Conflict, NotFound, PreconditionFailed
from whenthen_server.store import rules as kept
from whenthen_server.store.database import reading
from whenthen_server.store.rules import DeleteRule, RuleExistsError, RuleRecord, SaveRule, Seen

_ATTEMPTS = 3
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
SAVED = {"$ref": "#/components/schemas/SavedRule"}
GIVEN = {"anyOf": [{"$ref": "#/components/schemas/Rule"}, {"$ref": "#/components/schemas/LooseRule"}]}
LIMIT = {"type": "integer", "minimum": 1, "maximum": 500, "default": 100, "description": "How many at most"}
_PAGE = {"limit": LIMIT, "cursor": cursors.SCHEMA}
_ID = {"type": "string", "minLength": 1, "maxLength": 200}


def page_of(name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a page of a list."""
    return {
        "type": "object",
        "required": [name],
        "properties": {
            name: {"type": "array", "items": dict(item)},
            "next": {"type": "string", "description": "The cursor of the next page; absent on the last"},
        },
    }


def routes(parts: Rooms) -> list[Route]:
    """Return the routes of rules themselves; what is done with them is in modules of its own."""
    book = Rulebook(parts)
    resource = _Resource(parts, book)
    return [*_of_all(resource), *_of_one(resource, book)]


def _of_all(resource: _Resource) -> list[Route]:
    """Return the routes by which rules are listed and made, anywhere or in a room."""

    @route(
        "GET",
        "/api/automation/rules",
        resource="rule",
        verb="list",
        summary="The rules that the caller may see, in the order of their making",
        query={"properties": {"room": _ID, "farm": _ID, **_PAGE}},
        answer=page_of("rules", SAVED),
    )
    def every(request: Request) -> Answer:
        wanted = Place(request.query.get("farm"), request.query.get("room"))
        return resource.listed(request, lambda place: _lies(place, wanted))

    @route(
        "GET",
        "/api/rooms/<room_id>/automation",
        resource="rule",
        verb="list",
        summary="The rules of a room",
        place=resource.room,
        query={"properties": _PAGE},
        answer=page_of("rules", SAVED),
    )
    def of_room(request: Request) -> Answer:
        return resource.listed(request, lambda place: place.room == request.path["room_id"])

    @route(
        "POST",
        "/api/automation/rules",
        resource="rule",
        verb="create",
        summary="Save a new rule",
        place=lambda request: resource.demanded(request, request.body),
        body=GIVEN,
        body_checked=False,
        answer=SAVED,
        status=201,
        etag=True,
    )
    def create(request: Request) -> Answer:
        return resource.create(request, request.body)

    @route(
        "POST",
        "/api/rooms/<room_id>/automation",
        resource="rule",
        verb="create",
        summary="Save a new rule of a room: its scope is the room, unless it says a narrower one",
        place=lambda request: resource.room(request) and resource.demanded(request, resource.in_room(request)),
        body=GIVEN,
        body_checked=False,
        answer=SAVED,
        status=201,
        etag=True,
    )
    def create_in_room(request: Request) -> Answer:
        return resource.create(request, resource.in_room(request))

    return [every, of_room, create, create_in_room]


def _of_one(resource: _Resource, book: Rulebook) -> list[Route]:
    """Return the routes of one rule."""
    one = "/api/automation/rules/<rule_id>"

    @route(
        "GET",
        one,
        resource="rule",
        verb="read",
        summary="A rule, with what the server counts; its ETag stays while it is neither changed nor switched",
        place=book.place,
        answer=SAVED,
        etag=True,
    )
    def read(request: Request) -> Answer:
        return resource.answer(request.path["rule_id"])

    @route(
        "PUT",
        one,
        resource="rule",
        verb="update",
        summary="Put another rule in the place of this one",
        place=book.place,
        body=GIVEN,
        body_checked=False,
        answer=SAVED,
        etag=True,
    )
    def put(request: Request) -> Answer:
        return resource.change(request, lambda _present: request.body)

    @route(
        "PATCH",
        one,
        resource="rule",
        verb="update",
        summary="Change fields of a rule (JSON Merge Patch, RFC 7396): null takes a field away",
        place=book.place,
        body={"type": "object"},
        answer=SAVED,
        etag=True,
    )
    def patch(request: Request) -> Answer:
        return resource.change(request, lambda present: merged(present, request.body))

    @route(
        "DELETE",
        one,
        resource="rule",
        verb="delete",
        summary="Remove a rule; its versions and executions stay",
        place=book.place,
        status=204,
        etag=True,
    )
    def delete(request: Request) -> Answer:
        return resource.delete(request)

    @route(
        "GET",
        f"{one}/versions",
        resource="rule",
        verb="read",
        summary="Every version of a rule, newest first: what, by whom, when",
        place=book.place,
        query={"properties": _PAGE},
        answer=page_of("versions", {"$ref": "#/components/schemas/RuleVersion"}),
    )
    def versions(request: Request) -> Answer:
        return resource.versions(request)

    return [read, put, patch, delete, versions]


class _Resource:
    """What the routes do."""

    def __init__(self, parts: Rooms, book: Rulebook) -> None:
        self._parts = parts
        self._book = book

    def room(self, request: Request) -> Place | None:
        """Return the room of a path."""
        found = self._parts.places.rooms.get(request.path["room_id"])
        return None if found is None else Place(found.farm_id, found.id)

    def demanded(self, request: Request, body: Any) -> Place:
        """Return where a new rule would be, if the caller may make it there."""
        document = self._book.given(body)
        self._book.demand(request.caller, "create", document)
        return self._book.place_of(document)

    def in_room(self, request: Request) -> Any:
        """Return the rule of the body, confined to the room of the path."""
        body, room_id = request.body, request.path["room_id"]
        scope = body.get("scope", {}) if isinstance(body, dict) else None
        if not isinstance(scope, dict):
            return body
        if scope.get("room", room_id) != room_id:
            problem = Problem(
                "bad_value", "/scope/room", f"is not {room_id!r}, the room of the address", "leave it out"
            )
            raise InvalidRuleError((problem,), str(body.get("name", "")))
        return {**body, "scope": {**scope, "room": room_id}}

    def listed(self, request: Request, wanted: Callable[[Place], bool]) -> Answer:
        """Return a page of the rules that the caller may see and that are where they are wanted."""
        limit, word = request.query["limit"], request.query.get("cursor")
        after = None if word is None else cursors.decode_cursor(word, (int, str))
        sees = self._book.sees(request.caller, "rule")
        page: list[RuleRecord] = []
        with reading(self._parts.database) as connection:
            for record in kept.listed(connection, after):
                if sees(record.document) and wanted(self._book.place_of(record.document)):
                    page.append(record)
                    if len(page) > limit:
                        break
        live = committed(self._parts.runtime, Look(tuple(record.id for record in page[:limit]))) if page else {}
        shown_rules = [self._book.shown(record, live[record.id]) for record in page[:limit] if record.id in live]
        body: dict[str, Any] = {"rules": shown_rules}
        if len(page) > limit:
            last = page[limit - 1]
            body["next"] = cursors.encode_cursor([last.created_us, last.id])
        return Answer(body)

    def create(self, request: Request, body: Any) -> Answer:
        """Save a new rule."""
        document = self._book.checked(body)
        place = self._book.place_of(document)
        reuse = request.caller.in_installation() >= Role.MANAGER
        try:
            committed(self._parts.runtime, SaveRule(document, who(request.caller, place.farm), reuse=reuse))
        except RuleExistsError as error:
            raise Conflict("The id is taken; leave it out to have one made.", code=error.code) from error
        answer = self._warned(request, document, None)
        address = f"/api/automation/rules/{document['id']}"
        return Answer(answer.body, headers={**answer.headers, "Location": address})

    def answer(self, rule_id: str) -> Answer:
        """Return a rule as it is now."""
        live = self._book.live(rule_id)
        record = self._book.find(rule_id)
        if record is None:
            raise NotFound(GONE)
        # Counters move without a new tag: a browser that keeps a copy would show old ones.
        headers = {"ETag": tag_of(record, live), "Cache-Control": "no-store"}
        return Answer(self._book.shown(record, live), headers=headers)

    def _warned(self, request: Request, document: dict[str, Any], before: Mapping[str, Any] | None) -> Answer:
        """Return a rule that was just saved; what it does to others is among its warnings and blocks nothing."""
        answer = self.answer(document["id"])
        found = self._book.introduced(request.caller, document, before)
        body = {**answer.body, "warnings": [*answer.body["warnings"], *map(warning_of, found)]}
        return Answer(body, headers=answer.headers)

    def change(self, request: Request, to: Callable[[dict[str, Any]], Any]) -> Answer:
        """Save the next version of a rule: what *to* makes of the present one."""
        saved: dict[str, Any] = {}

        def attempt(record: RuleRecord, seen: Seen) -> None:
            present = {**record.document, "enabled": seen.enabled}
            body = to(present)
            self._book.demand(request.caller, "update", self._book.given(body))
            document = self._book.checked(body, record.id)
            place = self._book.place_of(document)
            committed(self._parts.runtime, SaveRule(document, who(request.caller, place.farm), seen))
            saved.update(document=document, before=record.document)

        self._at_present(request, "update", attempt)
        return self._warned(request, saved["document"], saved["before"])

    def delete(self, request: Request) -> Answer:
        """Remove a rule."""

        def attempt(record: RuleRecord, seen: Seen) -> None:
            place = self._book.place_of(record.document)
            committed(self._parts.runtime, DeleteRule(record.id, who(request.caller, place.farm), seen))

        self._at_present(request, "delete", attempt)
        return Answer(status=204)

    def _at_present(self, request: Request, verb: str, attempt: Callable[[RuleRecord, Seen], None]) -> None:
        """Do something to the version that is present; if that changes meanwhile, once more, or 412 if one was named.

        The right is asked for again each time: the version that is changed may be elsewhere.
        """
        for _ in range(_ATTEMPTS):
            record = self._book.of(request)
            live = self._book.live(record.id)
            self._parts.demand(request.caller, "rule", verb, self._book.place_of(record.document))
            demand_match(request.headers, tag_of(record, live))
            try:
                attempt(record, Seen(record.version, live.enabled))
            except RuleConflictError as error:
                if request.headers.get("If-Match") not in (None, "*"):
                    raise PreconditionFailed("Somebody else changed the rule just now. Read it again.") from error
            except UnknownRuleError:
                raise NotFound(GONE) from None
            else:
                return
        raise Conflict("The rule changes all the time. Read it again, and name its ETag in If-Match.")

    def versions(self, request: Request) -> Answer:
        """Return a page of a rule's versions."""
        limit, word = request.query["limit"], request.query.get("cursor")
        before = None if word is None else cursors.decode_cursor(word, (int,))[0]
        with reading(self._parts.database) as connection:
            found, following = kept.versions(connection, request.path["rule_id"], limit=limit, before=before)
        sees = self._book.sees(request.caller, "rule")
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
        body: dict[str, Any] = {"versions": rows}
        if following is not None:
            body["next"] = cursors.encode_cursor([following])
        return Answer(body)


def _lies(place: Place, wanted: Place) -> bool:
    return (wanted.farm is None or place.farm == wanted.farm) and (wanted.room is None or place.room == wanted.room)
