"""What a request goes through: who asks, may they, is it sound; and how each failure is told."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from standin.parts import StandIn
from standin.rooms import SCHEMAS, Rooms
from werkzeug.test import TestResponse

from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, route
from whenthen_server.app import UnlistedRouteError, create_app
from whenthen_server.problems import CONTENT_TYPE


def failed(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(response.data)

    assert (response.status_code, document["code"], document["status"]) == (status, code, status)
    assert response.content_type == CONTENT_TYPE
    assert document["title"]
    assert document["detail"]
    return document


def test_without_credentials_every_route_but_health_answers_401(app: Flask, anybody: FlaskClient) -> None:
    asked = 0
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<room_id>", "absent").replace("<name>", "start.js")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            response = anybody.open(path, method=method, data=b"not even json")
            asked += 1
            if path == "/health":
                assert response.status_code == 200
            else:
                failed(response, 401, "unauthorized")
                assert response.headers["WWW-Authenticate"].startswith("Bearer")

    assert asked > 10


def test_bad_credentials_are_refused_even_where_none_are_needed(anybody: FlaskClient) -> None:
    failed(anybody.get("/health", headers={"Authorization": "Bearer guess"}), 401, "unauthorized")


def test_guessing_credentials_is_slowed_down_without_harm_to_others_at_the_same_address(app: Flask) -> None:
    client = app.test_client()
    codes = [client.get("/api/me", headers={"Authorization": "Bearer guess"}).status_code for _ in range(61)]

    assert codes == [401] * 60 + [429]
    assert client.get("/api/me", headers={"Authorization": "Bearer owner"}).status_code == 200


def test_who_may_not_is_told_so_before_the_body_is_looked_at(guest: FlaskClient) -> None:
    failed(guest.post("/api/rooms", data=b"not json"), 403, "forbidden")


def test_what_is_absent_and_what_is_not_yours_cannot_be_told_apart(owner: FlaskClient) -> None:
    absent, theirs = owner.get("/api/rooms/absent"), owner.get("/api/rooms/theirs")

    failed(absent, 404, "not_found")
    assert absent.data == theirs.data


@pytest.mark.parametrize("room", ["x" * 201, "a%00b", "a%0Ab", "%C2%85"])
def test_a_path_that_names_nothing_possible_is_not_found(owner: FlaskClient, room: str) -> None:
    failed(owner.get(f"/api/rooms/{room}"), 404, "not_found")


def test_queries_are_read_as_their_schema_says(owner: FlaskClient) -> None:
    answer = owner.get("/api/rooms?names=a,b&names=c&warm=TRUE&above=-1.5e1").json

    assert answer is not None
    assert answer["query"] == {"limit": 20, "names": ["a", "b", "c"], "warm": True, "above": -15.0}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limti=5", "/limti"),
        ("limit=0", "/limit"),
        ("limit=1000000000000000000000000000000000000000000000000000", "/limit"),
        ("limit=five", "/limit"),
        ("limit=1_0", "/limit"),
        ("limit=", "/limit"),
        ("limit=%D9%A1", "/limit"),  # an Arabic-Indic 1
        ("limit=1&limit=2", "/limit"),
        ("above=nan", "/above"),
        ("above=inf", "/above"),
        ("above=1e999", "/above"),
        ("warm=maybe", "/warm"),
        ("names=" + "x" * 11, "/names/0"),
        ("names=a%00", "/names"),
        ("cursor=hello", "/cursor"),
        ("cursor=" + "A" * 1001, "/cursor"),
    ],
)
def test_a_wrong_query_is_told_with_the_parameter(owner: FlaskClient, query: str, pointer: str) -> None:
    document = json.loads(owner.get(f"/api/rooms?{query}").data)

    assert (document["status"], document["errors"][0]["pointer"]) == (400, pointer)


def test_an_unknown_parameter_is_told_with_the_nearest(owner: FlaskClient) -> None:
    document = failed(owner.get("/api/rooms?limti=5"), 400, "invalid_query")

    assert document["errors"][0]["hint"] == "did you mean 'limit'?"


def test_a_wrong_body_is_told_with_all_its_faults_and_hints(owner: FlaskClient) -> None:
    response = owner.post("/api/rooms", json={"nmae": "x", "beds": -1, "role": "owner"})
    document = failed(response, 422, "invalid_body")

    assert {error["pointer"] for error in document["errors"]} == {"", "/nmae", "/beds", "/role"}
    assert any(error["hint"] == "did you mean 'name'?" for error in document["errors"])


@pytest.mark.parametrize(
    ("data", "headers", "status", "code"),
    [
        (b"name=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"{}", {}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": "application/json; charset=utf-16"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (b"", {"Content-Type": "application/json"}, 422, "missing_body"),
        (b"null", {"Content-Type": "application/json"}, 422, "missing_body"),
        (b"{", {"Content-Type": "application/json"}, 400, "invalid_json"),
        (b'{"name": "' + b"x" * 2_000_000 + b'"}', {"Content-Type": "application/json"}, 413, "too_large"),
    ],
)
def test_a_body_in_a_form_that_is_not_taken(
    owner: FlaskClient, data: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    failed(owner.post("/api/rooms", data=data, headers=headers), status, code)


def test_merge_patch_and_other_json_types_are_json(owner: FlaskClient) -> None:
    response = owner.post("/api/rooms", data=b'{"name": "x"}', headers={"Content-Type": "application/x+json"})

    assert response.status_code == 201


def test_a_body_where_none_is_expected_is_refused(owner: FlaskClient) -> None:
    failed(owner.post("/api/rooms/1/air", data=b'{"speed": 3}'), 400, "unexpected_body")

    assert owner.post("/api/rooms/1/air", data=b"").status_code == 204


def test_an_unexpected_error_says_an_id_and_nothing_else(owner: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    document = failed(owner.post("/api/rooms", json={"name": "broken"}), 500, "internal_error")
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)

    assert record.__dict__["request_id"] == document["id"]
    assert record.exc_info is not None
    assert "secret reason" in str(record.exc_info[1])
    assert "secret" not in json.dumps(document)
    assert "ZeroDivision" not in json.dumps(document)


def test_a_debug_variable_of_flask_does_not_open_anything(
    monkeypatch: pytest.MonkeyPatch, plugins: StandIn, rooms: Rooms
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = create_app(StandIn(registry=plugins.registry), rooms.routes(), SCHEMAS)
    client = app.test_client()
    response = client.post("/api/rooms", json={"name": "broken"}, headers={"Authorization": "Bearer owner"})

    assert not app.debug
    assert response.status_code == 500


def test_unknown_paths_and_methods_are_problems_too(owner: FlaskClient) -> None:
    failed(owner.get("/api/nothing"), 404, "not_found")
    failed(owner.get("/api//rooms"), 404, "not_found")
    failed(owner.get("/api/rooms/"), 404, "not_found")
    response = owner.delete("/api/rooms")
    failed(response, 405, "method_not_allowed")
    assert all(name in response.text for name in response.headers["Allow"].split(", "))

    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    failed(owner.options("/api/rooms"), 405, "method_not_allowed")


def test_too_many_requests_of_one_caller_are_told_when_to_come_back(app_of: Any) -> None:
    app = app_of(WHENTHEN_LIMITS_REQUESTS_PER_SECOND="3", WHENTHEN_LIMITS_REQUESTS_PER_MINUTE="30")
    client, owner, device = app.test_client(), "Bearer owner", "Bearer device"
    for _ in range(3):
        assert client.get("/api/me", headers={"Authorization": owner}).status_code == 200
    refused = client.get("/api/me", headers={"Authorization": owner})

    failed(refused, 429, "too_many_requests")
    assert refused.headers["Retry-After"] == "2"
    assert client.get("/api/me", headers={"Authorization": device}).status_code == 200
    app.extensions["parts"].clock.turn(seconds=2)
    assert client.get("/api/me", headers={"Authorization": owner}).status_code == 200


def test_an_entity_tag_saves_the_second_reading(owner: FlaskClient) -> None:
    etag = owner.get("/api/rooms/1").headers["ETag"]
    again = owner.get("/api/rooms/1", headers={"If-None-Match": f'"other", W/{etag}'})

    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert owner.get("/api/rooms/1", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_stale_change_is_refused_and_changes_nothing(owner: FlaskClient, rooms: Rooms) -> None:
    old = owner.get("/api/rooms/1").headers["ETag"]
    assert owner.put("/api/rooms/1", json={"name": "a"}, headers={"If-Match": old}).status_code == 200
    stale = owner.put("/api/rooms/1", json={"name": "b"}, headers={"If-Match": old})

    failed(stale, 412, "precondition_failed")
    assert rooms.version == 2
    assert owner.put("/api/rooms/1", json={"name": "b"}, headers={"If-Match": f"W/{old}"}).status_code == 412
    assert owner.put("/api/rooms/1", json={"name": "c"}, headers={"If-Match": "*"}).status_code == 200


def test_an_answer_can_be_a_stream_of_another_type(owner: FlaskClient) -> None:
    response = owner.get("/api/rooms/1/history")

    assert response.content_type == "text/csv; charset=utf-8"
    assert response.data.count(b"\n") == 2


def test_a_route_that_the_policy_does_not_list_stops_the_start(plugins: StandIn) -> None:
    @route("GET", "/api/secrets", resource="secret", verb="read", summary="")
    def secrets(_needs: None, _request: Request) -> Answer:
        return Answer()

    with pytest.raises(UnlistedRouteError, match=r"GET /api/secrets \(secret, read\)"):
        create_app(StandIn(registry=plugins.registry), [secrets(None)])


def test_every_request_has_an_id_and_a_line_that_nobody_can_forge(
    owner: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "whenthen.requests")
    given = owner.get("/api/me", headers={"X-Request-ID": "trace-0001"})
    forged = owner.get("/api/me", headers={"X-Request-ID": "x y z 0 0 0 0 0"})

    assert given.headers["X-Request-ID"] == "trace-0001"
    assert len(forged.headers["X-Request-ID"]) == 16
    record = next(record for record in caplog.records if record.name == "whenthen.requests")
    assert record.__dict__["caller"] == "person:person-1"
    assert (record.__dict__["status"], record.__dict__["path"]) == (200, "/api/me")


def test_requests_are_counted_by_route_and_never_by_what_a_stranger_wrote(owner: FlaskClient, parts: StandIn) -> None:
    for room in range(50):
        owner.get(f"/api/rooms/{room}")
        owner.get(f"/nowhere/{room}")
    page = parts.metrics.page().decode()

    assert 'whenthen_http_requests_total{route="GET /api/rooms/<room_id>",status="200"} 50.0' in page
    assert 'whenthen_http_requests_total{route="none",status="404"} 50.0' in page
    assert "nowhere" not in page
