"""People over REST: signed in, added, given roles, shut out; their keys, notifications and deeds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from places.house import ClientOf, MemberOf, failed, made

from whenthen_server.auth.firststart import login_url
from whenthen_server.store.notifications import AddNotification, Notification
from whenthen_server.wiring import House

OWN_PAGE = {"Origin": "http://localhost"}


@pytest.fixture
def browser(house: House, house_app: Flask) -> FlaskClient:
    """Return a browser in which the owner has signed in."""
    client = house_app.test_client()
    answer = client.get(house.login_path)
    assert answer.status_code == 200, answer.text
    client.environ_base["HTTP_ORIGIN"] = "http://localhost"
    return client


def test_the_printed_address_signs_in_once(house: House, house_app: Flask) -> None:
    client = house_app.test_client()
    answer = client.get(house.login_path)
    cookie = answer.headers["Set-Cookie"]

    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert 'http-equiv="refresh"' in answer.text
    assert "wt_log" not in answer.text
    assert cookie.startswith("whenthen=wt_ses_")
    assert "HttpOnly; SameSite=Strict" in cookie
    assert made(client.get("/api/me"), 200)["roles"] == {"*": "owner"}
    failed(house_app.test_client().get(house.login_path), 401, "unauthorized")


@pytest.mark.parametrize("token", ["x", "wt_log_0123456789abcdef_" + "A" * 43, "wt_ses_0123456789abcdef_" + "A" * 43])
def test_a_wrong_token_opens_nothing(client: ClientOf, token: str) -> None:
    answer = client(None).get(f"/login?token={token}")

    failed(answer, 401, "unauthorized")
    assert "Set-Cookie" not in answer.headers
    failed(client(None).get("/login"), 400, "invalid_query")


def test_signing_out_ends_the_session(browser: FlaskClient, house_app: Flask) -> None:
    cookie = browser.get_cookie("whenthen")
    assert cookie is not None
    answer = browser.post("/logout")
    thief = house_app.test_client()
    thief.set_cookie("whenthen", cookie.value)

    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    failed(thief.get("/api/me"), 401, "unauthorized")


def test_another_page_can_neither_sign_out_nor_change_anything(browser: FlaskClient) -> None:
    browser.environ_base["HTTP_ORIGIN"] = "http://evil.example"

    assert browser.post("/logout").status_code == 403
    assert browser.post("/api/farms", json={"name": "a"}).status_code == 403
    browser.environ_base["HTTP_ORIGIN"] = "http://localhost"
    assert browser.get("/api/me").status_code == 200


def test_sessions_are_listed_and_ended(house: House, house_app: Flask, browser: FlaskClient) -> None:
    other = house_app.test_client()
    other.get(login_url(house.database, house.hasher, house.clock))
    sessions = made(browser.get("/api/sessions"), 200)["sessions"]
    away = next(one["id"] for one in sessions if not one["current"])

    assert sorted(one["current"] for one in sessions) == [False, True]
    assert browser.delete(f"/api/sessions/{away}").status_code == 204
    assert [client.get("/api/me").status_code for client in (browser, other)] == [200, 401]
    failed(browser.delete("/api/sessions/absent"), 404, "not_found")


def test_a_member_is_added_invited_promoted_and_removed(browser: FlaskClient, house_app: Flask, farm: str) -> None:
    members = f"/api/farms/{farm}/members"
    ada = made(browser.post(members, json={"name": "Ada", "role": "viewer", "email": "ada@example.org"}))
    url = made(browser.post(f"{members}/{ada['id']}/invitation"))["url"]
    client = house_app.test_client()
    assert re.fullmatch(r"http://localhost/login\?token=wt_log_\w{16}_[\w-]{43}", url)
    assert client.get(url.removeprefix("http://localhost")).status_code == 200
    client.environ_base["HTTP_ORIGIN"] = "http://localhost"

    failed(client.patch(f"/api/farms/{farm}", json={"name": "Mine"}), 403, "forbidden")
    assert made(browser.patch(f"{members}/{ada['id']}", json={"role": "manager"}), 200)["roles"] == {farm: "manager"}
    assert client.patch(f"/api/farms/{farm}", json={"name": "Ours"}).status_code == 200
    assert client.patch("/api/me", json={"name": "Ada L."}).status_code == 204
    assert [one["name"] for one in made(client.get(members), 200)["members"]] == ["Ada L."]
    assert browser.delete(f"{members}/{ada['id']}").status_code == 204
    failed(client.get(f"/api/farms/{farm}"), 404, "not_found")
    failed(browser.get(f"{members}/absent"), 404, "not_found")


def test_a_role_in_one_room_and_the_end_of_everything(browser: FlaskClient, house_app: Flask, farm: str) -> None:
    made(browser.post(f"/api/farms/{farm}/rooms", json={"id": "cellar", "name": "Cellar"}))
    bob = made(browser.post("/api/farms/default/members", json={"name": "Bob", "role": "viewer"}))["id"]
    assert browser.put(f"/api/rooms/hall/members/{bob}", json={"role": "operator"}).status_code == 204
    client = house_app.test_client()
    client.get(made(browser.post(f"/api/farms/{farm}/members/{bob}/invitation"))["url"])

    assert [client.get(f"/api/rooms/{room}").status_code for room in ("hall", "cellar")] == [200, 404]
    assert browser.delete(f"/api/rooms/hall/members/{bob}").status_code == 204
    assert client.get("/api/rooms/hall").status_code == 404
    failed(browser.put(f"/api/rooms/hall/members/{bob}", json={"role": "owner"}), 422, "invalid", "/role")
    assert browser.delete(f"/api/people/{bob}").status_code == 204
    assert client.get("/api/me").status_code == 401


def test_the_last_owner_stays(browser: FlaskClient) -> None:
    failed(browser.delete("/api/farms/*/members/user_owner"), 409, "conflict")
    failed(browser.patch("/api/farms/*/members/user_owner", json={"role": "viewer"}), 409, "conflict")
    failed(browser.delete("/api/people/user_owner"), 409, "conflict")
    assert [one["id"] for one in made(browser.get("/api/farms/*/members"), 200)["members"]] == ["user_owner"]


def test_people_are_changed_by_people_only(owner: FlaskClient, member: MemberOf, farm: str) -> None:
    new = {"name": "Eve", "role": "owner"}

    failed(owner.post(f"/api/farms/{farm}/members", json=new), 403, "forbidden")
    failed(member("viewer", farm).get(f"/api/farms/{farm}/members"), 403, "forbidden")
    failed(member("manager").get(f"/api/farms/{farm}/members"), 404, "not_found")
    failed(owner.get("/api/keys"), 403, "forbidden")
    assert len(made(owner.get(f"/api/farms/{farm}/members"), 200)["members"]) == 1


def test_an_api_key_is_shown_once_bound_and_ended(browser: FlaskClient, client: ClientOf, farm: str) -> None:
    body = {"name": "script", "role": "viewer", "farm_id": farm, "expires_at": "2026-03-02T00:00:00Z"}
    key = made(browser.post("/api/keys", json=body))
    program = client(key["key"])
    listed = made(browser.get("/api/keys"), 200)["keys"]

    assert made(program.get("/api/me"), 200)["roles"] == {farm: "viewer"}
    failed(program.post("/api/devices", json={}), 403, "forbidden")
    assert [one["expires_at"] for one in listed if one["id"] == key["id"]] == ["2026-03-02T00:00:00Z"]
    assert key["key"] not in str(listed)
    assert browser.delete(f"/api/keys/{key['id']}").status_code == 204
    assert program.get("/api/me").status_code == 401
    failed(browser.delete(f"/api/keys/{key['id']}"), 404, "not_found")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"role": "king"}, "/role"),
        ({"farm_id": "absent"}, "/farm_id"),
        ({"expires_at": "2026-02-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2026-02-30T00:00:00Z"}, "/expires_at"),
        ({"name": "\u0007"}, "/name"),
    ],
)
def test_a_key_that_cannot_be_is_refused(browser: FlaskClient, more: Any, pointer: str) -> None:
    problem = made(browser.post("/api/keys", json={"name": "a", "role": "viewer", **more}), 422)

    assert problem["errors"][0]["pointer"] == pointer


Tell = Callable[..., None]


@pytest.fixture
def tell(house: House) -> Tell:
    def told(name: str, at_us: int, farm: str = "default", room: str | None = None, **more: Any) -> None:
        notification = Notification(name, farm, room, at_us, "info", None, f"this is {name}", **more)
        house.runtime.submit(AddNotification(notification)).wait(10)

    return told


def names(client: FlaskClient, query: str = "") -> list[str]:
    return [one["id"] for one in made(client.get(f"/api/notifications{query}"), 200)["notifications"]]


def test_notifications_are_for_those_whom_they_concern(
    owner: FlaskClient, member: MemberOf, tell: Tell, farm: str
) -> None:
    tell("all", 1)
    tell("north", 2, farm)
    tell("hall", 3, farm, "hall")
    guest, viewer, operator = member("viewer", farm, "hall"), member("viewer", farm), member("operator", farm)
    people = made(owner.get(f"/api/farms/{farm}/members"), 200)["members"]
    tell("personal", 4, farm, recipients=[one["id"] for one in people if one["name"] == "operator of north"])

    assert names(owner) == ["personal", "hall", "north", "all"]
    assert names(guest) == ["hall"]
    assert names(viewer) == ["hall", "north"]
    assert names(operator) == ["personal", "hall", "north"]
    failed(viewer.post("/api/notifications/personal/read"), 404, "not_found")
    failed(viewer.post("/api/notifications/all/read"), 404, "not_found")


def test_notifications_are_paged_and_read(owner: FlaskClient, tell: Tell) -> None:
    for number in range(5):
        tell(f"n{number}", number)
    first = made(owner.get("/api/notifications?limit=3"), 200)

    assert [one["id"] for one in first["notifications"]] == ["n4", "n3", "n2"]
    assert names(owner, f"?limit=3&cursor={first['next']}") == ["n1", "n0"]
    read = made(owner.post("/api/notifications/n3/read"), 200)
    assert (read["read_at"][:19], read["read_by"][:8]) == ("2026-03-01T12:00:00", "api_key:")
    assert names(owner, "?unread=true") == ["n4", "n2", "n1", "n0"]


def test_deeds_are_written_down_for_who_may_read_them(
    owner: FlaskClient, member: MemberOf, farm: str, device: str
) -> None:
    made(owner.post(f"/api/devices/{device}/commands", json={"action": "turn_on", "command_id": "cmd-1"}))
    every = made(owner.get("/api/audit?limit=1000"), 200)["deeds"]
    here = made(member("manager", farm).get("/api/audit"), 200)["deeds"]

    actions = [deed["action"] for deed in every]
    assert {"farm.create", "room.create", "device.create", "device_key.create", "command.send"} <= set(actions)
    assert every[actions.index("command.send")]["what"] == {"farm": "default", "device": device, "command": "cmd-1"}
    assert "wt_" not in str(every)
    assert {deed["what"]["farm"] for deed in here} == {farm}
    failed(member("operator", farm).get("/api/audit"), 403, "forbidden")
    first = made(owner.get("/api/audit?limit=1"), 200)
    second = made(owner.get(f"/api/audit?limit=1&cursor={first['next']}"), 200)
    assert first["deeds"] != second["deeds"]
