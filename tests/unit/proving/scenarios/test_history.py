"""The entries of a timeline as steps: what each becomes, in which order, and every mistake."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen.clock import SECOND_US
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick, instant_of
from whenthen.proving.offsets import LONGEST_US
from whenthen.proving.scenarios.entries import entries_of
from whenthen.proving.scenarios.history import History
from whenthen.proving.scenarios.rulebook import Rulebook

ZONE = ZoneInfo("UTC")
BOOK = Rulebook([{"id": "r1", "name": "Warm"}])
START_US = 1_767_225_600 * SECOND_US


def read(*entries: Any) -> tuple[tuple[Step, ...], list[str]]:
    problems: list[Any] = []
    steps = History(START_US, ZONE, BOOK, problems).steps(entries)
    return steps, [str(problem) for problem in problems]


def steps_of(*entries: Any) -> tuple[Step, ...]:
    steps, problems = read(*entries)
    assert problems == []
    return steps


def seconds(steps: tuple[Step, ...]) -> list[float]:
    return [(instant_of(step) - START_US) / SECOND_US for step in steps]


def test_each_kind_of_entry_becomes_its_step() -> None:
    steps = steps_of(
        {"at": 0, "device": "d", "values": {"x": 1}},
        {"at": 1, "event": "button_pressed", "room": "room-7", "data": {"button": "help"}},
        {"at": 2, "restart": True},
        {"at": 3, "restart": {"down_seconds": 4}},
        {"at": 8, "run": "Warm", "device": "d", "force": True},
        {"at": 9, "disable": "r1"},
        {"at": 10, "enable": "Warm"},
        {"at": 11},
    )
    at = [START_US + second * SECOND_US for second in range(12)]

    assert steps == (
        Reading("d", {"x": 1}, at[0]),
        Event("button_pressed", at[1], {"button": "help"}, room="room-7"),
        Restart(at[2]),
        Restart(at[3], 4 * SECOND_US),
        RunByHand(at[8], "r1", "d", force=True),
        Switch(at[9], "r1", enabled=False),
        Switch(at[10], "r1", enabled=True),
        Tick(at[11]),
    )


def test_entries_may_stand_in_any_order_and_those_of_one_instant_keep_theirs() -> None:
    steps = steps_of({"at": 5}, {"at": 0, "event": "a"}, {"at": 0, "event": "b"})

    assert [getattr(step, "name", "") for step in steps] == ["a", "b", ""]


def test_a_late_reading_takes_its_place_by_when_it_came() -> None:
    steps = steps_of({"at": 3}, {"at": 1, "received_at": 5, "device": "d", "values": {"x": 1}})

    assert steps[1] == Reading("d", {"x": 1}, START_US + 5 * SECOND_US, START_US + SECOND_US)


def test_a_repeated_reading_comes_until_the_end_of_its_time_included() -> None:
    repeated = {"at": 10, "device": "d", "values": {"x": 1}, "every_seconds": 5, "for_seconds": 10}

    assert seconds(steps_of(repeated)) == [10, 15, 20]


def test_a_repeated_late_reading_is_as_late_each_time() -> None:
    late = {"at": 0, "received_at": 2, "device": "d", "values": {"x": 1}, "every_seconds": 5, "for_seconds": 5}

    assert [(step.at_us, step.received_us) for step in steps_of(late) if isinstance(step, Reading)] == [
        (START_US, START_US + 2 * SECOND_US),
        (START_US + 5 * SECOND_US, START_US + 7 * SECOND_US),
    ]


def test_a_silence_drops_the_repeated_readings_of_its_device_and_no_others() -> None:
    def every(device: str) -> dict[str, Any]:
        return {"at": 0, "device": device, "values": {"x": 1}, "every_seconds": 10, "for_seconds": 40}

    told = {"at": 15, "device": "a", "values": {"x": 2}}
    steps = steps_of(every("a"), every("b"), told, {"at": 10, "silence": "a", "for_seconds": 20})

    assert seconds(tuple(step for step in steps if getattr(step, "device", "") == "a")) == [0, 15, 30, 40]
    assert seconds(tuple(step for step in steps if getattr(step, "device", "") == "b")) == [0, 10, 20, 30, 40]


def test_a_silence_without_an_end_lasts() -> None:
    every = {"at": 0, "device": "a", "values": {"x": 1}, "every_seconds": 10, "for_seconds": 40}

    assert seconds(steps_of(every, {"at": 15, "silence": "a"})) == [0, 10]


def test_nobody_hears_repeated_readings_while_the_process_is_down() -> None:
    every = {"at": 0, "device": "a", "values": {"x": 1}, "every_seconds": 10, "for_seconds": 40}
    steps = steps_of(every, {"at": 10, "restart": {"down_seconds": 20}})

    assert seconds(tuple(step for step in steps if isinstance(step, Reading))) == [0, 10, 30, 40]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (5, "/timeline/0: must be an object"),
        ({}, "/timeline/0: it does not say what it is"),
        (
            {"at": 0, "device": "d", "vales": {}},
            "/timeline/0/vales: there is no field 'vales' (did you mean 'values'?)",
        ),
        ({"at": 0, "device": "d"}, "/timeline/0: it does not say what it is"),
        ({"at": 0, "values": {"x": 1}}, "the field 'device' is missing"),
        ({"device": "d", "values": {"x": 1}}, "the field 'at' is missing"),
        ({"at": 0, "device": "d", "values": {}}, "/timeline/0/values"),
        (
            {"at": 0, "device": "d", "values": {"x": 1}, "every_seconds": 5},
            "'for_seconds' is missing ('every_seconds' needs",
        ),
        ({"at": 0, "device": "d", "values": {"x": 1}, "for_seconds": 5}, "'every_seconds' is missing"),
        ({"at": 0, "device": "d", "values": {"x": 1}, "every_seconds": 0, "for_seconds": 5}, "must be more than 0"),
        ({"at": "soon", "device": "d", "values": {"x": 1}}, "/timeline/0/at: 'soon' is no time"),
        ({"at": [], "event": "a"}, "/timeline/0/at: must be a number or a text"),
        ({"at": 0, "event": "a", "values": {"x": 1}}, 'there is no field "event"'),
        ({"at": 0, "event": "a", "devise": "d"}, "did you mean 'device'?"),
        ({"at": 0, "restart": False}, "/timeline/0/restart"),
        ({"at": 0, "restart": {"down_seconds": -1}}, "/timeline/0/restart"),
        ({"at": 0, "run": "Wram"}, "/timeline/0/run: there is no rule 'Wram' (did you mean 'Warm'?)"),
        ({"at": 0, "enable": "x"}, "/timeline/0/enable: there is no rule 'x'"),
        ({"at": 0, "silence": "d"}, "/timeline/0/silence: no readings of 'd' come again and again"),
    ],
)
def test_a_mistake_is_told_with_its_place(entry: Any, says: str) -> None:
    _, problems = read(entry)

    assert len([problem for problem in problems if says in problem]) == 1, problems


def test_every_mistake_is_told_at_once() -> None:
    _, problems = read({"at": "x", "event": "a"}, {"at": 0, "run": "x"}, 5, {"at": 0, "silence": "d", "for_second": 2})

    assert [problem.partition(":")[0] for problem in problems] == [
        "/timeline/0/at",
        "/timeline/1/run",
        "/timeline/2",
        "/timeline/3/for_second",
    ]


def test_more_steps_than_a_scenario_should_have_are_refused_before_they_are_made() -> None:
    every = {"at": 0, "device": "d", "values": {"x": 1}, "every_seconds": 0.000001, "for_seconds": 300_000_000}
    steps, problems = read(every)

    assert steps == ()
    assert "more than 1,000,000 steps" in problems[0]


@st.composite
def any_step(draw: st.DrawFn) -> Step:
    at_us = START_US + draw(st.integers(0, LONGEST_US))
    whom = draw(st.permutations(["d", None, None]) | st.just([None, None, None]))
    steps: list[Step] = [
        Reading("d", {"x": 1.5, "y": None}, at_us),
        Reading("d", {"x": 1}, at_us, START_US),
        Event("a", at_us, {"b": 1}, *whom),
        Event("a", at_us, {}, *whom),
        Tick(at_us),
        Restart(at_us),
        Restart(at_us, 1_500_000),
        RunByHand(at_us, "r1", *whom),
        RunByHand(at_us, "r1", force=True),
        Switch(at_us, "r1", enabled=True),
        Switch(at_us, "r1", enabled=False),
    ]
    return draw(st.sampled_from(steps))


@given(st.lists(any_step(), max_size=20))
def test_steps_told_as_entries_are_the_same_steps(steps: list[Step]) -> None:
    ordered = tuple(sorted(steps, key=instant_of))
    expected = tuple(
        Reading(step.device, step.values, step.received_us, None if step.at_us == step.received_us else step.at_us)
        if isinstance(step, Reading)
        else step
        for step in ordered
    )

    assert steps_of(*entries_of(ordered, START_US)) == expected
