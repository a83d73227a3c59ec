"""What rules remember is put aside in rounds, a slice at a time, and only of rules that remember."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from posted.rules import rule
from sqlalchemy import Engine, select

from whenthen.clock import ManualClock
from whenthen_server.settings import load_settings
from whenthen_server.store import checkpoints
from whenthen_server.store.checkpoints import EVERY_US, PutAside
from whenthen_server.store.database import reading, writing
from whenthen_server.store.migrations import upgrade_engine
from whenthen_server.wiring import House

HELD = {"type": "duration", "config": {"condition": rule()["conditions"][0], "duration_seconds": 600}}
NEVER_US = 10**18


@pytest.fixture
def still(tmp_path: Path, clock: ManualClock) -> Generator[House]:
    """Return a server whose upkeep has not begun."""
    found = House(load_settings(None, {"WHENTHEN_DATA_FOLDER": str(tmp_path / "data")}), clock)
    found.runtime.start()
    yield found
    found.stopping()
    found.close(10.0)


def remembering(house: House, count: int) -> None:
    for number in range(count):
        house.runtime.put_rule(rule(id=f"r{number:03}", scope={"device": "dev-1"}, conditions=[HELD]))
    house.runtime.take("dev-1", {"temperature": 35.0})


def kept(house: House) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    with reading(house.database) as connection:
        for row in connection.execute(select(checkpoints.checkpoints)):
            found.setdefault(row.rule_id, []).append(row.at_us)
    return found


def put_aside(house: House, item: PutAside) -> int:
    """Go on until there is no more to do; return how many slices that took."""
    slices = 1
    while house.runtime.submit(item).wait(10):
        slices += 1
    return slices


def test_what_is_put_aside_is_what_the_engine_keeps_then(still: House, clock: ManualClock) -> None:
    remembering(still, 1)
    clock.turn(seconds=60)
    put_aside(still, PutAside(0))

    with reading(still.database) as connection:
        found = checkpoints.newest(connection, "r000", 0, NEVER_US)
    assert found is not None
    assert found.instances == still.runtime.writer.engine.kept("r000")
    assert found.instances["dev-1"]["states"]


def test_rules_that_remember_nothing_are_left_out(still: House) -> None:
    remembering(still, 1)
    still.runtime.put_rule(rule(id="plain", scope={"device": "dev-1"}))
    still.runtime.put_rule(rule(id="edge", scope={"device": "dev-1"}, fire="edge"))
    put_aside(still, PutAside(0))

    assert set(kept(still)) == {"r000", "edge"}


def test_a_round_goes_over_all_rules_in_slices(still: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "INSTANCES", 4)
    remembering(still, 7)
    slices = put_aside(still, PutAside(0))

    assert slices == 4
    assert {rule_id: len(instants) for rule_id, instants in kept(still).items()} == {f"r{n:03}": 1 for n in range(7)}


def test_a_round_begins_when_the_last_is_old_enough(still: House, clock: ManualClock) -> None:
    remembering(still, 1)
    item = PutAside()
    counts = []
    for seconds in (0, 3_600, EVERY_US // 1_000_000 - 3_601, 2):
        clock.turn(seconds=seconds)
        put_aside(still, item)
        counts.append(len(kept(still)["r000"]))

    assert counts == [1, 1, 1, 2]


def test_a_process_begins_with_a_round_unless_one_was_just_now(still: House, clock: ManualClock) -> None:
    remembering(still, 1)
    counts = []
    for seconds in (0, 3_000, 1_000):
        clock.turn(seconds=seconds)
        put_aside(still, PutAside())
        counts.append(len(kept(still)["r000"]))

    assert counts == [1, 1, 2]


def test_a_clock_that_was_set_back_does_not_end_the_rounds(still: House) -> None:
    remembering(still, 1)
    with writing(still.database) as connection:
        ahead: dict[str, Any] = {"rule_id": "r000", "at_us": NEVER_US, "instances": {}}
        connection.execute(checkpoints.checkpoints.insert(), ahead)
    put_aside(still, PutAside())

    assert len(kept(still)["r000"]) == 2


def test_the_newest_of_a_rule_is_found_between_two_instants_and_old_ones_go(database: Engine) -> None:
    upgrade_engine(database)
    rows: list[dict[str, Any]] = [
        {"rule_id": one, "at_us": at_us, "instances": {"d": {}}} for one in "ab" for at_us in (10, 20, 30)
    ]
    with writing(database) as connection:
        connection.execute(checkpoints.checkpoints.insert(), rows)
        asked = ((0, 29), (0, 30), (20, 29), (30, 99))
        found = [checkpoints.newest(connection, "a", *between) for between in asked]
        assert [one and one.at_us for one in found] == [20, 30, None, None]

        assert checkpoints.forget(connection, 25, 2)
        assert checkpoints.forget(connection, 25, 2)
        assert not checkpoints.forget(connection, 25, 2)
        left = set(connection.execute(select(checkpoints.checkpoints.c.rule_id, checkpoints.checkpoints.c.at_us)))
    assert {tuple(row) for row in left} == {("a", 30), ("b", 30)}
