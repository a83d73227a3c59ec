"""Real clients on a real server: what they may hear, in which order, and what they are answered."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
import socketio
from listening.heard import Connect, until

from whenthen_server.acting import Announce, Origin
from whenthen_server.auth import Caller, Role
from whenthen_server.live import Live
from whenthen_server.store.commands import QueueCommand
from whenthen_server.store.database import writing
from whenthen_server.store.notifications import AddNotification, Notification
from whenthen_server.store.tables import samples
from whenthen_server.wiring import House

KeyOf = Callable[[str], str]


def hot(**more: Any) -> dict[str, Any]:
    return {
        "id": "hot",
        "name": "Hot",
        "trigger": {"type": "sensor", "config": {"sensor": "t"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "t", "operator": ">", "value": 30}}],
        "actions": [{"type": "broadcast", "config": {"event": "too_hot", "data": {"now": "{t}"}}}],
        **more,
    }


# Who may connect


@pytest.mark.parametrize("form", ["token", "header"])
def test_an_api_key_opens_a_connection(connect: Connect, owner_key: str, form: str) -> None:
    heard = connect({"token": owner_key}) if form == "token" else connect(Authorization=f"Bearer {owner_key}")

    assert heard.ask("subscribe", {})["ok"]


@pytest.mark.parametrize(
    "auth", [None, {}, {"token": "wt_api_x"}, {"key": "nonsense"}, {"token": 7}, {"token": "a", "key": "b"}, ["token"]]
)
def test_whoever_shows_nothing_good_is_refused(connect: Connect, live: Live, auth: Any) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect(auth)

    assert len(live.clients) == 0


def test_a_key_in_the_query_string_is_not_looked_at(url: str, owner_key: str) -> None:
    client = socketio.Client(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(f"{url}?token={owner_key}&key={owner_key}", transports=["websocket"], wait_timeout=10)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil"])
def test_pages_from_elsewhere_are_turned_away(url: str, origin: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{url}/socket.io/?EIO=4&transport=polling", headers={"Origin": origin}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)  # noqa: S310 - the same

    with caught.value as refused:
        assert (refused.code, json.loads(refused.read())["code"]) == (403, "foreign_origin")


def test_a_cookie_needs_our_own_page(house: House, connect: Connect) -> None:
    token = house.login_path.partition("token=")[2]
    session = house.gate.log_in(token, house.clock.now()).text
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect(Cookie=f"whenthen={session}", transport="polling")

    # Over a WebSocket this client says where it comes from, as browsers do.
    assert connect(Cookie=f"whenthen={session}").ask("subscribe", {})["ok"]


def test_beyond_the_most_sockets_comes_a_refusal(url: str, live: Live, connect: Connect, owner_key: str) -> None:
    connect({"token": owner_key})
    live._most = 1
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/socket.io/?EIO=4&transport=polling")  # noqa: S310 - our own server

    with caught.value as refused:
        assert (refused.code, refused.headers["Retry-After"]) == (503, "10")


def test_who_never_says_who_it_is_is_hung_up_on(url: str, live: Live, house: House) -> None:
    with urllib.request.urlopen(f"{url}/socket.io/?EIO=4&transport=polling"):  # noqa: S310 - our own server
        assert len(live._sockets()) == 1
    now_us = house.runtime.now_us()
    for seconds in (0, 11, 12, 18):
        live.sweep(now_us + seconds * 1_000_000)

    until(lambda: not live._sockets())


# What is told


def test_a_reading_and_its_firing_are_told_with_reasons(house: House, connect: Connect, owner_key: str) -> None:
    house.runtime.put_rule(hot())
    heard = connect({"token": owner_key})
    assert heard.ask("subscribe", {"room": "r1"})["ok"]
    house.runtime.take("d1", {"t": 31.5})

    (reading,) = heard.wait("sensor_data_update")
    (fired,) = heard.wait("rule_fired")
    (alert,) = heard.wait("automation_alert")

    assert (reading["device_id"], reading["room_id"], reading["data"]) == ("d1", "r1", {"t": 31.5})
    assert reading["timestamp"] == "2026-03-01T12:00:00Z" or reading["timestamp"].startswith("2026-03-01T12:00:00.")
    assert (fired["rule_id"], fired["kind"], fired["subject"]) == ("hot", "fired", "d1")
    assert fired["reasons"]
    assert (alert["event"], alert["data"], alert["rule"]) == ("too_hot", {"now": 31.5}, "Hot")


def test_polling_works_as_well(house: House, connect: Connect, owner_key: str) -> None:
    heard = connect({"token": owner_key}, transport="polling")
    assert heard.ask("subscribe", {"device": "d1"})["ok"]
    house.runtime.take("d1", {"t": 1})

    assert heard.wait("sensor_data_update")[0]["data"] == {"t": 1}


def test_nobody_hears_of_a_room_that_is_not_theirs(house: House, live: Live, connect: Connect, owner_key: str) -> None:
    heard = connect({"token": owner_key})
    (client,) = live.clients.all()
    client.who = lambda: viewer
    viewer = Caller("person", "u", "u", rooms={"r1": _grant()}, user="u")
    client.become(viewer)
    answers = [heard.ask("subscribe", target) for target in ({"room": "r2"}, {"room": "nowhere"}, {"device": "d2"})]
    assert heard.ask("subscribe", {"farm": "default"})["ok"]
    assert heard.ask("subscribe", {})["ok"]
    house.runtime.take("d2", {"t": 1})
    house.runtime.take("d1", {"t": 2})

    assert [answer["problem"]["status"] for answer in answers] == [404, 404, 404]
    assert answers[0]["problem"]["detail"] == answers[1]["problem"]["detail"]
    assert [one["device_id"] for one in heard.wait("sensor_data_update")] == ["d1"]


def _grant() -> Any:
    from whenthen_server.auth import RoomGrant

    return RoomGrant("default", Role.VIEWER)


def test_unsubscribed_is_not_told(house: House, connect: Connect, owner_key: str) -> None:
    heard = connect({"token": owner_key})
    heard.ask("subscribe", {"room": "r1"})
    heard.ask("unsubscribe", {"room": "r1"})
    heard.ask("subscribe", {"room": "r2"})
    house.runtime.take("d1", {"t": 1})
    house.runtime.take("d2", {"t": 1})

    assert [one["device_id"] for one in heard.wait("sensor_data_update")] == ["d2"]


def test_notifications_go_to_whom_they_name(house: House, connect: Connect, owner_key: str) -> None:
    heard = connect({"token": owner_key})
    heard.ask("subscribe", {})
    for name, recipients in (("n1", ["somebody else"]), ("n2", None)):
        note = Notification(name, "default", None, 1, "warning", None, "hello", recipients)
        house.runtime.submit(AddNotification(note)).wait()

    assert [one["id"] for one in heard.wait("notification")] == ["n2"]


# What is taken


def test_a_devices_readings_are_answered_once_they_are_stored(house: House, connect: Connect, key_of: KeyOf) -> None:
    heard = connect({"key": key_of("d1")})
    one = heard.ask("sensor_data_update", {"data": {"t": 21.5, "bad": [1]}})
    many = heard.ask("sensor_data_update", [{"data": {"t": 22}}, {"device_id": "d1", "data": {"t": 23}}])

    assert one["ok"] is True
    assert (one["verdicts"], one["stored"]) == (["partly_stored"], 1)
    assert (many["verdicts"], many["counts"]) == (["stored", "stored"], {"stored": 2})
    with writing(house.database) as connection:
        assert [row.number for row in connection.execute(samples.select())] == [21.5, 22, 23]


def test_who_sends_an_event_that_there_is_not_is_told_so(connect: Connect, key_of: KeyOf) -> None:
    answer = connect({"key": key_of("d1")}).ask("sensor_data", {"t": 1})

    assert (answer["ok"], answer["problem"]["code"]) == (False, "invalid_message")
    assert answer["problem"]["errors"][0]["hint"] == "did you mean 'sensor_data_update'?"


def test_of_many_readings_the_wrong_ones_are_named_and_the_others_stored(connect: Connect, key_of: KeyOf) -> None:
    heard = connect({"key": key_of("d1")})
    answer = heard.ask(
        "sensor_data_update", [{"data": {"t": 1}}, "x", {"data": {"t": [1]}}, {"sensor": "u", "value": 2}]
    )

    assert (answer["ok"], answer["verdicts"]) == (True, ["stored", "refused", "refused", "stored"])
    assert [fault["pointer"] for fault in answer["errors"]] == ["/1", "/2/data/t"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"device_id": "d2", "data": {"t": 1}}, "not_found"),
        ({"device_id": "nobody", "data": {"t": 1}}, "not_found"),
        ({"data": {}}, "invalid_reading"),
        ({"data": {"t": [1]}}, "invalid_reading"),
        ({"data": {"t": 1}, "farm_id": "x"}, "invalid_reading"),
        ({"data": {"t": 1}, "timestamp": "yesterday"}, "invalid_reading"),
        ({"data": {"t": 1}, "timestamp": "2099-01-01T00:00:00Z"}, "invalid_reading"),
        ({"device_id": 7, "data": {"t": 1}}, "invalid_reading"),
        ([], "invalid_message"),
        ("hello", "invalid_reading"),
        (None, "invalid_reading"),
        ({"data": {"t": b"bytes"}}, "invalid_json"),
        ({"data": {"t": float("nan")}}, "invalid_number"),
        ({"data": {"t": "\ud800"}}, None),
    ],
)
def test_what_is_no_reading_or_not_ones_own_is_refused(
    connect: Connect, key_of: KeyOf, payload: Any, code: str | None
) -> None:
    heard = connect({"key": key_of("d1")})
    answer = heard.ask("sensor_data_update", payload)

    assert answer["ok"] is False
    assert code is None or answer["problem"]["code"] == code
    assert heard.ask("sensor_data_update", {"data": {"t": 1}})["ok"]


def test_a_status_is_passed_on(connect: Connect, key_of: KeyOf, owner_key: str) -> None:
    heard = connect({"token": owner_key})
    heard.ask("subscribe", {"device": "d1"})
    device = connect({"key": key_of("d1")})
    assert device.ask("device_status_update", {"status": "warming up", "data": {"rssi": -60}})["ok"]

    told = next(one for one in heard.wait("device_status_update", 2) if one["status"] == "warming up")
    assert (told["device_id"], told["online"], told["data"]) == ("d1", True, {"rssi": -60})


def test_what_is_no_socket_io_ends_only_its_own_connection(connect: Connect, owner_key: str, live: Live) -> None:
    other = connect({"token": owner_key})
    bad = connect({"token": owner_key})
    bad.client.eio.send("2[[[[")

    assert bad.wait("cut") == [{"reason": "bad_message"}]
    assert other.ask("subscribe", {})["ok"]
    until(lambda: len(live.clients) == 1)


# Commands


def send(house: House, command_id: str, device: str = "d1", **more: Any) -> None:
    item = QueueCommand(house.places, command_id, device, "turn_on_fan", {"value": 3}, "person u", **more)
    house.runtime.submit(item).wait()


def test_a_command_reaches_its_device_and_its_answer_everybody(
    house: House, connect: Connect, key_of: KeyOf, owner_key: str
) -> None:
    person = connect({"token": owner_key})
    person.ask("subscribe", {})
    device = connect({"key": key_of("d1")})
    send(house, "c1")
    (command,) = device.wait("device_command")
    answer = device.ask("command_update", {"command_id": "c1", "status": "acknowledged", "result": {"rpm": 900}})

    assert (command["command_id"], command["action"], command["value"]) == ("c1", "turn_on_fan", 3)
    assert answer == {"ok": True, "command_id": "c1", "state": "acknowledged"}
    until(lambda: person.wait("command_update")[-1]["state"] == "acknowledged")
    assert [one for one, _ in person.events].count("device_command") == 0


def test_a_command_waits_until_its_device_connects_and_is_sent_again_if_unanswered(
    house: House, live: Live, connect: Connect, key_of: KeyOf
) -> None:
    key = key_of("d1")
    send(house, "c1")
    send(house, "c2", delivery="at_most_once")
    first = connect({"key": key})
    assert [one["command_id"] for one in first.wait("device_command", 2)] == ["c1", "c2"]
    first.leave()
    until(lambda: len(live.clients) == 0)
    second = connect({"key": key})

    assert [one["command_id"] for one in second.wait("device_command")] == ["c1"]
    second.ask("command_update", {"command_id": "c1", "status": "acknowledged"})
    assert len(second.wait("device_command")) == 1


def test_another_devices_command_cannot_be_answered(house: House, connect: Connect, key_of: KeyOf) -> None:
    send(house, "c2", "d2")
    device = connect({"key": key_of("d1")})
    foreign = device.ask("command_update", {"command_id": "c2", "status": "acknowledged"})
    absent = device.ask("command_update", {"command_id": "c9", "status": "acknowledged"})

    assert foreign["problem"] == absent["problem"]
    assert foreign["problem"]["status"] == 404


def test_a_rejected_command_is_an_event_that_names_the_device(
    house: House, connect: Connect, key_of: KeyOf, owner_key: str
) -> None:
    say = {"type": "broadcast", "config": {"event": "failed", "data": {}}}
    house.runtime.put_rule(
        hot(
            trigger={"type": "event", "config": {"event": "rule_failed", "match": {"device": "d1"}}},
            conditions=[],
            actions=[say],
        )
    )
    person = connect({"token": owner_key})
    person.ask("subscribe", {})
    device = connect({"key": key_of("d1")})
    send(house, "c1")
    device.wait("device_command")
    device.ask("command_update", {"command_id": "c1", "status": "rejected", "result": "jammed"})

    assert person.wait("automation_alert")[0]["event"] == "failed"


# The end


def test_a_client_whose_key_ends_is_cut_off(house: House, live: Live, connect: Connect, key_of: KeyOf) -> None:
    heard = connect({"key": key_of("d1")})
    key_of("d1")  # the old one ends
    live.sweep(house.runtime.now_us() + 20_000_000)

    assert heard.wait("cut") == [{"reason": "signed_out"}]
    heard.wait("disconnected")


def test_the_end_is_told(live: Live, connect: Connect, owner_key: str) -> None:
    heard = connect({"token": owner_key})
    live.stop()

    assert heard.wait("cut") == [{"reason": "server_stopping"}]
    heard.wait("disconnected")


def test_announcements_reach_only_where_they_come_from(house: House, connect: Connect, owner_key: str) -> None:
    heard = connect({"token": owner_key})
    heard.ask("subscribe", {"room": "r1"})
    for room in ("r2", "r1"):
        origin = Origin("r", "r", room, "default", room)
        house.runtime.submit(Announce("broadcast", {"event": room, "data": {}, "origin": origin})).wait()

    assert [one["event"] for one in heard.wait("automation_alert")] == ["r1"]
