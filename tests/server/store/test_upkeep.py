"""Hours are summed up and old things go, a slice at a time; what still has something to do stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, func, select

from whenthen.clock import DAY_US, ManualClock, to_us
from whenthen_server.store import tables, upkeep
from whenthen_server.store.answers import answers
from whenthen_server.store.commands import commands
from whenthen_server.store.database import reading, writing
from whenthen_server.store.migrations import upgrade_engine
from whenthen_server.store.notifications import notifications
from whenthen_server.store.readings import HOUR_US
from whenthen_server.tending import Tending
from whenthen_server.wiring import House

NOW_US = 1_000 * DAY_US
KEEPING = upkeep.Keeping(100 * DAY_US, 50 * DAY_US, 30 * DAY_US, 5, DAY_US, 10)


@pytest.fixture
def made(database: Engine) -> Engine:
    upgrade_engine(database)
    return database


def put(engine: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
    with writing(engine) as connection:
        connection.execute(table.insert(), rows)


def count(engine: Engine, table: Table) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def run(engine: Engine, name: str, keeping: upkeep.Keeping = KEEPING) -> int:
    """Call a job until it has no more to do; return how many slices that took."""
    job: Callable[[Connection, int], bool] = upkeep.jobs(keeping)[name]
    slices, more = 0, True
    while more:
        slices += 1
        with writing(engine) as connection:
            more = job(connection, NOW_US)
    return slices


def execution(number: int, rule: str, at_us: int) -> dict[str, Any]:
    words = dict.fromkeys(("rule", "subject", "kind", "cause"), "")
    return {"id": f"{rule}{number}", "at_us": at_us, "rule_id": rule, "depth": 0, "counted": True, **words}


def action(execution_id: str, state: str) -> dict[str, Any]:
    words = dict.fromkeys(("rule_id", "rule", "subject", "cause"), "")
    numbers = dict.fromkeys(("position", "due_us", "together_us", "attempts"), 0)
    more = {"key": f"{execution_id}.0", "execution_id": execution_id, "call": {}, "parallel": False}
    return {**words, **numbers, **more, "state": state}


def test_old_readings_go_in_slices_and_hours_that_are_not_summed_up_stay(made: Engine) -> None:
    put(made, tables.series, [{"id": number, "device_id": "d", "sensor": f"s{number}"} for number in (1, 2, 3)])
    old_us = NOW_US - 200 * DAY_US
    rows = [
        {"series_id": series, "at_us": at_us + step * 60_000_000, "received_us": 0, "number": 1.0}
        for series in (1, 2)
        for at_us in (old_us, NOW_US - DAY_US)
        for step in range(700)
    ]
    put(made, tables.samples, rows)
    put(made, tables.hours_due, [{"series_id": 2, "hour_us": old_us + HOUR_US}])

    slices = run(made, "readings")

    with reading(made) as connection:
        per_series = select(tables.samples.c.series_id, func.count()).group_by(tables.samples.c.series_id)
        left = {tuple(row) for row in connection.execute(per_series)}
    assert left == {(1, 700), (2, 700 + 640)}
    assert slices > 1


def test_hours_are_summed_up_to_the_end(made: Engine) -> None:
    due = [{"series_id": 1, "hour_us": hour * HOUR_US} for hour in range(250)]
    put(made, tables.hours_due, due)
    put(made, tables.samples, [{"series_id": 1, "at_us": 3 * HOUR_US, "received_us": 0, "number": 7.0}])

    assert run(made, "hours") == 3
    assert (count(made, tables.hours_due), count(made, tables.hours)) == (0, 1)


def test_old_executions_go_with_their_actions_unless_something_waits(made: Engine) -> None:
    old_us = NOW_US - 31 * DAY_US
    put(made, tables.executions, [execution(number, "r", old_us) for number in range(1_200)])
    put(made, tables.executions, [execution(0, "new", NOW_US)])
    put(made, tables.actions, [action("r0", "waiting"), action("r1", "done"), action("new0", "done")])

    run(made, "executions")

    with reading(made) as connection:
        assert set(connection.scalars(select(tables.executions.c.id))) == {"r0", "new0"}
        assert set(connection.scalars(select(tables.actions.c.key))) == {"r0.0", "new0.0"}


def test_each_rule_keeps_its_newest_executions(made: Engine) -> None:
    rules = [f"r{number:03}" for number in range(120)]
    put(made, tables.executions, [execution(number, rule, NOW_US + number) for rule in rules for number in range(7)])
    put(made, tables.executions, [execution(number, "busy", NOW_US + number) for number in range(1_100)])

    run(made, "executions of a rule")

    with reading(made) as connection:
        kept = connection.execute(
            select(tables.executions.c.rule_id, func.count(), func.min(tables.executions.c.at_us)).group_by(
                tables.executions.c.rule_id
            )
        ).all()
    assert {(rule, number, at_us - NOW_US) for rule, number, at_us in kept} == {
        ("busy", 5, 1_095),
        *((rule, 5, 2) for rule in rules),
    }


def test_ended_commands_notifications_deeds_and_answers_go_when_they_are_old(made: Engine) -> None:
    ages = [1, 29, 31, 51]
    instants = [NOW_US - age * DAY_US for age in ages]
    words: dict[str, Any] = {"device_id": "d", "name": "n", "params": {}, "delivery": "idempotent", "who": ""}
    put(
        made,
        commands,
        [
            {"id": f"c{at_us}", **words, "state": "sent", "created_us": 0, "expires_us": 0, "ended_us": at_us}
            for at_us in [*instants, None]
        ],
    )
    put(
        made,
        notifications,
        [{"id": str(at), "farm_id": "f", "at_us": at, "level": "", "message": ""} for at in instants],
    )
    put(made, tables.audit, [{"at_us": at_us, "actor": "", "action": "", "what": {}} for at_us in instants])
    young = [NOW_US - number for number in range(20)]
    kept = [
        {"key": str(at), "fingerprint": "", "begun_us": at, "headers": [], "body": b""} for at in [*instants, *young]
    ]
    put(made, answers, kept)

    for name in ("commands", "notifications", "audit", "answers", "many answers", "keys"):
        run(made, name)

    assert [count(made, table) for table in (commands, notifications, tables.audit, answers)] == [3, 2, 3, 10]


def test_without_history_only_what_has_something_to_do_stays(made: Engine) -> None:
    put(made, tables.executions, [execution(number, "r", NOW_US) for number in range(3)])
    put(made, tables.actions, [action("r0", "sending"), action("r1", "dead")])

    run(made, "executions of a rule", dataclasses.replace(KEEPING, executions_per_rule=0))

    with reading(made) as connection:
        assert list(connection.scalars(select(tables.executions.c.id))) == ["r0"]


def test_the_house_keeps_itself_by_its_clock(house: House, clock: ManualClock) -> None:
    house.runtime.take("d", {"t": 1.5})
    clock.turn(seconds=2 * 365 * 86_400)
    house.tending.tick()

    with reading(house.database) as connection:
        assert connection.execute(select(tables.hours.c.total)).scalar_one() == 1.5
        assert connection.execute(select(func.count()).select_from(tables.samples)).scalar_one() == 0
    assert house.tending.state().status == "ok"


def test_upkeep_that_fails_says_so_and_is_tried_again_at_the_next_pass(house: House, clock: ManualClock) -> None:
    failing = True

    def job(_connection: Connection, _now_us: int) -> bool:
        if failing:
            raise OSError("the disk is full")
        return False

    tending = Tending(house.runtime, house.database, {"readings": upkeep.Slice(job)}, lambda: None)
    tending.tick()
    assert tending.state().detail == "readings: OSError"
    failing = False
    tending.tick()
    assert tending.state().status == "degraded"
    clock.turn(seconds=300)
    tending.tick()
    assert tending.state().status == "ok"
    assert house.runtime.now_us() == to_us(clock.now())
