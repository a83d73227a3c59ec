"""Stored values as readings once more, in the order in which they came."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, exists, false, func, literal, not_, or_, select, union_all

from whenthen.clock import DAY_US
from whenthen.model.reading import Reading
from whenthen_server.store.tables import samples, series

MAX_SERIES = 2_000
_ROWS_AT_ONCE = 1_000
_LATEST_US = 31 * DAY_US
"""So late may the first values of a series come."""

Series = Mapping[int, tuple[str, str]]
"""(device, sensor) by the id of the series."""


def series_of(connection: Connection, devices: Collection[str], sensors: Collection[str]) -> Series:
    """Return the series of *sensors* of *devices*, at most ``MAX_SERIES``; parts of an object belong to its sensor."""
    parts = or_(false(), *(series.c.sensor.startswith(f"{sensor}_", autoescape=True) for sensor in sorted(sensors)))
    wanted = select(series).where(
        series.c.device_id.in_(sorted(devices)), or_(series.c.sensor.in_(sorted(sensors)), parts)
    )
    rows = connection.execute(wanted.order_by(series.c.id).limit(MAX_SERIES))
    return {row.id: (row.device_id, row.sensor) for row in rows}


def count(connection: Connection, wanted: Series, from_us: int, to_us: int) -> int:
    """Return how many values there are with from_us <= at < to_us."""
    found = select(func.count()).select_from(samples).where(_between(wanted, from_us, to_us))
    return int(connection.execute(found).scalar_one())


def readings(connection: Connection, wanted: Series, from_us: int, to_us: int, limit: int) -> Iterator[Reading]:
    """Yield what was measured with from_us <= at < to_us as it came, one reading for what came together.

    At most *limit* values are read, the earliest.
    """
    found = select(samples).where(_between(wanted, from_us, to_us))
    ordered = found.order_by(samples.c.received_us, samples.c.at_us, samples.c.series_id).limit(limit)
    yield from _joined(connection, ordered, wanted)


def crossings(
    connection: Connection, wanted: Series, cuts: Mapping[int, Sequence[float]], from_us: int, to_us: int
) -> Iterator[Reading]:
    """Yield, as ``readings`` does, only the values at which a series crosses one of its *cuts*, and its first and last.

    The database finds them, so that a month of readings in which little happens is little to read. *cuts* are by the id
    of the series; a number above a cut lies on the other side of it. What came late, after a newer value, moved no rule
    and is left out, as is what had not come by *to_us*.
    """
    parts = [_crossing(series_id, points, from_us, to_us) for series_id, points in cuts.items() if series_id in wanted]
    if parts:
        every = union_all(*parts).subquery()
        yield from _joined(connection, select(every).order_by(every.c.received_us, every.c.at_us), wanted)


def _crossing(series_id: int, points: Sequence[float], from_us: int, to_us: int) -> Any:
    side: Any = literal(0)
    for point in points:
        side = side + case((samples.c.number > point, 1), else_=0)
    number = case((samples.c.other.is_(None), side), else_=-1)
    order = samples.c.at_us
    inside = select(
        samples,
        number.label("side"),
        func.lag(number).over(order_by=order).label("before"),
        func.lead(order).over(order_by=order).label("next_us"),
    ).where(samples.c.series_id == series_id, order >= from_us, order < to_us, not_(_late()))
    inside = inside.where(samples.c.received_us < to_us)
    found = inside.subquery()
    crosses = or_(found.c.before.is_(None), found.c.before != found.c.side, found.c.next_us.is_(None))
    kept = (found.c.series_id, found.c.at_us, found.c.received_us, found.c.number, found.c.other)
    return select(*kept).where(or_(crosses, found.c.other.is_not(None)))


def _joined(connection: Connection, ordered: Any, wanted: Series) -> Iterator[Reading]:
    together: tuple[int, int, str] | None = None
    values: dict[str, Any] = {}
    with connection.execute(ordered.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows:
            device, sensor = wanted[row.series_id]
            key = (row.received_us, row.at_us, device)
            if together is not None and key != together:
                yield Reading(together[2], values, together[0], together[1])
                values = {}
            together = key
            values[sensor] = _value(row)
    if together is not None:
        yield Reading(together[2], values, together[0], together[1])


def newest_before(connection: Connection, wanted: Series, before_us: int) -> list[Reading]:
    """Return the last value of each series before an instant, in the order of their own instants.

    What was measured before it and came after it was not known yet, and is left out.
    """
    last = _newest(wanted, before_us)
    joined = and_(samples.c.series_id == last.c.id, samples.c.at_us == last.c.at_us)
    found = []
    for row in connection.execute(select(samples).join(last, joined)):
        device, sensor = wanted[row.series_id]
        found.append(Reading(device, {sensor: _value(row)}, row.at_us, row.at_us))
    return sorted(found, key=lambda one: (one.received_us, one.device))


def since(connection: Connection, wanted: Series, from_us: int, to_us: int, most: int) -> list[Reading] | None:
    """Return, as ``readings`` does, what came from an instant on and is newer than what was known of its series before.

    *to_us* bounds when it was measured. ``None``: it is more than *most* values.
    """
    last = _newest(wanted, from_us)
    newer = samples.c.at_us > func.coalesce(last.c.at_us, from_us - _LATEST_US)
    joined = and_(samples.c.series_id == last.c.id, newer)
    found = select(samples).join(last, joined).where(samples.c.received_us >= from_us, samples.c.at_us < to_us)
    if connection.execute(found.with_only_columns(samples.c.at_us).offset(most).limit(1)).first() is not None:
        return None
    ordered = found.order_by(samples.c.received_us, samples.c.at_us, samples.c.series_id)
    return list(_joined(connection, ordered, wanted))


def _newest(wanted: Series, before_us: int) -> Any:
    """Return a subquery of when the last value of each series, as it was known before an instant, was measured."""
    newest = (
        select(samples.c.at_us)
        .where(samples.c.series_id == series.c.id, samples.c.at_us < before_us, samples.c.received_us < before_us)
        .order_by(samples.c.at_us.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(series.c.id, newest.label("at_us")).where(series.c.id.in_(wanted)).subquery()


def last_outside(connection: Connection, series_id: int, band: tuple[float, float], before_us: int) -> int | None:
    """Return when a number of a series last lay at or below the *band*, or above it, before an instant."""
    low, high = band
    outside = or_(samples.c.number <= low, samples.c.number > high)
    found = select(samples.c.at_us).where(
        samples.c.series_id == series_id, samples.c.at_us < before_us, outside, not_(_late())
    )
    return connection.execute(found.order_by(samples.c.at_us.desc()).limit(1)).scalar()


def last_but_one(connection: Connection, series_id: int, at_us: int) -> int | None:
    """Return when the value before the newest of an instant was measured, ``None`` if there is none."""
    found = select(samples.c.at_us).where(samples.c.series_id == series_id, samples.c.at_us <= at_us)
    found = found.where(samples.c.received_us <= at_us, not_(_late()))
    return connection.execute(found.order_by(samples.c.at_us.desc()).offset(1).limit(1)).scalar()


def bounded(connection: Connection, wanted: Series, from_us: int, to_us: int, limit: int) -> tuple[int, bool]:
    """Return where to begin for at most *limit* values up to an instant, and whether that is *from_us*."""
    inside = select(samples.c.at_us).where(_between(wanted, from_us, to_us))
    last_us = connection.execute(inside.order_by(samples.c.at_us.desc()).offset(limit).limit(1)).scalar()
    return (from_us, True) if last_us is None else (last_us + 1, False)


def _between(wanted: Series, from_us: int, to_us: int) -> Any:
    return and_(samples.c.series_id.in_(wanted), samples.c.at_us >= from_us, samples.c.at_us < to_us)


def _late() -> Any:
    """Say that a value came after a newer one; only what was measured before it came can be that."""
    newer = samples.alias()
    sooner = and_(
        newer.c.series_id == samples.c.series_id,
        newer.c.at_us > samples.c.at_us,
        newer.c.at_us <= samples.c.received_us,
        newer.c.received_us < samples.c.received_us,
    )
    return and_(samples.c.received_us > samples.c.at_us, exists().where(sooner))


def _value(row: Any) -> Any:
    return row.number if row.other is None else json.loads(row.other)
