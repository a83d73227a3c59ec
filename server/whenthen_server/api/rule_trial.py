"""A rule tried on made-up or present values: what would fire, and why, without doing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whenthen.clock import seconds_us
from whenthen.dsl.rule import RuleCompiler
from whenthen.engine import Engine
from whenthen.flow.subjects import Subjects
from whenthen.model.event import Event
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading
from whenthen.ports import Device
from whenthen_server.api.ids import SCHEMA as ID
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rule_control import shown_firing
from whenthen_server.api.rulebook import Rulebook, instant_of
from whenthen_server.auth import Place, may
from whenthen_server.lookback.apart import TIMEZONE, Apart, TooManyTimersError, directory_of, made_up
from whenthen_server.problems import Unprocessable
from whenthen_server.store.database import reading
from whenthen_server.store.readings import latest

MAX_STEPS = 200
MAX_TIMERS = 5_000
MAX_FIRINGS = 1_000
MAX_DEVICES = 50
_MADE_UP = "test-device"
_LONGEST_SECONDS = 2_678_400

_AFTER = {"type": "number", "minimum": 0, "maximum": _LONGEST_SECONDS, "description": "Seconds after the start"}
_VALUES = {"type": "object", "maxProperties": 200, "description": "Values by sensor"}

BODY: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "rule": {"type": "object", "description": "Another rule to try in the place of this one"},
        "at": {**INSTANT, "description": "When it starts; now if absent"},
        "device": {**ID, "description": "Whose values they are, where nothing else is said"},
        "values": {**_VALUES, "description": "One reading at the start"},
        "timeline": {
            "type": "array",
            "maxItems": MAX_STEPS,
            "description": "Readings and events, in order",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "after_seconds": {**_AFTER, "default": 0},
                    "device": ID,
                    "values": _VALUES,
                    "event": ID,
                    "data": {"type": "object"},
                },
                "oneOf": [{"required": ["values"]}, {"required": ["event"]}],
            },
        },
        "until_seconds": {**_AFTER, "description": "Let time go on until so long after the start"},
    },
    "examples": [{"values": {"temperature": 31}}],
}
SCHEMAS: dict[str, Any] = {
    "RuleTest": {
        "type": "object",
        "required": ["source", "steps", "fired", "explanations", "cut_short"],
        "properties": {
            "source": {
                "enum": ["given", "current"],
                "description": "Whose values they are",
            },
            "steps": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["at", "fired"],
                    "properties": {
                        "at": TOLD,
                        "device": {"type": ["string", "null"]},
                        "values": {"type": "object"},
                        "event": {"type": "string"},
                        "fired": {"type": "integer", "description": "How many firings came up to and with it"},
                        "explanations": {"type": "array", "items": {"type": "object"}},
                    },
                },
            },
            "fired": {
                "type": "array",
                "items": {"type": "object"},
                "description": "What would have fired, and why",
            },
            "explanations": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Why the rule would fire at the end, or would not, by subject",
            },
            "refused": {"type": "array", "items": {"type": "string"}, "description": "Values that were not taken"},
            "cut_short": {"type": ["string", "null"], "description": "Why not all of it was looked at"},
        },
    }
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens in a test."""

    item: Reading | Event

    @property
    def at_us(self) -> int:
        """The instant."""
        return self.item.at_us if isinstance(self.item, Event) else self.item.received_us


def routes(rooms: Rooms) -> list[Route]:
    """Return the route."""
    return [_test(Rulebook(rooms))]


@route(
    "POST",
    "/api/automation/rules/<rule_id>/test",
    resource="rule",
    verb="read",
    summary="Try a rule on values that are given, or on the present ones; no action is performed",
    place=Rulebook.place,
    body=BODY,
    body_required=False,
    answer={"$ref": "#/components/schemas/RuleTest"},
)
def _test(book: Rulebook, request: Request) -> Answer:
    given = request.body or {}
    record = book.of(request)
    document: Mapping[str, Any] = record.document
    if "rule" in given:
        book.demand(request.caller, "read", book.given(given["rule"]))
        document = book.checked(given["rule"], record.id)
    return Answer(_Trial(book, request, document).run(given))


class _Trial:
    def __init__(self, book: Rulebook, request: Request, document: Mapping[str, Any]) -> None:
        self._rooms = book.parts
        self._caller = request.caller
        self._document = {**document, "enabled": True}
        self._rule = book.compiled(self._document)
        self._scope: Mapping[str, Any] = document.get("scope", {})

    def run(self, given: Mapping[str, Any]) -> dict[str, Any]:
        start_us = instant_of(given, "at") or self._rooms.runtime.now_us()
        device = given.get("device") or self._scope.get("device") or _MADE_UP
        source = "given" if "values" in given or "timeline" in given else "current"
        steps = list(_steps(given, device, start_us)) if source == "given" else self._current(given, start_us)
        named = [step.item.device for step in steps if step.item.device is not None]
        devices = [self._device(one) for one in dict.fromkeys([*named, *_named_devices(self._document)] or [device])]
        directory = directory_of(self._rooms.places, devices)
        apart = Apart(RuleCompiler(self._rooms.registry), directory, MAX_TIMERS)
        apart.engine.tracing = True
        subjects = [one.id for one in Subjects(directory, TIMEZONE).of_rule(self._rule)]
        begin_us = min([start_us, *(step.at_us for step in steps)])
        apart.begin(self._document, begin_us)
        end_us = start_us + seconds_us(given.get("until_seconds", 0))
        return {"source": source, **self._play(apart, steps, max([end_us, *(one.at_us for one in steps)]), subjects)}

    def _play(self, apart: Apart, steps: list[Step], end_us: int, subjects: list[str]) -> dict[str, Any]:
        told: list[dict[str, Any]] = []
        fired: list[dict[str, Any]] = []
        cut_short: str | None = None
        try:
            for step in steps:
                firings = apart.give(step.item)
                fired += _with_traces(firings)
                told.append(
                    {**_told(step), "fired": len(firings), "explanations": self._why(apart.engine, subjects[:5])}
                )
            fired += _with_traces(apart.until(end_us))
        except TooManyTimersError as error:
            cut_short = str(error)
        notices = apart.engine.take_notices()
        return {
            "steps": told,
            "fired": fired[:MAX_FIRINGS],
            "explanations": self._why(apart.engine, subjects),
            "refused": [f"{one.subject}: {one.message}" for one in notices if one.kind == "reading_refused"],
            "cut_short": f"it fired more than {MAX_FIRINGS} times" if len(fired) > MAX_FIRINGS else cut_short,
        }

    def _why(self, engine: Engine, subjects: list[str]) -> list[dict[str, Any]]:
        return [engine.explain(self._rule.id, subject) for subject in subjects[:MAX_DEVICES]]

    def _device(self, device_id: str) -> Device:
        """Return a device that the caller may see, or else one that stands where the rule looks."""
        place = self._place(device_id)
        known = self._rooms.places.device(device_id)
        if known is None or place is None or not may(self._caller, "device", "read", place):
            return made_up(device_id, self._scope, self._rooms.places)
        return known

    def _place(self, device_id: str) -> Place | None:
        record = self._rooms.places.devices_by_id.get(device_id)
        room = None if record is None else self._rooms.places.rooms.get(record.room_id)
        return None if room is None else Place(room.farm_id, room.id, device_id)

    def _current(self, given: Mapping[str, Any], start_us: int) -> list[Step]:
        """Return the newest values of the devices that the rule watches, oldest first, as readings just now."""
        if "device" in given:
            wanted = [given["device"]]
        else:
            subjects = Subjects(self._rooms.places, TIMEZONE)
            scope = self._rule.scope
            wanted = [one.id for one in self._rooms.places.devices() if subjects.of_device(scope, one) is not None]
            wanted = list(dict.fromkeys([*wanted, *_named_devices(self._document)]))
        if len(wanted) > MAX_DEVICES:
            hint = "name one in /device, or give /values"
            error = {"pointer": "/device", "message": f"the rule watches {len(wanted)} devices", "hint": hint}
            raise Unprocessable(f"The rule watches more than {MAX_DEVICES} devices; {hint}.", errors=[error])
        found: list[Reading] = []
        with reading(self._rooms.database) as connection:
            for device in wanted:
                place = self._place(device)
                if place is None or not may(self._caller, "reading", "read", place):
                    continue
                for one in latest(connection, device):
                    at_us = min(one.at_us, start_us)
                    found.append(Reading(device, {one.sensor: one.value}, at_us, at_us))
        return [Step(one) for one in sorted(found, key=lambda one: (one.received_us, one.device))]


def _with_traces(firings: list[Firing]) -> list[dict[str, Any]]:
    return [{**shown_firing(one), "trace": one.trace} for one in firings[:MAX_FIRINGS]]


def _steps(given: Mapping[str, Any], device: str, start_us: int) -> Iterator[Step]:
    if "values" in given:
        yield Step(Reading(device, given["values"], start_us))
    at_us = start_us
    for one in given.get("timeline", ()):
        # One that goes back comes when the one before came: it is late, as it would be on the day.
        at_us = max(at_us, start_us + seconds_us(one.get("after_seconds", 0)))
        if "event" in one:
            yield Step(Event(one["event"], at_us, one.get("data", {}), one.get("device")))
        else:
            yield Step(Reading(one.get("device", device), one["values"], at_us))


def _told(step: Step) -> dict[str, Any]:
    item = step.item
    told: dict[str, Any] = {"at": iso(step.at_us), "device": item.device}
    return {**told, "event": item.name} if isinstance(item, Event) else {**told, "values": dict(item.values)}


def _named_devices(document: Mapping[str, Any]) -> list[str]:
    """Return the devices that a rule names: those of its scope and its conditions."""
    found = [document.get("scope", {}).get("device")]
    waiting: list[Any] = [document.get("conditions"), document.get("trigger"), document.get("triggers")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            found.append(part.get("device"))
            waiting += part.values()
    return [one for one in dict.fromkeys(found) if isinstance(one, str)]
