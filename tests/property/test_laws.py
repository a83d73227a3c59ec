"""Laws that hold for every rule and every history."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen import Reading
from whenthen.engine import Engine, merge_state
from whenthen.extend.host import load_registry
from whenthen.flow.state import Slot
from whenthen.model.firing import Firing

REGISTRY = load_registry()
S = 1_000_000

SENSORS = st.sampled_from(["t", "h"])
NUMBERS = st.sampled_from([18, 19, 19.5, 20, 20.5, 21, 22])
VALUES = st.one_of(NUMBERS, NUMBERS, NUMBERS, st.none(), st.sampled_from(["on", True]))
OPERATORS = st.sampled_from([">", ">=", "<", "<=", "==", "!="])


def comparison(sensor: str, name: str, value: float, hysteresis: float | None) -> dict[str, Any]:
    config: dict[str, Any] = {"sensor": sensor, "operator": name, "value": value}
    if hysteresis is not None and name not in ("==", "!="):
        config["hysteresis"] = hysteresis
    return {"type": "comparison", "config": config}


PLAIN = st.builds(comparison, SENSORS, OPERATORS, NUMBERS, st.none())
LEAVES = st.one_of(
    st.builds(comparison, SENSORS, OPERATORS, NUMBERS, st.sampled_from([None, None, 0.5, 1])),
    st.builds(lambda s, low: {"type": "range", "config": {"sensor": s, "min": low, "max": low + 1}}, SENSORS, NUMBERS),
    st.builds(
        lambda s, by: {"type": "change", "config": {"sensor": s, "by": by, "within_seconds": 30}},
        SENSORS,
        st.sampled_from([0.5, 1, 2]),
    ),
    st.builds(lambda v: {"type": "expression", "config": {"expression": f"t > {v} and h < 21"}}, NUMBERS),
)


def around(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(
            lambda name, parts: {"type": "composite", "operator": name, "config": {"conditions": parts}},
            st.sampled_from(["AND", "OR"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda part: {"type": "composite", "config": {"operator": "NOT", "conditions": [part]}}, inner),
        st.builds(
            lambda part, seconds: {"type": "duration", "config": {"condition": part, "duration_seconds": seconds}},
            inner,
            st.sampled_from([5, 10, 30]),
        ),
    )


CONDITIONS = st.recursive(LEAVES, around, max_leaves=4)
RULES = st.fixed_dictionaries(
    {
        "name": st.just("r"),
        "trigger": st.builds(
            lambda sensors, interval: {"type": "sensor", "config": {"sensors": sensors, "interval": interval}},
            st.lists(SENSORS, min_size=1, max_size=2, unique=True),
            st.sampled_from([0, 0, 7]),
        ),
        "conditions": st.lists(CONDITIONS, max_size=3),
        "actions": st.just([{"type": "led", "config": {"color": "red"}}]),
        "clear_actions": st.sampled_from([[], [{"type": "led", "config": {"color": "off"}}]]),
        "fire": st.sampled_from(["every", "edge"]),
        "cooldown_seconds": st.sampled_from([0, 0, 12]),
        "on_gap": st.sampled_from(["verify", "hold", "reset"]),
    }
)
READINGS = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.sampled_from(["d1", "d2"]),
        st.dictionaries(SENSORS, VALUES, min_size=1, max_size=2),
        st.sampled_from([0, 0, 0, 3]),
    ),
    max_size=40,
)
Steps = list[tuple[int, str, dict[str, Any], int]]


def readings(steps: Steps) -> list[Reading]:
    now, made = 0, []
    for wait, device, values, late in steps:
        now += wait
        made.append(Reading(device, values, now * S, max(0, now - late) * S))
    return made


def with_id(rule: dict[str, Any], number: int) -> dict[str, Any]:
    return {**rule, "id": f"r{number}", "priority": number % 2}


def history(engine: Engine, steps: Steps) -> list[Firing]:
    fired = [firing for reading in readings(steps) for firing in engine.handle(reading)]
    return fired + engine.advance(engine.now_us + 100 * S)


def engine_with(rules: list[dict[str, Any]]) -> Engine:
    engine = Engine(REGISTRY)
    for number, rule in enumerate(rules):
        engine.put_rule(with_id(rule, number))
    return engine


def in_full(engine: Engine) -> Engine:
    """Return the engine with its index switched off: every reading is a look at everyone who reads the sensor."""
    move = engine._arrivals.move

    def looks_at_all(slot: Slot, value: Any, at_us: int, now_us: int, looks: dict[Any, None]) -> None:
        move(slot, value, at_us, now_us, looks)
        looks.update(slot.watchers)
        looks.update(dict.fromkeys(slot.triggers))
        slot.unsettle()

    engine._arrivals.move = looks_at_all  # type: ignore[method-assign]
    return engine


@given(RULES)
def test_a_rule_reads_back_as_it_was_put(rule: dict[str, Any]) -> None:
    engine = engine_with([rule])

    assert json.loads(json.dumps(engine.rule("r0"))) == with_id(rule, 0)


@given(st.lists(RULES, min_size=1, max_size=3), READINGS)
def test_the_index_finds_what_a_full_scan_finds(rules: list[dict[str, Any]], steps: Steps) -> None:
    assert history(engine_with(rules), steps) == history(in_full(engine_with(rules)), steps)


@given(st.lists(RULES, min_size=1, max_size=3), READINGS)
def test_the_same_input_gives_the_same_firings(rules: list[dict[str, Any]], steps: Steps) -> None:
    def printed() -> bytes:
        firings = history(engine_with(rules), steps)
        return json.dumps([[f.at_us, f.rule_id, f.kind, [a.to_json() for a in f.actions]] for f in firings]).encode()

    assert printed() == printed()


@given(RULES, READINGS)
def test_a_rule_never_fires_within_its_cooldown(rule: dict[str, Any], steps: Steps) -> None:
    fired = [firing for firing in history(engine_with([rule]), steps) if firing.kind == "fired" and firing.counted]

    for subject in ("d1", "d2"):
        instants = [firing.at_us for firing in fired if firing.subject == subject]
        assert all(b - a >= rule["cooldown_seconds"] * S for a, b in pairwise(instants))


@given(st.lists(st.floats(998, 1002), max_size=60))
def test_hysteresis_never_chatters(values: list[float]) -> None:
    above = comparison("t", ">", 1000, 2)
    trigger = {"type": "sensor", "config": {"sensor": "t"}}
    engine = engine_with(
        [
            {
                "name": "r",
                "trigger": trigger,
                "conditions": [above],
                "fire": "edge",
                "actions": [{"type": "log", "config": {"message": "x"}}],
            }
        ]
    )

    fired = history(engine, [(1, "d1", {"t": value}, 0) for value in values])

    assert len(fired) <= 1


@given(st.lists(RULES, min_size=1, max_size=3), READINGS, st.sets(st.integers(0, 40)))
def test_a_restart_without_a_gap_changes_nothing(rules: list[dict[str, Any]], steps: Steps, stops: set[int]) -> None:
    documents = [with_id(rule, number) for number, rule in enumerate(rules)]
    plain, stopped = engine_with(rules), engine_with(rules)
    kept: dict[str, Any] = {}
    for index, reading in enumerate(readings(steps)):
        expected, found = plain.handle(reading), stopped.handle(reading)
        assert found == expected
        if index in stops:
            kept = merge_state(kept, stopped.changed_state())
            stopped = Engine.restore(REGISTRY, None, documents, json.loads(json.dumps(kept)))
            # The first instant is the last one given: there was no gap, so no timer may be lost or run twice.
            assert stopped.advance(stopped.now_us) == plain.advance(plain.now_us)
    later = plain.now_us + 100 * S

    assert stopped.advance(later) == plain.advance(later)


def truths(condition: dict[str, Any], values: dict[str, Any]) -> bool | None:
    """Return the truth of one condition for a device with these values."""
    engine = engine_with(
        [
            {
                "name": "r",
                "trigger": {"type": "manual"},
                "conditions": [condition],
                "actions": [{"type": "log", "config": {"message": "x"}}],
            }
        ]
    )
    engine.handle(Reading("d1", values, S))
    result = engine.run_rule("r0")
    if result.firings:
        return True
    return False if result.blocked.get("d1") == "conditions_false" else None


def joined(operator: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "composite", "operator": operator, "config": {"conditions": list(parts)}}


@given(PLAIN, PLAIN, st.dictionaries(SENSORS, VALUES, min_size=1))
def test_kleenes_laws(a: dict[str, Any], b: dict[str, Any], values: dict[str, Any]) -> None:
    def truth(condition: dict[str, Any]) -> bool | None:
        return truths(condition, values)

    rank = {False: 0, None: 1, True: 2}
    left, right = truth(a), truth(b)

    assert rank[truth(joined("AND", a, b))] == min(rank[left], rank[right])
    assert rank[truth(joined("OR", a, b))] == max(rank[left], rank[right])
    assert rank[truth(joined("NOT", a))] == 2 - rank[left]
    assert truth(joined("NOT", joined("AND", a, b))) == truth(joined("OR", joined("NOT", a), joined("NOT", b)))


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_state_with_nothing_changed_is_only_the_time(seconds: int) -> None:
    engine = engine_with([])
    engine.changed_state()
    engine.advance(seconds * S)

    assert engine.changed_state() == {"now_us": seconds * S}
