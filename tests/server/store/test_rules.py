"""Rules, what they did and what was measured come back as they were kept, page by page, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from posted.rules import rule
from sqlalchemy import Engine

from whenthen.model.firing import ActionCall, Firing
from whenthen.model.reading import Reading
from whenthen.runtime.journal import RuleConflictError
from whenthen.runtime.records import ActionRow, Execution, Sample
from whenthen_server.store import executions, recorded, rules
from whenthen_server.store.database import reading
from whenthen_server.store.journal import SqlJournal
from whenthen_server.store.schema import metadata

CALL = ActionCall("log", {"message": "x"}, "at_most_once", targets=("d1",))


@pytest.fixture
def journal(database: Engine) -> SqlJournal:
    metadata.create_all(database)
    return SqlJournal(database)


def put(journal: SqlJournal, document: dict[str, Any], at_us: int, version: int | None = None) -> int:
    with journal.transaction() as transaction:
        return transaction.put_rule(document, "person:ann", at_us, version)


def fired(number: int, at_us: int, rule_id: str = "r") -> Execution:
    firing = Firing(at_us, rule_id, rule_id, "d1", "fired", (CALL,))
    return Execution(f"e{number}", firing, "test", {"truth": True} if number % 2 else None)


def test_versions_come_newest_first_and_the_one_of_an_instant_is_found(journal: SqlJournal) -> None:
    for priority, at_us in enumerate((10, 20, 30)):
        put(journal, rule(id="r", priority=priority), at_us)
    with journal.transaction() as transaction:
        transaction.remove_rule("r", "person:ann", 40, None)

    with reading(journal.engine) as connection:
        page, following = rules.versions(connection, "r", limit=3)
        rest, end = rules.versions(connection, "r", limit=3, before=following)
        at = [rules.version_at(connection, "r", at_us) for at_us in (9, 10, 29, 30, 40)]
        gone, last = rules.find(connection, "r"), rules.last_document(connection, "r")

    assert [(one.version, one.document is None) for one in [*page, *rest]] == [
        (4, True), (3, False), (2, False), (1, False),
    ]  # fmt: skip
    assert (following, end) == (2, None)
    assert [one and one.version for one in at] == [None, 1, 2, 3, None]
    assert gone is None
    assert last is not None
    assert last["priority"] == 2


def test_rules_are_listed_in_the_order_of_their_making_after_any_of_them(journal: SqlJournal) -> None:
    for name, at_us in (("b", 10), ("a", 10), ("c", 5)):
        put(journal, rule(id=name), at_us)

    with reading(journal.engine) as connection:
        every = list(rules.listed(connection))
        rest = list(rules.listed(connection, (every[1].created_us, every[1].id)))

    assert [one.id for one in every] == ["c", "a", "b"]
    assert [one.id for one in rest] == ["b"]


def test_a_version_that_is_not_the_present_one_is_refused(journal: SqlJournal) -> None:
    put(journal, rule(id="r"), 1)
    with pytest.raises(RuleConflictError):
        put(journal, rule(id="r"), 2, version=7)


def test_executions_are_paged_and_cut_and_have_their_actions(journal: SqlJournal) -> None:
    kept = [fired(number, 100 + number // 2, "ab"[number % 2]) for number in range(6)]
    rows = [ActionRow(f"{one.id}.0", one.id, "r", "r", "d1", 0, CALL, "done", 1) for one in kept]
    with journal.transaction() as transaction:
        transaction.executions(kept)
        transaction.actions(rows, [])

    with reading(journal.engine) as connection:
        seen: list[str] = []
        following: executions.Position | None = None
        while True:
            page, following = executions.listed(connection, executions.Wanted(), limit=4, before=following)
            seen += [one.id for one in page]
            if following is None:
                break
        only, _ = executions.listed(connection, executions.Wanted(), limit=9, sees=lambda rule_id: rule_id == "b")
        late, _ = executions.listed(connection, executions.Wanted("a", from_us=101, to_us=102), limit=9)
        taken = executions.actions_of(connection, ["e0", "e1"])
        counted = executions.counted(connection, 100, 102)
        states = executions.counted_actions(connection, 100, 103)

    assert seen == ["e5", "e4", "e3", "e2", "e1", "e0"]
    assert [(one.id, one.trace) for one in only][:1] == [("e5", {"truth": True})]
    assert [one.id for one in only] == ["e5", "e3", "e1"]
    assert [one.id for one in late] == ["e2"]
    assert taken["e1"][0].call == CALL
    assert sorted(counted) == [("a", "fired", 2), ("b", "fired", 2)]
    assert states == [("r", "done", 6)]


def test_a_caller_who_sees_little_gets_a_short_page_and_goes_on(
    journal: SqlJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "MAX_SCANNED", 3)
    with journal.transaction() as transaction:
        transaction.executions([fired(number, number, "mine" if number == 0 else "theirs") for number in range(5)])

    with reading(journal.engine) as connection:
        first, following = executions.listed(
            connection, executions.Wanted(), limit=2, sees=lambda rule_id: rule_id == "mine"
        )
        second, end = executions.listed(
            connection, executions.Wanted(), limit=2, before=following, sees=lambda rule_id: rule_id == "mine"
        )

    assert (first, following) == ([], (2, "e2"))
    assert [one.id for one in second] == ["e0"]
    assert end is None


def test_what_was_measured_comes_back_in_the_order_in_which_it_came(journal: SqlJournal) -> None:
    given = [
        Sample("d1", "t", 1.0, at_us=10, received_us=10),
        Sample("d1", "h", "dry", at_us=10, received_us=10),
        Sample("d1", "t", 2.0, at_us=20, received_us=40),
        Sample("d1", "t", 3.0, at_us=30, received_us=30),
        Sample("d2", "axis_x", 4.0, at_us=15, received_us=15),
        Sample("d2", "other", 5.0, at_us=15, received_us=15),
        Sample("d1", "t", 0.0, at_us=5, received_us=5),
    ]
    with journal.transaction() as transaction:
        transaction.samples(given)

    with reading(journal.engine) as connection:
        series = recorded.series_of(connection, ["d1", "d2"], ["t", "h", "axis"])
        found = list(recorded.readings(connection, series, 10, 40, 100))
        few = list(recorded.readings(connection, series, 10, 40, 2))
        before = recorded.newest_before(connection, series, 10)
        count = recorded.count(connection, series, 10, 40)
        none = recorded.series_of(connection, [], [])

    assert sorted(series.values()) == [("d1", "h"), ("d1", "t"), ("d2", "axis_x")]
    assert found == [
        Reading("d1", {"t": 1.0, "h": "dry"}, 10, 10),
        Reading("d2", {"axis_x": 4.0}, 15, 15),
        Reading("d1", {"t": 3.0}, 30, 30),
        Reading("d1", {"t": 2.0}, 40, 20),
    ]
    assert few == found[:1]
    assert before == [Reading("d1", {"t": 0.0}, 5, 5)]
    assert count == 5
    assert none == {}
