"""Reads stored values: newest, a stretch of them, or buckets that the database computes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Select, and_, cast, func, literal, select, tuple_, union_all

from whenthen.model.reading import Scalar
from whenthen_server.store.tables import hours, hours_due, samples, series

HOUR_US = 3_600_000_000
MIN_BUCKET_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Value:
    """One stored value; instants in microseconds since the epoch."""

    sensor: str
    value: Scalar | None
    at_us: int
    received_us: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What the numbers of one stretch of time come to; it begins at *start_us* (microseconds since the epoch)."""

    start_us: int
    count: int
    mean: float
    least: float
    greatest: float


def sensors_of(connection: Connection, device_id: str) -> dict[str, int]:
    """Return a device's sensors with the ids of their series."""
    found = select(series.c.sensor, series.c.id).where(series.c.device_id == device_id).order_by(series.c.sensor)
    return {row.sensor: row.id for row in connection.execute(found)}


def latest(connection: Connection, device_id: str) -> list[Value]:
    """Return the newest value of each sensor of a device."""
    found = []
    for sensor, series_id in sensors_of(connection, device_id).items():
        newest = _columns(sensor).where(samples.c.series_id == series_id).order_by(samples.c.at_us.desc()).limit(1)
        found += [_value(row) for row in connection.execute(newest)]
    return found


def history(  # noqa: PLR0913 - a stretch of time, and where to go on in it
    connection: Connection,
    device_id: str,
    sensors: Sequence[str] | None,
    *,
    from_us: int,
    to_us: int,
    limit: int,
    after: tuple[int, int] | None = None,
) -> tuple[list[Value], tuple[int, int] | None]:
    """Return values with from_us <= at < to_us, newest first, and where the next page begins (``None``: no more).

    *after* is what the page before returned: the instant and the series id of its last value.
    """
    known = sensors_of(connection, device_id)
    wanted = {series_id: name for name, series_id in known.items() if sensors is None or name in sensors}
    if not wanted:
        return [], None
    stretch = and_(samples.c.series_id.in_(wanted), samples.c.at_us >= from_us, samples.c.at_us < to_us)
    found = select(samples).where(stretch).order_by(samples.c.at_us.desc(), samples.c.series_id.desc())
    if after is not None:
        found = found.where(tuple_(samples.c.at_us, samples.c.series_id) < tuple_(literal(after[0]), literal(after[1])))
    rows = connection.execute(found.limit(limit + 1)).all()
    values = [
        _value((wanted[row.series_id], row.at_us, row.received_us, row.number, row.other)) for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return values, None if last is None else (last.at_us, last.series_id)


def bucket_us(wanted_us: int) -> int:
    """Return the width that is used for a wanted one: whole hours from an hour on, whole seconds below.

    >>> bucket_us(5_400_000_000) // HOUR_US
    2
    """
    step_us = HOUR_US if wanted_us > HOUR_US else MIN_BUCKET_US
    return max(step_us, -(-wanted_us // step_us) * step_us)


def buckets(connection: Connection, series_id: int, from_us: int, to_us: int, width_us: int) -> list[Bucket]:
    """Return the buckets of a series' numbers with from_us <= at < to_us; those without numbers are left out.

    *width_us* is one that ``bucket_us`` returns. Hours that are summed up already are not read again.
    """
    if width_us < HOUR_US:
        parts = _raw(series_id).where(_between(samples.c.at_us, from_us, to_us))
    else:
        first_us, last_us = -(-from_us // HOUR_US) * HOUR_US, to_us // HOUR_US * HOUR_US
        parts = _with_hours(series_id, from_us, to_us, first_us, max(first_us, last_us))
    part = parts.subquery()
    start = part.c.at_us - part.c.at_us % width_us
    found = select(
        start.label("start_us"),
        cast(func.sum(part.c.count), Integer).label("count"),
        (func.sum(part.c.total) / func.sum(part.c.count)).label("mean"),
        func.min(part.c.least).label("least"),
        func.max(part.c.greatest).label("greatest"),
    )
    rows = connection.execute(found.group_by(start).order_by(start))
    return [Bucket(*row) for row in rows]


def _between(column: Any, from_us: int, to_us: int) -> Any:
    return and_(column >= from_us, column < to_us)


def _raw(series_id: int) -> Select[Any]:
    """Select a series' numbers as sums of one."""
    number = samples.c.number
    return select(
        samples.c.at_us,
        literal(1).label("count"),
        number.label("total"),
        number.label("least"),
        number.label("greatest"),
    ).where(samples.c.series_id == series_id, number.is_not(None))


def _with_hours(series_id: int, from_us: int, to_us: int, first_us: int, last_us: int) -> Any:
    """Select a stretch's whole hours as they were summed up, and the rest, or what has changed since, from samples."""
    due = select(hours_due.c.hour_us).where(
        hours_due.c.series_id == series_id, _between(hours_due.c.hour_us, first_us, last_us)
    )
    summed = select(
        hours.c.hour_us.label("at_us"), hours.c.count, hours.c.total, hours.c.least, hours.c.greatest
    ).where(hours.c.series_id == series_id, _between(hours.c.hour_us, first_us, last_us), hours.c.hour_us.not_in(due))
    # One range of samples for each hour that is due: joined by the key, never searched through.
    open_hours = _raw(series_id).join(
        hours_due,
        and_(
            hours_due.c.series_id == samples.c.series_id,
            samples.c.at_us >= hours_due.c.hour_us,
            samples.c.at_us < hours_due.c.hour_us + HOUR_US,
        ),
    )
    return union_all(
        summed,
        open_hours.where(_between(hours_due.c.hour_us, first_us, last_us)),
        _raw(series_id).where(_between(samples.c.at_us, from_us, min(first_us, to_us))),
        _raw(series_id).where(_between(samples.c.at_us, max(first_us, last_us), to_us)),
    )


def sum_up(connection: Connection, before_us: int, most: int = 1_000) -> int:
    """Sum up hours that are due and over by *before_us*; return how many, at most *most*."""
    due = select(hours_due).where(hours_due.c.hour_us <= before_us - HOUR_US).order_by(hours_due.c.hour_us).limit(most)
    found = connection.execute(due).all()
    for series_id, hour_us in found:
        key = and_(hours.c.series_id == series_id, hours.c.hour_us == hour_us)
        connection.execute(hours.delete().where(key))
        connection.execute(hours.insert().from_select(list(hours.c.keys()), _hour(series_id, hour_us)))
        done = and_(hours_due.c.series_id == series_id, hours_due.c.hour_us == hour_us)
        connection.execute(hours_due.delete().where(done))
    return len(found)


def _hour(series_id: int, hour_us: int) -> Select[Any]:
    number = samples.c.number
    inside = and_(samples.c.series_id == series_id, _between(samples.c.at_us, hour_us, hour_us + HOUR_US))
    newest = select(number).where(inside, number.is_not(None)).order_by(samples.c.at_us.desc()).limit(1)
    return (
        select(
            literal(series_id),
            literal(hour_us),
            func.count(number),
            func.sum(number),
            func.min(number),
            func.max(number),
            newest.scalar_subquery(),
        )
        .where(inside)
        .having(func.count(number) > 0)
    )


def forget(connection: Connection, before_us: int) -> int:
    """Delete samples older than *before_us* whose hours are summed up; return how many."""
    gone = 0
    for series_id in list(connection.scalars(select(series.c.id))):
        oldest_due = select(func.min(hours_due.c.hour_us)).where(hours_due.c.series_id == series_id)
        due_us = connection.execute(oldest_due).scalar()
        until_us = before_us if due_us is None else min(before_us, due_us)
        old = samples.delete().where(samples.c.series_id == series_id, samples.c.at_us < until_us)
        gone += connection.execute(old).rowcount
    return gone


def _columns(sensor: str) -> Select[Any]:
    return select(literal(sensor), samples.c.at_us, samples.c.received_us, samples.c.number, samples.c.other)


def _value(row: Any) -> Value:
    sensor, at_us, received_us, number, other = row
    return Value(sensor, number if other is None else json.loads(other), at_us, received_us)
