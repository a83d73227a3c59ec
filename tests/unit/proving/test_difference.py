"""Two sets of rules over one history: what is told as the same, as moved, as changed, and as only in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.extend.host import load_registry
from whenthen.model.firing import ActionCall, Firing
from whenthen.model.reading import Reading
from whenthen.model.step import RunByHand
from whenthen.proving.difference import Comparison, Difference, Same, differences, matched, paired, told_actions, unlike
from whenthen.recorded import Row
from whenthen.replay import Playing, Tally, begin
from whenthen.stage import Stage

REGISTRY = load_registry()
HOUR_US = 60 * MINUTE_US
LOG = ActionCall("log", {"message": "x"}, "at_most_once")


def fired(minute: float, rule: str = "r", subject: str = "d", kind: Any = "fired", **more: Any) -> Firing:
    return Firing(int(minute * MINUTE_US), rule, rule.upper(), subject, kind, more.pop("actions", (LOG,)), **more)


def told(old: list[Firing], new: list[Firing], within_us: int = HOUR_US) -> list[tuple[Any, ...]]:
    """Return what is told, shortly: ("same", count), ("old", minute), ("new", minute), ("changed", what, was, is)."""
    comparison = Comparison({}, within_us)
    comparison.add(old, new)
    return list(map(shortly, comparison.settled()))


def shortly(one: Same | Difference) -> tuple[Any, ...]:
    if isinstance(one, Same):
        return ("same", one.count)
    if one.old is not None and one.new is not None:
        return ("changed", *one.changed, one.old.at_us / MINUTE_US, one.new.at_us / MINUTE_US)
    return (one.only_in, one.firing.at_us / MINUTE_US)


def test_equal_stretches_are_counted_and_the_rest_is_told_in_order() -> None:
    old = [fired(n) for n in (1, 2, 3, 8, 9)]
    new = [fired(n) for n in (1, 2, 3, 5, 8, 9)]

    assert told(old, new) == [("same", 3), ("new", 5), ("same", 2)]
    assert told(new, old) == [("same", 3), ("old", 5), ("same", 2)]
    assert told(old, old) == [("same", 5)]
    assert told([], []) == []


def test_a_firing_that_comes_at_another_instant_has_moved_if_that_is_near_enough() -> None:
    assert told([fired(1), fired(10)], [fired(1), fired(12)]) == [("same", 1), ("changed", "at", 10, 12)]
    assert told([fired(12)], [fired(10)]) == [("changed", "at", 12, 10)]
    assert told([fired(10)], [fired(12)], within_us=MINUTE_US) == [("old", 10), ("new", 12)]
    assert told([fired(10)], [fired(12)], within_us=0) == [("old", 10), ("new", 12)]


def test_what_comes_between_ends_the_search_for_where_a_firing_went() -> None:
    assert told([fired(5), fired(10)], [fired(10), fired(12)]) == [("old", 5), ("same", 1), ("new", 12)]
    assert told([fired(5), fired(6)], [fired(7)]) == [("old", 5), ("changed", "at", 6, 7)]


def test_other_subjects_and_kinds_do_not_move_into_one_another() -> None:
    assert told([fired(1, subject="a")], [fired(2, subject="b")]) == [("old", 1), ("new", 2)]
    assert told([fired(1, kind="cleared")], [fired(2)]) == [("old", 1), ("new", 2)]


def test_other_actions_and_another_kind_at_the_same_instant_are_changes() -> None:
    louder = replace(LOG, config={"message": "y"})
    later = replace(LOG, after_us=5 * SECOND_US)

    assert told([fired(1)], [fired(1, actions=(louder,))]) == [("changed", "actions", 1, 1)]
    assert told([fired(1)], [fired(1, actions=(later,))]) == [("changed", "actions", 1, 1)]
    assert told([fired(1)], [fired(1, kind="cleared")]) == [("changed", "kind", 1, 1)]
    assert told_actions(fired(1, actions=(later,)))[0]["after_seconds"] == 5


def test_a_winner_that_is_the_same_rule_under_another_id_is_no_change() -> None:
    old = fired(1, actions=(replace(LOG, superseded_by="x1"),))
    new = fired(1, actions=(replace(LOG, superseded_by="x2"),))

    assert unlike(old, new) == ("actions",)
    assert unlike(old, new, {"x1": "x2"}) == ()


def test_pairs_prefer_the_same_kind() -> None:
    old, new = [fired(1), fired(1, kind="cleared")], [fired(1, kind="cleared")]

    assert paired(old, new) == [(old[1], new[0]), (old[0], None)]


@pytest.mark.parametrize(
    ("old", "new", "twins"),
    [
        ({"a": "A"}, {"a": "B"}, {"a": "a"}),
        ({"x": "A", "y": "B"}, {"z": "A", "w": "C"}, {"x": "z"}),
        ({"x": "A"}, {"y": "B"}, {"x": "y"}),
        ({"x": "A", "y": "A"}, {"z": "A"}, {}),
        ({"x": "A"}, {"y": "B", "z": "C"}, {}),
        ({}, {}, {}),
    ],
)
def test_rules_are_matched_by_id_then_by_name_then_as_the_only_ones(
    old: dict[str, str], new: dict[str, str], twins: dict[str, str]
) -> None:
    assert matched(old, new) == twins


FIRINGS = st.lists(
    st.builds(
        fired, st.integers(0, 30), st.sampled_from("rs"), st.sampled_from("de"), st.sampled_from(["fired", "cleared"])
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda one: one.at_us))


@given(FIRINGS, FIRINGS, st.integers(0, 20))
def test_every_firing_is_told_once_whenever_it_settles(old: list[Firing], new: list[Firing], within: int) -> None:
    whole = Comparison({}, within * MINUTE_US)
    whole.add(old, new)
    at_once = list(whole.settled())
    slowly = list(_slowly(Comparison({}, within * MINUTE_US), old, new))
    count = {"old": 0, "new": 0}
    for one in at_once:
        same = one.count if isinstance(one, Same) else 0
        count["old"] += same or getattr(one, "old", None) is not None
        count["new"] += same or getattr(one, "new", None) is not None

    assert count == {"old": len(old), "new": len(new)}
    assert slowly == at_once


def _slowly(comparison: Comparison, old: list[Firing], new: list[Firing]) -> Iterator[Same | Difference]:
    for minute in range(31):
        here = [[one for one in side if one.at_us == minute * MINUTE_US] for side in (old, new)]
        comparison.add(*here)
        yield from comparison.settled(minute * MINUTE_US)
    yield from comparison.settled()


def over(limit: float, **more: Any) -> dict[str, Any]:
    return {
        "id": f"over-{limit}",
        "name": "Over",
        "trigger": {"type": "sensor", "config": {"sensor": "x"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "x", "operator": ">", "value": limit}}],
        "actions": [{"type": "log", "config": {"message": "over"}}],
        **more,
    }


def played(
    old: dict[str, Any], new: dict[str, Any], rows: list[Row], within_us: int = HOUR_US
) -> list[tuple[Any, ...]]:
    stages = Stage(REGISTRY), Stage(REGISTRY)
    every = begin(stages[1], begin(stages[0], rows))
    for stage, document in zip(stages, (old, new), strict=True):
        stage.engine.put_rule(document)
    sides = [Playing(stage, Tally()) for stage in stages]
    twins = {old["id"]: new["id"]}
    return list(map(shortly, differences(sides[0], sides[1], every, twins, within_us)))


def test_an_edited_rule_over_a_history_is_told_firing_by_firing() -> None:
    rows: list[Row] = [Reading("d", {"x": value}, n * MINUTE_US) for n, value in enumerate((5, 12, 25, 25, 12, 5), 1)]

    assert played(over(10), over(20), rows) == [("old", 2), ("same", 2), ("old", 5)]
    edge = {"fire": "edge"}
    assert played(over(10, **edge), over(20, **edge), rows) == [("changed", "at", 2, 3)]


def test_a_recorded_run_means_the_rule_on_both_sides() -> None:
    rows: list[Row] = [Reading("d", {"x": 5}, MINUTE_US), RunByHand(2 * MINUTE_US, "over-10", force=True)]

    assert played(over(10), over(20), rows) == [("same", 1)]


def test_only_the_firings_that_may_still_meet_are_kept() -> None:
    comparison = Comparison({}, 10 * MINUTE_US)
    most = 0
    for minute in range(2_000):
        comparison.add([fired(minute)] if minute % 3 else [], [fired(minute)] if minute % 2 else [])
        list(comparison.settled(minute * MINUTE_US))
        most = max(most, len(comparison._entries))

    assert most <= 12
