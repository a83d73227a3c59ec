"""How much rules do: how many there are, how often they fired, and what became of their actions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from whenthen.clock import DAY_US
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import Look, Rulebook, instant_of
from whenthen_server.problems import BadRequest
from whenthen_server.store import executions, rules
from whenthen_server.store.database import reading

MAX_DAYS = 366
_MAX_LISTED = 1_000
_COUNT = {"type": "integer"}

SCHEMAS: dict[str, Any] = {
    "RuleStatistics": {
        "type": "object",
        "required": ["from", "to", "rules", "enabled", "fired", "cleared", "actions", "by_rule"],
        "properties": {
            "from": TOLD,
            "to": TOLD,
            "rules": {**_COUNT, "description": "How many there are now"},
            "enabled": {**_COUNT, "description": "How many of them are switched on now"},
            "fired": {**_COUNT, "description": "In the time asked for, also by rules that were removed since"},
            "cleared": _COUNT,
            "actions": {"type": "object", "additionalProperties": _COUNT, "description": "How many, by their state"},
            "by_rule": {
                "type": "array",
                "description": f"The {_MAX_LISTED} rules that fired most, and those that did nothing",
                "items": {
                    "type": "object",
                    "required": ["rule_id", "fired", "cleared"],
                    "properties": {
                        "rule_id": {"type": "string"},
                        "name": {"type": ["string", "null"], "description": "null: the rule was removed"},
                        "enabled": {"type": ["boolean", "null"]},
                        "fired": _COUNT,
                        "cleared": _COUNT,
                        "execution_count": {"type": ["integer", "null"], "description": "Ever"},
                        "actions": {"type": "object", "additionalProperties": _COUNT},
                    },
                },
            },
        },
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the route."""
    return [_statistics(Rulebook(rooms))]


@route(
    "GET",
    "/api/automation/statistics",
    resource="statistics",
    verb="list",
    summary="How often the rules that the caller may see fired, by default in the last day",
    query={"properties": {"from": INSTANT, "to": INSTANT, "room": ID, "farm": ID}},
    answer={"$ref": "#/components/schemas/RuleStatistics"},
)
def _statistics(book: Rulebook, request: Request) -> Answer:
    to_us = instant_of(request.query, "to") or book.parts.runtime.now_us() + 1
    asked_us = instant_of(request.query, "from")
    from_us = to_us - DAY_US if asked_us is None else asked_us
    if not 0 < to_us - from_us <= MAX_DAYS * DAY_US:
        error = {"pointer": "/from", "message": "is not before /to", "hint": f"by at most {MAX_DAYS} days"}
        raise BadRequest("The parameter from must be before to.", code="invalid_query", errors=[error])
    return Answer(_counted(book.parts, _wanted(book, request), from_us, to_us))


def _wanted(book: Rulebook, request: Request) -> Callable[[Any], bool]:
    sees = book.sees(request.caller, "statistics")
    room, farm = request.query.get("room"), request.query.get("farm")

    def wanted(document: Any) -> bool:
        if not sees(document):
            return False
        if room is None and farm is None:
            return True
        place = book.place_of(document)
        return (room is None or place.room == room) and (farm is None or place.farm == farm)

    return wanted


def _counted(rooms: Rooms, wanted: Callable[[Any], bool], from_us: int, to_us: int) -> dict[str, Any]:
    with reading(rooms.database) as connection:
        names = {one.id: one.document["name"] for one in rules.listed(connection) if wanted(one.document)}
        kinds: dict[str, Counter[str]] = defaultdict(Counter)
        for rule_id, kind, count in executions.counted(connection, from_us, to_us):
            if rule_id in names or wanted(rules.last_document(connection, rule_id)):
                kinds[rule_id][kind] = count
        states: dict[str, Counter[str]] = defaultdict(Counter)
        for rule_id, state, count in executions.counted_actions(connection, from_us, to_us):
            if rule_id in kinds:
                states[rule_id][state] = count
    live = committed(rooms.runtime, Look(tuple(names)))
    listed = sorted({*names, *kinds}, key=lambda rule_id: (-kinds[rule_id]["fired"], rule_id))
    every = list(kinds.values())
    return {
        "from": iso(from_us),
        "to": iso(to_us),
        "rules": len(live),
        "enabled": sum(one.enabled for one in live.values()),
        "fired": sum(one["fired"] for one in every),
        "cleared": sum(one["cleared"] for one in every),
        "actions": dict(sum(states.values(), Counter())),
        "by_rule": [
            {
                "rule_id": rule_id,
                "name": names.get(rule_id),
                "enabled": live[rule_id].enabled if rule_id in live else None,
                "fired": kinds[rule_id]["fired"],
                "cleared": kinds[rule_id]["cleared"],
                "execution_count": live[rule_id].counters["execution_count"] if rule_id in live else None,
                "actions": dict(states[rule_id]),
            }
            for rule_id in listed[:_MAX_LISTED]
        ],
    }
