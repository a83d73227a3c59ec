"""kill -9 at any moment: nothing acknowledged is lost, nothing that may happen once happens twice."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

import pytest
from killed.harness import Sender, Server, demand_all_is_well, look

KILLS = 50
SENDERS = 4
WAIT_SECONDS = 30.0


def start_senders(server: Server, folder: Path) -> list[Sender]:
    senders = [Sender(f"d{number}", server, folder / f"ledger{number}.txt") for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    return senders


def stop_senders(senders: list[Sender]) -> None:
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(WAIT_SECONDS)


def drain(folder: Path, server: Server) -> None:
    """Wait until nothing waits or is under way, then end in order."""
    database = sqlite3.connect(folder / "data" / "whenthen.db")
    until = time.monotonic() + WAIT_SECONDS
    left = "SELECT count(*) FROM actions WHERE state IN ('waiting', 'sending')"
    while database.execute(left).fetchone() != (0,):
        assert time.monotonic() < until, "what waits is not carried out"
        time.sleep(0.05)  # another process is waited for
    database.close()
    server.stop()


def test_fifty_kills_under_load_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    # Seen to fail with tickets answered as they come (acknowledged readings are lost), and with ``Outbox.interrupted``
    # letting at_most_once actions wait again (some are done twice).
    chance = random.Random(4)
    server = Server(tmp_path)
    senders = start_senders(server, tmp_path)
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.3))  # the load comes from threads of its own
        if kill % 10 == 9:
            port = server.port
            server.kill_all()
            server = Server(tmp_path, port=port)
            for sender in senders:
                sender.server = server
        else:
            server.kill_worker()
    time.sleep(0.3)
    stop_senders(senders)
    drain(tmp_path, server)

    found = demand_all_is_well(tmp_path, senders)
    assert sum(len(sender.acknowledged) for sender in senders) > 20 * KILLS
    assert len(found.done) > 2 * KILLS


@pytest.mark.parametrize("place", ["decide", "store", "enqueue", "send", "mark"])
def test_a_crash_at_each_step_leaves_all_of_it_or_nothing(place: str, tmp_path: Path) -> None:
    # Seen to fail without BEGIN in ``writing``, so that each statement is its own commit (store: a reading without its
    # firing), with rows stored as waiting when they are begun (send: done twice), and with ``Outbox.interrupted``
    # letting at_most_once actions wait again (send).
    server = Server(tmp_path, failpoint=f"{place}:25")
    senders = start_senders(server, tmp_path)
    server.wait_for_crash()
    server.kill_all()
    before = look(tmp_path)
    server = Server(tmp_path, port=server.port)
    for sender in senders:
        sender.server = server
    time.sleep(0.3)  # the load goes on after the crash
    stop_senders(senders)
    drain(tmp_path, server)

    found = demand_all_is_well(tmp_path, senders)
    assert before.states.keys() <= found.states.keys()
    waited = {key for key, state in before.states.items() if state in ("waiting", "sending")}
    ended = {found.states[key] for key in waited}
    assert ended <= {"done", "unknown"}
    assert all(found.kinds[key] == "log_once" for key in waited if found.states[key] == "unknown")
