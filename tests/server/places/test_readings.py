"""Readings: every shape, every fault with its place, and what can be read back."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from places.house import MemberOf, failed, made

from whenthen import ManualClock

DATA = "/api/devices/dev-1/data"


def values(client: FlaskClient, query: str = "") -> list[tuple[str, Any]]:
    return [(one["sensor"], one["value"]) for one in made(client.get(DATA + query), 200)["readings"]]


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ({"temperature": 21.5}, [("temperature", 21.5)]),
        ({"door": "open", "motion": True}, [("motion", True), ("door", "open")]),
        ({"sensor_type": "temperature", "value": 21.5, "unit": "°C"}, [("temperature", 21.5)]),
        ({"timestamp": "2026-03-01T11:59:00Z", "data": {"co2": 800}}, [("co2", 800)]),
        ({"device_id": "dev-1", "at": "2026-03-01T12:59:00+01:00", "values": {"co2": 800}}, [("co2", 800)]),
        ({"accelerometer": {"x": 0, "y": 1}}, [("accelerometer_y", 1), ("accelerometer_x", 0)]),
        ([{"a": 1}, {"sensor": "b", "value": 2}], [("b", 2), ("a", 1)]),
    ],
)
@pytest.mark.usefixtures("device")
def test_every_shape_of_the_requirements_is_taken(
    as_device: FlaskClient, owner: FlaskClient, body: Any, stored: list[Any]
) -> None:
    taken = made(as_device.post(DATA, json=body), 200)

    assert set(taken["verdicts"]) == {"stored"}
    assert taken["stored"] == len(stored)
    assert "errors" not in taken
    assert sorted(values(owner)) == sorted(stored)


def test_of_a_thousand_readings_the_three_wrong_ones_are_named_and_the_others_stored(
    as_device: FlaskClient, owner: FlaskClient
) -> None:
    readings: list[Any] = [{"timestamp": "2026-03-01T11:00:00Z", "data": {f"s{n}": n}} for n in range(1_000)]
    readings[3] = {"timestamp": "2026-03-01T13:00:00Z", "data": {"s3": 3}}
    readings[500] = {"data": {"s500": [1]}}
    readings[999] = "twelve degrees"
    taken = made(as_device.post(DATA, json=readings), 200)

    assert taken["counts"] == {"stored": 997, "refused": 3}
    assert [index for index, verdict in enumerate(taken["verdicts"]) if verdict == "refused"] == [3, 500, 999]
    assert [fault["pointer"] for fault in taken["errors"]] == ["/3/timestamp", "/500/data/s500", "/999"]
    assert len(values(owner, "?limit=1000")) == taken["stored"] == 997


def test_the_first_sensor_too_many_is_named_and_the_others_are_stored(as_device: FlaskClient) -> None:
    made(
        as_device.post(DATA, json=[{f"s{n}": n for n in range(start, start + 200)} for start in range(0, 1_000, 200)]),
        200,
    )
    taken = made(as_device.post(DATA, json=[{"s0": 7}, {"s1": 7, "one_more": 7}]), 200)

    assert taken["verdicts"] == ["stored", "partly_stored"]
    assert taken["errors"] == [
        {
            "pointer": "/1",
            "message": "one_more: the device has 1000 sensors, and may have no more",
            "hint": "look at the device",
            "code": "invalid",
        }
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"temperature": [1]}, "/temperature"),
        ({"sensor_type": "temperature"}, ""),
        ({"temperature": "x" * 1_001}, "/temperature"),
        ({"": 1}, ""),
        ({"a\u202eb": 1}, ""),
        ({"x" * 101: 1}, ""),
        ({f"s{n}": n for n in range(201)}, ""),
        ({"timestamp": "2026-03-01T12:00:00Z"}, ""),
        ({"timestamp": "2026-03-01T12:00:00", "data": {"a": 1}}, "/timestamp"),
        ({"timestamp": "2026-03-01T12:05:01Z", "data": {"a": 1}}, "/timestamp"),
        ({"timestamp": "1969-12-31T23:59:59Z", "data": {"a": 1}}, "/timestamp"),
        ({"timestamp": 1772366400, "a": 1}, "/timestamp"),
        ({"timestamp": "2026-03-01T12:00:00Z", "at": "2026-03-01T12:00:00Z", "a": 1}, "/at"),
        ({"tiemstamp": "2026-03-01T12:00:00Z", "data": {"a": 1}}, "/tiemstamp"),
        ({"device_id": "dev-2", "data": {"a": 1}}, "/device_id"),
        ({"data": {}}, "/data"),
        ({"sensor_type": 7, "value": 1}, "/sensor_type"),
        ({"accelerometer": {"x": "fast"}}, "/accelerometer/x"),
        ({"accelerometer": {}}, "/accelerometer"),
        ({"accelerometer": {"x": {"y": 1}}}, "/accelerometer/x"),
    ],
)
def test_a_reading_that_cannot_be_is_refused_with_the_place(
    as_device: FlaskClient, owner: FlaskClient, body: Any, pointer: str
) -> None:
    failed(as_device.post(DATA, json=body), 422, "invalid_reading", pointer)
    assert values(owner) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("[]", 422, "invalid_body"),
        ("{}", 422, "invalid_body"),
        ("7", 422, "invalid_body"),
        ("", 422, "missing_body"),
        ("{", 400, "invalid_json"),
        ('{"a": NaN}', 400, "invalid_number"),
        ('{"a": 1e999}', 400, "invalid_number"),
        ('{"a": 9007199254740993}', 400, "invalid_number"),
        ('{"a": 1, "a": 2}', 400, "duplicate_field"),
        ("[" * 200 + "]" * 200, 400, "too_deep"),
        ("[" + '{"a":1},' * 5_000 + '{"a":1}]', 422, "invalid_body"),
        ('"' + "x" * 9_000_000 + '"', 413, "too_large"),
    ],
)
def test_what_is_no_reading_at_all_is_a_problem(as_device: FlaskClient, body: str, status: int, code: str) -> None:
    failed(as_device.post(DATA, data=body, content_type="application/json"), status, code)


def test_a_bad_value_costs_only_itself(as_device: FlaskClient, owner: FlaskClient) -> None:
    taken = made(as_device.post(DATA, json={"temperature": 21.5, "humidity": [40]}), 200)

    assert (taken["verdicts"], taken["stored"]) == (["partly_stored"], 1)
    assert [fault["pointer"] for fault in taken["errors"]] == ["/humidity"]
    assert values(owner) == [("temperature", 21.5)]


def test_the_same_reading_twice_is_one(as_device: FlaskClient, owner: FlaskClient) -> None:
    body = {"timestamp": "2026-03-01T11:00:00Z", "data": {"co2": 800}}

    assert made(as_device.post(DATA, json=[body, body]), 200)["verdicts"] == ["stored", "duplicate"]
    assert values(owner) == [("co2", 800)]


def test_a_device_sends_for_itself_alone(owner: FlaskClient, as_device: FlaskClient, member: MemberOf) -> None:
    made(owner.post("/api/devices", json={"id": "dev-2"}))
    absent = failed(as_device.post("/api/devices/absent/data", json={"a": 1}), 404, "not_found")

    assert failed(as_device.post("/api/devices/dev-2/data", json={"a": 1}), 404, "not_found") == absent
    failed(as_device.get(DATA), 403, "forbidden")
    failed(member("viewer").post(DATA, json={"a": 1}), 403, "forbidden")
    made(member("operator").post(DATA, json={"a": 1}), 200)


@pytest.fixture
def day(as_device: FlaskClient, clock: ManualClock) -> None:
    """Have temperature from 0 to 95 and humidity at 50, every 15 minutes of a day."""
    clock.turn(seconds=0)
    readings = [
        {
            "timestamp": f"2026-03-01T{n // 8:02d}:{n % 8 * 7:02d}:00Z",
            "data": {"temperature": float(n), "humidity": 50, "mode": "=auto"},
        }
        for n in range(96)
    ]
    made(as_device.post(DATA, json=readings), 200)


@pytest.mark.usefixtures("day")
def test_history_is_read_page_by_page_newest_first(owner: FlaskClient) -> None:
    pages, cursor = [], ""
    while True:
        page = made(owner.get(f"{DATA}?sensor=temperature&limit=40{cursor}"), 200)
        pages.append([one["value"] for one in page["readings"]])
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"

    assert [len(page) for page in pages] == [40, 40, 16]
    assert [value for page in pages for value in page] == [float(n) for n in reversed(range(96))]


@pytest.mark.usefixtures("day")
def test_history_is_cut_to_sensors_and_times(owner: FlaskClient) -> None:
    stretch = "?from=2026-03-01T01:00:00Z&to=2026-03-01T01:07:00Z"

    assert sorted(values(owner, stretch)) == [("humidity", 50), ("mode", "=auto"), ("temperature", 8.0)]
    assert values(owner, f"{stretch}&sensor=humidity,mode") == [("mode", "=auto"), ("humidity", 50)]
    assert values(owner, "?sensor=absent") == []


@pytest.mark.parametrize(
    ("bucket", "width", "starts", "means"),
    [
        ("1h", 3600, 12, [3.5, 11.5]),
        ("3600", 3600, 12, [3.5, 11.5]),
        ("30m", 1800, 24, [2.0, 6.0]),
        ("90m", 7200, 6, [7.5]),
    ],
)
@pytest.mark.usefixtures("day")
def test_history_comes_in_buckets(owner: FlaskClient, bucket: str, width: int, starts: int, means: list[float]) -> None:
    answer = made(owner.get(f"{DATA}?sensor=temperature,mode&bucket={bucket}&from=2026-03-01T00:00:00Z"), 200)
    series = {one["sensor"]: one["buckets"] for one in answer["series"]}

    assert answer["bucket_seconds"] == width
    assert len(series["temperature"]) == starts
    assert series["mode"] == []
    assert [one["mean"] for one in series["temperature"]][: len(means)] == means
    assert sum(one["count"] for one in series["temperature"]) == 96
    assert series["temperature"][0] | {"mean": 0, "count": 0, "max": 0} == {
        "start": "2026-03-01T00:00:00Z",
        "count": 0,
        "mean": 0,
        "min": 0.0,
        "max": 0,
    }


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=yesterday", "/from"),
        ("from=2026-03-01T00:00:00", "/from"),
        ("from=2026-02-30T00:00:00Z", "/from"),
        ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "/from"),
        ("bucket=0s", "/bucket"),
        ("bucket=soon", "/bucket"),
        ("bucket=1s&from=2020-01-01T00:00:00Z", "/bucket"),
        ("limit=0", "/limit"),
        ("limit=10001", "/limit"),
        ("cursor=x", "/cursor"),
        ("colour=red", "/colour"),
    ],
)
@pytest.mark.usefixtures("device")
def test_a_query_that_cannot_be_is_refused_with_its_name(owner: FlaskClient, query: str, pointer: str) -> None:
    problem = made(owner.get(f"{DATA}?{query}"), 400)

    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.usefixtures("day")
def test_history_is_downloaded_as_csv_that_is_no_formula(owner: FlaskClient) -> None:
    answer = owner.get(f"{DATA}?to=2026-03-01T00:07:00Z", headers={"Accept": "text/csv"})
    rows = list(csv.reader(io.StringIO(answer.text)))

    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dev-1.csv"'
    assert rows[0] == ["at", "received_at", "sensor", "value"]
    assert sorted((row[2], row[3]) for row in rows[1:]) == [
        ("humidity", "50.0"),
        ("mode", "'=auto"),
        ("temperature", "0.0"),
    ]


@pytest.mark.usefixtures("day")
def test_a_csv_file_holds_everything_and_buckets_on_request(owner: FlaskClient) -> None:
    accept = {"Accept": "text/csv"}
    every = owner.get(DATA, headers=accept).text.splitlines()
    few = owner.get(f"{DATA}?limit=10", headers=accept).text.splitlines()
    hours = owner.get(f"{DATA}?bucket=1h&sensor=temperature", headers=accept).text.splitlines()

    assert (len(every), len(few), len(hours)) == (1 + 3 * 96, 11, 13)
    assert hours[1] == "temperature,2026-03-01T00:00:00Z,8,3.5,0.0,7.0"


@pytest.mark.usefixtures("day")
def test_the_newest_of_each_sensor_for_a_device_and_for_its_room(owner: FlaskClient) -> None:
    newest = made(owner.get("/api/devices/dev-1/latest"), 200)["readings"]
    room = made(owner.get("/api/rooms/default/telemetry?sensor=temperature"), 200)["devices"]

    assert {one["sensor"]: one["value"] for one in newest} == {"temperature": 95.0, "humidity": 50, "mode": "=auto"}
    assert [(one["device_id"], [two["value"] for two in one["readings"]]) for one in room] == [("dev-1", [95.0])]
    assert newest[0]["at"] == "2026-03-01T11:49:00Z"


def test_readings_are_counted_by_what_became_of_them(as_device: FlaskClient, owner: FlaskClient) -> None:
    as_device.post(DATA, json=[{"a": 1}, {"a": []}])

    assert 'whenthen_readings_total{result="refused"} 1.0' in owner.get("/metrics").text
