"""What is left of a removed device, and who gets it."""

from __future__ import annotations

from flask.testing import FlaskClient
from places.house import MemberOf, failed, made


def test_a_removed_device_loses_its_key_and_what_waits_for_it(
    owner: FlaskClient, as_device: FlaskClient, device: str
) -> None:
    command = made(owner.post(f"/api/devices/{device}/commands", json={"action": "turn_on"}))
    assert as_device.get("/api/me").status_code == 200
    assert owner.delete(f"/api/devices/{device}").status_code == 204

    assert as_device.get("/api/me").status_code == 401
    failed(owner.get(f"/api/commands/{command['command_id']}"), 404, "not_found")
    made(owner.post("/api/devices", json={"id": device}))
    assert made(owner.get(f"/api/commands/{command['command_id']}"), 200)["state"] == "withdrawn"


def test_who_takes_the_id_of_a_removed_device_does_not_get_its_readings(
    owner: FlaskClient, member: MemberOf, farm: str, device: str
) -> None:
    made(owner.post(f"/api/devices/{device}/data", json={"temperature": 21.5}), 200)
    owner.delete(f"/api/devices/{device}")
    neighbour = member("manager", farm)

    failed(neighbour.post("/api/rooms/hall/devices", json={"id": device}), 409, "conflict")
    assert made(neighbour.post("/api/rooms/hall/devices", json={"id": "fresh"}))["room_id"] == "hall"
