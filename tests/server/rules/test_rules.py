"""Rules over HTTP: made, read, changed by two people at once, removed; and whose they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from posted.rules import RULES, As, body_of, rule, saved
from sqlalchemy import select

from whenthen_server.store import tables
from whenthen_server.store.database import reading
from whenthen_server.wiring import House


def audited(house: House) -> list[tuple[str, str]]:
    with reading(house.database) as connection:
        rows = connection.execute(select(tables.audit.c.action, tables.audit.c.what).order_by(tables.audit.c.id))
        return [(action, what["rule"]) for action, what in rows if action.startswith("rule.")]


def test_a_rule_is_saved_with_an_id_and_read_with_what_the_server_knows(owner: FlaskClient) -> None:
    response = owner.post(RULES, json=rule())
    made = body_of(response)
    read = owner.get(response.headers["Location"])

    assert response.status_code == 201
    assert made["id"].startswith("rule_")
    assert {**rule(), **made} == made
    assert (made["enabled"], made["version"], made["execution_count"], made["last_executed"]) == (True, 1, 0, None)
    assert made["created_at"] == made["updated_at"]
    assert made["warnings"] == []
    assert body_of(read) == made
    assert read.headers["ETag"] == response.headers["ETag"]
    assert read.headers["Cache-Control"] == "no-store"


def test_the_example_of_the_first_request_works_as_it_was_written(farm: House, owner: FlaskClient) -> None:
    made = saved(
        owner,
        {
            "name": "Fan",
            "condition": {"sensor": "temperature", "operator": ">", "value": 30},
            "action": {"type": "device_command", "command": "turn_on_fan"},
        },
    )
    farm.runtime.take("dev-1", {"temperature": 30.5})

    assert made["trigger"] == {"type": "sensor", "config": {"sensor": "temperature"}}
    assert made["conditions"] == rule()["conditions"]
    assert made["actions"] == rule()["actions"]
    assert body_of(owner.get(f"{RULES}/{made['id']}"))["execution_count"] == 1


def test_what_was_read_can_be_sent_back(owner: FlaskClient) -> None:
    made = saved(owner, rule())
    again = owner.put(f"{RULES}/{made['id']}", json=made)

    assert again.status_code == 200, again.data
    assert body_of(again) | {"version": 1, "updated_at": made["updated_at"]} == made


def test_every_problem_of_a_rule_is_named_where_it_was_written(owner: FlaskClient) -> None:
    loose = {"name": "", "condition": {"sensor": "t", "operator": "~", "value": 1}, "action": {"command": 5}}
    problem = saved(owner, loose, 422)

    assert problem["code"] == "invalid_rule"
    assert {one["pointer"] for one in problem["errors"]} == {"/name", "/condition/operator", "/action/command"}
    assert all(one["hint"] or one["message"] for one in problem["errors"])


@pytest.mark.parametrize("body", [[], "rule", 5, True, {}, {"name": None}, {"id": "a/b", **rule()}, rule(id="..")])
def test_what_is_no_rule_is_refused(owner: FlaskClient, body: Any) -> None:
    assert saved(owner, body, 422)["errors"]


def test_a_condition_that_cannot_be_read_is_told_once_and_where_it_was_written(owner: FlaskClient) -> None:
    loose = {"name": "a", "if": "temperature >", "then": "turn_on_fan"}
    problem = body_of(owner.post(RULES, json=loose))

    assert [one["pointer"] for one in problem["errors"]] == ["/if"]


def test_what_could_mean_two_things_is_refused_with_a_hint(owner: FlaskClient) -> None:
    loose = {"name": "a", "device_id": "dev-1", "condition": "temperature > 30", "action": "turn_on_fan"}
    (error,) = saved(owner, loose, 422)["errors"]

    assert error["pointer"] == "/device_id"
    assert "scope.device" in error["hint"]


def test_the_id_of_a_rule_is_taken_once_and_free_again_when_it_is_gone(owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    assert saved(owner, rule(id="fan"), 409)["code"] == "conflict"
    assert owner.delete(f"{RULES}/fan").status_code == 204

    assert saved(owner, rule(id="fan"))["version"] == 3


def test_nobody_gets_at_the_history_of_a_rule_that_is_gone_by_taking_its_id(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-3"}))
    owner.delete(f"{RULES}/fan")

    saved(acting_as("manager", "farm-a"), rule(id="fan", scope={"room": "room-1"}), 409)
    saved(owner, rule(id="fan", scope={"room": "room-1"}))


def test_of_two_editors_the_second_is_told_to_read_again(owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    tag = owner.get(f"{RULES}/fan").headers["ETag"]
    first = owner.patch(f"{RULES}/fan", json={"priority": 1}, headers={"If-Match": tag})
    second = owner.patch(f"{RULES}/fan", json={"priority": 2}, headers={"If-Match": tag})

    assert first.status_code == 200
    assert second.status_code == 412
    assert second.headers["ETag"] == first.headers["ETag"]
    assert body_of(owner.get(f"{RULES}/fan"))["priority"] == 1
    assert owner.delete(f"{RULES}/fan", headers={"If-Match": tag}).status_code == 412
    assert owner.delete(f"{RULES}/fan", headers={"If-Match": first.headers["ETag"]}).status_code == 204


def test_of_many_editors_at_once_exactly_one_wins(house_app: Flask, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan", variables={}))
    tag = owner.get(f"{RULES}/fan").headers["ETag"]
    key = owner.environ_base["HTTP_AUTHORIZATION"]
    begin = threading.Barrier(6)
    statuses: list[int] = []

    def edit(headers: dict[str, str]) -> Callable[[], None]:
        def run() -> None:
            begin.wait(10)
            headers["Authorization"] = key
            changed = house_app.test_client().patch(f"{RULES}/fan", json={"priority": 7}, headers=headers)
            statuses.append(changed.status_code)

        return run

    threads = [threading.Thread(target=edit({"If-Match": tag})) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(statuses) == [200] + [412] * 5
    assert body_of(owner.get(f"{RULES}/fan"))["version"] == 2


def test_a_patch_takes_fields_away_and_keeps_a_rule_that_was_switched_off_as_it_is(
    house: House, owner: FlaskClient
) -> None:
    saved(owner, rule(id="fan", description="old", cooldown_seconds=5))
    house.runtime.switch_rule("fan", enabled=False)
    changed = body_of(owner.patch(f"{RULES}/fan", json={"description": None, "cooldown_seconds": 9}))

    assert "description" not in changed
    assert changed["cooldown_seconds"] == 9
    assert changed["enabled"] is False


def test_switching_a_rule_makes_an_older_tag_stale(house: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    tag = owner.get(f"{RULES}/fan").headers["ETag"]
    house.runtime.switch_rule("fan", enabled=False)

    assert owner.put(f"{RULES}/fan", json=rule(), headers={"If-Match": tag}).status_code == 412


def test_a_change_that_is_no_rule_changes_nothing(owner: FlaskClient) -> None:
    made = saved(owner, rule(id="fan"))

    assert owner.patch(f"{RULES}/fan", json={"actions": None}).status_code == 422
    assert owner.put(f"{RULES}/fan", json=rule(id="other")).status_code == 422
    assert owner.put(f"{RULES}/nothing", json=rule()).status_code == 404
    assert body_of(owner.get(f"{RULES}/fan")) == made


def test_versions_tell_who_made_what_of_a_rule(house: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    for priority in (1, 2):
        owner.patch(f"{RULES}/fan", json={"priority": priority})
    first = body_of(owner.get(f"{RULES}/fan/versions?limit=2"))
    second = body_of(owner.get(f"{RULES}/fan/versions?limit=2&cursor={first['next']}"))

    assert [one["version"] for one in first["versions"]] == [3, 2]
    assert [one["rule"].get("priority") for one in [*first["versions"], *second["versions"]]] == [2, 1, None]
    assert all(one["who"].startswith("api_key:") for one in first["versions"])
    assert "next" not in second
    assert audited(house) == [("rule.create", "fan"), ("rule.update", "fan"), ("rule.update", "fan")]


def test_the_list_goes_on_where_a_page_ended(owner: FlaskClient) -> None:
    made = [saved(owner, rule(name=f"r{number}"))["id"] for number in range(5)]
    seen: list[str] = []
    path = f"{RULES}?limit=2"
    while path:
        page = body_of(owner.get(path))
        seen += [one["id"] for one in page["rules"]]
        path = f"{RULES}?limit=2&cursor={page['next']}" if "next" in page else ""

    assert seen == made
    assert owner.get(f"{RULES}?cursor=nonsense").status_code == 400


def test_rules_of_a_room_are_made_and_listed_there(owner: FlaskClient, acting_as: As) -> None:
    keeper = acting_as("manager", "farm-a", "room-1")
    path = "/api/rooms/room-1/automation"
    made = saved(keeper, rule(), path=path)
    elsewhere = saved(owner, rule(scope={"room": "room-2"}))

    assert made["scope"] == {"room": "room-1"}
    assert [one["id"] for one in body_of(keeper.get(path))["rules"]] == [made["id"]]
    assert [one["id"] for one in body_of(keeper.get(RULES))["rules"]] == [made["id"]]
    assert [one["id"] for one in body_of(owner.get(f"{RULES}?room=room-2"))["rules"]] == [elsewhere["id"]]
    assert saved(keeper, rule(scope={"room": "room-2"}), 422, path)["errors"][0]["pointer"] == "/scope/room"
    assert keeper.get("/api/rooms/room-3/automation").status_code == 404
    assert keeper.post("/api/rooms/room-3/automation", json=rule()).status_code == 404


FOREIGN = {
    "no scope": {},
    "another room": {"scope": {"room": "room-2"}},
    "the whole farm": {"scope": {"farm": "farm-a"}},
    "the farm as its subject": {"scope": {"room": "room-1", "per": "farm"}},
    "acts elsewhere": {
        "scope": {"room": "room-1"},
        "actions": [{"type": "device_command", "config": {"command": "x", "device": "dev-2"}}],
    },
    "acts on whom a reading names": {
        "scope": {"room": "room-1"},
        "actions": [{"type": "device_command", "config": {"command": "x", "device": "{target}"}}],
    },
    "reads elsewhere": {
        "scope": {"room": "room-1"},
        "conditions": [
            {"type": "comparison", "config": {"sensor": "t", "device": "dev-3", "operator": ">", "value": 1}}
        ],
    },
    "reads elsewhere, deep inside": {
        "scope": {"room": "room-1"},
        "conditions": [
            {
                "type": "composite",
                "operator": "NOT",
                "config": {
                    "conditions": [
                        {
                            "type": "comparison",
                            "config": {"sensor": "t", "operator": ">", "value": {"sensor": "t", "device": "dev-3"}},
                        }
                    ]
                },
            }
        ],
    },
    "switches a rule elsewhere": {
        "scope": {"room": "room-1"},
        "actions": [{"type": "rule_control", "config": {"rule": "theirs", "operation": "disable"}}],
    },
    "switches a rule by a name that may come to be": {
        "scope": {"room": "room-1"},
        "actions": [{"type": "run_rule", "config": {"rule": "To come"}}],
    },
}


@pytest.mark.parametrize("more", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_rule_that_reaches_out_of_a_room_is_not_for_those_of_the_room(
    owner: FlaskClient, acting_as: As, more: dict[str, Any]
) -> None:
    saved(owner, rule(id="theirs", scope={"room": "room-3"}))
    keeper = acting_as("manager", "farm-a", "room-1")
    own = saved(keeper, rule(scope={"room": "room-1"}))
    refused = keeper.post(RULES, json=rule(**more))

    assert refused.status_code in (403, 404)
    assert keeper.put(f"{RULES}/{own['id']}", json=rule(**more)).status_code in (403, 404)
    patch = {**more, "scope": {"room": None, **more.get("scope", {})}}
    assert keeper.patch(f"{RULES}/{own['id']}", json=patch).status_code in (403, 404)
    assert saved(owner, rule(**more))["id"] not in [one["id"] for one in body_of(keeper.get(RULES))["rules"]]


INSIDE = [
    {"scope": {"room": "room-1"}},
    {"scope": {"device": "dev-1"}},
    {"scope": {"device": "dev-1", "per": "room"}},
    {
        "scope": {"room": "room-1"},
        "actions": [{"type": "device_command", "config": {"command": "x", "device": "fan-1"}}],
    },
    {"scope": {"room": "room-1"}, "actions": [{"type": "run_rule", "config": {"rule": "ours"}}]},
]


@pytest.mark.parametrize("more", INSIDE)
def test_a_rule_that_stays_in_a_room_is_for_those_of_the_room(
    owner: FlaskClient, acting_as: As, more: dict[str, Any]
) -> None:
    saved(owner, rule(id="ours", scope={"room": "room-1"}))
    made = saved(acting_as("manager", "farm-a", "room-1"), rule(**more))

    assert acting_as("viewer", "farm-a").get(f"{RULES}/{made['id']}").status_code == 200
    assert acting_as("viewer", "farm-a", "room-2").get(f"{RULES}/{made['id']}").status_code == 404


def test_rules_that_run_one_another_are_where_all_of_them_are(owner: FlaskClient, acting_as: As) -> None:
    """Each names two others: who follows every way from the first to the last never comes to an end."""

    def running(*names: str) -> list[dict[str, Any]]:
        return [{"type": "run_rule", "config": {"rule": name}} for name in names]

    room = {"room": "room-1"}
    saved(owner, rule(id="end", scope=room))
    below = ("end", "end")
    for number in range(24):
        left, right = f"left-{number}", f"right-{number}"
        saved(owner, rule(id=left, scope=room, actions=running(*below)))
        saved(owner, rule(id=right, scope=room, actions=running(*below)))
        below = (left, right)
    keeper = acting_as("manager", "farm-a", "room-1")
    assert keeper.get(f"{RULES}/left-23").status_code == 200

    owner.patch(f"{RULES}/end", json={"scope": {"room": "room-3"}})
    assert keeper.get(f"{RULES}/left-23").status_code == 404
    owner.put(f"{RULES}/end", json=rule(scope=room, actions=running("left-23")))
    assert keeper.get(f"{RULES}/left-23").status_code == 200


def test_a_rule_of_the_whole_farm_is_for_those_of_the_farm(acting_as: As) -> None:
    reaching = {
        "scope": {"room": "room-1"},
        "actions": [{"type": "device_command", "config": {"command": "x", "device": "dev-2"}}],
    }
    keeper = acting_as("manager", "farm-a")
    made = [saved(keeper, rule(scope={"farm": "farm-a"})), saved(keeper, rule(**reaching))]

    assert [one["id"] for one in body_of(keeper.get(f"{RULES}?farm=farm-a"))["rules"]] == [one["id"] for one in made]
    assert body_of(acting_as("manager", "farm-b").get(RULES))["rules"] == []


def test_who_may_only_look_changes_nothing(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    viewer, operator = acting_as("viewer", "farm-a"), acting_as("operator", "farm-a")

    for one in (viewer, operator):
        refused = one.post(RULES, json=rule(scope={"room": "room-1"}))
        assert refused.status_code == 403
        assert "scope" in body_of(refused)["detail"]
        assert one.put(f"{RULES}/fan", json=rule()).status_code == 403
        assert one.patch(f"{RULES}/fan", json={}).status_code == 403
        assert one.delete(f"{RULES}/fan").status_code == 403
    assert acting_as("owner", "farm-b").delete(f"{RULES}/fan").status_code == 404


def test_a_rule_that_somebody_moved_away_meanwhile_is_not_changed(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    keeper = acting_as("manager", "farm-a", "room-1")
    owner.patch(f"{RULES}/fan", json={"scope": {"room": "room-2"}})

    assert keeper.patch(f"{RULES}/fan", json={"priority": 3}).status_code == 404


@pytest.mark.usefixtures("farm")
def test_places_that_nobody_registered_are_warned_of_and_stop_nothing(owner: FlaskClient) -> None:
    nowhere = {
        "type": "comparison",
        "config": {"device": "dev-9", "sensor": "temperature", "operator": ">", "value": 1},
    }
    given = rule(
        scope={"room": "attic"},
        conditions=[{"type": "composite", "config": {"operator": "NOT", "conditions": [nowhere]}}],
        actions=[{"type": "led", "config": {"color": "red", "device": "dev-1"}}],
        clear_actions=[{"type": "led", "config": {"color": "off", "device": "lamp-9"}}],
    )
    warnings = saved(owner, given)["warnings"]
    told = {one["pointer"] for one in warnings if one["code"] == "not_registered"}

    assert {one["severity"] for one in warnings} == {"warning"}
    assert told == {
        "/scope/room",
        "/conditions/0/config/conditions/0/config/device",
        "/clear_actions/0/config/device",
    }
    checked = body_of(owner.post("/api/automation/check", json=rule(scope={"device": "dev-9"})))
    assert checked["valid"]
    assert checked["warnings"] == [
        {
            "code": "not_registered",
            "pointer": "/scope/device",
            "message": "no device 'dev-9' is registered",
            "hint": "register the device, or correct its name",
            "severity": "warning",
        }
    ]
