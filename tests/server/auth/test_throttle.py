"""How long somebody waits who keeps failing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whenthen.clock import DAY_US, MINUTE_US, SECOND_US
from whenthen_server.auth.throttle import Throttle

HOUR_US = 60 * MINUTE_US


def strike(throttle: Throttle, now_us: int, name: str = "x") -> int:
    return [throttle.failed(name, now_us) for _ in range(5)][-1]


def test_four_failures_a_minute_cost_nothing_for_ever() -> None:
    throttle = Throttle()

    assert {throttle.failed("x", n * 15 * SECOND_US) for n in range(1_000)} == {0}


def test_five_within_a_minute_cost_a_minute_wherever_the_minute_begins() -> None:
    throttle = Throttle()
    waits = [throttle.failed("x", s * SECOND_US) for s in (0, 50, 55, 60, 65, 70)]

    assert waits == [0, 0, 0, 0, 0, MINUTE_US]
    assert throttle.wait_us("x", 129 * SECOND_US) == SECOND_US
    assert throttle.wait_us("x", 130 * SECOND_US) == 0


def test_the_wait_doubles_up_to_an_hour() -> None:
    throttle, now_us, waits = Throttle(), 0, []
    for _ in range(9):
        waits.append(strike(throttle, now_us))
        now_us += waits[-1]

    assert [wait // MINUTE_US for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_hour_of_peace_makes_the_next_wait_short_again() -> None:
    throttle = Throttle()
    strike(throttle, 0)
    assert strike(throttle, 2 * MINUTE_US) == 2 * MINUTE_US

    assert strike(throttle, 4 * MINUTE_US + HOUR_US + 1) == MINUTE_US


def test_a_clock_that_is_set_back_shuts_nobody_out_for_long() -> None:
    throttle = Throttle()
    strike(throttle, 365 * DAY_US)

    assert throttle.wait_us("x", 0) == 0


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    throttle = Throttle(capacity=100)
    for n in range(1_000):
        strike(throttle, 0, str(n))

    assert len(throttle._records) == 100
    assert throttle.wait_us("0", 1) == 0
    assert throttle.wait_us("999", 1) > 0


@given(st.lists(st.integers(0, 10 * DAY_US), max_size=60))
def test_nobody_ever_waits_longer_than_an_hour(times_us: list[int]) -> None:
    throttle = Throttle()
    for now_us in times_us:
        throttle.failed("x", now_us)

        assert 0 <= throttle.wait_us("x", now_us) <= HOUR_US
