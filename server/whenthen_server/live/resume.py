"""What a client missed while it was away: readings and firings since its cursor, as many as its queue holds.

A cursor is the instant of the last message that the client got. A little before it is read again, since a firing by
time may bear an instant earlier than a reading that was told before it: so what was told already may be told once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Engine, select

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.model.firing import Firing
from whenthen.runtime.records import Execution, Sample
from whenthen_server.auth import Place
from whenthen_server.live.clients import Client, Target, right
from whenthen_server.live.fanout import permitted
from whenthen_server.live.telling import Message, fired, readings
from whenthen_server.store.database import reading
from whenthen_server.store.places import Places
from whenthen_server.store.tables import executions, samples, series

MOST_MISSED = 200
"""Fewer than a client's queue holds, so that there is room for what happens meanwhile."""
MOST_DEVICES = 500
OVERLAP_US = 2 * SECOND_US
LATE_US = 5 * MINUTE_US
"""Readings that bear an instant so long before the cursor are looked for; there is no index by arrival."""


def missed(engine: Engine, places: Places, client: Client, target: Target, since_us: int) -> tuple[list[Message], bool]:
    """Return what happened at *target* since then and *client* may hear of, oldest first, and whether that is all."""
    inside = {place.device: place for place in _devices(places) if _is_inside(place, target)}
    allowed = sorted(one for one, place in inside.items() if one and client.may(right("reading", "read", place)))
    after_us = since_us - OVERLAP_US
    with reading(engine) as connection:
        found = _samples(connection, allowed[:MOST_DEVICES], after_us)
        fires = _executions(connection, after_us)
    told = [*readings(found[:MOST_MISSED], places), *(fired(one, places) for one in fires[:MOST_MISSED])]
    wanted = [one for one in told if _is_inside(one.place, target) and permitted(one, [client])]
    wanted.sort(key=lambda one: int(one.payload["cursor"]))
    complete = len(allowed) <= MOST_DEVICES and max(len(found), len(fires), len(wanted)) <= MOST_MISSED
    return wanted[-MOST_MISSED:], complete


def _devices(places: Places) -> Iterable[Place]:
    return (Place(device.farm, device.room, device.id) for device in places.devices())


def _is_inside(place: Place, target: Target) -> bool:
    kind, name = target
    return kind == "all" or getattr(place, kind) == name


def _samples(connection: Connection, device_ids: list[str], after_us: int) -> list[Sample]:
    """Return the newest, one more than is told."""
    wanted = (
        select(series.c.device_id, series.c.sensor, samples)
        .join(series, series.c.id == samples.c.series_id)
        .where(
            series.c.device_id.in_(device_ids), samples.c.at_us > after_us - LATE_US, samples.c.received_us > after_us
        )
        .order_by(samples.c.received_us.desc(), series.c.device_id, series.c.sensor)
        .limit(MOST_MISSED + 1)
    )
    return [
        Sample(row.device_id, row.sensor, _value(row.number, row.other), row.at_us, row.received_us)
        for row in connection.execute(wanted)
    ]


def _executions(connection: Connection, after_us: int) -> list[Execution]:
    wanted = select(executions).where(executions.c.at_us > after_us).order_by(executions.c.at_us.desc())
    return [_execution(row) for row in connection.execute(wanted.limit(MOST_MISSED + 1))]


def _execution(row: Any) -> Execution:
    firing = Firing(row.at_us, row.rule_id, row.rule, row.subject, row.kind, (), row.depth, row.counted)
    return Execution(row.id, firing, row.cause, row.trace)


def _value(number: float | None, other: str | None) -> Any:
    return number if other is None else json.loads(other)
