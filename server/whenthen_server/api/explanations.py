"""Why a rule would fire, or would not: now, from the live engine, or at a past instant, as far as can be known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from whenthen.clock import SECOND_US, seconds_us
from whenthen.dsl.compiled import CompiledRule
from whenthen.errors import UnknownRuleError
from whenthen.flow.subjects import Subjects
from whenthen.model.reading import Reading
from whenthen.runtime.writer import Core
from whenthen_server.api.apart import TIMEZONE, Apart, TooManyTimersError, directory_of
from whenthen_server.api.commit import committed
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rulebook import GONE, Rulebook, instant_of
from whenthen_server.api.watched import watched_devices, watched_sensors
from whenthen_server.problems import NotFound, Unprocessable
from whenthen_server.store import executions, recorded, rules
from whenthen_server.store.database import reading

MAX_SUBJECTS = 20
MAX_VALUES = 100_000
MAX_TIMERS = 100_000
_LEAST_BEFORE_US = 3_600 * SECOND_US
_LONGEST_BEFORE_US = 31 * 86_400 * SECOND_US

_ID = {"type": "string", "minLength": 1, "maxLength": 200}

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
    book = Rulebook(rooms)

    @route(
        "GET",
        "/api/automation/rules/<rule_id>/explain",
        resource="rule",
        verb="read",
        summary="Why a rule would fire, or would not: now, or at a past instant",
        place=book.place,
        query={"properties": {"subject": _ID, "at": INSTANT}},
        answer={"$ref": "#/components/schemas/RuleExplanation"},
    )
    def explain(request: Request) -> Answer:
        record = book.of(request)
        at_us, subject = instant_of(request.query, "at"), request.query.get("subject")
        if at_us is None or at_us >= rooms.runtime.now_us():
            return Answer(_now(rooms, record.id, record.version, book.compiled(record.document), subject))
        return Answer(_Past(rooms, book, request, record.id, at_us).explained(subject))

    return [explain]


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


class _Past:
    """A look back."""

    def __init__(self, rooms: Rooms, book: Rulebook, request: Request, rule_id: str, at_us: int) -> None:
        self._rooms = rooms
        self._book = book
        self._caller = request.caller
        self._rule_id = rule_id
        self._at_us = at_us

    def explained(self, subject: str | None) -> dict[str, Any]:
        with reading(self._rooms.database) as connection:
            version = rules.version_at(connection, self._rule_id, self._at_us)
            wanted = executions.Wanted(self._rule_id, subject, "fired", self._at_us, self._at_us + 1)
            kept, _ = executions.listed(connection, wanted, limit=MAX_SUBJECTS)
        if version is None or version.document is None:
            error = {"pointer": "/at", "message": "the rule was not there then", "hint": "choose a later instant"}
            raise Unprocessable("The rule was not there at that instant.", code="no_rule_then", errors=[error])
        # What it was then may have been elsewhere than what it is now.
        self._book.demand(self._caller, "read", version.document)
        told = {"rule_id": self._rule_id, "at": iso(self._at_us), "version": version.version}
        traces = [one.trace for one in kept if one.trace is not None]
        if traces:
            how = {"method": "execution", "not_known": []}
            return {**told, "how": how, "explanations": traces, "subjects": len(traces)}
        return {**told, **self._replayed(version.document, subject)}

    def _replayed(self, document: Mapping[str, Any], subject: str | None) -> dict[str, Any]:
        rule = self._book.compiled(document)
        directory = directory_of(self._rooms.places, watched_devices(rule, self._rooms.places))
        devices = [one.id for one in directory.devices()]
        every = _subjects_of(Subjects(directory, TIMEZONE), rule)
        wanted = every[:MAX_SUBJECTS] if subject is None else [subject]
        from_us = self._at_us - _memory_us(document)
        apart = Apart(self._rooms.registry, directory, MAX_TIMERS)
        with reading(self._rooms.database) as connection:
            series = recorded.series_of(connection, devices, watched_sensors(rule))
            values = recorded.count(connection, series, from_us, self._at_us + 1)
            apart.begin({**document, "id": self._rule_id}, from_us, recorded.newest_before(connection, series, from_us))
            rows = recorded.readings(connection, series, from_us, self._at_us + 1, MAX_VALUES)
            complete = _play(apart, rows, self._at_us) and values <= MAX_VALUES
        how = {
            "method": "replay",
            "from": iso(from_us),
            "values": min(values, MAX_VALUES),
            "complete": complete,
            "not_known": [
                "whether the rule was switched on then, and what it did before the replay begins",
                "events, other rules, and where devices stood if they have moved since",
            ],
        }
        explanations = [apart.engine.explain(self._rule_id, one) for one in wanted]
        return {"how": how, "explanations": explanations, "subjects": len(every)}


def _play(apart: Apart, rows: Iterable[Reading], at_us: int) -> bool:
    """Let an engine see what was stored up to an instant; return whether it saw all."""
    try:
        for row in rows:
            if row.received_us > at_us:
                break
            apart.give(row)
        apart.until(at_us)
    except TooManyTimersError:
        return False
    return True


def _memory_us(document: Any) -> int:
    """Return how far back a rule can remember: twice all its durations, windows and pauses, and at least an hour."""
    total, waiting = 0.0, [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            for key, value in part.items():
                if key.endswith("_seconds") or key == "interval":
                    total += value if isinstance(value, int | float) else 0
                else:
                    waiting.append(value)
    return min(max(_LEAST_BEFORE_US, 2 * seconds_us(total)), _LONGEST_BEFORE_US)
