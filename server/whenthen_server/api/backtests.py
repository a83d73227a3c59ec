"""Rules over stored history: what would have fired, line by line as it is found, beside what the live rule would do."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from whenthen.clock import DAY_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.model.firing import Firing
from whenthen.proving.difference import paired, told_actions, unlike
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.api.rule_control import shown_firing
from whenthen_server.api.rulebook import Rulebook, instant_of
from whenthen_server.auth import Place
from whenthen_server.lookback.apart import Apart, TooManyTimersError, directory_of
from whenthen_server.lookback.watched import watched_devices, watched_sensors
from whenthen_server.problems import TooManyRequests, Unprocessable
from whenthen_server.store import recorded
from whenthen_server.store.database import reading

MAX_AT_ONCE = 2
MAX_VALUES = 1_000_000
MAX_TIMERS = 1_000_000
MAX_LINES = 10_000
MAX_DAYS = 366
PROGRESS_EVERY = 2_000
CONTENT_TYPE = "application/jsonl"
_LAST_DAY_US = DAY_US

_log = logging.getLogger(__name__)

Document = Mapping[str, Any]

SCHEMAS: dict[str, Any] = {
    "BacktestRequest": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "rule": {"type": "object", "description": "The rule to look at; absent: the one that is kept"},
            "from": {**INSTANT, "description": "Default: a day before `to`"},
            "to": {**INSTANT, "description": "Default: now"},
        },
    }
}
_BODY = {"$ref": "#/components/schemas/BacktestRequest"}
_LINES = {
    "type": "string",
    "description": "One JSON object a line: `started`, `fired` and `cleared` (with `in`: `both`, `candidate` or "
    "`live`; and with `changed` when the live rule's actions are others), `progress`, and at the end `summary`, or "
    "`failed`",
}


class Slots:
    """So many backtests run at once: each takes a processor for itself."""

    def __init__(self) -> None:
        self._free = BoundedSemaphore(MAX_AT_ONCE)

    def take(self) -> None:
        """Take a slot; raises ``TooManyRequests`` when there is none."""
        if not self._free.acquire(blocking=False):
            detail = f"{MAX_AT_ONCE} backtests run already."
            raise TooManyRequests(detail, code="backtests_busy", headers={"Retry-After": "5"})

    def release(self) -> None:
        """Give it back."""
        self._free.release()


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where backtests are asked for."""

    book: Rulebook
    slots: Slots


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes."""
    desk = _Desk(Rulebook(rooms), Slots())
    return [_backtest(desk), _unsaved(desk)]


def _own_place(desk: _Desk, request: Request) -> Place:
    """Return where the rule of the body is, if the caller may read it."""
    book = desk.book
    document = book.given((request.body or {}).get("rule"))
    book.demand(request.caller, "read", document)
    return book.place_of(document)


@route(
    "POST",
    "/api/automation/rules/<rule_id>/backtest",
    resource="rule",
    verb="read",
    summary="What a rule, or another in its place, would have done with what was stored, beside the live rule",
    place=lambda desk, request: desk.book.place(request),
    body=_BODY,
    body_required=False,
    answer=_LINES,
    content_type=CONTENT_TYPE,
)
def _backtest(desk: _Desk, request: Request) -> Answer:
    book, given = desk.book, request.body or {}
    live = book.of(request).document
    candidate: Document = live
    if "rule" in given:
        book.demand(request.caller, "read", book.given(given["rule"]))
        candidate = book.checked(given["rule"], str(live["id"]))
    return _answer(desk, given, candidate, live)


@route(
    "POST",
    "/api/automation/backtest",
    resource="rule",
    verb="read",
    summary="What a rule that is not saved would have done with what was stored",
    place=_own_place,
    body={**_BODY, "required": ["rule"]},
    answer=_LINES,
    content_type=CONTENT_TYPE,
)
def _unsaved(desk: _Desk, request: Request) -> Answer:
    return _answer(desk, request.body, desk.book.checked(request.body["rule"]), None)


def _answer(desk: _Desk, given: Mapping[str, Any], candidate: Document, live: Document | None) -> Answer:
    book, rooms = desk.book, desk.book.parts
    to_us = instant_of(given, "to") or rooms.runtime.now_us()
    asked_us = instant_of(given, "from")
    from_us = to_us - _LAST_DAY_US if asked_us is None else asked_us
    if not 0 < to_us - from_us <= MAX_DAYS * DAY_US:
        said = "is not before /to" if from_us >= to_us else f"is more than {MAX_DAYS} days before /to"
        error = {"pointer": "/from", "message": said, "hint": "choose another /from, or give /to"}
        raise Unprocessable(f"/from must be before /to, by at most {MAX_DAYS} days.", errors=[error])
    rules = [book.compiled(one) for one in (candidate, live) if one is not None]
    # Each with the devices of both: so both see the same readings.
    devices = {one.id: one for rule in rules for one in watched_devices(rule, rooms.places)}
    run = Backtest(rooms, rules, [candidate] if live is None else [candidate, live], from_us, to_us)
    desk.slots.take()
    return Answer(_Lines(run.lines(list(devices.values())), desk.slots), headers={"Content-Type": CONTENT_TYPE})


class _Lines:
    """The lines of a backtest, for a WSGI server: who goes away ends it, begun or not, and the slot is free again."""

    def __init__(self, told: Iterator[Mapping[str, Any]], slots: Slots) -> None:
        self._told = told
        self._slots: Slots | None = slots

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> bytes:
        try:
            return json.dumps(next(self._told), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        close = getattr(self._told, "close", None)
        if close is not None:
            close()
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


class Backtest:
    """One run: the first of *documents* is looked at, the second, if there is one, is what it is compared with."""

    def __init__(
        self, rooms: Rooms, rules: list[CompiledRule], documents: list[Document], from_us: int, to_us: int
    ) -> None:
        self._rooms = rooms
        self._rules = rules
        self._documents = documents
        self._from_us = from_us
        self._to_us = to_us
        self._counts: Counter[str] = Counter()
        self._lines = self._done = self._steps = 0

    def lines(self, devices: list[Any]) -> Iterator[Mapping[str, Any]]:
        """Yield what there is to tell, in order; what goes wrong on the way is the last line."""
        try:
            yield from self._run(devices)
        except TooManyTimersError as error:
            yield self._summary(str(error))
        except Exception:  # noqa: BLE001 - the status went out long ago
            _log.exception("a backtest failed")
            yield {"kind": "failed", "message": "The fault is the server's. Its log has the reason."}

    def _run(self, devices: list[Any]) -> Iterator[Mapping[str, Any]]:
        directory = directory_of(self._rooms.places, devices)
        sensors = sorted({name for rule in self._rules for name in watched_sensors(rule)})
        with reading(self._rooms.database) as connection:
            series = recorded.series_of(connection, [one.id for one in devices], sensors)
            total = recorded.count(connection, series, self._from_us, self._to_us)
            before = recorded.newest_before(connection, series, self._from_us)
            compiler = RuleCompiler(self._rooms.registry)
            engines = [Apart(compiler, directory, MAX_TIMERS) for _ in self._documents]
            for apart, document in zip(engines, self._documents, strict=True):
                apart.begin(document, self._from_us, before)
            yield {
                "kind": "started",
                "from": iso(self._from_us),
                "to": iso(self._to_us),
                "values": total,
                "devices": len(devices),
                "compared": len(engines) > 1,
                "not_known": ["events", "other rules", "where devices stood if they have moved since"],
            }
            for row in recorded.readings(connection, series, self._from_us, self._to_us, MAX_VALUES):
                yield from self._until(engines, row.received_us - 1, total)
                yield from self._told([apart.give(row) for apart in engines])
                self._done += len(row.values)
                yield from self._worked(len(row.values), total, row.received_us)
        yield from self._until(engines, self._to_us - 1, total)
        yield self._summary(f"only the first {MAX_VALUES} values were looked at" if total > MAX_VALUES else None)

    def _until(self, engines: list[Apart], at_us: int, total: int) -> Iterator[Mapping[str, Any]]:
        """Run what is due by an instant, all engines in step: so what fires in both is seen to."""
        while (due_us := _next_due_us(engines)) is not None and due_us <= at_us:
            yield from self._told([apart.until(due_us) for apart in engines])
            yield from self._worked(1, total, due_us)

    def _worked(self, steps: int, total: int, at_us: int) -> Iterator[Mapping[str, Any]]:
        """Tell now and then how far it is: only a line that cannot be sent shows that nobody listens any more."""
        before, self._steps = self._steps, self._steps + steps
        if before // PROGRESS_EVERY < self._steps // PROGRESS_EVERY:
            yield {"kind": "progress", "done": self._done, "total": min(total, MAX_VALUES), "at": iso(at_us)}

    def _told(self, firings: list[list[Firing]]) -> Iterator[Mapping[str, Any]]:
        """Yield what fired at one input, with who did it: the candidate, the live rule, or both."""
        if not any(firings):
            return
        live = firings[1] if len(firings) > 1 else []
        for was, now in paired(live, firings[0]):
            if was is not None and now is not None and was.kind == now.kind:
                yield from self._line(now, "both", _changed(was, now))
                continue
            if now is not None:
                yield from self._line(now, "candidate")
            if was is not None:
                yield from self._line(was, "live")

    def _line(self, firing: Firing, where: str, changed: Document | None = None) -> Iterator[Mapping[str, Any]]:
        self._counts[f"{firing.kind} {where}"] += 1
        self._counts["changed"] += bool(changed)
        self._lines += 1
        if self._lines <= MAX_LINES:
            more = {"changed": changed} if changed else {}
            yield {**shown_firing(firing), "kind": firing.kind, "in": where, **more}

    def _summary(self, cut_short: str | None) -> Mapping[str, Any]:
        counts = self._counts
        return {
            "kind": "summary",
            "fired": counts["fired candidate"] + counts["fired both"],
            "cleared": counts["cleared candidate"] + counts["cleared both"],
            "live_fired": counts["fired live"] + counts["fired both"],
            "live_cleared": counts["cleared live"] + counts["cleared both"],
            "only_candidate": counts["fired candidate"] + counts["cleared candidate"],
            "only_live": counts["fired live"] + counts["cleared live"],
            "changed": counts["changed"],
            "lines_left_out": max(0, self._lines - MAX_LINES),
            "cut_short": cut_short,
        }


def _next_due_us(engines: list[Apart]) -> int | None:
    dues = [apart.engine.next_due_us for apart in engines]
    return min((due_us for due_us in dues if due_us is not None), default=None)


def _changed(live: Firing, candidate: Firing) -> Document:
    """Return what the live rule does otherwise at the same instant."""
    return {"actions": told_actions(live)} if unlike(live, candidate) else {}
