"""Who spends the time, measured by a timer that is turned by hand."""

from __future__ import annotations

from whenthen.flow.meter import Meter


class HandTurned:
    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def spent(meter: Meter) -> list[tuple[str, int, int]]:
    return [(row.name, row.calls, row.total_ns) for row in meter.spent()]


def test_time_inside_another_condition_counts_for_the_inner_one_only() -> None:
    timer = HandTurned()
    meter = Meter(timer)

    def take(nanoseconds: int) -> None:
        timer.now_ns += nanoseconds

    inner = meter.measured("a", "condition", "inner", take)

    def around(nanoseconds: int) -> None:
        take(5)
        inner(nanoseconds)
        inner(nanoseconds)

    outer = meter.measured("b", "condition", "outer", around)
    outer(100)
    outer(100)

    assert spent(meter) == [("inner", 4, 400), ("outer", 2, 10)]


def test_time_until_an_exception_counts() -> None:
    timer = HandTurned()
    meter = Meter(timer)

    def fail() -> None:
        timer.now_ns += 7
        raise ValueError

    measured = meter.measured("a", "condition", "fails", fail)
    for _ in range(2):
        try:
            measured()
        except ValueError:
            continue

    assert spent(meter) == [("fails", 2, 14)]


def test_who_was_never_asked_is_left_out() -> None:
    meter = Meter(HandTurned())
    meter.measured("a", "condition", "idle", print)

    assert meter.spent() == []
