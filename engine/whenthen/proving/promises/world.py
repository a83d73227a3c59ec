"""What histories are drawn from: values, waits, starts and events near what matters to rules and their promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import inf, nextafter
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.analysis.matters import Interest, devices_heard, interests, parts_of, spans_us, texts_in
from whenthen.clock import MINUTE_US, SECOND_US, to_us
from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.remembered import RememberingCompiler
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import Place
from whenthen.ports import Device, Directory, StaticDirectory
from whenthen.proving.promises.monitor import conditions_of
from whenthen.proving.promises.promise import Promise

_YEAR = 2026
_MORNING = datetime(_YEAR, 1, 5, 8)  # noqa: DTZ001 - local to each zone in turn
"""A history begins on a Monday morning unless something else matters."""

_USUAL_WAITS_S = (1, 60, 10, 300, 3_600)
_SILENCES_S = (900, 901, 7_200, 86_400)
_USUAL_NUMBERS = (20, 21, 0, 1)
_MOST_NUMBERS = 6
_TIME_OF_DAY = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


@dataclass(frozen=True)
class World:
    """What there is to draw a history from; of each kind the plainest first, since a smallest history comes to that.

    *plain* has by sensor a value on each side of what matters, *values* all that it may read; *parts* the parts of a
    sensor that is sent as an object; *spans_us* are the lengths of time that rules and promises name; times are in
    microseconds, starts since the epoch.
    """

    rules: tuple[Mapping[str, Any], ...]
    registry: Registry
    directory: Directory | None
    zone: str
    compiler: RememberingCompiler
    devices: tuple[str, ...]
    plain: Mapping[str, tuple[Any, ...]]
    values: Mapping[str, tuple[Any, ...]]
    parts: Mapping[str, tuple[str, ...]]
    spans_us: tuple[int, ...]
    waits_us: tuple[int, ...]
    near_waits_us: tuple[int, ...]
    silences_us: tuple[int, ...]
    downs_us: tuple[int, ...]
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    starts_us: tuple[int, ...]
    nights_us: tuple[int, ...]


def world_of(
    rules: Iterable[Mapping[str, Any]],
    registry: Registry,
    promises: Iterable[Promise] = (),
    directory: Directory | None = None,
    zone: str = "UTC",
) -> World:
    """Return what matters to *rules* and *promises*. Raises ``InvalidRuleError`` for a rule that cannot be loaded.

    Without *directory* there is one with the devices, rooms and farms that the rules' scopes name, if they name any.
    """
    compiler = RememberingCompiler(registry)
    promised = tuple(promises)
    compiled = [compiler.compile(rule) for rule in rules]
    probes = [compiler.compile(json.loads(condition.probe)) for condition in conditions_of(promised)]
    everything = [*compiled, *probes]
    documents = [*(one.document for one in everything), *(promise.document for promise in promised)]
    matters = interests(everything, registry)
    parts = parts_of(everything, matters)
    single = {sensor: interest for sensor, interest in matters.items() if sensor not in parts}
    directory = directory or _directory_of(compiled, heard=bool(single))
    zones = _zones(zone, directory)
    spans = _distinct(spans_us(documents))
    return World(
        rules=tuple({**one.document, "id": one.id} for one in compiled),
        registry=registry,
        directory=directory,
        zone=zone,
        compiler=compiler,
        devices=_devices(everything, directory),
        plain={sensor: _plain(interest) for sensor, interest in single.items()},
        values={sensor: _values(interest) for sensor, interest in single.items()},
        parts=parts,
        spans_us=spans,
        waits_us=_distinct([*(s * SECOND_US for s in _USUAL_WAITS_S[:2]), *spans, *_around(spans, SECOND_US),
                            *(span // 2 for span in spans), *(s * SECOND_US for s in _USUAL_WAITS_S)]),
        near_waits_us=_distinct([*_around(spans, 1), 0, 1]),
        silences_us=_distinct([*(s * SECOND_US for s in _SILENCES_S), *(span * 2 for span in spans)]),
        downs_us=_downs(compiled, spans),
        events=_events(compiled),
        starts_us=_starts(compiled, zones),
        nights_us=_distinct(night for each in zones for night in nights(each)),
    )  # fmt: skip


@cache
def nights(zone: str, year: int = _YEAR) -> tuple[int, ...]:
    """Return an hour before each change of a zone's offset in a year, in microseconds since the epoch.

    >>> [str(datetime.fromtimestamp(night / SECOND_US, UTC)) for night in nights("Europe/Brussels")]
    ['2026-03-29 00:00:00+00:00', '2026-10-25 00:00:00+00:00']
    """
    hour = datetime(year, 1, 1, tzinfo=UTC)
    place = ZoneInfo(zone)
    found: list[int] = []
    while hour.year == year:
        later = hour + timedelta(hours=1)
        if hour.astimezone(place).utcoffset() != later.astimezone(place).utcoffset():
            found.append(to_us(hour))
        hour = later
    return tuple(found)


def _zones(zone: str, directory: Directory | None) -> list[str]:
    if directory is None:
        return [zone]
    names = dict.fromkeys(device.farm for device in directory.devices() if device.farm is not None)
    farms = [directory.farm(name) for name in names]
    return list(dict.fromkeys([zone, *(farm.timezone for farm in farms if farm is not None and farm.timezone)]))


def _directory_of(rules: Sequence[CompiledRule], *, heard: bool) -> Directory | None:
    """Return a directory with a device for each scope, when a scope speaks of more than a device.

    Also when no rule reads a sensor, so that no device would ever be *heard*: devices that nobody knows have no rules.
    """
    scopes = dict.fromkeys(rule.scope for rule in rules)
    placed = any(scope.farm or scope.room or scope.device_type or scope.per != "device" for scope in scopes)
    if heard and not placed:
        return None
    return StaticDirectory(
        Device(scope.device or f"device-{number}", scope.device_type, scope.room or "room-1", scope.farm or "farm-1")
        for number, scope in enumerate(scopes, start=1)
    )


def _devices(rules: Sequence[CompiledRule], directory: Directory | None) -> tuple[str, ...]:
    named = [device for rule in rules for device in devices_heard(rule)]
    scoped = [rule.scope.device for rule in rules if rule.scope.device]
    listed = [] if directory is None else [device.id for device in directory.devices()]
    return _distinct([*scoped, *named, *listed]) or ("device-1", "device-2")


def _values(interest: Interest) -> tuple[Any, ...]:
    return (*_levels(interest.limits), *interest.words)


def _plain(interest: Interest) -> tuple[Any, ...]:
    """Return a value above and one below each number at which something changes, so far as conditions tell these."""
    around = tuple(dict.fromkeys(float(cut + step) for cut in interest.cuts for step in (1, -1)))
    return around or (*_values(interest)[:3], 0.0)


def _levels(numbers: Iterable[float]) -> tuple[float, ...]:
    """Return numbers above, below and exactly at those that matter, then their neighbours among the doubles."""
    given = list(dict.fromkeys(numbers))[: _MOST_NUMBERS * 2]
    some = given[:_MOST_NUMBERS]
    sums = [one + sign * other for one in some for other in some if one != other for sign in (1, -1)]
    plain = [*(number + step for number in given for step in (1, -1, 0)), *sums, *_USUAL_NUMBERS]
    near = [nextafter(number, way) for number in given for way in (inf, -inf)]
    return tuple(dict.fromkeys(float(number) for number in (*plain, *near) if abs(number) <= 2**53))


def _around(spans_us: Iterable[int], distance_us: int) -> Iterator[int]:
    for span_us in spans_us:
        yield span_us + distance_us
        yield max(0, span_us - distance_us)


def _downs(rules: Iterable[CompiledRule], spans_us: Iterable[int]) -> tuple[int, ...]:
    """Return how long a restart may take: at once, and around the longest gap that a running duration bridges."""
    gaps_us = [rule.gap.max_gap_us for rule in rules if rule.gap.max_gap_us is not None]
    gaps_us += [min(span // 10, 60 * SECOND_US) for span in spans_us]
    return _distinct([0, SECOND_US, *gaps_us, *_around(gaps_us, 1), 2 * MINUTE_US, 2 * 60 * MINUTE_US])


def _events(rules: Iterable[CompiledRule]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    heard: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for rule in rules:
        for trigger in rule.event_triggers:
            for data in [trigger.match, {}] if trigger.match else [{}]:
                heard.setdefault(f"{trigger.name} {json.dumps(data)}", (trigger.name, data))
    return tuple(heard.values())


def _starts(rules: Sequence[CompiledRule], zones: Sequence[str]) -> tuple[int, ...]:
    """Return a common morning, and shortly before what schedules, times of day and validity make a boundary."""
    found: list[int] = []
    for zone in zones:
        place = Place(ZoneInfo(zone))
        found.append(to_us(_MORNING.replace(tzinfo=place.zone)))
        midnight_us = to_us(_MORNING.replace(hour=0, tzinfo=place.zone))
        for rule in rules:
            for schedule in (trigger.schedule(place) for trigger in rule.triggers if trigger.scheduled):
                next_us = None if schedule is None else schedule.next_after(midnight_us)
                found += [] if next_us is None else [next_us - SECOND_US]
            for hour, minute in _times_of_day(rule.document.get("conditions", [])):
                found.append(to_us(_MORNING.replace(hour=hour, minute=minute, tzinfo=place.zone)) - SECOND_US)
            bounds = (rule.valid_from_us, rule.valid_until_us)
            found += [bound_us - MINUTE_US for bound_us in bounds if bound_us is not None]
    return _distinct(found)


def _times_of_day(value: Any) -> Iterator[tuple[int, int]]:
    for text in texts_in(value):
        found = _TIME_OF_DAY.match(text) if isinstance(text, str) else None
        if found:
            yield int(found[1]), int(found[2])


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({repr(value): value for value in values}.values())
