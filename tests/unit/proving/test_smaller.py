"""Making something smaller as long as it still shows what it does."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from whenthen.proving.smaller import runs, smallest

NUMBERS = st.lists(st.integers(0, 9), max_size=20)


def without_some(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[:start] + numbers[end:] for start, end in runs(len(numbers)))


@given(NUMBERS, NUMBERS)
def test_what_is_needed_is_all_that_stays_in_its_order(numbers: list[int], needed: list[int]) -> None:
    whole = [*numbers, *sorted(needed)]
    wanted = [number for number in whole if number in needed]
    left = smallest(whole, without_some, lambda some: [number for number in some if number in needed] == wanted)

    assert left == wanted


def test_what_shows_nothing_smaller_stays_as_it_is() -> None:
    assert smallest([3, 1], without_some, lambda _: False) == [3, 1]
    assert list(without_some([])) == []


def test_every_single_thing_is_among_what_could_be_left_out_and_long_runs_come_first() -> None:
    found = list(runs(6))

    assert [end - start for start, end in found] == [4] * 3 + [2] * 5 + [1] * 6
    assert {start for start, end in found if end - start == 1} == set(range(6))
