"""Farms, rooms and devices: made, seen by whom they concern, changed, moved, removed."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from places.house import ClientOf, MemberOf, failed, made

from whenthen_server.wiring import House


def ids(client: FlaskClient, path: str) -> list[str]:
    found = made(client.get(path), 200)
    return [one["id"] for one in next(value for name, value in found.items() if name != "next")]


def test_a_new_house_has_a_default_farm_and_room(owner: FlaskClient) -> None:
    assert ids(owner, "/api/farms") == ["default"]
    assert ids(owner, "/api/farms/default/rooms") == ["default"]


def test_a_farm_is_made_read_changed_and_removed(owner: FlaskClient) -> None:
    answer = owner.post("/api/farms", json={"name": " North ", "timezone": "Europe/Berlin"})
    farm = made(answer)

    assert farm["name"] == "North"
    assert farm["created_at"] == "2026-03-01T12:00:00Z"
    path = answer.headers["Location"]
    assert made(owner.get(path), 200) == farm
    assert made(owner.patch(path, json={"latitude": 52.5, "longitude": 13.4}), 200)["longitude"] == 13.4
    assert owner.delete(path).status_code == 204
    failed(owner.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "a\u0007b"}, "/name"),
        ({"name": "a", "timezone": "../../etc/passwd"}, "/timezone"),
        ({"name": "a", "timezone": "Mars/Olympus"}, "/timezone"),
        ({"name": "a", "latitude": 91, "longitude": 0}, "/latitude"),
        ({"name": "a", "latitude": 1}, "/longitude"),
        ({"name": "a", "id": "*"}, "/id"),
        ({"name": "a", "id": "a/b"}, "/id"),
        ({"name": "a", "owner": "me"}, "/owner"),
    ],
)
def test_a_farm_that_cannot_be_is_refused_with_the_place(owner: FlaskClient, body: object, pointer: str) -> None:
    problem = made(owner.post("/api/farms", json=body), 422)

    assert pointer.strip("/") in str(problem["errors"][0]), problem
    assert ids(owner, "/api/farms") == ["default"]


def test_an_id_is_given_once(owner: FlaskClient, farm: str, device: str) -> None:
    failed(owner.post("/api/farms", json={"id": farm, "name": "Again"}), 409, "conflict")
    failed(owner.post("/api/farms/default/rooms", json={"id": "hall", "name": "Again"}), 409, "conflict")
    failed(owner.post("/api/devices", json={"id": device}), 409, "conflict")
    assert made(owner.get(f"/api/farms/{farm}"), 200)["name"] == "North"


def test_what_still_holds_something_is_not_removed(owner: FlaskClient, farm: str) -> None:
    made(owner.post("/api/rooms/hall/devices", json={"id": "fan"}))

    failed(owner.delete(f"/api/farms/{farm}"), 409, "conflict")
    failed(owner.delete("/api/rooms/hall"), 409, "conflict")
    assert [owner.delete(path).status_code for path in ("/api/devices/fan", "/api/rooms/hall", "/api/farms/north")] == [
        204,
        204,
        204,
    ]


def test_a_device_without_a_room_goes_to_the_default_one_and_gets_its_key_once(
    owner: FlaskClient, client: ClientOf
) -> None:
    device = made(owner.post("/api/devices", json={"name": "Thermometer", "type": "sensor"}))

    assert (device["room_id"], device["farm_id"], device["online"]) == ("default", "default", False)
    assert made(client(device["key"]).get("/api/me"), 200)["device_id"] == device["id"]
    read = made(owner.get(f"/api/devices/{device['id']}"), 200)
    assert "key" not in read
    assert read == {name: value for name, value in device.items() if name != "key"}
    assert ids(owner, "/api/rooms/default/devices") == [device["id"]]


def test_a_new_key_ends_the_old_one_unless_it_is_to_be_kept(
    owner: FlaskClient, client: ClientOf, device: str, own_key: str
) -> None:
    kept = made(owner.post(f"/api/devices/{device}/key", json={"keep_old": True}))["key"]
    assert client(own_key).get("/api/me").status_code == 200
    new = made(owner.post(f"/api/devices/{device}/key"))["key"]

    assert [client(key).get("/api/me").status_code for key in (own_key, kept, new)] == [401, 401, 200]


def test_a_device_is_changed_and_moved(owner: FlaskClient, house: House, farm: str, device: str) -> None:
    moved = made(
        owner.patch(f"/api/devices/{device}", json={"room_id": "hall", "type": None, "stale_after_seconds": 60}), 200
    )

    assert (moved["room_id"], moved["farm_id"], moved["stale_after_seconds"]) == ("hall", farm, 60)
    assert house.places.devices_by_id[device].room_id == "hall"
    failed(owner.patch(f"/api/devices/{device}", json={"room_id": "nowhere"}), 422, "invalid", "/room_id")
    failed(owner.patch(f"/api/devices/{device}", json={}), 422, "invalid_body")
    failed(owner.patch(f"/api/devices/{device}", json={"driver": "telepathy"}), 422, "invalid_body", "/driver")


def test_a_device_can_be_moved_only_by_who_may_at_both_ends(
    owner: FlaskClient, member: MemberOf, farm: str, device: str
) -> None:
    here, there = member("manager"), member("manager", farm)

    failed(here.patch(f"/api/devices/{device}", json={"room_id": "hall"}), 422, "invalid", "/room_id")
    failed(there.patch(f"/api/devices/{device}", json={"room_id": "hall"}), 404, "not_found")
    assert made(owner.get(f"/api/devices/{device}"), 200)["room_id"] == "default"


def test_lists_hold_what_the_caller_may_see(owner: FlaskClient, member: MemberOf, farm: str, device: str) -> None:
    made(owner.post("/api/rooms/hall/devices", json={"id": "fan"}))
    made(owner.post(f"/api/farms/{farm}/rooms", json={"id": "cellar", "name": "Cellar"}))
    made(owner.post("/api/rooms/cellar/devices", json={"id": "pump"}))
    neighbour, guest = member("viewer", farm), member("operator", farm, "cellar")

    assert ids(owner, "/api/devices") == [device, "fan", "pump"]
    assert ids(neighbour, "/api/devices") == ["fan", "pump"]
    assert ids(guest, "/api/devices") == ["pump"]
    assert ids(guest, "/api/farms") == [farm]
    assert ids(guest, f"/api/farms/{farm}/rooms") == ["cellar"]
    foreign = failed(guest.get("/api/devices/fan"), 404, "not_found")
    assert failed(guest.get("/api/devices/absent"), 404, "not_found") == foreign
    failed(guest.get("/api/rooms/hall/devices"), 404, "not_found")


def test_a_wrong_role_is_403_before_the_body_is_looked_at(member: MemberOf, farm: str) -> None:
    viewer = member("viewer", farm)

    for method, path in [
        ("POST", "/api/farms"),
        ("PATCH", f"/api/farms/{farm}"),
        ("DELETE", f"/api/farms/{farm}"),
        ("POST", f"/api/farms/{farm}/rooms"),
        ("PATCH", "/api/rooms/hall"),
        ("DELETE", "/api/rooms/hall"),
        ("POST", "/api/devices"),
        ("POST", "/api/rooms/hall/devices"),
    ]:
        failed(viewer.open(path, method=method, data=b"{", content_type="application/json"), 403, "forbidden")


def test_a_list_is_paged_by_cursor(owner: FlaskClient) -> None:
    for number in range(5):
        made(owner.post("/api/devices", json={"id": f"dev-{number}"}))
    first = made(owner.get("/api/devices?limit=2"), 200)
    second = made(owner.get(f"/api/devices?limit=2&cursor={first['next']}"), 200)
    third = made(owner.get(f"/api/devices?limit=2&cursor={second['next']}"), 200)

    assert [one["id"] for page in (first, second, third) for one in page["devices"]] == [
        f"dev-{number}" for number in range(5)
    ]
    assert "next" not in third
    failed(owner.get("/api/devices?cursor=nonsense"), 400, "invalid_cursor", "/cursor")


def test_a_room_moves_to_another_farm_and_takes_no_rights_along(
    owner: FlaskClient, member: MemberOf, farm: str
) -> None:
    guest = member("operator", farm, "hall")
    assert guest.get("/api/rooms/hall").status_code == 200

    assert made(owner.patch("/api/rooms/hall", json={"farm_id": "default"}), 200)["farm_id"] == "default"
    failed(guest.get("/api/rooms/hall"), 404, "not_found")
    made(owner.patch("/api/rooms/hall", json={"farm_id": farm}), 200)
    failed(guest.get("/api/rooms/hall"), 404, "not_found")
    failed(member("manager", farm).patch("/api/rooms/hall", json={"farm_id": "default"}), 422, "invalid", "/farm_id")


def test_rights_in_a_removed_farm_do_not_come_back_with_its_name(
    owner: FlaskClient, member: MemberOf, farm: str
) -> None:
    neighbour = member("manager", farm)
    owner.delete("/api/rooms/hall")
    owner.delete(f"/api/farms/{farm}")
    made(owner.post("/api/farms", json={"id": farm, "name": "Another"}))

    failed(neighbour.get(f"/api/farms/{farm}"), 404, "not_found")


def test_a_device_may_not_register_others(as_device: FlaskClient, device: str) -> None:
    failed(as_device.post("/api/devices", json={}), 403, "forbidden")
    failed(as_device.get("/api/devices"), 403, "forbidden")
    failed(as_device.post(f"/api/devices/{device}/key"), 403, "forbidden")


def test_a_registration_sent_again_is_one_and_its_key_is_kept_nowhere(owner: FlaskClient) -> None:
    keyed = {"Idempotency-Key": "registration-1"}
    first = made(owner.post("/api/devices", json={"id": "dev-1"}, headers=keyed))
    again = owner.post("/api/devices", json={"id": "dev-1"}, headers=keyed)

    assert again.headers["Idempotency-Replayed"] == "true"
    assert made(again) == {name: value for name, value in first.items() if name != "key"}
