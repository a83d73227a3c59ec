"""Reports that wait: in order, bounded, and equal ones counted."""

from __future__ import annotations

from whenthen.flow.notices import Notices
from whenthen.model.firing import Notice


def failure(at_us: int, message: str = "no", subject: str = "d") -> Notice:
    return Notice("condition_failed", at_us, message, "r", subject, "p")


def test_equal_failures_are_one_with_the_first_instant_and_a_count() -> None:
    notices = Notices()
    for at_us in (5, 6, 7):
        notices.collapse(failure(at_us))

    assert [(notice.at_us, notice.count) for notice in notices.take()] == [(5, 3)]


def test_failures_of_two_subjects_stay_apart() -> None:
    notices = Notices()
    for subject in ("a", "b", "a"):
        notices.collapse(failure(1, subject=subject))

    assert [(notice.subject, notice.count) for notice in notices.take()] == [("a", 2), ("b", 1)]


def test_other_reports_are_never_collapsed() -> None:
    notices = Notices()
    for _ in range(3):
        notices.add(Notice("reading_refused", 1, "co2: no"))

    assert [notice.count for notice in notices.take()] == [1, 1, 1]


def test_counting_begins_anew_when_they_were_taken() -> None:
    notices = Notices()
    notices.collapse(failure(1))
    notices.take()
    notices.collapse(failure(2))

    assert [(notice.at_us, notice.count) for notice in notices.take()] == [(2, 1)]


def test_older_ones_go_first_when_there_are_too_many() -> None:
    notices = Notices(limit=3)
    for number in range(5):
        notices.collapse(failure(number, subject=str(number)))
        notices.collapse(failure(number, subject=str(number)))

    assert len(notices) == 3
    assert [(notice.subject, notice.count) for notice in notices.take()] == [("2", 2), ("3", 2), ("4", 2)]
