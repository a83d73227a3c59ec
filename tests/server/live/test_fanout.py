"""A commit is taken to be told only when somebody is there."""

from __future__ import annotations

from typing import Any

from whenthen.runtime.records import Sample
from whenthen.runtime.writer import Turn
from whenthen_server.auth import ANONYMOUS
from whenthen_server.live.clients import Client, Clients
from whenthen_server.live.fanout import Fanout
from whenthen_server.live.outgoing import Outgoing
from whenthen_server.metrics import Metrics

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
