"""Rules at work: switched on and off, run by a person, and when they run next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from heapq import merge
from itertools import groupby, islice
from typing import Any, Literal
from zoneinfo import ZoneInfo

from whenthen.clock import from_us
from whenthen.dsl.compiled import CompiledRule
from whenthen.engine import RunResult
from whenthen.errors import UnknownRuleError
from whenthen.extend.trigger import Place as Where
from whenthen.extend.trigger import Trigger
from whenthen.flow.subjects import Subjects
from whenthen.model.firing import Firing
from whenthen.runtime.items import RunRule
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, RouteOf, route
from whenthen_server.api.rulebook import GONE, Rulebook, tag_of, who
from whenthen_server.api.rules import SAVED
from whenthen_server.auth import Place
from whenthen_server.problems import NotFound
from whenthen_server.store import executions as kept
from whenthen_server.store.database import reading
from whenthen_server.store.rules import RunRuleAs, SwitchRuleAs

_ONE = "/api/automation/rules/<rule_id>"
_MAX_SUBJECTS = 1_000
_TIMEZONE = "UTC"

SCHEMAS: dict[str, Any] = {
    "RuleRun": {
        "type": "object",
        "required": ["fired", "blocked"],
        "properties": {
            "fired": {
                "type": "array",
                "description": "What fired, also other rules that this one runs",
                "items": {
                    "type": "object",
                    "required": ["at", "rule_id", "subject", "kind", "actions"],
                    "properties": {
                        "at": TOLD,
                        "execution_id": {"type": ["string", "null"]},
                        "rule_id": {"type": "string"},
                        "subject": {"type": "string"},
                        "kind": {"enum": ["fired", "cleared"]},
                        "actions": {"type": "array", "items": {"type": "object"}},
                    },
                },
            },
            "blocked": {
                "type": "object",
                "description": "By subject what kept it from firing; no_subject without a name: there was nobody",
                "additionalProperties": {"type": "string"},
            },
        },
    },
    "NextRuns": {
        "type": "object",
        "required": ["rule_id", "enabled", "runs"],
        "properties": {
            "rule_id": {"type": "string"},
            "enabled": {"type": "boolean", "description": "A rule that is switched off does not run"},
            "runs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["at", "local", "timezone", "trigger"],
                    "properties": {
                        "at": TOLD,
                        "local": {"type": "string", "description": "The same in the zone of the schedule"},
                        "timezone": {"type": "string"},
                        "trigger": {"type": "string", "description": "The trigger as a pointer into the rule"},
                    },
                },
            },
        },
    },
}
_RUN = {
    "type": "object",
    "additionalProperties": False,
    "maxProperties": 2,
    "properties": {
        "device": {**ID, "description": "Only for the subjects that this device is, stands in, or has in it"},
        "room": {**ID, "description": "Only for the subjects of this room"},
        "farm": {**ID, "description": "Only for the subjects of this farm"},
        "force": {"type": "boolean", "description": "Ask neither conditions nor cooldown", "default": False},
    },
    "dependentSchemas": {
        "device": {"properties": {"room": False, "farm": False}},
        "room": {"properties": {"farm": False}},
    },
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes."""
    book = Rulebook(rooms)
    return [one(book) for one in (_switch("enable"), _switch("disable"), _run, _next_runs)]


def _switch(word: Literal["enable", "disable"]) -> RouteOf[Rulebook]:
    enabled = word == "enable"

    @route(
        "POST",
        f"{_ONE}/{word}",
        resource="rule",
        verb="update",
        summary=f"Switch a rule {'on' if enabled else 'off'}",
        place=Rulebook.place,
        answer=SAVED,
        etag=True,
    )
    def switch(book: Rulebook, request: Request) -> Answer:
        rule_id, doer = request.path["rule_id"], who(request.caller, _farm(book.place(request)))
        try:
            committed(book.parts.runtime, SwitchRuleAs(rule_id, enabled, doer))
        except UnknownRuleError:
            raise NotFound(GONE) from None
        live = book.live(rule_id)
        record = book.of(request)
        return Answer(book.shown(record, live), headers={"ETag": tag_of(record, live), "Cache-Control": "no-store"})

    return switch


@route(
    "POST",
    f"{_ONE}/run",
    resource="rule",
    verb="run",
    summary="Run a rule now; the answer says what fired and what blocked the rest",
    place=Rulebook.place,
    body=_RUN,
    body_required=False,
    answer={"$ref": "#/components/schemas/RuleRun"},
)
def _run(book: Rulebook, request: Request) -> Answer:
    given = request.body or {}
    item = RunRuleAs(RunRule(request.path["rule_id"], **given), who(request.caller, _farm(book.place(request))))
    try:
        result = committed(book.parts.runtime, item)
    except UnknownRuleError:
        raise NotFound(GONE) from None
    return Answer(_shown_run(book.parts, result))


def _farm(place: Place | None) -> str | None:
    return None if place is None else place.farm


def _shown_run(rooms: Rooms, result: RunResult) -> dict[str, Any]:
    ids: dict[tuple[str, int], dict[str, str]] = {}
    with reading(rooms.database) as connection:
        for firing in result.firings:
            key = (firing.rule_id, firing.at_us)
            if key not in ids:
                ids[key] = kept.ids_at(connection, *key)
    fired = [
        {**shown_firing(firing), "execution_id": ids[firing.rule_id, firing.at_us].get(firing.subject)}
        for firing in result.firings
    ]
    return {"fired": fired, "blocked": dict(result.blocked)}


def shown_firing(firing: Firing) -> dict[str, Any]:
    """Return a firing as the answers have it."""
    return {
        "at": iso(firing.at_us),
        "rule_id": firing.rule_id,
        "rule": firing.rule,
        "subject": firing.subject,
        "kind": firing.kind,
        "counted": firing.counted,
        "actions": [{**call.to_json(), "targets": list(call.targets)} for call in firing.actions],
    }


@route(
    "GET",
    f"{_ONE}/next-runs",
    resource="rule",
    verb="read",
    summary="When a rule's schedules run next",
    place=Rulebook.place,
    query={"properties": {"count": {"type": "integer", "minimum": 1, "maximum": 100, "default": 5}}},
    answer={"$ref": "#/components/schemas/NextRuns"},
)
def _next_runs(book: Rulebook, request: Request) -> Answer:
    record = book.of(request)
    rule = book.compiled(record.document)
    upcoming = merge(*_schedules(book.parts, rule), key=lambda run: run[0])
    runs = [_shown_next(*run) for run in islice(_once(upcoming), request.query["count"])]
    return Answer({"rule_id": record.id, "enabled": book.live(record.id).enabled, "runs": runs})


Run = tuple[int, str, tzinfo]
"""The instant, the trigger's pointer, and the zone of its schedule."""


def _schedules(rooms: Rooms, rule: CompiledRule) -> Iterator[Iterator[Run]]:
    """Yield for each scheduled trigger, at each place where the rule has subjects, its runs from now on."""
    subjects = Subjects(rooms.places, _TIMEZONE)
    places = dict.fromkeys(subjects.place(one) for one in subjects.of_rule(rule)[:_MAX_SUBJECTS])
    now_us = max(rooms.runtime.now_us(), (rule.valid_from_us or 1) - 1)
    for index, trigger in enumerate(rule.triggers):
        pointer = "/trigger" if "trigger" in rule.document else f"/triggers/{index}"
        for place in places or {subjects.default_place: None}:
            yield _upcoming(trigger, place, pointer, now_us, rule.valid_until_us)


def _upcoming(trigger: Trigger, place: Where, pointer: str, after_us: int, until_us: int | None) -> Iterator[Run]:
    schedule = trigger.schedule(place)
    zone = place.zone if trigger.timezone is None else ZoneInfo(trigger.timezone)
    following = None if schedule is None else schedule.next_after(after_us)
    while schedule is not None and following is not None and (until_us is None or following < until_us):
        yield following, pointer, zone
        following = schedule.next_after(following)


def _once(runs: Iterator[Run]) -> Iterator[Run]:
    """Leave out what follows its like: two farms of one zone have the same noon."""
    for _, alike in groupby(runs, key=lambda run: run[0]):
        yield from dict.fromkeys(alike)


def _shown_next(at_us: int, pointer: str, zone: tzinfo) -> dict[str, Any]:
    local = from_us(at_us).astimezone(zone).isoformat()
    return {"at": iso(at_us), "local": local, "timezone": str(zone), "trigger": pointer}
