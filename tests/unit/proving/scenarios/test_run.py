"""What is expected of a scenario and what is told when something else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.proving.scenarios.run import Outcome, run_scenario
from whenthen.proving.scenarios.scenario import read_scenario

WARM: dict[str, Any] = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    "clear_actions": [{"type": "device_command", "config": {"command": "turn_off_fan"}}],
}
HOLD: dict[str, Any] = {
    **WARM,
    "conditions": [{"type": "duration", "config": {"condition": WARM["conditions"][0], "duration_seconds": 60}}],
    "cooldown_seconds": 600,
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def run(registry: Registry) -> Any:
    def ran(expected: dict[str, Any], *temperatures: Any, rules: Any = (WARM,), **more: Any) -> Outcome:
        timeline = [
            entry
            if isinstance(entry, dict)
            else {"at": f"{minute}m", "device": "dev-1", "values": {"temperature": entry}}
            for minute, entry in enumerate(temperatures)
        ]
        document = {"name": "x", "rules": list(rules), "timeline": timeline, "expect": [expected], **more}
        return run_scenario(read_scenario(document, registry, Path()), registry)

    return ran


def told(outcome: Outcome) -> list[str]:
    return [line for failure in outcome.failures for line in failure.lines()]


@pytest.mark.parametrize(
    ("expected", "passes"),
    [
        ({"fires": 2}, True),
        ({"fires": 1}, False),
        ({"fires": True}, True),
        ({"never_fires": True}, False),
        ({"fires": 1, "from": "1m", "until": "1m"}, True),
        ({"fires": 1, "after": "1m"}, True),
        ({"fires": 1, "before": "3m"}, True),
        ({"fires": 2, "until": "3m"}, True),
        ({"never_fires": True, "after": "1m", "before": "3m"}, True),
        ({"never_fires": True, "from": "1m", "before": "3m"}, False),
        ({"fires": 2, "subject": "dev-1"}, True),
        ({"fires": 1, "subject": "dev-2"}, False),
        ({"never_fires": True, "subject": "dev-2"}, True),
        ({"fires": 2, "action": {"type": "device_command"}}, True),
        ({"fires": 2, "action": {"type": "device_command", "config": {"command": "turn_on_fan"}}}, True),
        ({"never_fires": True, "action": {"type": "device_command", "config": {"command": "turn_off_fan"}}}, True),
        ({"never_fires": True, "action": {"type": "log"}}, True),
        ({"clears": 1, "from": "2m", "until": "2m"}, True),
        ({"clears": 2}, False),
        ({"clears": True}, True),
        ({"never_clears": True}, False),
        ({"never_clears": True, "before": "2m"}, True),
    ],
)
def test_what_a_rule_does_is_counted_within_the_window(run: Any, expected: dict[str, Any], passes: bool) -> None:
    assert run({"rule": "Warm", **expected}, 30, 31, 29, 32).passed is passes


@pytest.mark.parametrize(
    ("channel", "value", "at", "passes"),
    [
        ("fan", None, "59s", True),
        ("fan", "on", "1m", True),
        ("fan", "off", "1m", False),
        ("fan", "off", "2m", True),
        ("pump", None, "2m", True),
        ("pump", "on", "2m", False),
    ],
)
def test_what_an_actuator_is_set_to_is_compared(run: Any, channel: str, value: Any, at: str, passes: bool) -> None:
    assert run({"device": "dev-1", "channel": channel, "is": value, "at": at}, 30, 31, 29).passed is passes


def test_a_rule_that_did_not_fire_tells_the_first_condition_that_failed_at_the_end_of_the_window(run: Any) -> None:
    outcome = run({"rule": "Warm", "fires": 1, "until": "90s"}, 30, 29.5, 31)

    assert told(outcome) == [
        "/expect/0: expected: 'Warm' fires once until 1m30s (00:01:30)",
        "  it did not fire",
        "  nearest outside that time: 2m (00:02:00) for dev-1",
        "  at 1m30s (00:01:30) for dev-1: /conditions/0 is false: temperature > 30; temperature was 29.5, 30 s old",
    ]
    assert outcome.failures[0].explained[0]["first_failed"] == "/conditions/0"


def test_a_rule_that_fired_too_often_tells_when(run: Any) -> None:
    firings = ", ".join(f"{minute}m (00:0{minute}:00) for dev-1" for minute in range(1, 6))

    assert told(run({"rule": "Warm", "never_fires": True}, *range(30, 40))) == [
        "/expect/0: expected: 'Warm' never fires",
        f"  it fired 9 times: {firings}, and 4 more",
    ]


@pytest.mark.parametrize(
    ("expected", "temperatures", "says"),
    [
        (
            {"fires": 1},
            [31, 29],
            "/conditions/0/config/condition is false: temperature > 30; temperature was 29, 0 s old",
        ),
        ({"fires": 1}, [{"at": 0, "device": "dev-1", "values": {"x": 1}}], "temperature of dev-1 was never heard"),
        ({"fires": 1}, [{"at": 0, "device": "dev-1", "values": {"temperature": None}}], "is unknown: temperature > 30"),
        ({"fires": 2}, [31, 31, 31], "the rule is cooling down"),
        ({"fires": 1}, [{"at": 0, "disable": "Warm"}, 31, 31, 31], "the rule is switched off"),
        ({"fires": 1, "subject": "dev-2"}, [31, 31], "for dev-2: it is no subject of the rule"),
        ({"clears": 1}, [31, 31, 31], "it did not clear"),
        ({"clears": 1}, [31, 31, 31], "for dev-1: the conditions hold"),
        ({"clears": 1}, [30, 30], "it had not fired, so there was nothing to clear"),
    ],
)
def test_it_is_told_what_kept_a_rule_from_firing(
    run: Any, expected: dict[str, Any], temperatures: list[Any], says: str
) -> None:
    lines = told(run({"rule": "Warm", **expected}, *temperatures, rules=[HOLD]))

    assert any(says in line for line in lines), lines


def test_a_rule_whose_conditions_hold_but_that_nothing_triggered_says_so(run: Any) -> None:
    by_hand = {**WARM, "trigger": {"type": "manual"}}

    assert (
        "the conditions hold, but nothing triggered the rule"
        in told(run({"rule": "Warm", "fires": 1}, 31, rules=[by_hand]))[-1]
    )


def test_a_rule_without_clear_actions_says_so(run: Any) -> None:
    bare = {name: value for name, value in WARM.items() if name != "clear_actions"}

    assert "  the rule has no clear_actions" in told(run({"rule": "Warm", "clears": 1}, 31, 29, rules=[bare]))


def test_a_firing_of_another_kind_within_the_window_is_told_with_what_it_did(run: Any) -> None:
    expected = {"rule": "Warm", "fires": 1, "action": {"type": "led", "config": {"color": "red"}}}

    assert told(run(expected, 31))[:3] == [
        '/expect/0: expected: \'Warm\' fires once with {"type": "led", "config": {"color": "red"}}',
        "  it did not fire like that",
        '  it fired at 0s (00:00:00) for dev-1: device_command {"command": "turn_on_fan"}',
    ]


def test_a_firing_that_lost_its_actuator_is_no_firing_and_names_the_winner(run: Any) -> None:
    stop = {**WARM, "id": "stop", "name": "Stop", "priority": 5, "actions": WARM["clear_actions"], "clear_actions": []}
    lines = told(run({"rule": "Warm", "fires": 1}, 31, rules=[WARM, stop]))

    assert lines[2] == (
        "  it fired at 0s (00:00:00) for dev-1, but every action lost its actuator: "
        '(device_command {"command": "turn_on_fan"}: superseded by \'Stop\')'
    )


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        (
            {"device": "dev-1", "channel": "fan", "is": "off", "at": "1m30s"},
            [
                '/expect/0: expected: fan of dev-1 is "off" at 1m30s (00:01:30)',
                "  it is \"on\", set at 1m (00:01:00) by 'Warm'",
                "  then it became \"off\", set at 2m (00:02:00) by 'Warm'",
            ],
        ),
        (
            {"device": "dev-1", "channel": "fan", "is": "on", "at": "0s"},
            [
                '/expect/0: expected: fan of dev-1 is "on" at 0s (00:00:00)',
                "  no rule had set it",
                "  then it became \"on\", set at 1m (00:01:00) by 'Warm'",
            ],
        ),
        (
            {"device": "dev-1", "channel": "pump", "is": "on", "at": "1m"},
            [
                '/expect/0: expected: pump of dev-1 is "on" at 1m (00:01:00)',
                "  no rule had set it",
                "  what was set: fan of dev-1",
            ],
        ),
        (
            {"device": "dev-1", "channel": "fan", "is": None, "at": "1m"},
            [
                "/expect/0: expected: fan of dev-1 is set by no rule at 1m (00:01:00)",
                "  it is \"on\", set at 1m (00:01:00) by 'Warm'",
                "  then it became \"off\", set at 2m (00:02:00) by 'Warm'",
            ],
        ),
    ],
)
def test_an_actuator_that_is_otherwise_tells_what_it_is_and_who_set_it(
    run: Any, expected: dict[str, Any], lines: list[str]
) -> None:
    assert told(run(expected, 30, 31, 29)) == lines


def test_times_are_told_in_the_scenarios_zone_with_the_day_when_it_is_long(run: Any) -> None:
    expected = {"rule": "Warm", "never_fires": True}
    lines = told(run(expected, 31, {"at": "2d"}, timezone="Europe/Brussels", start="2026-07-01T08:00:00Z"))

    assert lines[1] == "  it fired once: 0s (2026-07-01 10:00:00) for dev-1"


def test_each_subject_is_explained_up_to_three(run: Any) -> None:
    readings = [{"at": 0, "device": f"dev-{n}", "values": {"temperature": n}} for n in range(5)]
    outcome = run({"rule": "Warm", "fires": 1}, *readings)

    assert len(outcome.failures[0].explained) == 5
    assert len(told(outcome)) == 2 + 3


def test_a_restart_in_the_middle_of_a_duration_is_played(run: Any) -> None:
    readings = [{"at": s, "device": "dev-1", "values": {"temperature": 31}} for s in (0, 10, 20, 30, 40, 50, 60, 70)]
    short = {"at": "15s", "restart": {"down_seconds": 3}}
    expected = {"rule": "Warm", "fires": 1, "from": "63s", "until": "65s"}

    assert run(expected, *readings, short, {"at": "2m"}, rules=[HOLD]).passed
    assert not run(expected, *readings, {"at": "2m"}, rules=[HOLD]).passed


def test_a_single_reading_that_comes_while_the_process_is_down_is_taken_on_its_return(run: Any) -> None:
    restart = {"at": "10s", "restart": {"down_seconds": 30}}
    reading = {"at": "20s", "device": "dev-1", "values": {"temperature": 31}}

    assert run({"rule": "Warm", "fires": 1, "from": "40s", "until": "40s"}, restart, reading).passed


def test_rooms_are_subjects_when_devices_say_where_they_stand(run: Any) -> None:
    by_room = {**WARM, "scope": {"per": "room"}}
    places = {"devices": [{"id": "dev-1", "room": "room-7"}]}
    expected = {"rule": "Warm", "fires": 1, "subject": "room-7"}

    assert run(expected, 31, rules=[by_room], devices=places).passed
    assert "for room-7" in told(run({**expected, "fires": 2}, 31, 29, rules=[by_room], devices=places))[1]
