"""Rules looked at over HTTP: checked, explained, counted, and held against what was stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from posted.rules import RULES, As, body_of, rule, saved

from whenthen.clock import ManualClock
from whenthen_server.api import backtests
from whenthen_server.wiring import House

CHECK = "/api/automation/check"
BACKTEST = "/api/automation/backtest"
LOG = {"type": "log", "config": {"message": "now"}}


def lines_of(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.data
    assert response.headers["Content-Type"] == "application/jsonl"
    return [json.loads(line) for line in response.data.splitlines()]


def measured(house: House, clock: ManualClock, *values: float, device: str = "dev-1") -> None:
    """Let a device send values, a minute apart, and a minute pass afterwards."""
    for value in values:
        house.runtime.take(device, {"temperature": value})
        clock.turn(seconds=60)


def test_a_check_tells_all_problems_and_saves_nothing(owner: FlaskClient) -> None:
    bad = body_of(owner.post(CHECK, json={"name": 5, "trigger": {"type": "sensr"}, "actions": []}))
    good = body_of(owner.post(CHECK, json={"name": "a", "condition": "temperature > 30", "action": "turn_on_fan"}))
    doubtful = rule(actions=[{"type": "log", "config": {"message": "{temprature}"}}])
    warned = body_of(owner.post(CHECK, json=doubtful))

    assert not bad["valid"]
    assert {"/name", "/trigger/type", "/actions"} <= {one["pointer"] for one in bad["problems"]}
    assert good["valid"]
    assert good["rule"]["conditions"] == [{"type": "expression", "config": {"expression": "temperature > 30"}}]
    assert "id" not in good["rule"]
    assert [one["pointer"] for one in warned["warnings"]] == ["/actions/0/config"]
    assert body_of(owner.get(RULES))["rules"] == []


@pytest.mark.parametrize("body", [[], 5, "x", {"condition": 1, "conditions": []}, {"if": "a", "condition": "b"}])
def test_a_check_of_anything_is_an_answer(owner: FlaskClient, body: Any) -> None:
    assert body_of(owner.post(CHECK, json=body))["valid"] is False


def test_now_is_explained_by_the_live_engine(farm: House, owner: FlaskClient) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    farm.runtime.take("dev-1", {"temperature": 25})
    told = body_of(owner.get(f"{RULES}/fan/explain"))
    one = body_of(owner.get(f"{RULES}/fan/explain?subject=dev-1"))["explanations"][0]

    assert told["how"] == {"method": "live"}
    assert [each["subject"] for each in told["explanations"]] == ["dev-1", "fan-1"]
    assert (one["truth"], one["first_failed"]) == (False, "/conditions/0")
    assert one["conditions"][0]["readings"][0]["value"] == 25
    assert body_of(owner.get(f"{RULES}/fan/explain?subject=nobody"))["explanations"][0]["blocked"] == "no_subject"


def test_the_past_is_explained_by_the_trace_that_was_kept(farm: House, owner: FlaskClient, clock: ManualClock) -> None:
    saved(owner, rule(id="fan"))
    measured(farm, clock, 35, 10)
    (fired,) = body_of(owner.get(f"{RULES}/fan/history"))["executions"]
    told = body_of(owner.get(f"{RULES}/fan/explain", query_string={"subject": "dev-1", "at": fired["at"]}))

    assert told["how"]["method"] == "execution"
    assert told["explanations"] == [fired["trace"]]


def test_the_past_is_explained_by_what_was_stored_under_the_rule_of_that_time(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    saved(owner, rule(id="fan"))
    measured(farm, clock, 29, 10)
    owner.patch(f"{RULES}/fan", json={"conditions": []})
    query = {"subject": "dev-1", "at": "2026-03-01T12:00:30Z"}
    told = body_of(owner.get(f"{RULES}/fan/explain", query_string=query))
    (one,) = told["explanations"]

    assert (told["version"], told["how"]["method"], told["how"]["complete"]) == (1, "replay", True)
    assert told["how"]["not_known"]
    assert one["truth"] is False
    assert one["conditions"][0]["readings"][0] == {
        "device": "dev-1",
        "sensor": "temperature",
        "value": 29,
        "at": one["conditions"][0]["readings"][0]["at"],
        "age_seconds": pytest.approx(30, abs=0.1),
    }


def test_what_was_before_the_rule_is_not_explained(owner: FlaskClient, clock: ManualClock) -> None:
    saved(owner, rule(id="fan"))
    clock.turn(seconds=60)
    refused = owner.get(f"{RULES}/fan/explain?at=2026-02-01T00:00:00Z")

    assert refused.status_code == 422
    assert body_of(refused)["code"] == "no_rule_then"
    assert owner.get(f"{RULES}/fan/explain?at=yesterday").status_code == 400
    assert owner.get(f"{RULES}/fan/explain?at=2027-02-01T00:00:00Z").status_code == 400


def test_a_past_version_that_was_elsewhere_is_not_for_those_of_the_room_where_it_is_now(
    owner: FlaskClient, acting_as: As, clock: ManualClock
) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-3"}))
    clock.turn(seconds=60)
    owner.patch(f"{RULES}/fan", json={"scope": {"room": "room-1"}})
    clock.turn(seconds=60)
    viewer = acting_as("viewer", "farm-a", "room-1")

    assert viewer.get(f"{RULES}/fan/explain").status_code == 200
    assert viewer.get(f"{RULES}/fan/explain?at=2026-03-01T12:00:30Z").status_code == 404


def test_versions_of_a_rule_that_was_elsewhere_are_left_out(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-3"}))
    owner.patch(f"{RULES}/fan", json={"scope": {"room": "room-1"}})
    path = f"{RULES}/fan/versions"
    seen = body_of(acting_as("viewer", "farm-a", "room-1").get(path))["versions"]

    assert [(one["version"], one["rule"] is None, one["removed"]) for one in seen] == [
        (2, False, False),
        (1, True, False),
    ]
    assert [one["rule"] is None for one in body_of(owner.get(path))["versions"]] == [False, False]


def test_a_backtest_tells_what_the_candidate_and_what_the_live_rule_would_do(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    measured(farm, clock, 25, 31, 28, 33)
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    lower = rule(scope={"room": "room-1"}, cooldown_seconds=90)
    lower["conditions"][0]["config"]["value"] = 27
    told = lines_of(owner.post(f"{RULES}/fan/backtest", json={"rule": lower}))

    assert [one["kind"] for one in told] == ["started", "fired", "fired", "summary"]
    assert told[0]["values"] == 4
    assert [(one["in"], one["subject"]) for one in told[1:3]] == [("both", "dev-1"), ("both", "dev-1")]
    alone = lines_of(owner.post(f"{RULES}/fan/backtest", json={"rule": {**lower, "cooldown_seconds": 0}}))
    assert [one["in"] for one in alone if one["kind"] == "fired"] == ["both", "candidate", "both"]
    assert (
        alone[-1] | {"fired": 3, "live_fired": 2, "only_candidate": 1, "only_live": 0, "cut_short": None} == alone[-1]
    )
    assert body_of(owner.get(f"{RULES}/fan"))["execution_count"] == 0


def test_a_backtest_tells_what_the_live_rule_does_otherwise_at_the_same_instant(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    measured(farm, clock, 31)
    saved(owner, rule(id="fan", scope={"room": "room-1"}, actions=[LOG]))
    other = {**LOG, "config": {"message": "another"}}
    told = lines_of(owner.post(f"{RULES}/fan/backtest", json={"rule": rule(scope={"room": "room-1"}, actions=[other])}))
    (fired,) = (one for one in told if one["kind"] == "fired")

    assert (fired["in"], fired["changed"]) == ("both", {"actions": [LOG]})
    assert (told[-1]["changed"], told[-1]["only_candidate"], told[-1]["only_live"]) == (1, 0, 0)


def test_a_backtest_begins_with_what_was_known_before(farm: House, owner: FlaskClient, clock: ManualClock) -> None:
    measured(farm, clock, 31)
    held = {"type": "duration", "config": {"condition": rule()["conditions"][0], "duration_seconds": 120}}
    start = "2026-03-01T12:00:30Z"
    clock.turn(seconds=600)
    told = lines_of(owner.post(BACKTEST, json={"rule": rule(conditions=[held]), "from": start}))

    assert [one["at"] for one in told if one["kind"] == "fired"] == ["2026-03-01T12:02:29.999999Z"]


def test_a_long_backtest_tells_how_far_it_is(
    farm: House, owner: FlaskClient, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "PROGRESS_EVERY", 2)
    measured(farm, clock, 1, 2, 3, 4, 5)
    told = lines_of(owner.post(BACKTEST, json={"rule": rule()}))

    assert [one["done"] for one in told if one["kind"] == "progress"] == [2, 4]


def test_a_backtest_of_timers_alone_tells_how_far_it_is(
    owner: FlaskClient, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "PROGRESS_EVERY", 10)
    clock.turn(seconds=60)
    trigger = {"type": "time", "config": {"every_seconds": 1}}
    ticking = rule(trigger=trigger, conditions=[], actions=[LOG], max_executions=1)
    told = lines_of(owner.post(BACKTEST, json={"rule": ticking, "from": "2026-03-01T12:00:00Z"}))

    assert [one["kind"] for one in told] == ["started", "fired", *["progress"] * 6, "summary"]


def test_a_backtest_is_bounded_by_values_and_by_timers(
    farm: House, owner: FlaskClient, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "MAX_VALUES", 2)
    monkeypatch.setattr(backtests, "MAX_TIMERS", 100)
    measured(farm, clock, 35, 35, 35)
    ticking = rule(trigger={"type": "time", "config": {"every_seconds": 1}}, conditions=[])
    values = lines_of(owner.post(BACKTEST, json={"rule": rule()}))[-1]
    timers = lines_of(owner.post(BACKTEST, json={"rule": ticking}))[-1]

    assert (values["fired"], values["kind"]) == (2, "summary")
    assert "first 2 values" in values["cut_short"]
    assert "timers" in timers["cut_short"]


def test_a_backtest_that_nobody_reads_on_ends_and_makes_room(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    measured(farm, clock, 35, 35)
    path = BACKTEST
    left = [owner.post(path, json={"rule": rule()}, buffered=False) for _ in range(backtests.MAX_AT_ONCE)]
    busy = owner.post(path, json={"rule": rule()})
    next(iter(left[0].response))
    for one in left:
        one.close()

    assert busy.status_code == 429
    assert int(busy.headers["Retry-After"]) > 0
    for _ in range(backtests.MAX_AT_ONCE + 1):
        assert lines_of(owner.post(path, json={"rule": rule()}))[-1]["kind"] == "summary"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"rule": {}}, 422),
        ({"rule": rule(), "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, 422),
        ({"rule": rule(), "from": "2020-03-02T00:00:00Z"}, 422),
        ({"rule": rule(), "from": "2026-03-01"}, 422),
        ({"rule": rule(), "since": 1}, 422),
    ],
)
def test_a_backtest_that_makes_no_sense_is_refused(owner: FlaskClient, body: Any, status: int) -> None:
    assert owner.post(BACKTEST, json=body).status_code == status


def test_a_backtest_reads_nothing_that_is_not_the_callers(owner: FlaskClient, acting_as: As) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}))
    viewer = acting_as("viewer", "farm-a", "room-1")

    assert viewer.post(f"{RULES}/fan/backtest").status_code == 200
    for more in ({}, {"scope": {"room": "room-2"}}, {"scope": {"farm": "farm-a"}}):
        assert viewer.post(BACKTEST, json={"rule": rule(**more)}).status_code in (403, 404)
        assert viewer.post(f"{RULES}/fan/backtest", json={"rule": rule(**more)}).status_code in (403, 404)


def test_statistics_count_what_the_caller_may_see(
    farm: House, owner: FlaskClient, acting_as: As, clock: ManualClock
) -> None:
    saved(owner, rule(id="one", scope={"room": "room-1"}))
    saved(owner, rule(id="three", scope={"room": "room-3"}))
    saved(owner, rule(id="idle", scope={"room": "room-1"}, enabled=False))
    measured(farm, clock, 35, 36)
    measured(farm, clock, 37, device="dev-3")
    path = "/api/automation/statistics"
    everything = body_of(owner.get(path))
    part = body_of(acting_as("viewer", "farm-a", "room-1").get(path))

    assert (everything["rules"], everything["enabled"], everything["fired"]) == (3, 2, 3)
    assert [(one["rule_id"], one["fired"]) for one in everything["by_rule"]] == [("one", 2), ("three", 1), ("idle", 0)]
    assert sum(everything["actions"].values()) == 3
    assert (part["rules"], part["fired"]) == (2, 2)
    assert body_of(owner.get(f"{path}?room=room-3"))["fired"] == 1
    assert body_of(owner.get(f"{path}?from=2026-03-01T12:00:30Z"))["fired"] == 2
    assert owner.get(f"{path}?from=2027-03-01T12:00:30Z").status_code == 400
