"""What a client missed while it was away: readings and firings since its cursor, as many as its queue holds.

A cursor is the instant of the last message that the client got. A little before it is read again, since a firing by
time may bear an instant earlier than a reading that was told before it: so what was told already may be told once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.model.firing import Firing
from whenthen.runtime.records import Execution, Sample
from whenthen_server.auth import Place
from whenthen_server.live.clients import Client, Target, right
from whenthen_server.live.fanout import packed, permitted
from whenthen_server.live.outgoing import MOST_BYTES
from whenthen_server.live.packets import Parcel
from whenthen_server.live.telling import fired, readings
from whenthen_server.store.database import reading
from whenthen_server.store.places import Places
from whenthen_server.store.tables import executions, samples, series

MOST_MISSED = 200
"""Fewer than a client's queue holds, so that there is room for what happens meanwhile."""
MOST_MISSED_BYTES = MOST_BYTES // 2
MOST_SAMPLES = 600
"""Values are read, and several may make one reading, so many more than are told."""
MOST_DEVICES = 500
OVERLAP_US = 2 * SECOND_US
LATE_US = 5 * MINUTE_US
"""Readings that bear an instant so long before the cursor are looked for; there is no index by arrival."""


@dataclass(frozen=True, slots=True)
class Span:
    """From a cursor until now; *kept_us* is how long things are kept."""

    since_us: int
    now_us: int
    kept_us: int

    def is_kept(self) -> bool:
        """Return whether all of it can be known: nothing has been let go since, and the cursor is no later than now.

        A later one is of another history: the clock was put back, or a backup was restored.

        >>> [Span(since_us, now_us=9, kept_us=5).is_kept() for since_us in (3, 4, 9, 10)]
        [False, True, True, False]
        """
        return self.now_us - self.kept_us <= self.since_us <= self.now_us


@dataclass(frozen=True, slots=True)
class Missed:
    """What a client is told again, in order, the *cursor* of the last of it, and whether that is *complete*."""

    told: Sequence[Parcel]
    cursor: str | None
    complete: bool


def missed(engine: Engine, places: Places, client: Client, target: Target, span: Span) -> Missed:
    """Return what happened at *target* in *span* and *client* may hear of, oldest first; of too much the newest."""
    inside = {place.device: place for place in _devices(places) if _is_inside(place, target)}
    allowed = sorted(one for one, place in inside.items() if one and client.may(right("reading", "read", place)))
    after_us = span.since_us - OVERLAP_US
    with reading(engine) as connection:
        found, all_samples = _samples(connection, allowed[:MOST_DEVICES], after_us)
        fires, all_fires = _executions(connection, after_us)
    happened = [*readings(found, places), *(fired(one, places) for one in fires)]
    wanted = [one for one in happened if _is_inside(one.place, target) and permitted(one, [client])]
    # As it was told then: of one instant the readings before what followed, those of a device by their own clock.
    wanted.sort(key=lambda one: (int(one.payload["cursor"]), one.event == "rule_fired", one.order))
    told = _fitting([packed(one) for one in wanted[-MOST_MISSED:]])
    cursor = wanted[-1].payload["cursor"] if told else None
    is_all = all_samples and all_fires and len(told) == len(wanted) and len(allowed) <= MOST_DEVICES
    return Missed(told, cursor, is_all and span.is_kept())


def _fitting(parcels: Sequence[Parcel]) -> Sequence[Parcel]:
    """Return the newest of them that may wait for a client beside what happens meanwhile."""
    left = MOST_MISSED_BYTES
    for number, one in enumerate(reversed(parcels)):
        left -= len(one.frame)
        if left < 0:
            return parcels[len(parcels) - number :]
    return parcels


def _devices(places: Places) -> Iterable[Place]:
    return (Place(device.farm, device.room, device.id) for device in places.devices())


def _is_inside(place: Place, target: Target) -> bool:
    kind, name = target
    return kind == "all" or getattr(place, kind) == name


def _samples(connection: Connection, device_ids: list[str], after_us: int) -> tuple[list[Sample], bool]:
    """Return the newest, each reading whole, and whether that is all."""
    wanted = (
        select(series.c.device_id, series.c.sensor, samples)
        .join(series, series.c.id == samples.c.series_id)
        .where(
            series.c.device_id.in_(device_ids), samples.c.at_us > after_us - LATE_US, samples.c.received_us > after_us
        )
        # What belongs to one reading stands together.
        .order_by(samples.c.received_us.desc(), series.c.device_id, samples.c.at_us.desc(), series.c.sensor)
        .limit(MOST_SAMPLES + 1)
    )
    found = [
        Sample(row.device_id, row.sensor, _value(row.number, row.other), row.at_us, row.received_us)
        for row in connection.execute(wanted)
    ]
    if len(found) <= MOST_SAMPLES:
        return found, True
    cut = _moment(found[-1])
    return [one for one in found if _moment(one) != cut], False


def _moment(sample: Sample) -> tuple[str, int, int]:
    return sample.device, sample.at_us, sample.received_us


def _executions(connection: Connection, after_us: int) -> tuple[list[Execution], bool]:
    wanted = select(executions).where(executions.c.at_us > after_us).order_by(executions.c.at_us.desc())
    found = [_execution(row) for row in connection.execute(wanted.limit(MOST_MISSED + 1))]
    return found[:MOST_MISSED], len(found) <= MOST_MISSED


def _execution(row: Any) -> Execution:
    firing = Firing(row.at_us, row.rule_id, row.rule, row.subject, row.kind, (), row.depth, row.counted)
    return Execution(row.id, firing, row.cause, row.trace)


def _value(number: float | None, other: str | None) -> Any:
    return number if other is None else json.loads(other)
