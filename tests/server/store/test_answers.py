"""Answers to keyed requests are kept in the database: whoever asks again after a crash gets them again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen_server.api.idempotency import Once, begin_once
from whenthen_server.problems import Conflict, Unavailable
from whenthen_server.store.answers import AnswerStore, Kept
from whenthen_server.store.journal import open_journal

REGISTRY = load_registry()
LONG_SECONDS = 60

_DIES = """
import os, signal, sys
from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen_server.api.idempotency import begin_once
from whenthen_server.store.answers import AnswerStore
from whenthen_server.store.journal import open_journal

runtime = Runtime(load_registry(), open_journal(sys.argv[1]))
runtime.start()
store = AnswerStore(runtime.submit)
for key in ("done", "cut"):
    once = begin_once(store, key, caller="c", request=b"r", now_us=1, keep_us=10)
    if key == "done":
        once.finished(201, (("Location", "/x"),), b"made")
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def opened(url: str, **more: int) -> Generator[AnswerStore]:
    journal = open_journal(url)
    with Runtime(REGISTRY, journal, **more) as runtime:  # type: ignore[arg-type] # only numbers are given here
        yield AnswerStore(runtime.submit)
    journal.engine.dispose()


def ask(store: AnswerStore, key: str, now_us: int = 2, keep_us: int = 10) -> Once | Kept:
    return begin_once(store, key, caller="c", request=b"r", now_us=now_us, keep_us=keep_us)


def test_after_kill_9_an_answer_is_given_again_and_what_was_cut_short_is_said_to_be_unknown(database_url: str) -> None:
    # Seen to fail with MemoryIdempotencyStore: both requests would be carried out a second time.
    ended = subprocess.run([sys.executable, "-c", _DIES, database_url], check=False, timeout=LONG_SECONDS)
    assert ended.returncode == -signal.SIGKILL

    with opened(database_url) as store:
        again = ask(store, "done")
        assert isinstance(again, Kept)
        assert (again.status, again.headers, again.body) == (201, (("Location", "/x"),), b"made")
        with pytest.raises(Conflict) as caught:
            ask(store, "cut")
        assert caught.value.code == "outcome_unknown"


def test_while_the_first_is_under_way_the_second_has_to_wait_and_one_that_failed_may_be_sent_again(
    database_url: str,
) -> None:
    with opened(database_url) as store:
        first = ask(store, "k")
        assert isinstance(first, Once)
        with pytest.raises(Conflict) as caught:
            ask(store, "k")
        assert caught.value.code == "request_under_way"
        first.failed()
        assert isinstance(ask(store, "k"), Once)


def test_an_answer_that_is_too_old_counts_no_more(database_url: str) -> None:
    with opened(database_url) as store:
        first = ask(store, "k")
        assert isinstance(first, Once)
        first.finished(200, (), b"")
        assert isinstance(ask(store, "k", now_us=12, keep_us=10), Kept)
        assert isinstance(ask(store, "k", now_us=13, keep_us=10), Once)


def test_a_request_that_cannot_be_noted_is_not_carried_out(database_url: str) -> None:
    with opened(database_url, capacity=0) as store, pytest.raises(Unavailable):
        ask(store, "k")
