"""What matters to rules and their promises: which sensors, which values, how long a wait, which start."""

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

from whenthen.clock import DAY_US, MINUTE_US, SECOND_US, to_us
from whenthen.dsl.compiled import CompiledRule, Node
from whenthen.dsl.remembered import RememberingCompiler
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import Place
from whenthen.ports import Device, Directory, StaticDirectory
from whenthen.proving.promises.mentioned import numbers_in, texts_in
from whenthen.proving.promises.monitor import conditions_of
from whenthen.proving.promises.promise import Promise

_YEAR = 2026
_MORNING = datetime(_YEAR, 1, 5, 8)  # noqa: DTZ001 - local to each zone in turn
"""A history begins on a Monday morning unless something else matters."""

_USUAL_WAITS_S = (1, 60, 10, 300, 3_600)
_SILENCES_S = (900, 901, 7_200, 86_400)
_USUAL_NUMBERS = (20, 21, 0, 1)
_MOST_NUMBERS = 6
_UNITS = {"seconds": 1.0, "minutes": 60.0, "ms": 0.001, "interval": 1.0}
_TIME_OF_DAY = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


@dataclass(frozen=True)
class World:
    """What there is to draw a history from; of each kind the plainest first, since a smallest history comes to that.

    *plain* has by sensor a value on each side of what matters, *values* all that it may read; *parts* the parts of a
    sensor that is sent as an object; times are in microseconds, starts since the epoch.
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
    values = _values(everything)
    parts = _parts(everything, values)
    values = {sensor: found for sensor, found in values.items() if sensor not in parts}
    directory = directory or _directory_of(compiled, heard=bool(values))
    zones = _zones(zone, directory)
    spans_us = _spans_us(documents)
    return World(
        rules=tuple({**one.document, "id": one.id} for one in compiled),
        registry=registry,
        directory=directory,
        zone=zone,
        compiler=compiler,
        devices=_devices(everything, directory),
        plain={sensor: _plain(sensor, everything) or (*found[:3], 0.0) for sensor, found in values.items()},
        values=values,
        parts=parts,
        waits_us=_distinct([*(s * SECOND_US for s in _USUAL_WAITS_S[:2]), *spans_us, *_around(spans_us, SECOND_US),
                            *(span // 2 for span in spans_us), *(s * SECOND_US for s in _USUAL_WAITS_S)]),
        near_waits_us=_distinct([*_around(spans_us, 1), 0, 1]),
        silences_us=_distinct([*(s * SECOND_US for s in _SILENCES_S), *(span * 2 for span in spans_us)]),
        downs_us=_downs(compiled, spans_us),
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
    named = [ref.device for rule in rules for ref in rule.reads if ref.device]
    named += [trigger.device for rule in rules for trigger in rule.sensor_triggers if trigger.device]
    scoped = [rule.scope.device for rule in rules if rule.scope.device]
    listed = [] if directory is None else [device.id for device in directory.devices()]
    return _distinct([*scoped, *named, *listed]) or ("device-1", "device-2")


def _values(rules: Sequence[CompiledRule]) -> dict[str, tuple[Any, ...]]:
    numbers: dict[str, list[float]] = {}
    others: dict[str, list[Any]] = {}
    for rule in rules:
        nodes = [node for top in _tops(rule) for node in _below(top)]
        for sensor in dict.fromkeys([ref.sensor for ref in rule.reads] + [one.sensor for one in rule.sensor_triggers]):
            own = [node for node in nodes if any(ref.sensor == sensor for ref in node.condition.sensors())]
            configs: list[Any] = [_without_times(node.condition.config) for node in own or nodes]
            configs += [] if own else [rule.document.get("variables", {})]
            numbers.setdefault(sensor, []).extend(number for config in configs for number in numbers_in(config))
            others.setdefault(sensor, []).extend(_words(configs))
    return {sensor: (*_levels(found), *_distinct(others[sensor])) for sensor, found in numbers.items()}


def _plain(sensor: str, rules: Iterable[CompiledRule]) -> tuple[Any, ...]:
    """Return a value above and one below each number at which something changes, so far as conditions tell these."""
    found: list[float] = []
    for rule in rules:
        for ref, cuts in zip(rule.reads, rule.cuts, strict=True):
            found += [round(cut, 6) for cut in cuts or () if ref.sensor == sensor]
    return tuple(dict.fromkeys(float(cut + step) for cut in found for step in (1, -1)))


def _tops(rule: CompiledRule) -> Iterator[Node]:
    yield from rule.conditions
    yield from (plan.guard for plan in (*rule.actions, *rule.clear_actions) if plan.guard is not None)


def _below(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _below(child)


def _without_times(config: Mapping[str, Any]) -> dict[str, Any]:
    inner = ("condition", "conditions")
    return {name: value for name, value in config.items() if _unit(name) is None and name not in inner}


def _words(configs: Iterable[Mapping[str, Any]]) -> Iterator[str | bool]:
    """Yield the texts and booleans that a sensor may be compared with."""
    for config in configs:
        yield from texts_in([config[name] for name in ("value", "from", "to") if name in config])


def _levels(numbers: Iterable[float]) -> tuple[float, ...]:
    """Return numbers above, below and exactly at those that matter, then their neighbours among the doubles."""
    given = list(dict.fromkeys(numbers))[: _MOST_NUMBERS * 2]
    some = given[:_MOST_NUMBERS]
    sums = [one + sign * other for one in some for other in some if one != other for sign in (1, -1)]
    plain = [*(number + step for number in given for step in (1, -1, 0)), *sums, *_USUAL_NUMBERS]
    near = [nextafter(number, way) for number in given for way in (inf, -inf)]
    return tuple(dict.fromkeys(float(number) for number in (*plain, *near) if abs(number) <= 2**53))


def _parts(rules: Sequence[CompiledRule], values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return which sensors come as an object: a trigger waits for ``a`` and ``a_x`` is read."""
    triggers = dict.fromkeys(one.sensor for rule in rules for one in rule.sensor_triggers)
    found = {whole: tuple(name for name in values if name.startswith(f"{whole}_")) for whole in triggers}
    return {whole: names for whole, names in found.items() if names}


def _spans_us(documents: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    found = [round(span * SECOND_US) for document in documents for span in _spans(document)]
    return _distinct(span for span in found if 0 < span <= 32 * DAY_US)


def _spans(value: Any) -> Iterator[float]:
    """Yield the times in a document, told by the names of their fields, in seconds."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            unit = _unit(name)
            if unit is not None and isinstance(inner, int | float) and not isinstance(inner, bool):
                yield abs(inner) * unit
            else:
                yield from _spans(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _spans(inner)


def _unit(name: str) -> float | None:
    return _UNITS.get(name.rpartition("_")[2])


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
