"""What the analysis says of arithmetic, of parts that declare nothing, and of the rules that come with whenthen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from seeded.parts import Rule, command, compare, lasting, note, turn

from whenthen.analysis import solver
from whenthen.analysis.analyse import Analysis, analyse
from whenthen.analysis.findings import Finding
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry

ROOT = Path(__file__).parents[3]
NOW_US = 1_767_268_800_000_000


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def rule(name: str, conditions: list[Rule], actions: list[Rule], *sensors: str, **more: Any) -> Rule:
    trigger = {"type": "sensor", "config": {"sensors": list(sensors)}}
    return {"id": name, "name": name, "trigger": trigger, "conditions": conditions, "actions": actions, **more}


def expression(text: str) -> Rule:
    return {"type": "expression", "config": {"expression": text}}


def kinds(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.grade, one.proof) for one in findings]


def test_arithmetic_that_cannot_come_out_true_is_proved_by_the_solver(registry: Registry) -> None:
    never = rule("a", [expression("temperature * 2 > 80 and temperature + 5 < 30")], [note("x")], "temperature")

    assert kinds(analyse([never], registry, now_us=NOW_US)) == [("never_fires", "certain", "solver")]


def test_without_the_solver_it_is_only_possible(registry: Registry) -> None:
    never = rule("a", [expression("temperature * 2 > 80 and temperature + 5 < 30")], [note("x")], "temperature")

    assert kinds(analyse([never], registry, now_us=NOW_US, use_z3=False)) == [("never_fires", "possible", "none")]


@pytest.mark.parametrize(
    "condition",
    [compare("inside", ">", {"sensor": "outside"}), expression("a - b > c - d"), expression("round(a / 3) == 77")],
)
def test_sensors_compared_with_one_another_need_no_solver(condition: Rule, registry: Registry) -> None:
    can = rule("a", [condition], [note("x")], "inside", "outside", "a", "b", "c", "d")

    assert analyse([can], registry, now_us=NOW_US, use_z3=False) == []


@pytest.mark.parametrize(
    ("schedule", "when"),
    [
        ({"cron": "0 0 29 2 *"}, {}),
        ({"cron": "0 12 25 12 *"}, {"days": ["Sat"]}),
        ({"at": "11:30", "timezone": "UTC"}, {"time_range": ["13:00", "14:00"], "timezone": "Europe/Brussels"}),
    ],
)
def test_a_schedule_that_comes_in_another_season_or_year_is_no_rule_that_never_fires(
    schedule: Rule, when: Rule, registry: Registry
) -> None:
    conditions = [{"type": "time", "config": when}] if when else []
    rare = {**rule("a", conditions, [turn("light")]), "trigger": {"type": "time", "config": schedule}}

    assert analyse([rare], registry, now_us=NOW_US) == []


def test_times_of_two_zones_that_meet_in_summer_only_exclude_nothing(registry: Registry) -> None:
    conditions = [
        {"type": "time", "config": {"time_range": ["11:00", "11:30"], "timezone": "UTC"}},
        {"type": "time", "config": {"time_range": ["13:00", "13:30"], "timezone": "Europe/Brussels"}},
    ]

    assert analyse([rule("a", conditions, [turn("light")], "lux")], registry, now_us=NOW_US) == []


def test_a_change_to_the_same_value_never_comes(registry: Registry) -> None:
    same = {"type": "change", "config": {"sensor": "mode", "from": "eco", "to": "eco"}}

    assert kinds(analyse([rule("a", [same], [note("x")], "mode")], registry, now_us=NOW_US)) == [
        ("never_fires", "certain", "intervals")
    ]


def timed(name: str, at: str, conditions: list[Rule], *actions: Rule) -> Rule:
    return {**rule(name, conditions, list(actions)), "trigger": {"type": "time", "config": {"at": at}}}


def switch(name: str, operation: str) -> Rule:
    return {"type": "rule_control", "config": {"rule": name, "operation": operation}}


def test_a_rule_that_is_switched_on_again_in_time_is_not_blocked(registry: Registry) -> None:
    rules = [timed("a", "22:00", [], turn("pump")), timed("b", "21:10", [], switch("a", "disable"))]

    assert [one.kind for one in analyse(rules, registry, now_us=NOW_US)] == ["condition_block"]
    assert analyse([*rules, timed("c", "21:30", [], switch("a", "enable"))], registry, now_us=NOW_US) == []


def test_a_rule_whose_condition_is_put_right_in_time_is_not_blocked(registry: Registry) -> None:
    closed = compare("valve", "==", "closed")
    rules = [timed("a", "22:00", [closed], turn("pump")), timed("b", "21:10", [], command("open_valve"))]

    assert [one.kind for one in analyse(rules, registry, now_us=NOW_US)] == ["condition_block"]
    assert analyse([*rules, timed("c", "21:30", [], command("close_valve"))], registry, now_us=NOW_US) == []


@pytest.mark.parametrize("reported", ["close", "closed"])
def test_a_valve_that_was_closed_is_reported_in_either_word(reported: str, registry: Registry) -> None:
    shut = rule("a", [compare("pressure", ">", 5)], [command("close_valve")], "pressure")
    back = rule("b", [compare("valve", "==", reported)], [command("open_valve")], "valve")

    assert [one.kind for one in analyse([shut, back], registry, now_us=NOW_US)] == ["action_revert"]


@pytest.mark.parametrize(("other", "found"), [("off", []), ("on", ["action_conflict"])])
def test_events_that_cannot_be_one_event_are_no_conflict(other: str, found: list[str], registry: Registry) -> None:
    def pressed(button: str) -> Rule:
        return {"type": "event", "config": {"event": "button_pressed", "match": {"button": button}}}

    rules = [
        {**rule("a", [], [turn("light")]), "trigger": pressed("on")},
        {**rule("b", [], [turn("light", "off")]), "trigger": pressed(other)},
    ]

    assert [one.kind for one in analyse(rules, registry, now_us=NOW_US)] == found


def test_values_that_only_a_solver_finds_are_played(registry: Registry) -> None:
    hard = expression(
        "temperature * 7 + humidity * 3 > 1234 and temperature * 7 + humidity * 3 < 1235 and humidity < 11"
    )
    rules = [
        rule("a", [hard], [turn("fan")], "temperature", "humidity"),
        rule("b", [compare("temperature", ">", 100)], [turn("fan", "off")], "temperature"),
    ]

    assert solver.z3_module() is not None
    assert ("action_conflict", "certain", "replayed") in kinds(analyse(rules, registry, now_us=NOW_US))


def test_a_condition_of_two_sensors_that_always_holds_is_proved(registry: Registry) -> None:
    always = rule("a", [expression("a + b >= a - 1 or b < 0")], [note("x")], "a", "b")

    assert [one[:2] for one in kinds(analyse([always], registry, now_us=NOW_US))] == [("always_true", "certain")]


def test_a_function_that_declares_nothing_makes_a_finding_possible_and_is_named(registry: Registry) -> None:
    fall = {"type": "custom", "config": {"function": "detect_fall_pattern", "params": {}}}
    rules = [
        rule("a", [fall], [turn("siren")], "accelerometer"),
        rule("b", [compare("co2", "<", 900)], [turn("siren", "off")], "co2"),
    ]
    analysis = Analysis(registry, now_us=NOW_US)
    for one in rules:
        analysis.put(analysis.compiler.compile(one))

    assert kinds(analysis.findings()) == [("action_conflict", "possible", "none")]
    assert analysis.undeclared() == {"a": ("condition custom detect_fall_pattern",)}


def test_priority_decides_within_a_tick_but_a_later_tick_undoes_it(registry: Registry) -> None:
    gentle = rule("gentle", [lasting(compare("co2", ">", 800), 60)], [command("set_fan", value=30)], "co2")
    full = rule("full", [compare("co2", ">", 930)], [turn("fan")], "co2", priority=10)

    assert analyse([gentle, full], registry, now_us=NOW_US) == []
    seldom = {**full, "cooldown_seconds": 300}
    assert kinds(analyse([gentle, seldom], registry, now_us=NOW_US)) == [("action_conflict", "certain", "replayed")]


STUFFY = [compare("co2", ">", 900)]
HOT = [compare("temperature", ">", 30)]
OFF = [turn("fan", "off")]


def test_a_rule_that_ends_takes_nothing_from_one_that_still_holds(registry: Registry) -> None:
    hot = rule("hot", HOT, [turn("fan")], "temperature")
    stuffy = rule("stuffy", STUFFY, [turn("fan")], "co2", clear_actions=OFF)

    [found] = analyse([stuffy, hot], registry, now_us=NOW_US)

    assert (found.kind, found.grade, found.rules) == ("action_conflict", "certain", ("stuffy", "hot"))
    assert (found.subject, found.pointer) == ("fan", "/clear_actions/0")


def test_the_clock_may_be_what_ends_it(registry: Registry) -> None:
    by_day = {"type": "time", "config": {"time_range": ["06:00", "20:00"]}}
    day = rule("day", [by_day], [turn("fan")], trigger={"type": "time", "config": {"at": "06:00"}}, clear_actions=OFF)

    found = analyse([day, rule("hot", HOT, [turn("fan")], "temperature")], registry, now_us=NOW_US)

    assert kinds(found) == [("action_conflict", "certain", "replayed")]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"clear_actions": [turn("fan")]}, id="it ends with what the other wants"),
        pytest.param({"clear_actions": [{**OFF[0], "if": compare("temperature", "<=", 30)}]}, id="guarded"),
        pytest.param({"clear_actions": [turn("lamp", "off")]}, id="another channel"),
        pytest.param({"clear_actions": [turn("fan", "off", device="other")]}, id="another device"),
        pytest.param({"clear_actions": OFF, "conditions": HOT}, id="both end at once"),
        pytest.param({"clear_actions": OFF, "scope": {"room": "b"}}, id="another room"),
    ],
)
def test_an_end_that_harms_nobody_is_not_told(more: Rule, registry: Registry) -> None:
    hot = rule("hot", HOT, [turn("fan")], "temperature", scope={"room": "a"})
    sensors = ["temperature"] if "conditions" in more else ["co2"]
    ending = {**rule("ending", STUFFY, [turn("fan")], *sensors, scope={"room": "a"}), **more}

    assert "action_conflict" not in [one.kind for one in analyse([ending, hot], registry, now_us=NOW_US)]


def test_one_rule_beside_others_brings_only_what_concerns_it(registry: Registry) -> None:
    rules = [
        rule("a", [compare("co2", ">", 900)], [turn("fan")], "co2"),
        rule("b", [compare("co2", ">", 800)], [turn("fan", "off")], "co2"),
        rule("c", [compare("lux", ">", 5)], [turn("lamp")], "lux"),
    ]
    analysis = Analysis(registry, now_us=NOW_US)
    for one in rules:
        analysis.put(analysis.compiler.compile(one))

    assert [one.rules for one in analysis.findings_of("a")] == [("a", "b")]
    assert analysis.findings_of("c") == []
    analysis.remove("b")
    assert analysis.findings() == []


def test_the_order_of_rules_changes_nothing(registry: Registry) -> None:
    rules = read("server/whenthen_server/demo/rules/tent.json")
    there, back = (analyse(order, registry, now_us=NOW_US) for order in (rules, rules[::-1]))

    assert [one.to_json() for one in there] == [one.to_json() for one in back]


def read(path: str) -> list[Rule]:
    document = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return document if isinstance(document, list) else [document]


EXPLAINED: dict[str, set[tuple[str, ...]]] = {
    "examples/rules/air-quality.json": set(),
    "examples/rules/cold-chain.json": set(),
    "examples/rules/comfort-zone.json": set(),
    "examples/rules/fall-detection.json": set(),
    "examples/rules/meeting-room.json": set(),
    # Fresh air is moist air's loss: humidifier and fan work against each other, and the room wants both.
    "examples/rules/mushroom-room.json": {("environment_conflict", "Humidify", "Fresh air")},
    "server/whenthen_server/demo/rules/alarms.json": set(),
    # The gentle fan, a minute after the full one, wins until the full one is said again: priority ends with its tick.
    # "Blind" comes when humidity is silent, while CO2 and temperature are known and their rules go on.
    # "Heater off" reads whether the heater is on; the temperature, which starts it, comes every minute in any case.
    # Drying the air heats a little while heating is wanted as well: the targets differ by 0.3 degrees.
    **{
        f"server/whenthen_server/demo/rules/{room.lower()}.json": {
            ("action_conflict", f"{room}: fresh air", f"{room}: stale air"),
            ("action_conflict", f"{room}: fresh air", f"{room}: blind"),
            ("action_conflict", f"{room}: stale air", f"{room}: blind"),
            ("missed_trigger", f"{room}: heater off"),
            *more,
        }
        for room, more in {
            "Fruiting": {
                ("action_conflict", "Fruiting: dry the air", "Fruiting: heat"),
                ("action_conflict", "Fruiting: dry the air", "Fruiting: blind"),
                ("action_conflict", "Fruiting: cool", "Fruiting: dry the air"),
            },
            "Incubation": set(),
            "Tent": set(),
        }.items()
    },
}
"""What is found in the rules that come with whenthen, and why it may be so."""


@pytest.mark.parametrize("path", EXPLAINED)
def test_the_rules_that_come_with_whenthen_have_no_finding_that_is_not_explained(path: str, registry: Registry) -> None:
    rules = [{"id": one["name"], **one} for one in read(path)]
    names = {one["id"]: one["name"] for one in rules}
    found = {
        (one.kind, *sorted(names[rule_id] for rule_id in one.rules)) for one in analyse(rules, registry, now_us=NOW_US)
    }

    assert found == {(kind, *sorted(named)) for kind, *named in EXPLAINED[path]}
