"""A ticket is answered once, for whoever waits and whenever they ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from whenthen.runtime.intake import Intake, Ticket
from whenthen.runtime.items import Given, TakeReadings


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


def test_what_is_several_things_has_an_instant_for_each() -> None:
    intake = Intake(9, lambda: 100)
    given = Given("d1", {"t": 1})
    tickets = [intake.put(TakeReadings([given] * many)) for many in (1, 3, 0, 1)]

    assert [(one.received_us, one.last_us) for one in tickets] == [(100, 100), (101, 103), (104, 104), (105, 105)]
