"""Which action may start, and what becomes of one that has ended."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen import ActionCall
from whenthen.runtime.breaker import MAX_FAILURES
from whenthen.runtime.manner import Manner
from whenthen.runtime.outbox import Outbox
from whenthen.runtime.records import ActionRow, Outcome

S = 1_000_000
DONE = Outcome("done", result=1)
FAILED = Outcome("failed", error="it broke")


def row(key: str, position: int = 0, execution: str = "e", **more: Any) -> ActionRow:
    names = ("after_us", "max_retries", "stop_on_failure", "timeout_us")
    call = ActionCall(
        more.pop("type", "log"),
        more.pop("config", {}),
        more.pop("delivery", "idempotent"),
        **{name: more.pop(name) for name in names if name in more},
    )
    return ActionRow(key, execution, "r", "Rule", "d1", position, call, "waiting", more.pop("due_us", 0), **more)


def outbox(*rows: ActionRow, manner: Manner | None = None) -> Outbox:
    made = Outbox(lambda: 0.5, manner or Manner())
    made.add(rows)
    return made


def started(box: Outbox, now_us: int = 0, room: int = 99) -> list[str]:
    return [row.key for row in box.start(now_us, room) if row.state == "sending"]


def test_actions_of_a_firing_start_one_after_the_other() -> None:
    box = outbox(row("a"), row("b", 1), row("c", 2))

    assert started(box) == ["a"]
    box.ended("a", 1, DONE, S)
    assert started(box, S) == ["b"]
    box.ended("b", 1, FAILED, S)
    assert started(box, S) == ["c"]


def test_parallel_actions_start_at_once_and_no_more_than_there_is_room_for() -> None:
    box = outbox(row("a", parallel=True), row("b", 1, parallel=True), row("c", 2, parallel=True))

    assert started(box, room=2) == ["a", "b"]
    assert started(box) == ["c"]


def test_a_delayed_action_holds_nobody_up() -> None:
    box = outbox(row("later", after_us=5 * S, due_us=5 * S), row("now", 1))

    assert started(box) == ["now"]
    assert box.next_due_us == 5 * S
    assert started(box, 5 * S) == ["later"]


def test_a_failure_that_stops_skips_the_rest_and_says_why() -> None:
    box = outbox(row("a", stop_on_failure=True), row("b", 1), row("c", 2))
    box.start(0, 9)
    changed = box.ended("a", 1, FAILED, S)

    assert [(one.key, one.state, one.error) for one in changed] == [
        ("a", "failed", "it broke"),
        ("b", "skipped", "an action before it failed"),
        ("c", "skipped", "an action before it failed"),
    ]
    assert len(box) == 0


def test_retries_come_later_and_later_and_then_the_action_is_dead() -> None:
    one = row("a", max_retries=2)
    box = outbox(one)
    now_us = 0
    waits = []
    for attempt in (1, 2):
        assert started(box, now_us) == ["a"]
        box.ended("a", attempt, FAILED, now_us)
        assert (one.state, one.error) == ("waiting", "it broke")
        waits.append(one.due_us - now_us)
        now_us = one.due_us
    assert started(box, now_us) == ["a"]
    box.ended("a", 3, FAILED, now_us)

    assert waits == [5 * S, 30 * S]
    assert (one.state, one.attempts) == ("dead", 3)


def test_the_target_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() -> None:
    long, short = row("a", max_retries=1), row("b", execution="f", max_retries=1)
    box = outbox(long, short)
    box.start(0, 9)
    box.ended("a", 1, Outcome("later", after_us=60 * S), 0)
    box.ended("b", 1, Outcome("later", after_us=1 * S), 0)

    assert (long.due_us, short.due_us) == (60 * S, 5 * S)


def test_an_action_that_holds_the_others_up_does_so_until_its_retries_are_over() -> None:
    box = outbox(row("a", stop_on_failure=True, max_retries=1), row("b", 1))
    box.start(0, 9)
    box.ended("a", 1, FAILED, 0)

    assert started(box, 4 * S) == []
    assert started(box, 5 * S) == ["a"]
    box.ended("a", 2, DONE, 5 * S)
    assert started(box, 5 * S) == ["b"]


def test_what_is_tried_again_without_stopping_lets_the_others_go_on() -> None:
    box = outbox(row("a", max_retries=1), row("b", 1))
    box.start(0, 9)
    box.ended("a", 1, FAILED, 0)

    assert started(box, 0) == ["b"]


@pytest.mark.parametrize(("delivery", "state"), [("idempotent", "waiting"), ("at_most_once", "unknown")])
def test_an_outcome_that_nobody_knows_is_never_repeated_at_most_once(delivery: str, state: str) -> None:
    one = row("a", delivery=delivery, max_retries=3)
    box = outbox(one)
    box.start(0, 9)
    box.ended("a", 1, Outcome("unsure", error="it took too long"), S)

    assert one.state == state


@pytest.mark.parametrize(("delivery", "state"), [("idempotent", "waiting"), ("at_most_once", "unknown")])
def test_what_was_being_sent_when_the_process_ended(delivery: str, state: str) -> None:
    one = row("a", delivery=delivery)
    one.state = "sending"

    assert outbox().interrupted(one, S).state == state


def test_a_refusal_is_final_whatever_the_retries() -> None:
    one = row("a", max_retries=3)
    box = outbox(one)
    box.start(0, 9)
    box.ended("a", 1, Outcome("refused", error="the address is private"), S)

    assert (one.state, one.error, len(box)) == ("failed", "the address is private", 0)


def test_too_late_is_worse_than_never() -> None:
    late = row("a", expires_us=10 * S)
    retried = row("b", execution="f", max_retries=1, expires_us=4 * S)
    box = outbox(retried)
    box.start(0, 9)
    box.ended("b", 1, FAILED, 0)
    box.add([late])

    assert retried.state == "expired"  # its retry would have come too late
    assert [one.state for one in box.start(10 * S, 9)] == ["expired"]


def test_the_actions_of_a_sequence_share_their_time() -> None:
    box = outbox(row("a", together_us=10 * S), row("b", 1, together_us=10 * S))
    box.start(0, 9)
    box.ended("a", 1, DONE, 10 * S)
    (second,) = box.start(10 * S, 9)

    assert (second.state, second.error) == ("skipped", "the time for the rule's actions is over")


def test_nothing_is_remembered_of_a_sequence_that_has_ended() -> None:
    box = outbox(row("a"), row("b", 1), row("c", execution="f", stop_on_failure=True), row("d", 1, "f"))
    box.start(0, 9)
    for key, outcome in (("a", DONE), ("c", FAILED)):
        box.ended(key, 1, outcome, S)
    box.start(S, 9)
    box.ended("b", 1, DONE, S)

    assert (len(box), box._deadlines_us, box._chains) == (0, {}, {})


def test_a_report_of_an_attempt_that_was_given_up_changes_nothing() -> None:
    one = row("a", max_retries=1)
    box = outbox(one)
    box.start(0, 9)
    box.ended("a", 1, Outcome("unsure"), 0)
    box.start(5 * S, 9)

    assert box.ended("a", 1, DONE, 6 * S) == []
    assert one.state == "sending"


def test_a_target_that_keeps_failing_is_left_alone_and_then_probed() -> None:
    url = {"url": "https://hooks.example.com/x"}
    box = outbox(*(row(f"k{i}", execution=f"e{i}", config=url) for i in range(MAX_FAILURES + 2)))
    for i in range(MAX_FAILURES):
        box.start(0, 1)
        box.ended(f"k{i}", 1, FAILED, 0)

    assert started(box, S) == []
    assert box.breaker.open() == ["hooks.example.com"]
    assert started(box, 30 * S) == [f"k{MAX_FAILURES}"]  # one probe, no more
    box.ended(f"k{MAX_FAILURES}", 1, DONE, 30 * S)
    assert started(box, 60 * S) == [f"k{MAX_FAILURES + 1}"]


def test_other_targets_go_on_while_one_is_left_alone() -> None:
    bad = [row(f"k{i}", execution=f"e{i}", config={"url": "https://bad.example"}) for i in range(MAX_FAILURES + 1)]
    box = outbox(*bad, row("good", execution="g", config={"url": "https://good.example"}))
    for i in range(MAX_FAILURES):
        box.start(0, 1)
        box.ended(f"k{i}", 1, FAILED, 0)

    assert started(box) == ["good"]


@pytest.mark.parametrize(
    ("manner", "asked", "state"),
    [
        (Manner(retries=1), None, "waiting"),
        (Manner(retries=0), None, "failed"),
        (Manner(retries=0), 1, "waiting"),
        (Manner(retrying=False), 5, "failed"),
        (Manner(), 0, "failed"),
    ],
)
def test_how_often_a_failed_action_is_tried_again_is_its_own_word_or_the_operators(
    manner: Manner, asked: int | None, state: str
) -> None:
    box = outbox(row("a", max_retries=asked), manner=manner)
    box.start(0, 9)
    (changed,) = box.ended("a", 1, FAILED, S)

    assert changed.state == state
