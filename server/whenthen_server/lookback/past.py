"""Why a rule would have fired at a past instant, or would not: from the trace that was kept, or from stored values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from whenthen.clock import from_us
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.registry import Registry
from whenthen.flow.subjects import Subject, Subjects
from whenthen.model.reading import Reading
from whenthen.ports import Device
from whenthen.proving.lookback import MAX_SUBJECTS, Explained
from whenthen_server.lookback.apart import TIMEZONE, Apart, TooManyTimersError, directory_of
from whenthen_server.lookback.beginning import MAX_VALUES, Lived, beginning
from whenthen_server.lookback.memory import memory_of, read_sensors
from whenthen_server.lookback.watched import MAX_DEVICES
from whenthen_server.problems import Unprocessable
from whenthen_server.store import executions, recorded, rules
from whenthen_server.store.database import reading
from whenthen_server.store.places import Places
from whenthen_server.store.rules import RuleVersion

MAX_TIMERS = 100_000
_MAX_VERSIONS = 50

_NOT_KNOWN = (
    "when the server was down, and when the rule was switched by another rule",
    "events, what other rules did, and where devices stood if they have moved since",
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rule as it was at an instant, the subjects that are wanted, and the devices that those read."""

    rule: CompiledRule
    at_us: int
    subjects: tuple[str, ...]
    devices: tuple[Device, ...]


class Past:
    """What is stored, to be asked about past instants."""

    def __init__(self, database: Engine, registry: Registry, places: Places) -> None:
        self._database = database
        self._places = places
        self._compiler = RuleCompiler(registry)

    def version(self, rule_id: str, at_us: int) -> RuleVersion | None:
        """Return the version of a rule that held at an instant, ``None`` if it was not there then."""
        with reading(self._database) as connection:
            return rules.version_at(connection, rule_id, at_us)

    def explained(self, rule_id: str, version: RuleVersion, at_us: int, subject: str | None = None) -> Explained:
        """Return why that version would fire at an instant, or would not, for one subject or the first of all.

        Raises ``Unprocessable`` when it reads more devices than are looked at.
        """
        rule = self._compiler.compile({**(version.document or {}), "id": rule_id})
        every = Subjects(self._places, TIMEZONE).of_rule(rule)
        names = tuple(one.id for one in every)
        wanted = names[:MAX_SUBJECTS] if subject is None else (subject,)
        told = {"rule_id": rule_id, "at": _iso(at_us), "version": version.version}
        with reading(self._database) as connection:
            traces = _traces(connection, rule_id, at_us, wanted)
            left = tuple(one for one in wanted if one not in traces)
            asked = _Asked(rule, at_us, left, self._devices(rule, every, left))
            how, replayed = self._replayed(connection, asked, version) if left else (_KEPT, {})
        found = {**traces, **replayed}
        document = {**told, "how": how, "explanations": [found[one] for one in wanted], "subjects": len(every)}
        return Explained(document, names)

    def _devices(self, rule: CompiledRule, every: Iterable[Subject], wanted: Collection[str]) -> tuple[Device, ...]:
        """Return the devices whose readings matter to the wanted subjects."""
        subjects = Subjects(self._places, TIMEZONE)
        named = {one.device for one in rule.reads} | {one.device for one in rule.sensor_triggers}
        read = {device for one in every if one.id in wanted for device in subjects.members(rule.scope, one)}
        found = [one for one in self._places.devices() if one.id in read or one.id in named]
        if len(found) > MAX_DEVICES:
            raise Unprocessable(f"The rule reads {len(found)} devices; narrow its scope to at most {MAX_DEVICES}.")
        return tuple(found)

    def _replayed(
        self, connection: Connection, asked: _Asked, version: RuleVersion
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        rule, at_us = asked.rule, asked.at_us
        quiet = _quiet(self._compiler, rule)
        apart = Apart(self._compiler, directory_of(self._places, asked.devices), MAX_TIMERS)
        memory = memory_of(rule, apart.keeping(quiet))
        series = recorded.series_of(connection, [one.id for one in asked.devices], read_sensors(rule))
        on, since_us = _standing(connection, self._compiler, rule, version, at_us)
        begun = beginning(connection, Lived(rule, memory, series, asked.subjects, since_us, at_us))
        before = recorded.newest_before(connection, series, begun.from_us)
        if begun.kept is None:
            apart.go_on(quiet, begun.from_us, before)
        else:
            apart.take_up(quiet, begun.from_us, before, begun.kept)
        warm_us = min(begun.from_us if begun.warm else begun.from_us + memory.warm_us, at_us)
        values, finished = _play(apart, asked, begun.rows, _Fired.of(connection, asked, warm_us, begun.kept or {}))
        if not on:
            apart.engine.set_enabled(rule.id, enabled=False)
        how = {
            "method": "replay",
            "from": _iso(min(begun.from_us, at_us)),
            "values": values,
            "complete": begun.complete and finished,
            "not_known": list(_NOT_KNOWN),
        }
        return how, {one: apart.engine.explain(rule.id, one) for one in asked.subjects}


@dataclass(frozen=True, slots=True)
class _Fired:
    """When the rule fired, as the history has it: by subject before *warm_us*, and up to the instant asked for.

    From *warm_us* on the replay knows what holds. *count* is how often it fired in all, if that can matter.
    """

    warm_us: int
    before: Mapping[str, int]
    last: Mapping[str, int]
    count: int

    @classmethod
    def of(cls, connection: Connection, asked: _Asked, warm_us: int, kept: Mapping[str, Any]) -> _Fired:
        """Return what is stored, and what the rule itself remembered of it, as it was *kept* at *warm_us*."""
        rule, subjects, at_us = asked.rule, asked.subjects, asked.at_us
        last = executions.last_fired(connection, rule.id, subjects, at_us)
        within = [one for one, fired_us in last.items() if fired_us >= warm_us]
        before = {one: fired_us for one, fired_us in last.items() if fired_us < warm_us}
        before |= executions.last_fired(connection, rule.id, within, warm_us - 1)
        remembered = {one: kept[one]["fired_us"] for one in subjects if "fired_us" in kept.get(one, {})}
        before |= {one: fired_us for one, fired_us in remembered.items() if fired_us > before.get(one, fired_us - 1)}
        count = 0 if rule.max_executions is None else executions.count_fired(connection, rule.id, at_us)
        return cls(warm_us, before, last, count)


def _quiet(compiler: RuleCompiler, rule: CompiledRule) -> CompiledRule:
    """Return the rule, on, and without its triggers, which change nothing in what holds: so it fires as was stored."""
    document = {name: value for name, value in rule.document.items() if name not in ("trigger", "triggers")}
    quiet = compiler.compile({**document, "enabled": True, "trigger": {"type": "manual"}})
    if quiet.global_subject == rule.global_subject:
        return quiet
    return rule if rule.enabled else compiler.compile({**rule.document, "enabled": True})


_KEPT: dict[str, Any] = {"method": "execution", "not_known": []}


def _traces(connection: Connection, rule_id: str, at_us: int, wanted: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return by subject the trace that was kept when the rule fired at this very instant."""
    found = executions.Wanted(rule_id, None, "fired", at_us, at_us + 1)
    kept, _ = executions.listed(connection, found, limit=MAX_VALUES)
    return {one.subject: dict(one.trace) for one in kept if one.trace is not None and one.subject in wanted}


def _standing(
    connection: Connection, compiler: RuleCompiler, rule: CompiledRule, version: RuleVersion, at_us: int
) -> tuple[bool, int]:
    """Return whether the rule was switched on, and since when it remembers: an edit or a switch made it forget."""
    since_us = version.at_us
    for older in rules.versions(connection, rule.id, limit=_MAX_VERSIONS, before=version.version)[0]:
        if older.document is None:
            break
        same = compiler.compile({**older.document, "id": rule.id})
        if (same.evaluation_key, same.enabled) != (rule.evaluation_key, rule.enabled):
            break
        since_us = older.at_us
    switched = rules.last_switch(connection, rule.id, since_us, at_us)
    return (rule.enabled, since_us) if switched is None else switched


def _play(apart: Apart, asked: _Asked, rows: Iterable[Reading], fired: _Fired) -> tuple[int, bool]:
    """Let an engine see what was stored up to an instant, and fire when the rule did.

    Return how many values it saw, and whether those were all.
    """
    rule_id, at_us = asked.rule.id, asked.at_us
    known = dict(fired.before)
    later = sorted((us, subject) for subject, us in fired.last.items() if fired.before.get(subject) != us)
    due: list[tuple[int, str | None]] = [(fired.warm_us, None), *later]
    values = 0
    try:
        for row in rows:
            if row.received_us > at_us:
                continue
            while due and due[0][0] < row.received_us:
                _fire(apart, rule_id, known, due.pop(0), fired.count)
            apart.give(row)
            values += len(row.values)
        while due:
            _fire(apart, rule_id, known, due.pop(0), fired.count)
        apart.until(at_us)
    except TooManyTimersError:
        return values, False
    return values, True


def _fire(apart: Apart, rule_id: str, known: dict[str, int], firing: tuple[int, str | None], count: int) -> None:
    """Come to an instant, and have the rule know that it has fired then for a subject, if for one."""
    fired_us, subject = firing
    apart.until(fired_us)
    if subject is not None:
        known[subject] = fired_us
    apart.engine.recall(rule_id, known, count)


def _iso(instant_us: int) -> str:
    return from_us(instant_us).isoformat().replace("+00:00", "Z")
