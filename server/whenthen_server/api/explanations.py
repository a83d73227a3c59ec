"""Why a rule would fire, or would not: now, from the live engine, or at a past instant, as far as can be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from whenthen.dsl.compiled import CompiledRule
from whenthen.engine import MAX_AHEAD_US
from whenthen.errors import UnknownRuleError
from whenthen.flow.subjects import Subjects
from whenthen.proving.lookback import MAX_SUBJECTS
from whenthen.runtime.writer import Core
from whenthen_server.api.commit import committed
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import bad_query
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import GONE, Rulebook, instant_of
from whenthen_server.lookback.apart import TIMEZONE
from whenthen_server.lookback.past import Past
from whenthen_server.problems import NotFound, Unprocessable

SCHEMAS: dict[str, Any] = {
    "RuleExplanation": {
        "type": "object",
        "required": ["rule_id", "at", "how", "explanations"],
        "properties": {
            "rule_id": {"type": "string"},
            "at": TOLD,
            "version": {"type": "integer", "description": "The version of the rule that is explained"},
            "how": {
                "type": "object",
                "required": ["method"],
                "properties": {
                    "method": {
                        "enum": ["live", "execution", "replay"],
                        "description": "From the live engine; from the trace that was kept when the rule fired; or by "
                        "giving the stored readings to an engine apart",
                    },
                    "from": {"type": "string", "description": "Where the replay begins (ISO 8601, UTC)"},
                    "values": {"type": "integer", "description": "How many stored values were replayed"},
                    "complete": {"type": "boolean", "description": "False: there was more than is replayed"},
                    "not_known": {"type": "array", "items": {"type": "string"}},
                },
            },
            "explanations": {
                "type": "array",
                "items": {"type": "object"},
                "description": f"By subject, at most {MAX_SUBJECTS}: the truth of each condition (null: unknown), what "
                "it read, and what else blocks",
            },
            "subjects": {"type": "integer", "description": "How many subjects the rule has"},
        },
    }
}


@dataclass(frozen=True, slots=True)
class ExplainNow:
    """Ask the live engine."""

    writes: ClassVar[bool] = False
    rule_id: str
    subjects: tuple[str, ...]

    def apply(self, core: Core) -> list[dict[str, Any]]:
        """Return one explanation a subject; raises ``UnknownRuleError``."""
        core.fired(core.engine.advance(core.received_us - 1), "time")
        return [core.engine.explain(self.rule_id, subject) for subject in self.subjects]


def routes(rooms: Rooms) -> list[Route]:
    """Return the route."""
    past = Past(rooms.database, rooms.registry, rooms.places)
    return [_explain(_Explaining(Rulebook(rooms), past))]


@dataclass(frozen=True, slots=True)
class _Explaining:
    """What explanations need: the rules, and a look back that remembers what it found."""

    book: Rulebook
    past: Past


@route(
    "GET",
    "/api/automation/rules/<rule_id>/explain",
    resource="rule",
    verb="read",
    summary="Why a rule would fire, or would not: now, or at a past instant",
    place=lambda explaining, request: explaining.book.place(request),
    query={"properties": {"subject": ID, "at": INSTANT}},
    answer={"$ref": "#/components/schemas/RuleExplanation"},
)
def _explain(explaining: _Explaining, request: Request) -> Answer:
    book = explaining.book
    rooms, record = book.parts, book.of(request)
    at_us, subject = instant_of(request.query, "at"), request.query.get("subject")
    now_us = rooms.runtime.now_us()
    if at_us is not None and at_us - now_us > MAX_AHEAD_US:
        raise bad_query("at", "is in the future", "choose a past instant, or leave it out for now")
    if at_us is None or at_us >= now_us:
        return Answer(_now(rooms, record.id, record.version, book.compiled(record.document), subject))
    return Answer(_then(explaining.past, book, request, record.id, at_us))


def _now(rooms: Rooms, rule_id: str, version: int, rule: CompiledRule, subject: str | None) -> dict[str, Any]:
    every = _subjects_of(Subjects(rooms.places, TIMEZONE), rule)
    wanted = every[:MAX_SUBJECTS] if subject is None else [subject]
    try:
        found = committed(rooms.runtime, ExplainNow(rule_id, tuple(wanted)))
    except UnknownRuleError:
        raise NotFound(GONE) from None
    return {
        "rule_id": rule_id,
        "at": iso(rooms.runtime.now_us()),
        "version": version,
        "how": {"method": "live"},
        "explanations": found,
        "subjects": len(every),
    }


def _subjects_of(subjects: Subjects, rule: CompiledRule) -> list[str]:
    return [one.id for one in subjects.of_rule(rule)]


def _then(past: Past, book: Rulebook, request: Request, rule_id: str, at_us: int) -> dict[str, Any]:
    version = past.version(rule_id, at_us)
    if version is None:
        error = {"pointer": "/at", "message": "the rule was not there then", "hint": "choose a later instant"}
        raise Unprocessable("The rule was not there at that instant.", code="no_rule_then", errors=[error])
    # What it was then may have been elsewhere than what it is now.
    book.demand(request.caller, "read", version.document)
    return past.explained(rule_id, version, at_us, request.query.get("subject")).document
