"""Many Socket.IO clients that hear everything: is anything lost, how late is it, and does memory stay flat."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import serving
from measure import Figure
from web_client import paced

PROCESSES = 2
_CLIENTS = str(Path(__file__).with_name("socket_clients.py"))


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: so many *clients* hear *updates* a second, for so long; *slower* is tried besides."""

    clients: int
    updates: int
    slower: int
    seconds: int
    rounds: int


SIZES = {"full": Size(300, 50, 10, 20, 3), "quick": Size(300, 50, 10, 8, 2), "tiny": Size(4, 20, 10, 1, 1)}


@dataclass(frozen=True, slots=True)
class Heard:
    """What all clients of a round got: the share of what there was, what came out of order, and how late (ms).

    *memory* is the server's at the end to that at a third; *rate* the updates a second that it took in; *cost_us* the
    processor's time that it took for each message that arrived, all that is done for an update included.
    """

    share: float
    misplaced: int
    p99_ms: float
    memory: float
    rate: float
    cost_us: float


def run(size: Size) -> Iterator[Figure]:
    """Post updates at an even rate, one device after the other, and ask the clients what they heard."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        serving.fill(data, [])
        for updates, wanted in ((size.updates, True), (size.slower, False)):
            rounds = [_round(data, size, updates) for _ in range(size.rounds)]
            yield from _figures(rounds, size, updates, is_wanted=wanted)


def _figures(rounds: list[Heard], size: Size, updates: int, *, is_wanted: bool) -> Iterator[Figure]:
    what = f"{size.clients} clients, {updates} updates/s each"
    taken = tuple(one.rate for one in rounds)
    enough = 0.95 * updates if is_wanted else None
    yield Figure("Sockets", f"{what}: updates/s taken in", taken, "/s", enough)
    note = f"out of order: {sum(one.misplaced for one in rounds)}"
    share = tuple(one.share for one in rounds)
    yield Figure("Sockets", f"{what}: share that arrived", share, target=1.0 if is_wanted else None, note=note)
    late = tuple(one.p99_ms for one in rounds)
    yield Figure("Sockets", f"{what}: p99", late, "ms", 250.0 if is_wanted else None, at_least=False)
    memory = tuple(one.memory for one in rounds)
    yield Figure(
        "Sockets", f"{what}: memory at the end / at a third", memory, target=1.1 if is_wanted else None, at_least=False
    )
    cost = tuple(one.cost_us for one in rounds)
    yield Figure("Sockets", f"{what}: the server's processor time per message", cost, "µs", at_least=False)


def _round(data: Path, size: Size, updates: int) -> Heard:
    messages = updates * size.seconds
    each = size.clients // PROCESSES
    with ExitStack() as stack:
        server = stack.enter_context(serving.ours(data, f"WHENTHEN_SERVER_MAX_SOCKETS={size.clients + 20}"))
        headers = serving.owner_headers(data)
        token = headers.removeprefix("Authorization: Bearer ").strip()
        clients = [_clients(stack, [str(server.port), token, str(each), str(messages)]) for _ in range(PROCESSES)]
        for one in clients:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        memory: list[float] = []
        before_s = server.processor_seconds()
        rate = paced(server.port, headers, _updates(messages, server, memory), 1, updates).rate
        told = [_told(one) for one in clients]
        memory.append(server.memory_mb())
        taken_s = server.processor_seconds() - before_s
    took_ms = sorted(took for one in told for took in one["took_ms"])
    heard = sum(sum(one["heard"]) for one in told)
    return Heard(
        share=heard / (each * PROCESSES * messages),
        misplaced=sum(one["misplaced"] for one in told),
        p99_ms=took_ms[int(len(took_ms) * 0.99)] if took_ms else float("inf"),
        memory=memory[1] / memory[0],
        rate=rate,
        cost_us=taken_s * 1e6 / max(heard, 1),
    )


def _updates(messages: int, server: serving.Served, memory: list[float]) -> Iterator[tuple[str, bytes]]:
    for number in range(messages):
        if number == messages // 3:
            memory.append(server.memory_mb())
        body = json.dumps({"n": number, "sent": time.monotonic_ns() // 1000})
        yield f"/api/devices/dev-{number % serving.DEVICES}/data", body.encode()


def _clients(stack: ExitStack, arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, _CLIENTS, *arguments]
    return stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.read())
    return found
