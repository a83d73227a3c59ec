"""Buckets of tokens: a burst, then the average, for each by itself, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whenthen_server.api.rate import Buckets


def test_after_a_burst_there_is_one_token_per_interval() -> None:
    buckets = Buckets(size=3, per_second=0.5, most=10)

    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert buckets.take("a", 1.0) == 1.0
    assert buckets.take("a", 2.0) == 0.0
    assert buckets.take("b", 2.0) == 0.0


def test_a_clock_that_is_set_back_neither_gives_nor_takes() -> None:
    buckets = Buckets(size=2, per_second=1, most=10)
    buckets.take("a", 100.0)

    assert buckets.take("a", 50.0) == 0.0
    assert buckets.take("a", 50.0) == 1.0


def test_only_so_many_keys_are_remembered() -> None:
    buckets = Buckets(size=1, per_second=0.001, most=100)
    for number in range(10_000):
        buckets.take(str(number), 0.0)

    assert len(buckets._buckets) == 100


@given(st.lists(st.floats(0, 10), max_size=100))
def test_never_more_is_given_than_the_burst_and_the_average(steps: list[float]) -> None:
    buckets = Buckets(size=5, per_second=2, most=10)
    now, given_out = 0.0, 0
    for step in steps:
        now += step
        given_out += buckets.take("a", now) == 0.0

    assert given_out <= 5 + 2 * now + 1e-6
