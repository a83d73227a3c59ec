"""Sets of values: what they hold, what they share, what lies outside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whenthen.analysis.region import ANY, Domain, Key, boxes_touch, meet_boxes, possible
from whenthen.dsl.values import compare

OPERATORS = st.sampled_from((">", ">=", "<", "<=", "==", "!="))
NUMBERS = st.integers(-5, 5).map(float)
KEY: Key = (None, "co2", None)
LUX: Key = (None, "lux", None)


@given(OPERATORS, NUMBERS, NUMBERS)
def test_a_domain_of_numbers_holds_what_compares_so(operator: str, limit: float, value: float) -> None:
    assert Domain.numbers(operator, limit).holds(value) is compare(operator, value, limit)


@given(OPERATORS, NUMBERS, OPERATORS, NUMBERS, NUMBERS)
def test_a_meet_holds_what_both_hold(one: str, low: float, other: str, high: float, value: float) -> None:
    first, second = Domain.numbers(one, low), Domain.numbers(other, high)

    assert first.meet(second).holds(value) is (first.holds(value) and second.holds(value))


@given(OPERATORS, NUMBERS)
def test_samples_are_inside_and_what_is_outside_is_not(operator: str, limit: float) -> None:
    domain = Domain.numbers(operator, limit)

    assert all(domain.holds(value) for value in domain.samples())
    assert not any(domain.holds(value) for value in domain.outside())


def test_kinds_do_not_mix() -> None:
    assert Domain.equals(1.0).meet(Domain.equals(True)).empty
    assert Domain.equals("1").meet(Domain.equals(1)).empty
    assert not Domain.equals("a", wanted=False).holds("a")
    assert Domain.equals("a", wanted=False).holds("b")
    assert Domain.equals("a", wanted=False).within(ANY)


def test_boxes_touch_exactly_where_their_meet_is_possible() -> None:
    low, high = {KEY: Domain.numbers("<", 5)}, {KEY: Domain.numbers(">", 5)}

    assert not boxes_touch(low, high)
    assert not possible(meet_boxes(low, high))
    assert boxes_touch(low, {LUX: Domain.numbers(">", 5)})
