"""At the door: names, pages elsewhere, and the headers that keep browsers from mischief."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from whenthen_server.api.guard import Door, own_names
from whenthen_server.settings import SettingsError

OWN = {"Authorization": "Bearer owner"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost.",
        "evil.example:5005",
        "",
        "a@b",
        "[::1%eth0]",
        "2130706433",
        "0x7f000001",
        "127.1",
        "localhost:x",
        "localhost:123456",
        "[::1",
        "local\thost",
    ],
)
def test_a_name_that_is_not_ours_is_refused_before_anything_else(owner: FlaskClient, host: str) -> None:
    response = owner.get("/health", environ_overrides={"HTTP_HOST": host})

    assert response.status_code == 421
    assert response.content_type == "application/problem+json"
    assert response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:5005", "127.0.0.1:80", "192.168.1.9", "[::1]:5005", "[fe80::1]"]
)
def test_our_names_and_addresses_in_numbers_are_good(owner: FlaskClient, host: str) -> None:
    assert owner.get("/health", environ_overrides={"HTTP_HOST": host}).status_code == 200


def test_names_from_the_settings_are_good(app_of: Any) -> None:
    client = app_of(WHENTHEN_SERVER_HOSTS="farm.example").test_client()

    assert client.get("/health", headers={"Host": "farm.example"}).status_code == 200
    assert client.get("/health", headers={"Host": "x.farm.example"}).status_code == 421


def test_the_machines_own_name_is_good() -> None:
    guard = Door(lambda _environ, _start: [], own_names("0.0.0.0", "pi", ["farm.example"]))  # noqa: S104

    assert [guard.allows(name) for name in ("pi", "pi.local:5005", "FARM.example", "pie")] == [True, True, True, False]
    assert "" not in own_names("", "", [])


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:81",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil",
        "http://localhost@evil.example",
        "",
        "localhost",
        "//evil.example",
    ],
)
def test_a_page_elsewhere_cannot_change_anything(owner: FlaskClient, origin: str) -> None:
    response = owner.post("/api/rooms", json={"name": "a"}, headers={"Origin": origin})

    assert response.status_code == 403
    assert not [name for name in response.headers.keys() if name.lower().startswith("access-control")]  # noqa: SIM118


def test_our_own_page_can_also_behind_a_proxy_that_ends_tls(owner: FlaskClient) -> None:
    for origin in ("http://localhost", "https://localhost"):
        assert owner.post("/api/rooms", json={"name": "a"}, headers={"Origin": origin}).status_code == 201


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "*"])
def test_no_cross_origin_header_is_ever_sent_by_default(owner: FlaskClient, origin: str) -> None:
    for response in (
        owner.get("/api/me", headers={"Origin": origin}),
        owner.options("/api/me", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}),
    ):
        assert not [name for name in dict(response.headers) if name.lower().startswith("access-control")]


def test_a_named_origin_may_call_and_no_other(app_of: Any) -> None:
    client = app_of(WHENTHEN_SERVER_ORIGINS="https://farm.example").test_client()
    named = client.get("/api/me", headers={**OWN, "Origin": "https://farm.example"})
    asked = client.options(
        "/api/rooms", headers={"Origin": "https://farm.example", "Access-Control-Request-Method": "POST"}
    )

    assert named.headers["Access-Control-Allow-Origin"] == "https://farm.example"
    assert "Access-Control-Allow-Credentials" not in named.headers
    assert asked.status_code == 200
    assert (
        client.post("/api/rooms", json={"name": "a"}, headers={**OWN, "Origin": "https://farm.example"}).status_code
        == 201
    )
    for origin in ("https://farm.example.evil", "https://FARM.example.evil", "https://farmxexample", "null"):
        other = client.get("/api/me", headers={**OWN, "Origin": origin})
        assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize("origin", ["*", ".*", "https://*.example", "farm.example", "https://a/b", "null"])
def test_an_origin_is_named_in_full_or_not_at_all(app_of: Any, origin: str) -> None:
    with pytest.raises(SettingsError, match=r"server.origins"):
        app_of(WHENTHEN_SERVER_ORIGINS=origin)


@pytest.mark.parametrize("path", ["/health", "/api/me", "/nowhere", "/docs/", "/docs/start.js", "/apispec.json"])
def test_every_answer_carries_the_headers(owner: FlaskClient, path: str) -> None:
    headers = owner.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "no-store" in headers["Cache-Control"] or "private" in headers["Cache-Control"]


def test_forwarded_addresses_are_believed_only_from_as_many_proxies_as_the_settings_say(app_of: Any) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}
    plain = app_of().test_client().get("/health", headers=forwarded)
    behind = app_of(WHENTHEN_SERVER_PROXIES="1").test_client().get("/health", headers=forwarded)

    assert "Strict-Transport-Security" not in plain.headers
    assert "Strict-Transport-Security" in behind.headers


def test_a_cookie_changes_something_only_from_our_own_page_and_reads_from_anywhere(anybody: FlaskClient) -> None:
    anybody.set_cookie("key", "Bearer owner")

    assert anybody.get("/api/me").status_code == 200
    assert anybody.post("/api/rooms", json={"name": "a"}).status_code == 403
    assert anybody.post("/api/rooms", json={"name": "a"}, headers={"Origin": "http://localhost"}).status_code == 201
