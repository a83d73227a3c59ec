"""The live engine over a real database: stored before it is answered, carried out, taken up again after an end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, select, text

from whenthen import Action, ActionCall, Delivery, InvalidRuleError, hookimpl
from whenthen.errors import ActionRefusedError, RetryLaterError
from whenthen.extend.host import load_registry
from whenthen.runtime import JournalError, QueueFullError, Runtime
from whenthen.runtime.items import Given
from whenthen.runtime.journal import JournalLostError, RuleConflictError
from whenthen.runtime.manner import Manner
from whenthen.runtime.writer import Turn
from whenthen_server.store import tables
from whenthen_server.store.database import reading
from whenthen_server.store.journal import open_journal

WAIT_SECONDS = 20.0


class Do(Action):
    """Does what the test says."""

    type = "do"
    delivery: ClassVar[Delivery] = "idempotent"
    calls: list[tuple[str, Any]]
    behaviour: Any

    def perform(self, call: ActionCall, services: Any) -> Any:
        Do.calls.append((services.key, call.config.get("say")))
        return Do.behaviour(call)


class DoOnce(Do):
    """The same, at most once."""

    type = "do_once"
    delivery: ClassVar[Delivery] = "at_most_once"


class Plugin:
    @hookimpl
    def whenthen_actions(self) -> list[type[Action]]:
        return [Do, DoOnce]


REGISTRY = load_registry(extra=[("test", Plugin())])


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    Do.calls = []
    Do.behaviour = staticmethod(lambda call: {"said": call.config.get("say")})


class Ended:
    """Listens for actions that have ended."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, turn: Turn) -> None:
        with self._changed:
            ended = [row.state for row in [*turn.new_actions, *turn.changed] if row.finished_us is not None]
            self.states += ended
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.states) >= count, WAIT_SECONDS), self.states
        return self.states


@contextmanager
def running(url: str, *listeners: Callable[[Turn], None], **more: Any) -> Generator[Runtime]:
    journal = open_journal(url)
    try:
        runtime = Runtime(REGISTRY, journal, **more)
        for listener in listeners:
            runtime.listen(listener)
        with runtime:
            yield runtime
    finally:
        journal.engine.dispose()


def rule(rule_id: str = "r", *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": rule_id,
        "name": rule_id,
        "trigger": {"type": "sensor", "config": {"sensor": "t"}},
        "conditions": [{"type": "comparison", "config": {"sensor": "t", "operator": ">", "value": 30}}],
        "actions": list(actions) or [{"type": "do", "config": {"say": "{t}"}}],
        **more,
    }


def column(engine: Engine, wanted: Any) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.scalars(select(wanted)))


def test_a_reading_its_firing_and_its_action_are_stored_and_the_action_is_done(
    database_url: str, database: Engine
) -> None:
    ended = Ended()
    with running(database_url, ended) as runtime:
        assert runtime.put_rule(rule()) == 1
        assert runtime.take("d1", {"t": 31.5, "h": "dry"}).stored == 2
        assert ended.wait_for(1) == ["done"]

    assert column(database, tables.samples.c.number).count(31.5) == 1
    assert column(database, tables.executions.c.rule_id) == ["r"]
    assert column(database, tables.actions.c.result) == [{"said": 31.5}]
    assert [say for _, say in Do.calls] == [31.5]


def test_each_reading_of_a_list_gets_its_own_verdict(database_url: str) -> None:
    with running(database_url) as runtime:
        now_us = runtime.now_us()
        verdicts = runtime.take_all(
            [
                Given("d1", {"t": 1}, now_us),
                Given("d1", {"t": 1}, now_us),
                Given("d1", {"t": float("nan")}),
                Given("d1", {"t": 2, "h": [1]}),
                Given("d1", {"t": 3}, now_us + 400_000_000),
            ]
        )

    assert [verdict.status for verdict in verdicts] == ["stored", "duplicate", "refused", "partly_stored", "refused"]
    assert "not list" in verdicts[3].problems["h"]
    assert "ahead" in verdicts[4].problems["*"]


def test_every_reading_of_a_list_without_times_is_kept_in_its_order(database_url: str, database: Engine) -> None:
    with running(database_url) as runtime:
        verdicts = runtime.take_all([Given("d1", {"t": float(value)}) for value in (29, 36, 36, 12)])
        runtime.take("d1", {"t": 7.0})
        newest = runtime.writer.engine.newest("d1", "t")

    assert [verdict.status for verdict in verdicts] == ["stored"] * 4
    assert column(database, tables.samples.c.number) == [29, 36, 36, 12, 7]
    assert newest is not None
    assert newest[0] == 7


def test_a_device_has_a_bounded_number_of_sensors(database_url: str) -> None:
    with running(database_url, max_sensors=3) as runtime:
        runtime.put_rule(rule(trigger={"type": "sensor", "config": {"sensor": "never_heard"}}))
        assert runtime.take("d1", {"a": 1, "acc": {"x": 1}}).status == "stored"
        full = runtime.take("d1", {"b": 2, "acc": {"x": 2, "y": 3}, "c": 4})
        assert (full.status, full.stored) == ("partly_stored", 2)
        assert dict(full.problems) == dict.fromkeys(("acc_y", "c"), "the device has 3 sensors, and may have no more")
        assert runtime.take("d2", {"c": 4}).status == "stored"

    with running(database_url, max_sensors=3) as runtime:
        assert runtime.take("d1", {"c": 4, "d": [1]}).status == "refused"
        assert runtime.take("d1", {"a": 5, "b": 6}).status == "stored"
        assert [runtime.writer.engine.newest("d1", name) is None for name in ("a", "acc_y", "c")] == [False, True, True]


def test_a_late_value_is_kept_as_history_and_moves_no_rule(database_url: str, database: Engine) -> None:
    with running(database_url) as runtime:
        runtime.put_rule(rule())
        runtime.take("d1", {"t": 20})
        assert runtime.take("d1", {"t": 40}, at_us=runtime.now_us() - 60_000_000).status == "stored"

    assert sorted(column(database, tables.samples.c.number)) == [20.0, 40.0]
    assert Do.calls == []


def test_state_and_timers_go_on_where_they_were(database_url: str) -> None:
    held = {"type": "duration", "config": {"condition": rule()["conditions"][0], "duration_seconds": 0.3}}
    ended = Ended()
    with running(database_url) as runtime:
        runtime.put_rule(rule(conditions=[held], on_gap="hold", max_executions=1))
        runtime.take("d1", {"t": 31})
    with running(database_url, ended) as runtime:
        assert ended.wait_for(1) == ["done"]
        runtime.take("d1", {"t": 32})
        assert runtime.writer.engine.counters("r")["execution_count"] == 1


def test_a_stale_version_and_a_bad_rule_change_nothing(database_url: str, database: Engine) -> None:
    with running(database_url) as runtime:
        runtime.put_rule(rule(), version=0)
        with pytest.raises(RuleConflictError) as caught:
            runtime.put_rule(rule(cooldown_seconds=9), version=0)
        with pytest.raises(InvalidRuleError):
            runtime.put_rule(rule(nonsense=1))
        assert runtime.writer.engine.rule("r") == rule()

    assert caught.value.version == 1
    assert column(database, tables.rule_versions.c.version) == [1]


def test_a_removed_rule_stays_away_and_its_versions_stay(database_url: str, database: Engine) -> None:
    with running(database_url) as runtime:
        runtime.put_rule(rule(), who="ann")
        runtime.remove_rule("r", who="ben")
    with running(database_url) as runtime:
        assert runtime.writer.engine.rule_ids == []
        assert runtime.put_rule(rule()) == 3

    assert column(database, tables.rule_versions.c.who) == ["ann", "ben", ""]


def test_an_action_that_fails_costs_only_its_own_result_and_raises_an_event(database_url: str) -> None:
    def behave(call: ActionCall) -> str:
        if call.config["say"] == "no":
            raise SystemExit(3)
        return "yes"

    Do.behaviour = staticmethod(behave)
    ended = Ended()
    alarm = {**rule("alarm"), "trigger": {"type": "event", "config": {"event": "rule_failed"}}, "conditions": []}
    alarm["actions"] = [{"type": "do", "config": {"say": "yes"}}]
    actions = [{"type": "do", "config": {"say": word}} for word in ("no", "yes")]
    with running(database_url, ended) as runtime:
        runtime.put_rule(alarm)
        runtime.put_rule(rule("r", *actions))
        runtime.take("d1", {"t": 31})
        assert sorted(ended.wait_for(3)) == ["done", "done", "failed"]


def test_a_rule_about_failures_that_fails_itself_ends_there(database_url: str) -> None:
    Do.behaviour = staticmethod(lambda _: 1 / 0)
    ended = Ended()
    alarm = {**rule("alarm"), "trigger": {"type": "event", "config": {"event": "rule_failed"}}, "conditions": []}
    with running(database_url, ended) as runtime:
        runtime.put_rule(alarm)
        runtime.put_rule(rule())
        runtime.take("d1", {"t": 31})
        ended.wait_for(2)
        runtime.take("d1", {"t": 1})

    assert ended.states == ["failed", "failed"]


def test_retry_later_and_refusal_are_told_apart(database_url: str, database: Engine) -> None:
    def behave(call: ActionCall) -> None:
        raise (RetryLaterError("busy", 3600) if call.config["say"] == "busy" else ActionRefusedError("never"))

    Do.behaviour = staticmethod(behave)
    ended = Ended()
    again = {"type": "do", "config": {"say": "busy"}, "retry_on_failure": True}
    with running(database_url, ended) as runtime:
        runtime.put_rule(rule("r", again, {"type": "do", "config": {"say": "x"}, "retry_on_failure": True}))
        runtime.take("d1", {"t": 31})
        assert ended.wait_for(1) == ["failed"]

    assert sorted(column(database, tables.actions.c.state)) == ["failed", "waiting"]


def test_an_action_that_hangs_is_given_up_and_others_go_on(database_url: str) -> None:
    let_go = threading.Event()

    def behave(call: ActionCall) -> None:
        if call.config["say"] == "hang":
            let_go.wait(WAIT_SECONDS)

    Do.behaviour = staticmethod(behave)
    ended = Ended()
    hang = {"type": "do_once", "config": {"say": "hang"}, "timeout_seconds": 0.2}
    with running(database_url, ended, threads=1) as runtime:
        runtime.put_rule(rule("r", hang, {"type": "do", "config": {"say": "go"}}))
        runtime.take("d1", {"t": 31})
        assert ended.wait_for(2) == ["unknown", "done"]
        let_go.set()


def test_a_runaway_rule_is_held_to_its_rate(database_url: str, database: Engine) -> None:
    with running(database_url) as runtime:
        runtime.put_rule(rule())
        runtime.take_all([Given("d1", {"t": 31 + i}) for i in range(100)])

    states = column(database, tables.actions.c.state)
    assert (states.count("suppressed"), len(states)) == (40, 100)


def test_a_full_queue_refuses_at_once(database_url: str) -> None:
    with running(database_url, capacity=0) as runtime, pytest.raises(QueueFullError):
        runtime.take("d1", {"t": 1})


def test_a_locked_database_refuses_and_then_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    held = {"type": "change", "config": {"sensor": "t", "by": 5, "within_seconds": 60}}
    with running(url) as runtime:
        runtime.put_rule(rule(conditions=[held]))
        runtime.take("d1", {"t": 1})
        other = sqlite3.connect(tmp_path / "w.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError):
            runtime.take("d1", {"t": 9})
        other.execute("ROLLBACK")
        other.close()
        # Had the engine kept the refused 9, there would be no change now.
        runtime.take("d1", {"t": 8})

    assert [say for _, say in Do.calls] == [8]


class Fail:
    writes = False

    def apply(self, _core: Any) -> None:
        raise JournalError("no commit")


def test_a_journal_that_another_has_taken_ends_the_writer(database_url: str) -> None:
    told: list[JournalLostError] = []
    taken: list[bool] = []
    ended = threading.Event()

    def before_load() -> None:
        if taken:
            raise JournalLostError("another has it")

    def lost(error: JournalLostError) -> None:
        told.append(error)
        ended.set()

    with running(database_url, before_load=before_load, lost=lost) as runtime:
        runtime.take("d1", {"t": 1})
        taken.append(True)
        with pytest.raises(JournalError, match="no commit"):
            runtime.submit(Fail()).wait(WAIT_SECONDS)
        assert ended.wait(WAIT_SECONDS)
        with pytest.raises(QueueFullError):
            runtime.take("d1", {"t": 2})

    assert [str(error) for error in told] == ["another has it"]


def test_a_database_that_cannot_be_read_again_is_tried_until_it_can(database_url: str, database: Engine) -> None:
    # Seen to fail with a journal that lets the database's own error through: the writer's thread ended.
    with running(database_url) as runtime:
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE engine_state RENAME TO elsewhere"))
        for _ in range(2):
            with pytest.raises(JournalError):
                runtime.submit(Fail()).wait(WAIT_SECONDS)
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO engine_state"))

        assert runtime.take("d1", {"t": 1}).status == "stored"


def test_a_writer_with_nothing_to_wait_for_is_idle(database_url: str) -> None:
    held = {"type": "duration", "config": {"condition": rule()["conditions"][0], "duration_seconds": 300}}
    with running(database_url) as runtime:
        runtime.put_rule(rule(conditions=[held]))
        assert runtime.writer.idle(runtime.now_us())
        runtime.take("d1", {"t": 31})
        assert not runtime.writer.idle(runtime.now_us())
        runtime.take("d1", {"t": 1})
        assert runtime.writer.idle(runtime.now_us())


def test_an_end_waits_for_what_is_under_way_and_keeps_the_rest(database_url: str, database: Engine) -> None:
    ended = Ended()
    later = {"type": "do", "config": {"say": "later"}, "after_seconds": 3600}
    with running(database_url, ended) as runtime:
        runtime.put_rule(rule("r", {"type": "do", "config": {"say": "now"}}, later))
        runtime.take("d1", {"t": 31})

    assert sorted(column(database, tables.actions.c.state)) == ["done", "waiting"]


def test_a_paused_runtime_stores_readings_and_fires_nothing(database_url: str, database: Engine) -> None:
    with running(database_url, manner=Manner(paused=True)) as runtime:
        runtime.put_rule(rule())
        assert runtime.take("d1", {"t": 31.5}).stored == 1

    assert column(database, tables.samples.c.number) == [31.5]
    assert column(database, tables.executions.c.rule_id) == []


def test_an_attempt_takes_no_longer_than_the_operator_allows(database_url: str) -> None:
    free = threading.Event()
    Do.behaviour = lambda _call: free.wait(WAIT_SECONDS)
    ended = Ended()
    try:
        with running(database_url, ended, manner=Manner(attempt_us=50_000)) as runtime:
            runtime.put_rule(rule())
            runtime.take("d1", {"t": 31.5})
            assert ended.wait_for(1) == ["failed"]
    finally:
        free.set()
