"""Notifications are kept once, read once, and paged."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen_server.store.database import reading
from whenthen_server.store.journal import SqlJournal, open_journal
from whenthen_server.store.notifications import AddNotification, Notification, ReadNotification, listed
from whenthen_server.store.places import UnknownPlaceError

REGISTRY = load_registry()


@pytest.fixture
def journal(database_url: str) -> Generator[SqlJournal]:
    made = open_journal(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def runtime(journal: SqlJournal) -> Generator[Runtime]:
    with Runtime(REGISTRY, journal) as running:
        yield running


def add(runtime: Runtime, name: str, at_us: int = 1, **more: Any) -> None:
    given = {"farm_id": "f1", "room_id": None, "level": "info", "title": None, "message": "hot", **more}
    runtime.submit(AddNotification(Notification(id=name, at_us=at_us, **given))).wait()


def ids(journal: SqlJournal, **more: Any) -> list[str]:
    with reading(journal.engine) as connection:
        return [one.id for one in listed(connection, ["f1"], **{"unread": False, "limit": 99, **more})[0]]


def test_the_same_notification_twice_is_one(runtime: Runtime, journal: SqlJournal) -> None:
    add(runtime, "n1")
    add(runtime, "n1")

    assert ids(journal) == ["n1"]


def test_the_first_reader_is_kept(runtime: Runtime, journal: SqlJournal) -> None:
    add(runtime, "n1", recipients=["ann"])
    first = runtime.submit(ReadNotification("n1", "ann")).wait()
    second = runtime.submit(ReadNotification("n1", "ben")).wait()

    assert (first.read_by, first.recipients) == ("ann", ["ann"])
    assert second == first
    assert ids(journal, unread=True) == []
    with pytest.raises(UnknownPlaceError):
        runtime.submit(ReadNotification("n9", "ann")).wait()


def test_a_farm_sees_its_own_newest_first_in_pages(runtime: Runtime, journal: SqlJournal) -> None:
    for number in range(5):
        add(runtime, f"n{number}", number)
    add(runtime, "other", 9, farm_id="f2")
    with reading(journal.engine) as connection:
        first, after = listed(connection, ["f1"], unread=False, limit=3)
        second, end = listed(connection, ["f1"], unread=False, limit=3, after=after)

    assert [one.id for one in [*first, *second]] == ["n4", "n3", "n2", "n1", "n0"]
    assert end is None
