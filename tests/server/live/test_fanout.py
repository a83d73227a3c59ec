"""A commit is taken to be told only when somebody is there; it is told in order, in one piece, the same to all."""

from __future__ import annotations

from typing import Any

import pytest
from listening.heard import WAIT_SECONDS

from whenthen.runtime.records import Sample
from whenthen.runtime.writer import Turn
from whenthen_server.auth import ANONYMOUS, Caller, Role, RoomGrant
from whenthen_server.live.clients import Client, Clients
from whenthen_server.live.fanout import Fanout
from whenthen_server.live.outgoing import Outgoing
from whenthen_server.live.packets import Batch
from whenthen_server.metrics import Metrics
from whenthen_server.wiring import House

OWNER = Caller("person", "o", "o", roles={"*": Role.OWNER}, user="o")
VIEWER = Caller("person", "v", "v", rooms={"r1": RoomGrant("default", Role.VIEWER)}, user="v")
TURN = Turn(1, samples=[Sample("d", "t", 1.5, 1, 1)])


def waiting(clients: Clients, metrics: Metrics, turn: Turn) -> float | None:
    places: Any = None  # nothing is told here
    Fanout(clients, places, metrics).take(turn)
    return metrics.registry.get_sample_value("whenthen_queue_depth", {"queue": "live"})


def test_nothing_waits_while_nobody_is_there() -> None:
    assert waiting(Clients(), Metrics(), TURN) == 0


def test_a_commit_waits_to_be_told_once_somebody_is_there_if_it_says_anything() -> None:
    clients = Clients()
    clients.add(Client("s", "e", ANONYMOUS, lambda: ANONYMOUS, Outgoing()))

    assert waiting(clients, Metrics(), TURN) == 1
    assert waiting(clients, Metrics(), Turn(1)) == 0


class Written(Outgoing):
    """A client's queue with a connection that takes all."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []

    def send(self, batch: Batch) -> int:
        self.batches.append(batch)
        return len(batch.parcels)

    def texts(self) -> list[list[str]]:
        return [[one.packet.encode() for one in batch.parcels] for batch in self.batches]


def entered(clients: Clients, sid: str, caller: Caller) -> Written:
    written = Written()
    client = Client(sid, sid, caller, lambda: caller, written)
    clients.add(client)
    clients.subscribe(client, ("all", ""))
    return written


@pytest.mark.usefixtures("live")
def test_what_has_gathered_is_told_in_one_piece_and_what_is_done_in_between_stays_there(house: House) -> None:
    clients = Clients()
    written = entered(clients, "s", OWNER)
    fanout = Fanout(clients, house.places, Metrics())
    seen: list[int] = []
    for number in range(1, 6):
        fanout.take(Turn(number, samples=[Sample("d1", f"t{number}", 0.5, number, number)]))
        if number == 3:
            assert fanout.do(lambda: seen.append(len(written.batches)))
    fanout.start()
    fanout.stop(WAIT_SECONDS)

    assert seen == [1]
    assert [[text.partition('"data":{"')[2][:2] for text in texts] for texts in written.texts()] == [
        ["t1", "t2", "t3"],
        ["t4", "t5"],
    ]


@pytest.mark.usefixtures("live")
def test_who_gets_the_same_gets_the_same_bytes_and_who_may_not_gets_none(house: House) -> None:
    clients = Clients()
    first, second, viewer = (
        entered(clients, name, caller) for name, caller in (("1", OWNER), ("2", OWNER), ("3", VIEWER))
    )
    fanout = Fanout(clients, house.places, Metrics())
    fanout.take(Turn(1, samples=[Sample("d1", "t", 1.5, 1, 1), Sample("d2", "t", 2.5, 1, 1)]))
    fanout.start()
    fanout.stop(WAIT_SECONDS)

    assert first.batches[0].data is second.batches[0].data
    assert [len(texts) for texts in first.texts()] == [2]
    assert viewer.texts() == [first.texts()[0][:1]]
