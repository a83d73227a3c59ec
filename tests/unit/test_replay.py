"""The engine over recorded rows: counting, order, and where time begins and ends."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.model.event import Event
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand
from whenthen.recorded import BadRow, Row
from whenthen.replay import Tally, begin, replay
from whenthen.stage import Stage

START_US = 1_772_442_000 * SECOND_US
DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def rule(**fields: Any) -> dict[str, Any]:
    return {
        "id": "r",
        "name": "R",
        "trigger": {"type": "sensor", "config": {"sensor": "x"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "x", "operator": ">", "value": 10}}],
        "actions": [{"type": "log", "config": {"message": "{x}"}}],
        **fields,
    }


def run(registry: Registry, rules: list[dict[str, Any]], rows: list[Row]) -> tuple[list[Firing], Tally]:
    stage, tally = Stage(registry), Tally()
    all_rows = begin(stage, rows)
    for document in rules:
        stage.engine.put_rule(document)
    return list(replay(stage, all_rows, tally)), tally


def test_rows_give_firings_in_order(registry: Registry) -> None:
    rows: list[Row] = [Reading("a", {"x": 5 + n}, START_US + n * MINUTE_US) for n in range(10)]
    firings, tally = run(registry, [rule()], rows)

    assert [firing.at_us for firing in firings] == [START_US + n * MINUTE_US for n in range(6, 10)]
    assert (tally.rows, tally.readings, tally.fired["r"]) == (10, 10, 4)
    assert (tally.first_us, tally.last_us) == (START_US, START_US + 9 * MINUTE_US)


def test_a_bad_row_is_handed_over_and_counted(registry: Registry) -> None:
    stage, tally, bad = Stage(registry), Tally(), [BadRow(2, "torn")]
    told: list[BadRow] = []
    list(replay(stage, [*bad, Reading("a", {"x": 1}, START_US)], tally, on_bad_row=told.append))

    assert told == bad
    assert (tally.rows, tally.readings, tally.unreadable) == (2, 1, 1)


def test_events_trigger_too(registry: Registry) -> None:
    pressed = rule(trigger={"type": "event", "config": {"event": "button_pressed"}})
    rows: list[Row] = [Reading("a", {"x": 11}, START_US), Event("button_pressed", START_US + 1, device="a")]
    firings, tally = run(registry, [pressed], rows)

    assert [firing.at_us for firing in firings] == [START_US + 1]
    assert tally.events == 1


def test_time_ends_with_the_last_row_and_timers_due_then_still_run(registry: Registry) -> None:
    condition = {"condition": rule()["conditions"][0], "duration_seconds": 60}
    held = rule(conditions=[{"type": "duration", "config": condition}])
    early: list[Row] = [Reading("a", {"x": 11}, START_US), Reading("b", {"y": 1}, START_US + MINUTE_US - 1)]
    due: list[Row] = [Reading("a", {"x": 11}, START_US), Reading("b", {"y": 1}, START_US + MINUTE_US)]

    assert run(registry, [held], early)[0] == []
    assert [firing.at_us for firing in run(registry, [held], due)[0]] == [START_US + MINUTE_US]


def test_schedules_begin_with_the_first_row_not_in_1970(registry: Registry) -> None:
    hourly = rule(trigger={"type": "time", "config": {"every_seconds": 3600}}, conditions=[])
    rows: list[Row] = [Reading("a", {"x": 1}, START_US + n * 3600 * SECOND_US) for n in range(3)]
    firings, _ = run(registry, [hourly], rows)

    assert [(firing.at_us - START_US) // SECOND_US for firing in firings] == [0, 3600, 7200]


def test_a_row_that_goes_back_is_late_and_counted(registry: Registry) -> None:
    rows: list[Row] = [Reading("a", {"x": 1}, START_US), Reading("a", {"x": 99}, START_US - 1)]
    firings, tally = run(registry, [rule()], rows)

    assert firings == []
    assert (tally.backwards, tally.values["late"]) == (1, 1)


def test_refused_values_are_told_and_the_rest_of_the_row_is_taken(registry: Registry) -> None:
    rows: list[Row] = [Reading("a", {"y": float("inf"), "x": 11}, START_US)]
    firings, tally = run(registry, [rule()], rows)

    assert len(firings) == 1
    assert tally.values["refused"] == tally.notices["reading_refused"] == 1


def test_no_rows_fire_nothing(registry: Registry) -> None:
    assert run(registry, [rule()], [])[0] == []


@pytest.mark.skipif(not DATA.exists(), reason="the recorded office is not part of the repository")
def test_co2_above_1000_for_five_minutes_in_a_real_office_agrees_with_a_plain_count(registry: Registry) -> None:
    text = (DATA / "office_feb04_feb10.csv").read_text(encoding="utf-8")
    records = [(row["timestamp"], float(row["co2"])) for row in csv.DictReader(io.StringIO(text))]
    runs = plain_runs(records)
    held = rule(
        fire="edge",
        trigger={"type": "sensor", "config": {"sensor": "co2"}},
        conditions=[
            {
                "type": "duration",
                "config": {
                    "condition": {"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": 1000}},
                    "duration_seconds": 300,
                },
            }
        ],
    )
    rows: list[Row] = [Reading("office", {"co2": co2}, _utc_us(when)) for when, co2 in records]
    firings, _ = run(registry, [held], rows)

    assert [firing.at_us for firing in firings] == runs
    assert runs


def plain_runs(records: list[tuple[str, float]]) -> list[int]:
    """Return when each unbroken stretch above 1000 ppm became five minutes old, if it did."""
    found, since_us, told = [], None, False
    for when, co2 in records:
        now_us = _utc_us(when)
        if since_us is not None and not told and now_us >= since_us + 300 * SECOND_US:
            found.append(since_us + 300 * SECOND_US)
            told = True
        if co2 <= 1000:
            since_us, told = None, False
        elif since_us is None:
            since_us = now_us
    return found


def _utc_us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_US


def test_a_run_of_a_rule_that_is_not_there_is_a_notice_and_the_rest_goes_on(registry: Registry) -> None:
    rows: list[Row] = [RunByHand(START_US, "gone"), Reading("a", {"x": 11}, START_US + 1)]
    firings, tally = run(registry, [rule()], rows)

    assert len(firings) == 1
    assert tally.notices == {"unknown_rule": 1}


def test_a_restart_keeps_what_was_counted_before_it(registry: Registry) -> None:
    readings = [Reading("a", {"x": 11}, START_US), Reading("a", {"x": 11}, START_US)]
    rows: list[Row] = [*readings, Restart(START_US + 1, MINUTE_US), *readings]
    _, tally = run(registry, [rule()], rows)

    assert tally.values == {"duplicate": 3}
