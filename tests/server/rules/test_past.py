"""A past instant is explained as the live engine explained it then, whatever the rule remembers."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

import pytest
from explained.shortly import shortly
from flask.testing import FlaskClient
from posted.rules import RULES, body_of, rule, saved
from sqlalchemy import delete, func, select

from whenthen.clock import ManualClock, to_us
from whenthen.runtime.items import Given, TakeReadings
from whenthen_server.api.explanations import ExplainNow
from whenthen_server.lookback.past import Past
from whenthen_server.store.checkpoints import PutAside, checkpoints
from whenthen_server.store.database import reading, writing
from whenthen_server.wiring import House

LOG = {"type": "log", "config": {"message": "now"}}


def over(limit: float, **more: Any) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": limit, **more}}


def held(condition: dict[str, Any], seconds: float) -> dict[str, Any]:
    return {"type": "duration", "config": {"condition": condition, "duration_seconds": seconds}}


CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "newest": [over(30)],
    "held": [held(over(25), 200)],
    "long": [held(over(21), 5_000)],
    "hysteresis": [over(32, hysteresis=8)],
    "aging": [over(20, max_age_seconds=100)],
    "rose": [{"type": "change", "config": {"sensor": "temperature", "by": 5, "within_seconds": 300}}],
    "went": [{"type": "change", "config": {"sensor": "temperature", "to": 30}}],
    "nested": [held(held(over(22), 60), 120), over(10)],
    "sentence": [{"type": "expression", "config": {"expression": "temperature > 25 and temperature < 33"}}],
}
MORE: tuple[dict[str, Any], ...] = (
    {},
    {"fire": "edge"},
    {"cooldown_seconds": 400},
    {"fire": "edge", "cooldown_seconds": 150},
)


def lived(
    farm: House, clock: ManualClock, random: Random, delays: tuple[float, ...]
) -> list[tuple[str, int, dict[str, Any]]]:
    """Return what the live engine told, rule by rule, in the course of readings, silences, and *delays* in seconds."""
    told: list[tuple[str, int, dict[str, Any]]] = []
    for step in range(80):
        clock.turn(seconds=random.choice((1, 20, 60, 60, 61, 150, 1_000, 4_000)))
        if random.random() < 0.8:
            measured_us = to_us(clock.now()) - round(random.choice(delays) * 1_000_000)
            value = random.choice((19, 21.5, 24, 26, 30, 31, 33, 35))
            farm.runtime.submit(TakeReadings([Given("dev-1", {"temperature": value}, measured_us)])).wait(10)
        if step % 8 == 7:
            clock.turn(seconds=0.5)
            for name in CONDITIONS:
                (live,) = farm.runtime.submit(ExplainNow(name, ("dev-1",))).wait(10)
                told.append((name, to_us(datetime.fromisoformat(live["at"])), live))
        if random.random() < 0.15:
            farm.runtime.submit(PutAside(0)).wait(10)
    clock.turn(seconds=60)
    return told


@pytest.mark.parametrize(
    ("seed", "delays"), [(0, (0,)), (1, (0,)), (2, (0,)), (3, (0, 0, 5, 90, 4_000)), (4, (0, 0, 5, 90, 4_000))]
)
def test_what_is_told_of_an_instant_later_is_what_was_told_then(
    farm: House, owner: FlaskClient, clock: ManualClock, seed: int, delays: tuple[float, ...]
) -> None:
    random = Random(seed)
    for name, conditions in CONDITIONS.items():
        more = random.choice(MORE)
        saved(owner, rule(id=name, scope={"device": "dev-1"}, conditions=conditions, actions=[LOG], **more))
    told = lived(farm, clock, random, delays)
    with reading(farm.database) as connection:
        assert connection.scalar(select(func.count()).select_from(checkpoints))
    demand_the_same(farm, told)
    with writing(farm.database) as connection:
        connection.execute(delete(checkpoints))
    demand_the_same(farm, told)  # from the beginning


def demand_the_same(farm: House, told: list[tuple[str, int, dict[str, Any]]]) -> None:
    past = Past(farm.database, farm.registry, farm.places)
    for name, at_us, live in told:
        version = past.version(name, at_us)
        assert version is not None
        (again,) = past.explained(name, version, at_us, "dev-1").document["explanations"]
        assert shortly(again) == shortly(live), (name, at_us)


def test_what_was_measured_before_the_rule_was_saved_and_came_after_is_known(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    long_ago_us = to_us(clock.now()) - 60_000_000
    saved(owner, rule(id="fan", scope={"device": "dev-1"}, conditions=[held(over(30), 60), over(20)], actions=[LOG]))
    clock.turn(seconds=1)
    farm.runtime.submit(TakeReadings([Given("dev-1", {"temperature": 35.0}, long_ago_us)])).wait(10)
    clock.turn(seconds=30)
    asked = {"subject": "dev-1", "at": clock.now().isoformat()}
    (told,) = body_of(owner.get(f"{RULES}/fan/explain", query_string=asked))["explanations"]

    assert [one["truth"] for one in told["conditions"]] == [False, True]
    assert told["conditions"][1]["readings"][0]["value"] == 35.0


def test_an_execution_tells_the_reasons_of_its_instant_though_more_came_in_the_same_commit(
    farm: House, owner: FlaskClient
) -> None:
    saved(owner, rule(id="fan", scope={"device": "dev-1"}, actions=[LOG]))
    given = [Given("dev-1", {"temperature": value}) for value in (35.0, 10.0)]
    farm.runtime.submit(TakeReadings(given)).wait(10)
    (fired,) = body_of(owner.get(f"{RULES}/fan/history"))["executions"]

    assert fired["trace"]["conditions"][0]["readings"][0]["value"] == 35.0
    assert (fired["trace"]["truth"], fired["trace"]["blocked"], fired["trace"]["kind"]) == (True, None, "fired")


def test_a_rule_that_somebody_had_switched_off_is_told_to_be_off(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    saved(owner, rule(id="fan", scope={"device": "dev-1"}, actions=[LOG]))
    blocked = []
    for verb in ("disable", "enable"):
        clock.turn(seconds=60)
        owner.post(f"{RULES}/fan/{verb}")
        farm.runtime.take("dev-1", {"temperature": 20.0})
        clock.turn(seconds=60)
        blocked.append(clock.now())
        clock.turn(seconds=60)
    told = [
        body_of(owner.get(f"{RULES}/fan/explain", query_string={"subject": "dev-1", "at": at.isoformat()}))
        for at in blocked
    ]

    assert [one["explanations"][0]["blocked"] for one in told] == ["disabled", None]
    assert [one["explanations"][0]["truth"] for one in told] == [False, False]


def test_only_the_subjects_that_fired_are_told_by_their_traces(
    farm: House, owner: FlaskClient, clock: ManualClock
) -> None:
    saved(owner, rule(id="fan", scope={"room": "room-1"}, actions=[LOG]))
    farm.runtime.take("fan-1", {"temperature": 20.0})
    farm.runtime.take("dev-1", {"temperature": 35.0})
    (fired,) = body_of(owner.get(f"{RULES}/fan/history"))["executions"]
    clock.turn(seconds=60)
    told = body_of(owner.get(f"{RULES}/fan/explain", query_string={"at": fired["at"]}))

    assert [one["subject"] for one in told["explanations"]] == ["dev-1", "fan-1"]
    assert [one.get("kind") for one in told["explanations"]] == ["fired", None]
    assert told["subjects"] == 2
