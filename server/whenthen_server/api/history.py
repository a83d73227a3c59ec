"""What a device measured: value by value, in buckets that the database computes, or as a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from whenthen.clock import DAY_US, SECOND_US
from whenthen_server.api.cursor import SCHEMA as CURSOR
from whenthen_server.api.cursor import decode_cursor
from whenthen_server.api.instants import SCHEMA as INSTANT
from whenthen_server.api.instants import TOLD, iso, read_instant
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import NEXT, bad_query, page_of, path_device
from whenthen_server.api.readings import SENSORS, shown
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.store.database import reading
from whenthen_server.store.readings import Bucket, Value, bucket_us, buckets, history, sensors_of

MAX_BUCKETS = 10_000
_PAGE = 5_000
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_NUMBER = {"type": "number"}

SCHEMAS: dict[str, Any] = {
    "History": {
        "type": "object",
        "required": ["device_id"],
        "properties": {
            "device_id": {"type": "string"},
            "readings": {
                "type": "array",
                "description": "Without bucket: newest first",
                "items": {"$ref": "#/components/schemas/Value"},
            },
            "next": NEXT,
            "bucket_seconds": {"type": "integer", "description": "The width that was used"},
            "series": {
                "type": "array",
                "description": "With bucket: the numbers of each sensor, oldest first; empty buckets are left out",
                "items": {
                    "type": "object",
                    "required": ["sensor", "buckets"],
                    "properties": {
                        "sensor": {"type": "string"},
                        "buckets": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["start", "count", "mean", "min", "max"],
                                "properties": {
                                    "start": TOLD,
                                    "count": {"type": "integer"},
                                    "mean": _NUMBER,
                                    "min": _NUMBER,
                                    "max": _NUMBER,
                                },
                            },
                        },
                    },
                },
            },
        },
    }
}
_QUERY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sensor": SENSORS,
        "from": {**INSTANT, "description": "From this instant on; with bucket, a day ago without it"},
        "to": {**INSTANT, "description": "Until before this instant; now without it"},
        "bucket": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,7}[smhd]?$",
            "examples": ["90s", "5m", "1h", "1d"],
            "description": "Width such as 90s, 5m, 1h or 1d; above an hour it is rounded up to whole hours",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "100 without it; CSV: all"},
        "cursor": CURSOR,
    },
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A stretch of a device's history."""

    device_id: str
    sensors: list[str] | None
    from_us: int
    to_us: int


def routes(rooms: Rooms) -> list[Route]:
    """Return ``GET /api/devices/<device_id>/data``."""
    return [_listed(rooms)]


@route(
    "GET",
    "/api/devices/<device_id>/data",
    resource="reading",
    verb="list",
    summary="What a device measured; with 'Accept: text/csv' as a file",
    place=path_device,
    query=_QUERY,
    answer={"$ref": "#/components/schemas/History"},
    other_types=("text/csv",),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    query, wanted = request.query, _wanted(request, rooms.runtime.now_us())
    as_csv = _wants_csv(request.headers.get("Accept", ""))
    if "bucket" in query:
        return _bucketed(rooms, wanted, _width_us(query["bucket"], wanted), as_csv=as_csv)
    after = decode_cursor(query["cursor"], (int, int)) if "cursor" in query else None
    if as_csv:
        return _file(wanted.device_id, _lines(rooms, wanted, query.get("limit"), after))
    found, position = _page(rooms, wanted, query.get("limit", 100), after)
    return Answer({"device_id": wanted.device_id, **page_of("readings", [shown(one) for one in found], position)})


def _wants_csv(accept: str) -> bool:
    kinds = parse_accept_header(accept, MIMEAccept)
    return kinds.best_match(["application/json", "text/csv"], "application/json") == "text/csv"


def _wanted(request: Request, now_us: int) -> _Wanted:
    query = request.query
    # Whatever comes is given an instant of its own, so the newest may be some microseconds ahead of the clock.
    to_us = _instant(query, "to", now_us + SECOND_US)
    from_us = _instant(query, "from", to_us - DAY_US if "bucket" in query else 0)
    if from_us > to_us:
        raise bad_query("from", "is later than 'to'", "swap the two")
    return _Wanted(request.path["device_id"], query.get("sensor"), max(0, from_us), to_us)


def _instant(query: Any, name: str, absent_us: int) -> int:
    if name not in query:
        return absent_us
    try:
        return read_instant(query[name])
    except ValueError as error:
        raise bad_query(name, str(error), "write it as 2026-01-01T00:00:00Z") from None


def _width_us(text: str, wanted: _Wanted) -> int:
    match = re.fullmatch(r"([0-9]+)([smhd]?)", text)
    if match is None:
        raise bad_query("bucket", "is no width", "write one such as 5m")
    width_us = bucket_us(int(match[1]) * _UNITS[match[2]] * SECOND_US)
    if wanted.to_us - wanted.from_us > MAX_BUCKETS * width_us:
        raise bad_query("bucket", f"makes more than {MAX_BUCKETS} buckets", "take a wider one, or a shorter time")
    return width_us


def _page(
    rooms: Rooms, wanted: _Wanted, limit: int, after: tuple[Any, ...] | None
) -> tuple[list[Value], tuple[int, int] | None]:
    position = None if after is None else (int(after[0]), int(after[1]))
    with reading(rooms.database) as connection:
        return history(
            connection,
            wanted.device_id,
            wanted.sensors,
            from_us=wanted.from_us,
            to_us=wanted.to_us,
            limit=limit,
            after=position,
        )


def _bucketed(rooms: Rooms, wanted: _Wanted, width_us: int, *, as_csv: bool) -> Answer:
    found: dict[str, list[Bucket]] = {}
    with reading(rooms.database) as connection:
        for sensor, series_id in sensors_of(connection, wanted.device_id).items():
            if wanted.sensors is None or sensor in wanted.sensors:
                found[sensor] = buckets(connection, series_id, wanted.from_us, wanted.to_us, width_us)
    if as_csv:
        rows = [
            (_cell(sensor), iso(one.start_us), one.count, one.mean, one.least, one.greatest)
            for sensor, of_sensor in found.items()
            for one in of_sensor
        ]
        return _file(wanted.device_id, [_csv([("sensor", "start", "count", "mean", "min", "max"), *rows])])
    series = [{"sensor": name, "buckets": [_bucket(one) for one in of_sensor]} for name, of_sensor in found.items()]
    return Answer({"device_id": wanted.device_id, "bucket_seconds": width_us // SECOND_US, "series": series})


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "start": iso(bucket.start_us),
        "count": bucket.count,
        "mean": bucket.mean,
        "min": bucket.least,
        "max": bucket.greatest,
    }


def _lines(rooms: Rooms, wanted: _Wanted, limit: int | None, after: tuple[Any, ...] | None) -> Iterator[bytes]:
    """Yield a CSV file page by page: a long one is never in memory, and holds no transaction while it is sent."""
    yield _csv([("at", "received_at", "sensor", "value")])
    left = limit
    while left is None or left > 0:
        found, after = _page(rooms, wanted, _PAGE if left is None else min(left, _PAGE), after)
        yield _csv((iso(one.at_us), iso(one.received_us), _cell(one.sensor), _cell(one.value)) for one in found)
        left = None if left is None else left - len(found)
        if after is None:
            return


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    """Return a value as a cell; a text that a spreadsheet would take for a formula gets an apostrophe before it.

    >>> _cell("=1+1"), _cell(-1.5), _cell(True)
    ("'=1+1", -1.5, 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _file(device_id: str, lines: Iterable[bytes]) -> Answer:
    name = re.sub(r"[^A-Za-z0-9._-]", "_", device_id)
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Vary": "Accept",
    }
    return Answer(lines, headers=headers)
