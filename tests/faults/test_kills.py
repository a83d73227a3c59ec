"""kill -9 at any moment: nothing acknowledged is lost, nothing that may happen once happens twice."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from databases.postgres import own_postgres
from killed.harness import Place, Sender, Server, demand_all_is_well, look, unfinished, wait_for

SENDERS = 4
WAIT_SECONDS = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path)
    else:
        with own_postgres() as url:
            yield Place(tmp_path, url)


def begin(place: Place, failpoint: str = "") -> tuple[Server, list[Sender]]:
    """Return a server with devices and rules, and the devices, which send."""
    server = Server(place, failpoint=failpoint)
    names = [f"d{number}" for number in range(SENDERS)]
    server.furnish(names)
    senders = [Sender(name, server, place.folder / f"ledger-{name}.txt") for name in names]
    for sender in senders:
        sender.start()
    return server, senders


def again(place: Place, senders: list[Sender], port: int) -> Server:
    server = Server(place, port=port)
    for sender in senders:
        sender.server = server
    return server


def wait_for_more(senders: list[Sender], readings: int) -> None:
    """Wait until so many readings more are acknowledged: the load goes on, however slow the machine is."""
    wanted = acknowledged(senders) + readings
    wait_for(lambda: acknowledged(senders) >= wanted, f"{readings} more readings to be acknowledged")


def acknowledged(senders: list[Sender]) -> int:
    return sum(len(sender.acknowledged) for sender in senders)


def end(place: Place, server: Server, senders: list[Sender]) -> None:
    """Stop sending, wait until nothing waits or is under way, then end in order."""
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(WAIT_SECONDS)
    wait_for(lambda: unfinished(place) == 0, "what waits to be carried out")
    server.stop()


def kill_under_load(place: Place, kills: int) -> None:
    """Kill the worker again and again, every fifth time all of the server."""
    chance = random.Random(4)
    server, senders = begin(place)
    for kill in range(kills):
        wait_for_more(senders, chance.randrange(1, 60))
        time.sleep(chance.uniform(0, 0.02))  # not always just after an answer
        if kill % 5 == 4:
            server.kill_all()
            server = again(place, senders, server.port)
        else:
            server.kill_worker()
    wait_for_more(senders, 60)
    end(place, server, senders)

    found = demand_all_is_well(place, senders)
    assert len(found.done) > 2 * kills


def test_fifty_kills_under_load_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    # Seen to fail with tickets answered as they come (acknowledged readings are lost), and with ``Outbox.interrupted``
    # letting at_most_once actions wait again (some are done twice).
    kill_under_load(Place(tmp_path), kills=50)


def test_ten_kills_under_load_lose_nothing_on_postgresql_either(tmp_path: Path) -> None:
    with own_postgres() as url:
        kill_under_load(Place(tmp_path, url), kills=10)


@pytest.mark.parametrize("step", ["decide", "store", "enqueue", "send", "mark"])
def test_a_crash_at_each_step_leaves_all_of_it_or_nothing(step: str, place: Place) -> None:
    # Seen to fail without BEGIN in ``writing``, so that each statement is its own commit (store: a reading without its
    # firing), with rows stored as waiting when they are begun (send: done twice), and with ``Outbox.interrupted``
    # letting at_most_once actions wait again (send).
    server, senders = begin(place, failpoint=f"{step}:25")
    server.wait_for_crash()
    server.kill_all()
    before = look(place)
    server = again(place, senders, server.port)
    wait_for_more(senders, 20)
    end(place, server, senders)

    found = demand_all_is_well(place, senders)
    assert before.states.keys() <= found.states.keys()
    waited = {key for key, state in before.states.items() if state in ("waiting", "sending")}
    ended = {found.states[key] for key in waited}
    assert ended <= {"done", "unknown"}
    assert all(found.kinds[key] == "log_once" for key in waited if found.states[key] == "unknown")
