"""Rules at work over HTTP: switched, run, tried, and what they did."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from posted.rules import RULES, As, body_of, rule, saved

from whenthen.clock import ManualClock
from whenthen.runtime.writer import Turn
from whenthen_server.wiring import House

EXECUTIONS = "/api/automation/executions"


class Ended:
    """Waits for actions to end."""

    def __init__(self, house: House) -> None:
        self.states: list[str] = []
        self._changed = threading.Condition()
        house.runtime.listen(self)

    def __call__(self, turn: Turn) -> None:
        with self._changed:
            self.states += [row.state for row in [*turn.new_actions, *turn.changed] if row.finished_us is not None]
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.states) >= count, 20), self.states
        return self.states


def test_a_rule_is_switched_off_and_on_again(farm: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    off = body_of(owner.post(f"{RULES}/fan/disable"))
    farm.runtime.take("dev-1", {"temperature": 35})
    on = body_of(owner.post(f"{RULES}/fan/enable"))
    farm.runtime.take("dev-1", {"temperature": 36})

    assert (off["enabled"], on["enabled"]) == (False, True)
    assert on["version"] == 1
    assert body_of(owner.get(f"{RULES}/fan"))["execution_count"] == 1


def test_who_may_operate_runs_rules_and_switches_none(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    operator = acting_as("operator", "farm-a", "room-1")

    assert operator.post(f"{RULES}/fan/run").status_code == 200
    assert operator.post(f"{RULES}/fan/disable").status_code == 403
    assert acting_as("viewer", "farm-a").post(f"{RULES}/fan/run").status_code == 403
    assert acting_as("owner", "farm-b").post(f"{RULES}/fan/run").status_code == 404
    assert owner.post(f"{RULES}/nothing/run").status_code == 404


def test_a_run_says_what_fired_and_what_blocked_the_rest(farm: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    farm.runtime.take("fan-1", {"temperature": 35})
    farm.runtime.take("dev-1", {"temperature": 10})
    ran = body_of(owner.post(f"{RULES}/fan/run", json={}))
    forced = body_of(owner.post(f"{RULES}/fan/run", json={"device": "dev-1", "force": True}))

    assert [(one["subject"], one["actions"][0]["targets"]) for one in ran["fired"]] == [("fan-1", ["fan-1"])]
    assert ran["blocked"] == {"dev-1": "conditions_false"}
    assert [one["subject"] for one in forced["fired"]] == ["dev-1"]
    assert forced["blocked"] == {}
    execution = body_of(owner.get(f"{EXECUTIONS}/{forced['fired'][0]['execution_id']}"))
    assert (execution["cause"], execution["subject"]) == ("run by hand", "dev-1")


@pytest.mark.parametrize(
    "body", [{"device": "a", "room": "b"}, {"room": "a", "farm": "b"}, {"who": 1}, {"force": 1}, []]
)
def test_a_run_for_two_places_at_once_is_refused(owner: FlaskClient, body: Any) -> None:
    saved(owner, rule(id="fan"))

    assert owner.post(f"{RULES}/fan/run", json=body).status_code == 422


def test_the_history_of_a_rule_has_its_reasons_and_its_actions(farm: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    saved(owner, rule(id="other"))
    for value in (31, 32, 33):
        farm.runtime.take("dev-1", {"temperature": value})
    seen: list[Any] = []
    path = f"{RULES}/fan/history?limit=2"
    while path:
        page = body_of(owner.get(path))
        seen += page["executions"]
        path = f"{RULES}/fan/history?limit=2&cursor={page['next']}" if "next" in page else ""

    values = [one["trace"]["conditions"][0]["readings"][0]["value"] for one in seen]
    assert values == [33, 32, 31]
    assert {one["rule_id"] for one in seen} == {"fan"}
    assert seen[0]["actions"][0]["config"] == {"command": "turn_on_fan"}
    assert len(body_of(owner.get(EXECUTIONS))["executions"]) == 6
    assert len(body_of(owner.get(f"{EXECUTIONS}?rule=other"))["executions"]) == 3


def test_of_all_executions_a_caller_sees_those_of_rules_that_are_theirs(
    farm: House, owner: FlaskClient, acting_as: As
) -> None:
    for name, scope in (("one", {"room": "room-1"}), ("two", {"room": "room-3"}), ("all", {})):
        saved(owner, rule(id=name, scope=scope))
    farm.runtime.take("dev-1", {"temperature": 35})
    farm.runtime.take("dev-3", {"temperature": 35})
    viewer = acting_as("viewer", "farm-a", "room-1")
    owner.delete(f"{RULES}/one")
    mine = body_of(viewer.get(EXECUTIONS))["executions"]
    others = [one["id"] for one in body_of(owner.get(EXECUTIONS))["executions"] if one["rule_id"] != "one"]

    assert [one["rule_id"] for one in mine] == ["one"]
    assert viewer.get(f"{EXECUTIONS}/{mine[0]['id']}").status_code == 200
    assert {viewer.get(f"{EXECUTIONS}/{one}").status_code for one in others} == {404}
    assert len(others) == 3


def test_an_action_that_failed_for_good_is_done_once_more_with_the_same_key(
    farm: House, owner: FlaskClient, acting_as: As
) -> None:
    ended = Ended(farm)
    command = {"type": "device_command", "config": {"command": "turn_on_fan", "device": "to-come"}}
    saved(owner, rule(id="fan", scope={"farm": "farm-a"}, actions=[command]))
    farm.runtime.take("dev-1", {"temperature": 35})
    ended.wait_for(1)
    (execution,) = body_of(owner.get(f"{RULES}/fan/history"))["executions"]
    (failed,) = execution["actions"]
    path = f"{EXECUTIONS}/{execution['id']}/actions/{failed['key']}/replay"
    assert failed["state"] == "failed"

    assert acting_as("operator", "farm-a").post(path).status_code == 404  # the rule names what is in no farm
    again = owner.post(path)
    assert again.status_code == 202
    assert body_of(again)["key"] == failed["key"]
    ended.wait_for(2)
    assert owner.post(f"{EXECUTIONS}/{execution['id']}/actions/nothing/replay").status_code == 404


def test_an_action_that_was_done_is_not_done_again(farm: House, owner: FlaskClient) -> None:
    ended = Ended(farm)
    saved(owner, rule(id="fan"))
    farm.runtime.take("dev-1", {"temperature": 35})
    assert ended.wait_for(1) == ["done"]
    (execution,) = body_of(owner.get(f"{RULES}/fan/history"))["executions"]

    refused = owner.post(f"{EXECUTIONS}/{execution['id']}/actions/{execution['actions'][0]['key']}/replay")
    assert refused.status_code == 409


@pytest.mark.usefixtures("farm")
def test_next_runs_are_told_in_the_zone_of_the_farm(owner: FlaskClient, clock: ManualClock) -> None:
    daily = {"type": "time", "config": {"at": "08:00"}}
    saved(owner, rule(id="morning", trigger=daily, conditions=[], scope={"farm": "farm-a", "per": "farm"}))
    saved(owner, rule(id="fan"))
    told = body_of(owner.get(f"{RULES}/morning/next-runs?count=30"))
    at = [one["at"] for one in told["runs"]]

    assert clock.now() == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert at[:2] == ["2026-03-02T07:00:00Z", "2026-03-03T07:00:00Z"]
    assert told["runs"][-1]["local"] == "2026-03-31T08:00:00+02:00"
    assert {(one["timezone"], one["trigger"]) for one in told["runs"]} == {("Europe/Brussels", "/trigger")}
    assert body_of(owner.get(f"{RULES}/fan/next-runs"))["runs"] == []


def test_a_rule_is_tried_on_made_up_values_without_a_trace_in_the_world(farm: House, owner: FlaskClient) -> None:
    held = {"type": "duration", "config": {"condition": rule()["conditions"][0], "duration_seconds": 60}}
    saved(owner, rule(id="fan", conditions=[held], scope={"room": "room-1"}))
    timeline = [{"values": {"temperature": 31}}, {"after_seconds": 30, "values": {"temperature": 32}}]
    tried = body_of(owner.post(f"{RULES}/fan/test", json={"timeline": timeline, "until_seconds": 90}))

    assert tried["source"] == "given"
    assert [one["fired"] for one in tried["steps"]] == [0, 0]
    assert [one["at"] for one in tried["fired"]] == ["2026-03-01T12:01:00Z"]
    assert tried["fired"][0]["trace"]["conditions"][0]["truth"] is True
    assert tried["steps"][1]["explanations"][0]["first_failed"] == "/conditions/0"
    assert tried["cut_short"] is None
    assert body_of(owner.get(EXECUTIONS))["executions"] == []
    assert body_of(owner.get(f"{RULES}/fan"))["execution_count"] == 0
    assert farm.runtime.writer.engine.newest("test-device", "temperature") is None


def test_a_rule_is_tried_on_present_values(farm: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    farm.runtime.switch_rule("fan", enabled=False)
    farm.runtime.take("dev-1", {"temperature": 35})
    farm.runtime.take("dev-2", {"temperature": 5})
    tried = body_of(owner.post(f"{RULES}/fan/test"))

    assert tried["source"] == "current"
    assert [one["subject"] for one in tried["fired"]] == ["dev-1"]


def test_another_rule_can_be_tried_in_the_place_of_one(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    loose = {"name": "b", "condition": "temperature > 10", "action": "turn_on_fan", "scope": {"room": "room-1"}}
    viewer = acting_as("viewer", "farm-a", "room-1")
    tried = body_of(viewer.post(f"{RULES}/fan/test", json={"rule": loose, "values": {"temperature": 11}}))
    foreign = viewer.post(f"{RULES}/fan/test", json={"rule": {**loose, "scope": {"room": "room-3"}}})

    assert len(tried["fired"]) == 1
    assert foreign.status_code == 404


def test_a_test_that_would_take_for_ever_is_cut_short(owner: FlaskClient) -> None:
    trigger = {"type": "time", "config": {"every_seconds": 1}}
    saved(owner, rule(id="tick", trigger=trigger, conditions=[]))
    tried = body_of(owner.post(f"{RULES}/tick/test", json={"values": {"x": 1}, "until_seconds": 2_000_000}))

    assert tried["cut_short"]
    assert len(tried["fired"]) <= 1000


@pytest.mark.parametrize(
    "body",
    [
        {"values": {"t": 1}, "at": "2026-01-01"},
        {"timeline": [{"after_seconds": -1, "values": {}}]},
        {"timeline": [{"after_seconds": 1}]},
        {"timeline": [{"values": {}}] * 201},
        {"until_seconds": 1e9},
        {"rule": {"name": "x"}},
    ],
)
def test_a_test_that_makes_no_sense_is_refused(owner: FlaskClient, body: Any) -> None:
    saved(owner, rule(id="fan"))

    assert owner.post(f"{RULES}/fan/test", json=body).status_code in (400, 422)


def test_values_that_cannot_be_taken_are_named(owner: FlaskClient) -> None:
    saved(owner, rule(id="fan"))
    tried = body_of(owner.post(f"{RULES}/fan/test", json={"values": {"temperature": [1]}}))

    assert len(tried["refused"]) == 1
    assert tried["fired"] == []
