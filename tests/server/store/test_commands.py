"""Every command has one end, and none is sent after its time or, if it must not be, twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Engine

from whenthen import ManualClock, from_us
from whenthen.engine import Engine as RulesEngine
from whenthen.extend.host import load_registry
from whenthen.runtime.intake import Item, Ticket
from whenthen.runtime.writer import Writer
from whenthen_server.store.commands import (
    MAX_QUEUED,
    CloseCommands,
    Command,
    CommandStateError,
    EndCommand,
    QueueCommand,
    QueueOfDeviceFullError,
    SendQueued,
    listed,
)
from whenthen_server.store.database import open_database, reading
from whenthen_server.store.journal import SqlJournal
from whenthen_server.store.places import DeviceRecord, Places, PutPlace, UnknownPlaceError
from whenthen_server.store.schema import metadata

REGISTRY = load_registry()
START_US = 1_000_000_000_000


class Desk:
    """A writer whose clock is turned by hand."""

    def __init__(self, database: Engine) -> None:
        metadata.create_all(database)
        self.clock = ManualClock(from_us(START_US))
        self.now_us = START_US
        self.journal = SqlJournal(database)
        self.places = Places(database)
        self.places.load(0)
        self.writer = Writer(
            lambda: RulesEngine.restore(REGISTRY, self.places, [], self.journal.engine_state()),
            self.journal,
            lambda: 0.5,
            iter(map(str, range(10**6))).__next__,
        )
        self.news: list[Command] = []

    def do(self, item: Item[Any]) -> Any:
        self.now_us += 1
        ticket: Ticket[Any] = Ticket(self.now_us)
        turn = self.writer.turn([(item, ticket)], self.now_us, 0)
        if turn is not None:
            self.news += [payload for kind, payload in turn.news if kind == "command"]
        return ticket.wait(0)

    def later(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)

    def queue(self, key: str = "c1", **more: Any) -> Command:
        command = QueueCommand(self.places, key, "d1", "turn_on_fan", {}, "ann", **more)
        found: Command = self.do(command)
        return found

    def state(self, key: str = "c1") -> str:
        with reading(self.journal.engine) as connection:
            return next(one.state for one in listed(connection, ["d1"], state=None, limit=99)[0] if one.id == key)


@pytest.fixture
def desk(database: Engine) -> Desk:
    made = Desk(database)
    made.do(PutPlace(made.places, DeviceRecord("d1", "default", "d1", 5), True))
    return made


def test_a_command_is_queued_sent_and_acknowledged(desk: Desk) -> None:
    desk.queue()
    assert [one.id for one in desk.do(SendQueued("d1"))] == ["c1"]
    assert desk.do(SendQueued("d1")) == []
    desk.do(EndCommand("c1", "acknowledged", {"rpm": 900}, "d1"))

    assert [one.state for one in desk.news] == ["queued", "sent", "acknowledged"]
    assert desk.news[-1].result == {"rpm": 900}


def test_the_same_key_is_the_same_command(desk: Desk) -> None:
    first = desk.queue()
    desk.later(5)

    assert desk.queue() == first
    assert len(desk.news) == 1


def test_an_answer_may_come_twice_but_not_change(desk: Desk) -> None:
    desk.queue()
    desk.do(SendQueued("d1"))
    desk.do(EndCommand("c1", "acknowledged"))
    desk.do(EndCommand("c1", "acknowledged"))
    with pytest.raises(CommandStateError):
        desk.do(EndCommand("c1", "rejected"))

    assert desk.state() == "acknowledged"


def test_nobody_answers_for_another_device(desk: Desk) -> None:
    desk.queue()
    with pytest.raises(UnknownPlaceError):
        desk.do(EndCommand("c1", "acknowledged", device_id="d2"))
    with pytest.raises(UnknownPlaceError):
        desk.do(EndCommand("c9", "acknowledged", device_id="d1"))


def test_what_waits_too_long_expires_and_is_never_sent(desk: Desk) -> None:
    desk.queue(ttl_seconds=10)
    desk.later(10)
    assert desk.do(SendQueued("d1")) == []

    assert desk.state() == "expired"


def test_what_is_not_answered_times_out_and_a_late_answer_is_kept(desk: Desk) -> None:
    desk.queue()
    desk.do(SendQueued("d1"))
    desk.later(29)
    assert desk.do(CloseCommands()) == 0
    desk.later(1)
    assert desk.do(CloseCommands()) == 1
    assert desk.state() == "timed_out"
    desk.do(EndCommand("c1", "acknowledged"))

    assert desk.state() == "acknowledged"


@pytest.mark.parametrize(("delivery", "state"), [("idempotent", "sent"), ("at_most_once", "unknown")])
def test_what_was_sent_when_the_server_stopped(desk: Desk, delivery: Any, state: str) -> None:
    desk.queue(delivery=delivery)
    desk.do(SendQueued("d1"))
    desk.do(CloseCommands(interrupted=True))

    assert desk.state() == state
    assert [one.id for one in desk.do(SendQueued("d1", again=True))] == (["c1"] if state == "sent" else [])


def test_a_command_that_waits_can_be_withdrawn_and_one_that_was_sent_cannot(desk: Desk) -> None:
    desk.queue("c1")
    desk.do(EndCommand("c1", "withdrawn"))
    desk.queue("c2")
    desk.do(SendQueued("d1"))
    with pytest.raises(CommandStateError):
        desk.do(EndCommand("c2", "withdrawn"))


def test_a_full_queue_and_an_unknown_device_are_refused(desk: Desk) -> None:
    for number in range(MAX_QUEUED):
        desk.queue(f"c{number}")
    with pytest.raises(QueueOfDeviceFullError):
        desk.queue("more")
    with pytest.raises(UnknownPlaceError):
        desk.do(QueueCommand(desk.places, "x", "d9", "go", {}, "ann"))


def test_pages_join(desk: Desk) -> None:
    for number in range(7):
        desk.queue(f"c{number}")
    found, after = [], None
    with reading(desk.journal.engine) as connection:
        while True:
            page, after = listed(connection, ["d1"], state="queued", limit=3, after=after)
            found += [one.id for one in page]
            if after is None:
                break

    assert found == [f"c{number}" for number in reversed(range(7))]


ENDS = {"acknowledged", "rejected", "timed_out", "expired", "unknown", "withdrawn"}


class Life(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    @initialize()
    def begin(self) -> None:
        self.desk = Desk(open_database("sqlite://"))
        self.desk.do(PutPlace(self.desk.places, DeviceRecord("d1", "default", "d1", 5), True))
        self.sent: list[tuple[str, int]] = []
        self.made = 0

    @rule(delivery=st.sampled_from(["idempotent", "at_most_once"]), ttl=st.sampled_from([1, 10, 300]))
    def queue(self, delivery: Any, ttl: float) -> None:
        self.made += 1
        if self.made <= MAX_QUEUED:
            self.desk.queue(f"{delivery}-{self.made}", delivery=delivery, ttl_seconds=ttl)

    @rule(again=st.booleans())
    def send(self, again: bool) -> None:
        for one in self.desk.do(SendQueued("d1", again)):
            assert one.expires_us > self.desk.now_us
            self.sent.append((one.id, self.desk.now_us))

    @rule(number=st.integers(1, 20), state=st.sampled_from(["acknowledged", "rejected", "withdrawn"]))
    def answer(self, number: int, state: Any) -> None:
        for delivery in ("idempotent", "at_most_once"):
            try:
                self.desk.do(EndCommand(f"{delivery}-{number}", state))
            except (CommandStateError, UnknownPlaceError):
                continue

    @rule(seconds=st.sampled_from([1, 5, 30, 400]))
    def wait(self, seconds: float) -> None:
        self.desk.later(seconds)
        self.desk.do(CloseCommands())

    @rule()
    def restart(self) -> None:
        self.desk.do(CloseCommands(interrupted=True))

    @invariant()
    def nothing_is_sent_twice_that_must_not_be(self) -> None:
        once = [key for key, _ in getattr(self, "sent", []) if key.startswith("at_most_once")]
        assert len(once) == len(set(once))

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.later(1_000)
            self.desk.do(CloseCommands())
            with reading(self.desk.journal.engine) as connection:
                assert {one.state for one in listed(connection, ["d1"], state=None, limit=999)[0]} <= ENDS
            self.desk.journal.engine.dispose()


TestLife = Life.TestCase
TestLife.settings = settings(suppress_health_check=list(HealthCheck), max_examples=25, stateful_step_count=25)
