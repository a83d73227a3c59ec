"""The engine once more, in the plainest way: everybody is asked, everything is kept, nothing is clever.

It shares no code with the engine and follows ``docs/rules.md``, whose rulings are given in brackets.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reference.meaning import (
    Json,
    Look,
    Scalar,
    Series,
    Truth,
    all_of,
    bridge,
    holds,
    kind,
    names_in,
    refs,
    same,
    trigger_sensors,
    triggers,
    us,
    value_of,
)
from reference.timetable import next_run, wall

NEVER = 1 << 60
STATE = ("trigger", "triggers", "conditions", "variables", "scope", "fire", "on_gap", "max_gap_seconds")
SWITCHES = {"turn_on_": "on", "turn_off_": "off", "open_": "open", "close_": "close"}
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\w+)(?::([^{}]*))?\}")


@dataclass(frozen=True)
class Subject:
    """A device, a room, a farm, or ``default``."""

    id: str
    kind: str = "default"
    room: str | None = None
    farm: str | None = None


@dataclass
class Instance:
    """What one rule remembers for one subject; ``pending`` is an interval's end."""

    look: Look
    truth: Truth = None
    armed: bool = True
    active: bool = False
    evaluated: int = -NEVER
    interval_from: int = -NEVER
    pending: int = NEVER


@dataclass
class Rule:
    """A rule, its counters, its last firings, its instances, and by zone up to where its schedules have run."""

    doc: Json
    enabled: bool
    count: int = 0
    last: int | None = None
    missed: int = 0
    expired: bool = False
    fired: dict[str, int] = field(default_factory=dict)
    instances: dict[Subject, Instance] = field(default_factory=dict)
    cursors: dict[ZoneInfo, int] = field(default_factory=dict)


@dataclass
class Candidate:
    """Who would fire or clear in a tick."""

    rule: Rule
    subject: Subject
    kind: str = "fired"
    run: bool = False
    force: bool = False

    @property
    def order(self) -> tuple[int, str, str]:
        return (-self.rule.doc.get("priority", 0), self.rule.doc["id"], self.subject.id)


class Model:
    """*devices* by id as ``{"type", "room", "farm", "stale_after_seconds"}``, or ``None``; *farms* are their zones."""

    def __init__(self, devices: Mapping[str, Json] | None, farms: Mapping[str, str | None], zone: str) -> None:
        self.directory = None if devices is None else dict(devices)
        self.farms, self.zone = farms, ZoneInfo(zone)
        self.now = 0
        self.stopped: int | None = None
        self.seen: list[str] = []
        self.series: dict[tuple[str, str], Series] = {}
        self.rules: dict[str, Rule] = {}
        self.queue: deque[tuple[Any, ...]] = deque()
        self.delayed: list[tuple[int, tuple[Any, ...]]] = []
        self.out: list[Json] = []

    # What there is

    def devices(self) -> list[str]:
        return list(dict.fromkeys([*(self.directory or {}), *self.seen]))

    def known(self, device: str) -> Json:
        return {**(self.directory or {}).get(device, {}), "device": device}

    def subject_of(self, doc: Json, device: str) -> Subject | None:
        known, scope = self.known(device), doc.get("scope", {})
        wanted = {"type" if name == "device_type" else name: value for name, value in scope.items() if name != "per"}
        if any(known.get(name) != value for name, value in wanted.items()):
            return None
        room, farm, per = known.get("room"), known.get("farm"), scope.get("per", "device")
        if per == "room" and room:
            return Subject(room, "room", room, farm)
        return Subject(farm, "farm", None, farm) if per == "farm" and farm else Subject(device, "device", room, farm)

    def subjects(self, doc: Json) -> list[Subject]:
        found = dict.fromkeys(self.subject_of(doc, device) for device in self.devices())
        subjects = [subject for subject in found if subject is not None]
        if not about_nobody(doc):
            return subjects
        farms = sorted({subject.farm for subject in subjects if subject.farm})
        return [Subject(farm, "farm", None, farm) for farm in farms] or [Subject("default")]

    def inside(self, device: str, subject: Subject) -> bool:
        return self.known(device).get(subject.kind) == subject.id

    def concerned(self, concern: tuple[str, str] | None, subject: Subject) -> bool:
        if concern is None or subject.kind == "default":
            return True
        if concern[0] == "device":
            return self.inside(concern[1], subject)
        if concern[0] == "farm":
            return subject.farm == concern[1]
        homes = {
            self.known(device).get("farm") for device in self.devices() if self.known(device).get("room") == concern[1]
        }
        return subject.room == concern[1] or (subject.kind == "farm" and subject.id in homes)

    def zone_of(self, subject: Subject) -> ZoneInfo:
        named = self.farms.get(subject.farm or "")
        return ZoneInfo(named) if named else self.zone

    def instances(self) -> Iterator[tuple[Rule, Subject, Instance]]:
        for rule in list(self.rules.values()):
            for subject, instance in list(rule.instances.items()):
                yield rule, subject, instance

    # What is asked of it; each returns the firings

    def put(self, doc: Json) -> list[Json]:
        self.out, old = [], self.rules.get(doc["id"])
        if old is None:
            self.rules[doc["id"]] = Rule(doc, doc.get("enabled", True))
            self.start(self.rules[doc["id"]])
        elif old.enabled == doc.get("enabled", True) and self.keeps_state(old.doc, doc):
            old.doc, old.expired = doc, False
            for subject, instance in old.instances.items():
                look = instance.look
                for path in [path for path in look.memory if not path.startswith("/conditions")]:
                    del look.memory[path]
                wakes, instance.look = look.wakes, self.new_look(old, subject, look.memory)
                self.judge_guards(instance.look)
                instance.look.wakes |= wakes
        else:
            self.clear_all(old, 0)
            old.doc, old.enabled, old.instances = doc, doc.get("enabled", True), {}
            self.start(old)
        return self.finish()

    def keeps_state(self, old: Json, new: Json) -> bool:
        return all(old.get(name) == new.get(name) for name in STATE) and about_nobody(old) == about_nobody(new)

    def remove(self, rule_id: str) -> list[Json]:
        self.out = []
        self.clear_all(self.rules[rule_id], 0)
        del self.rules[rule_id]
        return self.finish()

    def set_enabled(self, rule_id: str, enabled: bool) -> list[Json]:
        self.out = []
        self.switch(self.rules[rule_id], enabled, 0)
        return self.finish()

    def run(self, rule_id: str, concern: tuple[str, str] | None, force: bool) -> tuple[list[Json], dict[str, str]]:
        self.out = []
        blocked = self.run_one(self.rules[rule_id], concern, force, 0)
        return self.finish(), blocked

    def event(self, name: str, at: int, data: Json, concern: tuple[str, str] | None) -> list[Json]:
        self.out = []
        self.arrive(at)
        self.queue.append(("event", name, data, concern, 0))
        return self.finish()

    def reading(self, device: str, values: Json, received: int, at: int | None) -> list[Json]:
        self.out = []
        self.arrive(received)
        if at is not None and at > received + us(300):
            return self.out
        instant, touched = min(received, received if at is None else at), []
        for sensor, value in values.items():
            parts = value.items() if isinstance(value, dict) else ()
            moved = [
                self.store(device, f"{sensor}_{name}", part, instant) for name, part in parts if kind(part) == "number"
            ]
            if not isinstance(value, dict):
                moved = [self.store(device, sensor, value, instant)]
            touched += [*filter(None, moved), *([sensor] if any(moved) else [])]
        if touched:
            self.reading_tick(device, touched)
        return self.finish()

    def advance(self, now: int) -> list[Json]:
        self.out = []
        self.arrive(now)
        self.run_timers(self.now)
        return self.out

    def rehouse(self, changes: Mapping[str, Json | None]) -> list[Json]:
        """Take what devices are from now on (``None``: no more); whose subject is no more clears and goes."""
        everyone = {**dict[str, Json | None](self.directory or {}), **changes}
        self.out, self.directory = [], {device: known for device, known in everyone.items() if known is not None}
        gone = {device for device in changes if device not in self.directory}
        self.forget(gone)
        candidates: list[Candidate] = []
        left: list[tuple[Rule, Subject]] = []
        for rule in [rule for rule in self.rules.values() if rule.enabled]:
            present = {(subject.kind, subject.id): subject for subject in self.subjects(rule.doc)}
            for subject, instance in list(rule.instances.items()):
                again = present.get((subject.kind, subject.id))
                if again is None:
                    instance.look = self.new_look(rule, subject, instance.look.memory)
                    candidates += self.clear(rule, subject)
                    left.append((rule, subject))
                    continue
                rule.instances[again] = rule.instances.pop(subject)
                if (
                    subject.kind != "device"
                    or subject.id in changes
                    or any(r.get("device") in gone for r in reads(rule.doc))
                ):
                    self.look(rule, again, candidates)
            self.meet(rule)
            homes = [self.zone_of(subject) for subject in present.values()] or [self.zone]
            rule.cursors = {home: rule.cursors.get(home, self.now) for home in homes}
        self.conclude(candidates, 0)
        for rule, subject in left:
            del rule.instances[subject]
        return self.finish()

    def forget(self, gone: set[str]) -> None:
        """Know nothing of devices that are no more; a silence that nobody could hear begin is none to tell of."""
        self.seen = [device for device in self.seen if device not in gone]
        for device, sensor in [key for key in self.series if key[0] in gone]:
            del self.series[device, sensor]
        for (device, _), series in self.series.items():
            series.stale = series.stale or self.stale_at(device, series) <= self.now

    def restart(self) -> None:
        self.stopped = self.now

    # Time

    def arrive(self, now: int) -> None:
        """[2] Let time come to *now*: every timer before it runs at its own instant."""
        if self.stopped is not None:
            self.resume(now)
        if now > self.now:
            self.run_timers(now - 1)
            self.now = now

    def run_timers(self, until: int) -> None:
        while (due := min(self.dues(until), default=NEVER)) <= until:
            self.now = max(self.now, due)
            self.timer_tick(due)

    def dues(self, until: int) -> Iterator[int]:
        for _, _, instance in self.instances():
            yield from (instance.pending, *(at for _, at in instance.look.wakes))
        for rule in self.rules.values():
            yield from (
                run
                for config, zone in self.schedules(rule)
                if (run := next_run(config, zone[1], rule.cursors[zone[0]], until))
            )
            if self.expiry(rule) is not None:
                yield from [self.expiry(rule) or 0]
        yield from (self.stale_at(device, series) for (device, _), series in self.series.items())
        yield from (due for due, _ in self.delayed)

    def schedules(self, rule: Rule) -> Iterator[tuple[Json, tuple[ZoneInfo, ZoneInfo]]]:
        """Yield each schedule of a rule with the zone of its subjects and the one that it counts in."""
        for home in rule.cursors if rule.enabled else ():
            for config in (trigger["config"] for trigger in triggers(rule.doc) if trigger["type"] == "time"):
                yield config, (home, ZoneInfo(config["timezone"]) if "timezone" in config else home)

    def expiry(self, rule: Rule) -> int | None:
        if rule.expired or not rule.doc.get("clear_actions") or "valid_until" not in rule.doc:
            return None
        return instant_of(rule.doc["valid_until"])

    def stale_at(self, device: str, series: Series) -> int:
        """[29] Return when a silence becomes one."""
        if series.stale or (self.directory is not None and device not in self.directory):
            return NEVER
        return series.heard + us(self.known(device).get("stale_after_seconds", 900))

    def timer_tick(self, until: int) -> None:
        """[2] Run all that is due as one tick."""
        candidates: list[Candidate] = []
        due: dict[tuple[str, Subject], bool] = {}
        for rule, subject, instance in self.instances():
            if min(instance.pending, *(at for _, at in instance.look.wakes), NEVER) <= until:
                due[rule.doc["id"], subject] = False
                if instance.pending <= self.now:
                    instance.pending = NEVER
                    if instance.evaluated != self.now:
                        instance.interval_from = self.now
                        due[rule.doc["id"], subject] = True
        for rule in self.rules.values():
            homes = {z[0] for config, z in self.schedules(rule) if next_run(config, z[1], rule.cursors[z[0]], until)}
            rule.cursors.update(dict.fromkeys(homes, self.now))
            due |= {(rule.doc["id"], s): True for s in self.subjects(rule.doc) if homes and self.zone_of(s) in homes}
            if (self.expiry(rule) or NEVER) <= until:
                rule.expired = True
                candidates += self.clears(rule)
        self.look_at_timers(due, candidates)
        self.conclude(candidates, 0)
        for (device, sensor), series in sorted(self.series.items()):
            if self.stale_at(device, series) <= until:
                series.stale = True
                self.queue.append(("event", "sensor_stale", {"sensor": sensor}, ("device", device), 0))
        self.queue.extend(cause for when, cause in self.delayed if when <= until)
        self.delayed = [waiting for waiting in self.delayed if waiting[0] > until]
        self.finish()

    def look_at_timers(self, due: dict[tuple[str, Subject], bool], candidates: list[Candidate]) -> None:
        for (rule_id, subject), fires in due.items():
            rule = self.rules[rule_id]
            fresh = rule.instances[subject].evaluated != self.now
            completed = self.look(rule, subject, candidates, triggered=fires, evaluating=True)
            if completed and fresh and not fires:
                self.trigger(rule, subject, candidates)

    def resume(self, now: int) -> None:
        """[18, 19] End a stop: durations bridge it or not, overdue timers run once, then missed schedules."""
        start, self.stopped = self.stopped or 0, None
        if now <= start:
            return
        for _, _, instance in self.instances():
            for path, memory in instance.look.memory.items():
                if "since" in memory and "gap" not in memory:
                    wake = (path, memory["since"] + memory["length"])
                    kept = bridge(memory, instance.look.rule, memory["length"], now - start)
                    if wake in instance.look.wakes:
                        instance.look.wakes -= {wake}
                        instance.look.wakes |= {(path, memory["since"] + memory["length"])} if kept else set()
                    if not kept:
                        memory["waits"] = True
        late = [(rule, home) for rule in self.ordered() for home, count in self.missed(rule, now) for _ in range(count)]
        self.now = now
        if min(self.dues(now - 1), default=NEVER) < now:
            self.timer_tick(now - 1)
        for rule, home in late:
            candidates: list[Candidate] = []
            there = [s for s in self.subjects(rule.doc) if rule.enabled and self.zone_of(s) == home]
            self.look_at_timers({(rule.doc["id"], subject): True for subject in there}, candidates)
            self.conclude(candidates, 0)
            self.finish()

    def missed(self, rule: Rule, now: int) -> list[tuple[ZoneInfo, int]]:
        """Count the runs that a stop swallowed; return for each schedule how many are made up for."""
        found, grace = [], us(rule.doc.get("misfire_grace_seconds", 3600))
        for config, (home, zone) in self.schedules(rule):
            runs, at = [], rule.cursors[home]
            while (run := next_run(config, zone, at, now - 1)) is not None:
                runs.append(at := run)
            rule.missed += len(runs)
            fresh = sum(now - run <= grace for run in runs)
            found.append((home, min(fresh, {"skip": 0, "once": 1, "all": 10}[rule.doc.get("misfire", "once")])))
        rule.cursors = dict.fromkeys(rule.cursors, now - 1)
        return found

    # A reading

    def store(self, device: str, sensor: str, value: Scalar, at: int) -> str | None:
        """[21] Keep a value; return the sensor if it moved."""
        if isinstance(value, int | float) and (value - value != 0 or (isinstance(value, int) and abs(value) > 1 << 53)):
            return None
        newest = self.series.get((device, sensor))
        if newest is not None and (at < newest.at or (at == newest.at and same(value, newest.value))):
            return None
        if newest is not None and newest.stale:
            self.queue.append(("event", "sensor_recovered", {"sensor": sensor}, ("device", device), 0))
        self.series[device, sensor] = Series(value, at, self.now)
        if device not in self.seen:
            self.seen.append(device)
            for rule in self.rules.values():
                self.bring_schedules(rule)
        return sensor

    def reading_tick(self, device: str, touched: list[str]) -> None:
        """[3, 5, 9] Everybody who reads or triggers on a touched sensor looks; triggers offer to fire."""
        candidates: list[Candidate] = []
        for rule in [rule for rule in self.rules.values() if rule.enabled]:
            self.meet(rule)
            for subject, instance in rule.instances.items():
                mine = [(name, d) for name in touched for d in (device, None) if d or device in instance.look.members]
                intervals = [us_ for pair, us_ in trigger_sensors(rule.doc).items() if pair in mine]
                triggered = any(self.now - instance.interval_from >= us_ for us_ in intervals)
                waiting = [instance.interval_from + us_ for us_ in intervals if not triggered]
                instance.pending = NEVER if triggered else min([instance.pending, *waiting])
                if triggered:
                    instance.interval_from = self.now
                if intervals or any((ref["sensor"], ref.get("device")) in mine for ref in reads(rule.doc)):
                    self.look(rule, subject, candidates, triggered=triggered, by_reading=True, evaluating=triggered)
        self.conclude(candidates, 0)

    # Looks

    def new_look(self, rule: Rule, subject: Subject, memory: dict[str, Json]) -> Look:
        members = [d for d in self.devices() if self.subject_of(rule.doc, d) == subject or d == subject.id]
        look = Look(rule.doc, self.series, members, self.zone_of(subject), memory, self.now)
        for name, text in rule.doc.get("variables", {}).items():
            look.variables[name] = value_of(text, look)
        return look

    def judge_guards(self, look: Look) -> None:
        for path, action in [*numbered(look.rule, "actions"), *numbered(look.rule, "clear_actions")]:
            if "if" in action:
                holds(action["if"], look, path)

    def look(
        self, rule: Rule, subject: Subject, candidates: list[Candidate], *, triggered: bool = False,
        by_reading: bool = False, evaluating: bool = False,
    ) -> bool:  # fmt: skip
        """[5, 7, 10] Look at all conditions; arm, clear, offer to fire; tell whether a duration completed."""
        instance = rule.instances[subject]
        look = instance.look = self.new_look(rule, subject, instance.look.memory)
        look.by_reading, look.evaluating = by_reading, evaluating
        instance.truth = all_of([holds(condition, look, path) for path, condition in numbered(rule.doc, "conditions")])
        self.judge_guards(look)
        if instance.truth is False:
            instance.armed = True
            candidates += self.clear(rule, subject)
        if triggered:
            self.trigger(rule, subject, candidates)
        return look.completed

    def trigger(self, rule: Rule, subject: Subject, candidates: list[Candidate]) -> None:
        instance = rule.instances[subject]
        instance.evaluated = self.now
        if instance.truth is True and (instance.armed or rule.doc.get("fire") != "edge"):
            candidates.append(Candidate(rule, subject))

    def clear(self, rule: Rule, subject: Subject) -> list[Candidate]:
        was, rule.instances[subject].active = rule.instances[subject].active, False
        return [Candidate(rule, subject, "cleared")] if was and rule.doc.get("clear_actions") else []

    def clears(self, rule: Rule) -> list[Candidate]:
        return [candidate for subject in rule.instances for candidate in self.clear(rule, subject)]

    def meet(self, rule: Rule) -> None:
        """[14] Observe, without firing, for every subject that is new."""
        for subject in self.subjects(rule.doc):
            if subject not in rule.instances:
                rule.instances[subject] = Instance(self.new_look(rule, subject, {}))
                self.look(rule, subject, [])

    # Decisions

    def conclude(self, candidates: list[Candidate], depth: int) -> dict[str, str]:
        """[4, 8, 11-13, 15, 16] Decide a tick; return what blocked whom."""
        claims: dict[tuple[str, str], tuple[Any, str]] = {}
        made, blocked = [], {}
        for candidate in sorted(candidates, key=lambda c: (c.kind == "cleared", c.order)):
            rule, subject = candidate.rule, candidate.subject
            if candidate.kind == "fired" and (reason := self.blocks(candidate, depth)):
                blocked[subject.id] = reason
                continue
            actions = self.act(candidate, claims)
            counted = any(map(runs, actions)) or not any(action["superseded_by"] for action in actions)
            if candidate.kind == "fired" and counted:
                rule.count, rule.last, rule.fired[subject.id] = rule.count + 1, self.now, self.now
                rule.instances[subject].armed, rule.instances[subject].active = False, True
            made.append((candidate, actions, counted or candidate.kind == "cleared"))
        for candidate, actions, counted in sorted(made, key=lambda one: one[0].order):
            self.tell(candidate, actions, counted, depth)
        return blocked

    def blocks(self, candidate: Candidate, depth: int) -> str | None:
        rule, instance = candidate.rule, candidate.rule.instances[candidate.subject]
        reason = self.outside(rule)
        if reason is None and not candidate.force:
            if candidate.run and instance.truth is not True:
                reason = "conditions_unknown" if instance.truth is None else "conditions_false"
            elif self.now - rule.fired.get(candidate.subject.id, -NEVER) < us(rule.doc.get("cooldown_seconds", 0)):
                reason = "cooldown"
        return reason or ("depth" if depth > 8 else None)

    def outside(self, rule: Rule) -> str | None:
        doc = rule.doc
        if not rule.enabled:
            return "disabled"
        if "valid_from" in doc and self.now < instant_of(doc["valid_from"]):
            return "not_valid_yet"
        if "valid_until" in doc and self.now >= instant_of(doc["valid_until"]):
            return "expired"
        return "max_executions" if rule.count >= doc.get("max_executions", NEVER) else None

    def tell(self, candidate: Candidate, actions: list[Json], counted: bool, depth: int) -> None:
        """[4] Give a firing out, and queue what it causes."""
        doc, subject = candidate.rule.doc, candidate.subject
        about = {"at": self.now, "rule": doc["id"], "subject": subject.id, "kind": candidate.kind}
        self.out.append({**about, "depth": depth, "counted": counted, "actions": actions})
        concern = None if subject.kind == "default" else (subject.kind, subject.id)
        for action in filter(runs, actions):
            config = action["config"]
            cause: tuple[Any, ...] | None = {
                "run_rule": lambda c: ("run", c["rule"], c.get("force", False), concern, depth + 1),
                "emit_event": lambda c: ("event", c["event"], c.get("data", {}), concern, depth + 1),
                "rule_control": lambda c: ("control", c["rule"], c["operation"], depth + 1),
            }.get(action["type"], lambda _: None)(config)
            if cause is not None and action["after"]:
                self.delayed.append((self.now + action["after"], cause))
            elif cause is not None:
                self.queue.append(cause)
        if candidate.kind == "fired" and counted:
            data = {"rule_id": doc["id"], "rule": doc["name"], "subject": subject.id}
            self.queue.append(("event", "rule_fired", data, concern, depth + 1))

    def act(self, candidate: Candidate, claims: dict[tuple[str, str], tuple[Any, str]]) -> list[Json]:
        """[13, 27] Fill the actions in, judge their ``if``, and see who loses an actuator."""
        rule, subject = candidate.rule, candidate.subject
        look = rule.instances[subject].look
        look.now = self.now
        own, calls = {}, []
        for path, action in numbered(rule.doc, "actions" if candidate.kind == "fired" else "clear_actions"):
            call = {"type": action["type"], "config": action["config"], "after": us(action.get("after_seconds", 0))}
            call |= {"targets": [], "superseded_by": None, "skipped": None, "failed": None}
            truth = holds(action["if"], look, path) if "if" in action else True
            if truth is not True:
                call["skipped"] = "its condition is false" if truth is False else "its condition is unknown"
            calls.append(call)
            try:
                config = call["config"] = self.filled(action, rule, subject)
            except KeyError as unknown:
                call["failed"] = None if call["skipped"] else f"nobody knows {{{unknown.args[0]}}}"
                continue
            channel = effect(action["type"], config)
            if action["type"] in ("led", "sound", "device_command"):
                call["targets"] = [config["device"]] if "device" in config else self.targets(subject, config)
            if channel is not None and not call["skipped"] and not call["after"]:
                keys = [(device, channel[0]) for device in call["targets"]]
                losers = [claims[key][1] for key in keys if key in claims and claims[key][0] != channel[1]]
                call["superseded_by"] = losers[0] if losers else None
                own.update({} if losers else dict.fromkeys(keys, (channel[1], rule.doc["id"])))
        for key, claim in own.items():
            claims.setdefault(key, claim)
        return calls

    def targets(self, subject: Subject, config: Json) -> list[str]:
        wanted = config.get("device_type")
        if subject.kind == "device" and wanted is None:
            return [subject.id]
        return sorted(
            d for d in self.devices() if self.inside(d, subject) and wanted in (None, self.known(d).get("type"))
        )

    def filled(self, action: Json, rule: Rule, subject: Subject) -> Json:
        look = rule.instances[subject].look
        sensors = {sensor for sensor, _ in trigger_sensors(rule.doc)} | {ref["sensor"] for ref in reads(rule.doc)}

        def lookup(name: str) -> Scalar:
            context: dict[str, Scalar] = {
                "rule_name": rule.doc["name"],
                "room_id": subject.room,
                "farm_id": subject.farm,
            }
            context["device_id"] = subject.id if subject.kind == "device" else None
            context["timestamp"] = wall(self.now, look.zone).isoformat()
            if name in look.variables or name not in context:
                if name not in look.variables and name not in sensors | {sensor for _, sensor in self.series}:
                    raise KeyError(name)
                return look.read({"sensor": name})
            return context[name]

        blank = "" if action["type"] == "log" else "unknown"
        return {k: rendered(v, lookup, blank if k == "format" else "unknown") for k, v in action["config"].items()}

    # What is caused, and the life of rules

    def finish(self) -> list[Json]:
        """[4] Run what was caused, first in, first out, at the same instant."""
        while self.queue:
            what, name, *rest = self.queue.popleft()
            if what == "event":
                self.happen(name, *rest)
            else:
                named = [rule for rule in self.ordered() if rule.doc["name"] == name]
                rule = self.rules.get(name, named[0] if named else None)
                if rule is not None and what == "run":
                    self.run_one(rule, rest[1], rest[0], rest[2])
                elif rule is not None:
                    self.switch(rule, not rule.enabled if rest[0] == "toggle" else rest[0] == "enable", rest[1])
        return self.out

    def happen(self, name: str, data: Json, concern: tuple[str, str] | None, depth: int) -> None:
        candidates: list[Candidate] = []
        for rule in [rule for rule in self.rules.values() if rule.enabled]:
            for config in (trigger["config"] for trigger in triggers(rule.doc) if trigger["type"] == "event"):
                met = all(key in data and same(data[key], value) for key, value in config.get("match", {}).items())
                for subject in self.subjects(rule.doc) if met and config["event"] == name else ():
                    if self.concerned(concern, subject) and all(
                        c.subject != subject or c.rule != rule for c in candidates
                    ):
                        self.look(rule, subject, candidates, triggered=True, evaluating=True)
        self.conclude(candidates, depth)

    def run_one(self, rule: Rule, concern: tuple[str, str] | None, force: bool, depth: int) -> dict[str, str]:
        subjects = [subject for subject in self.subjects(rule.doc) if self.concerned(concern, subject)]
        if not subjects or not rule.enabled:
            return {subject.id: "disabled" for subject in subjects} or {"": "no_subject"}
        candidates: list[Candidate] = []
        for subject in subjects:
            self.look(rule, subject, candidates, evaluating=True)
            rule.instances[subject].evaluated = self.now
            candidates.append(Candidate(rule, subject, "fired", run=True, force=force))
        return self.conclude(candidates, depth)

    def ordered(self) -> list[Rule]:
        return sorted(self.rules.values(), key=lambda rule: (-rule.doc.get("priority", 0), rule.doc["id"]))

    def start(self, rule: Rule) -> None:
        rule.expired, rule.cursors = False, {}
        self.bring_schedules(rule)
        if rule.enabled:
            self.meet(rule)

    def bring_schedules(self, rule: Rule) -> None:
        for zone in [self.zone_of(subject) for subject in self.subjects(rule.doc)] or [self.zone]:
            rule.cursors.setdefault(zone, self.now)

    def clear_all(self, rule: Rule, depth: int) -> None:
        self.conclude(self.clears(rule), depth)

    def switch(self, rule: Rule, enabled: bool, depth: int) -> None:
        if rule.enabled == enabled:
            return
        if not enabled:
            self.clear_all(rule, depth)
            rule.instances = {}
        rule.enabled = enabled
        if enabled:
            self.start(rule)


def instant_of(text: str) -> int:
    return us(datetime.fromisoformat(text).timestamp())


def numbered(doc: Json, name: str) -> list[tuple[str, Json]]:
    return [(f"/{name}/{number}", item) for number, item in enumerate(doc.get(name, []))]


def reads(doc: Json) -> list[Json]:
    """Return the sensors that a rule's conditions, its actions' ``if`` and its variables read."""
    variables = doc.get("variables", {})
    guards = [action["if"] for name in ("actions", "clear_actions") for action in doc.get(name, []) if "if" in action]
    found = [ref for condition in [*doc.get("conditions", []), *guards] for ref in refs(condition, variables)]
    return found + [{"sensor": name} for text in variables.values() for name in names_in(text) - variables.keys()]


def about_nobody(doc: Json) -> bool:
    """[17] Tell whether a rule names no ``per``, reads no sensor and touches no subject's device."""
    if "per" in doc.get("scope", {}) or trigger_sensors(doc) or reads(doc):
        return False
    own = {"timestamp", "device_id", "room_id", "farm_id", "rule_name", *doc.get("variables", {})}
    actions = [*doc["actions"], *doc.get("clear_actions", [])]
    names = {found[1] for action in actions for found in PLACEHOLDER.finditer(str(list(action["config"].values())))}
    touching = [a for a in actions if a["type"] in ("led", "sound", "device_command") and "device" not in a["config"]]
    return not touching and not names - own - {None}


def effect(kind_of_action: str, config: Json) -> tuple[str, Any] | None:
    """Return the channel that an action sets, and to what."""
    if kind_of_action == "led":
        return "led", {name: config[name] for name in ("color", "intensity", "mode") if name in config}
    if kind_of_action == "sound":
        return "sound", config["sound_id"]
    command = config["command"] if kind_of_action == "device_command" else ""
    if command.startswith("set_"):
        return command[4:], config.get("value", config.get("params"))
    states = [(command[len(p) :], state) for p, state in SWITCHES.items() if command.startswith(p)]
    return states[0] if states else None


def runs(action: Json) -> bool:
    return not (action["superseded_by"] or action["skipped"] or action["failed"])


def rendered(value: Any, lookup: Any, missing: str) -> Any:
    if isinstance(value, dict):
        return {name: rendered(inner, lookup, missing) for name, inner in value.items()}
    if isinstance(value, list):
        return [rendered(inner, lookup, missing) for inner in value]
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    if whole and whole[1] and not whole[2]:
        return lookup(whole[1])
    return PLACEHOLDER.sub(lambda m: shown(lookup(m[1]), m[2], missing) if m[1] else m[0][0], value)


def shown(value: Scalar, form: str | None, missing: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if kind(value) != "number":
        return missing if value is None else str(value)
    number: Any = value
    return format(float(number), form) if form else str(int(number) if number == int(number) else number)
