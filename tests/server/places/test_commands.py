"""Commands: sent, fetched by a device that asks, answered, withdrawn; and events."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from places.house import MemberOf, failed, made

from whenthen.model.event import SYSTEM_EVENTS
from whenthen_server.wiring import House

COMMANDS = "/api/devices/dev-1/commands"


def send(client: FlaskClient, action: str = "turn_on_fan", **more: Any) -> Any:
    return made(client.post(COMMANDS, json={"action": action, **more}))


def test_a_command_waits_is_fetched_once_and_answered(as_device: FlaskClient, owner: FlaskClient) -> None:
    first = send(owner, "turn_on_fan")
    second = send(owner, "set_humidity", value=90)
    assert (first["state"], second["value"]) == ("queued", 90)

    fetched = made(as_device.get(f"{COMMANDS}?state=queued"), 200)["commands"]
    assert [(one["action"], one["state"]) for one in fetched] == [("turn_on_fan", "sent"), ("set_humidity", "sent")]
    assert made(as_device.get(f"{COMMANDS}?state=queued"), 200)["commands"] == []
    again = made(as_device.get(f"{COMMANDS}?state=queued&again=true"), 200)["commands"]
    assert [one["command_id"] for one in again] == [first["command_id"], second["command_id"]]

    made(as_device.post(f"/api/commands/{first['command_id']}/ack"), 200)
    rejected = {"status": "rejected", "result": {"reason": "no water"}}
    made(as_device.post(f"/api/commands/{second['command_id']}/ack", json=rejected), 200)
    states = {one["action"]: (one["state"], one["result"]) for one in made(owner.get(COMMANDS), 200)["commands"]}
    assert states == {"turn_on_fan": ("acknowledged", None), "set_humidity": ("rejected", {"reason": "no water"})}


def test_asking_by_head_takes_nothing_from_the_queue_and_uses_no_link_to_sign_in_up(
    as_device: FlaskClient, owner: FlaskClient
) -> None:
    send(owner)

    assert as_device.head(f"{COMMANDS}?state=queued").status_code == 405
    assert owner.head("/login?token=x").status_code == 405
    assert owner.head("/health").status_code == 200
    assert len(made(as_device.get(f"{COMMANDS}?state=queued"), 200)["commands"]) == 1


def test_a_person_who_looks_at_the_queue_takes_nothing_from_it(as_device: FlaskClient, owner: FlaskClient) -> None:
    send(owner)

    assert made(owner.get(f"{COMMANDS}?state=queued"), 200)["commands"][0]["state"] == "queued"
    assert len(made(as_device.get(f"{COMMANDS}?state=queued"), 200)["commands"]) == 1
    assert made(owner.get(f"{COMMANDS}?state=queued"), 200)["commands"] == []


@pytest.mark.usefixtures("device")
def test_a_room_takes_commands_in_the_shape_of_the_requirements(owner: FlaskClient) -> None:
    body = {
        "command_id": "cmd-123",
        "device_id": "dev-1",
        "action": "set_humidity",
        "value": 90,
        "timestamp": "2024-01-15T10:30:00Z",
    }
    sent = made(owner.post("/api/rooms/default/commands", json=body))

    assert {name: sent[name] for name in ("command_id", "device_id", "action", "value")} == {
        name: body[name] for name in ("command_id", "device_id", "action", "value")
    }
    assert [one["command_id"] for one in made(owner.get("/api/rooms/default/commands"), 200)["commands"]] == ["cmd-123"]
    assert made(owner.get("/api/commands/cmd-123"), 200) == sent


def test_the_same_command_twice_is_one_and_another_of_its_id_is_refused(
    owner: FlaskClient, farm: str, device: str
) -> None:
    first = send(owner, command_id="cmd-1")
    made(owner.post("/api/rooms/hall/devices", json={"id": "fan"}))

    assert send(owner, command_id="cmd-1") == first
    failed(owner.post(COMMANDS, json={"command_id": "cmd-1", "action": "turn_off_fan"}), 409, "conflict")
    failed(owner.post("/api/devices/fan/commands", json={"command_id": "cmd-1", "action": "x"}), 409, "conflict")
    assert len(made(owner.get(COMMANDS), 200)["commands"]) == 1
    assert (farm, device) == ("north", "dev-1")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ({"action": ""}, "invalid_body"),
        ({"action": "a", "command": "b"}, "invalid_body"),
        ({"action": "a", "params": 7}, "invalid_body"),
        ({"action": "a", "ttl_seconds": 0}, "invalid_body"),
        ({"action": "a", "when": "now"}, "invalid_body"),
        ({"action": "a", "value": 1, "params": {"value": 2}}, "invalid"),
    ],
)
@pytest.mark.usefixtures("device")
def test_a_command_that_cannot_be_is_refused(owner: FlaskClient, body: Any, code: str) -> None:
    failed(owner.post(COMMANDS, json=body), 422, code)


@pytest.mark.usefixtures("device")
def test_a_full_queue_says_so(owner: FlaskClient) -> None:
    for _ in range(50):
        send(owner)

    failed(owner.post(COMMANDS, json={"action": "one_more"}), 409, "device_queue_full")


def test_only_a_command_that_waits_can_be_withdrawn(as_device: FlaskClient, owner: FlaskClient) -> None:
    waiting, sent = send(owner, "a"), None
    assert made(owner.delete(f"/api/commands/{waiting['command_id']}"), 200)["state"] == "withdrawn"
    sent = send(owner, "b")
    as_device.get(f"{COMMANDS}?state=queued")

    failed(owner.delete(f"/api/commands/{sent['command_id']}"), 409, "conflict")
    failed(as_device.delete(f"/api/commands/{sent['command_id']}"), 403, "forbidden")
    failed(as_device.post(f"/api/commands/{waiting['command_id']}/ack"), 409, "conflict")


def test_who_may_send_and_who_may_only_look(
    as_device: FlaskClient, owner: FlaskClient, member: MemberOf, farm: str
) -> None:
    made(owner.post("/api/rooms/hall/devices", json={"id": "fan"}))
    foreign = made(owner.post("/api/devices/fan/commands", json={"action": "turn"}))["command_id"]
    viewer, operator = member("viewer"), member("operator")

    failed(viewer.post(COMMANDS, json={"action": "a"}), 403, "forbidden")
    failed(as_device.post(COMMANDS, json={"action": "a"}), 403, "forbidden")
    send(operator)
    assert len(made(viewer.get(COMMANDS), 200)["commands"]) == 1
    absent = failed(operator.get("/api/commands/absent"), 404, "not_found")
    assert failed(operator.get(f"/api/commands/{foreign}"), 404, "not_found") == absent
    failed(as_device.post(f"/api/commands/{foreign}/ack"), 404, "not_found")
    failed(as_device.get("/api/devices/fan/commands?state=queued"), 404, "not_found")
    outside = {"device_id": "fan", "action": "a"}
    failed(operator.post("/api/rooms/default/commands", json=outside), 422, "invalid", "/device_id")
    assert farm == "north"


def test_commands_are_paged(owner: FlaskClient, device: str) -> None:
    sent = [send(owner, f"a{n}")["command_id"] for n in range(5)]
    first = made(owner.get(f"/api/devices/{device}/commands?limit=3"), 200)
    second = made(owner.get(f"{COMMANDS}?limit=3&cursor={first['next']}"), 200)

    assert [one["command_id"] for page in (first, second) for one in page["commands"]] == sent[::-1]
    assert "next" not in second


RULE = {
    "id": "bell",
    "name": "Bell",
    "trigger": {"type": "event", "config": {"event": "bell_rung"}},
    "actions": [{"type": "log", "config": {"message": "somebody is at the door"}}],
}


def test_an_event_fires_the_rules_that_listen(owner: FlaskClient, house: House) -> None:
    house.runtime.put_rule(RULE)

    assert made(owner.post("/api/events", json={"event": "bell_rung"}), 200) == {"fired": 1}
    assert made(owner.post("/api/events", json={"event": "door_opened", "room": "default"}), 200) == {"fired": 0}


def test_an_event_reaches_no_further_than_its_sender(member: MemberOf, farm: str, device: str) -> None:
    viewer, neighbour = member("viewer"), member("operator", farm)

    failed(viewer.post("/api/events", data=b"{", content_type="application/json"), 403, "forbidden")
    failed(neighbour.post("/api/events", json={"event": "a"}), 403, "forbidden")
    made(neighbour.post("/api/events", json={"event": "a", "farm": farm}), 200)
    made(neighbour.post("/api/events", json={"event": "a", "room": "hall"}), 200)
    failed(neighbour.post("/api/events", json={"event": "a", "device": device}), 422, "invalid", "/device")
    failed(neighbour.post("/api/events", json={"event": "a", "farm": farm, "room": "hall"}), 422, "invalid", "/farm")
    failed(neighbour.post("/api/events", json={"event": 7, "farm": farm}), 422, "invalid_body", "/event")


@pytest.mark.parametrize("name", sorted(SYSTEM_EVENTS))
def test_nobody_raises_the_events_of_the_system_itself(name: str, owner: FlaskClient) -> None:
    problem: Any = owner.post("/api/events", json={"event": name}).json

    assert problem["errors"] == [
        {
            "code": "bad_value",
            "pointer": "/event",
            "message": f'"{name}" is the name of an event that only whenthen itself raises',
            "hint": "choose another one",
        }
    ]
