"""A ticket is answered once, for whoever waits and whenever they ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from whenthen.runtime.intake import Ticket


def test_who_waits_gets_the_answer_and_gets_it_again() -> None:
    ticket: Ticket[str] = Ticket(1)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(ticket.wait, 10.0) for _ in range(3)]
        ticket.resolve("stored")

        assert [one.result(10.0) for one in waiting] == ["stored"] * 3
    assert ticket.wait() == "stored"


def test_who_waits_hears_what_went_wrong() -> None:
    ticket: Ticket[str] = Ticket(1)
    ticket.fail(ValueError("no"))

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            ticket.wait(0.0)


def test_without_an_answer_the_wait_ends_and_the_answer_may_still_come() -> None:
    ticket: Ticket[str] = Ticket(1)
    with pytest.raises(TimeoutError, match="may or may not be stored"):
        ticket.wait(0.01)
    ticket.resolve("stored")

    assert ticket.wait(0.0) == "stored"
