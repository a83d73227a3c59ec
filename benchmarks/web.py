"""The server over HTTP: durable readings against a bare Flask route under the same server and the same client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Figure, per_second
from web_client import Run, post

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen.runtime.items import PutRule
from whenthen_server.store.journal import open_journal
from whenthen_server.store.places import DeviceRecord, Places, PutPlace

CONNECTIONS = 16
DEVICES = 20
LIST = 100
_UNLIMITED = ("WHENTHEN_LIMITS_REQUESTS_PER_SECOND=100000", "WHENTHEN_LIMITS_REQUESTS_PER_MINUTE=6000000")
_QUIET = ("WHENTHEN_LOGS_REQUESTS=off", "WHENTHEN_SERVER_PORT=0")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it."""

    rules: int
    singles: int
    lists: int
    rounds: int


SIZES = {"full": Size(1_000, 3_000, 150, 5), "quick": Size(1_000, 1_000, 50, 3), "tiny": Size(10, 40, 4, 1)}


def run(size: Size) -> Iterator[Figure]:
    """Yield the figures of single readings and of lists; the two servers take turns."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _fill(data, size.rules)
        bare_file = str(Path(__file__).with_name("web_bare.py"))
        serve = ["-m", "whenthen", "serve", "--data", str(data)]
        with _served([bare_file], *_QUIET) as bare, _served(serve, env=(*_UNLIMITED, *_QUIET)) as ours:
            key = (data / "owner.key").read_text(encoding="utf-8").strip()
            yield from _figures(bare, ours, f"Authorization: Bearer {key}\r\n", size)


def _figures(bare: int, ours: int, headers: str, size: Size) -> Iterator[Figure]:
    one: list[tuple[Run, Run]] = []
    many: list[tuple[Run, Run]] = []
    for turn in range(size.rounds):
        singles = [json.dumps({f"s{i % 50}": i % 97 + turn / 8}).encode() for i in range(size.singles)]
        lists = [json.dumps([{"s1": i % 89 + j / 7} for j in range(LIST)]).encode() for i in range(size.lists)]
        one.append(_turn(bare, ours, headers, singles, turn))
        many.append(_turn(bare, ours, headers, lists, turn))
    rates = [run.rate for _, run in one]
    yield Figure(
        "Web",
        "one reading a request, durable / bare Flask",
        tuple(b.rate / a.rate for a, b in one),
        target=0.5,
        note=f"{per_second(rates)}; bare {per_second([run.rate for run, _ in one])}",
    )
    yield Figure(
        "Web",
        "its p99 / that of bare Flask",
        tuple(b.quantile(0.99) / a.quantile(0.99) for a, b in one),
        target=3.0,
        at_least=False,
        note=f"{one[0][1].quantile(0.99) * 1000:.1f} ms in the first round, {CONNECTIONS} connections",
    )
    yield Figure(
        "Web",
        f"readings per second in lists of {LIST}",
        tuple(run.rate * LIST for _, run in many),
        unit="/s",
        target=25_000,
    )
    yield Figure(
        "Web",
        f"lists of {LIST}, durable / bare Flask that only parses",
        tuple(b.rate / a.rate for a, b in many),
        target=0.25,
    )


def _turn(bare: int, ours: int, headers: str, bodies: list[bytes], turn: int) -> tuple[Run, Run]:
    path = f"/api/devices/dev-{turn % DEVICES}/data"
    if turn % 2:
        second = post(ours, path, headers, bodies, CONNECTIONS)
        return post(bare, "/data", headers, bodies, CONNECTIONS), second
    return post(bare, "/data", headers, bodies, CONNECTIONS), post(ours, path, headers, bodies, CONNECTIONS)


def _fill(data: Path, rules: int) -> None:
    """Make a data folder with devices and rules, none of which fires."""
    data.mkdir(mode=0o700)
    journal = open_journal(f"sqlite:///{data / 'whenthen.db'}")
    places = Places(journal.engine)
    with Runtime(load_registry(), journal, directory=places, before_load=lambda: places.load(1)) as runtime:
        tickets: list[Any] = [
            runtime.submit(PutPlace(places, DeviceRecord(f"dev-{i}", "default", f"dev-{i}", 1), True))
            for i in range(DEVICES)
        ]
        tickets += [runtime.submit(PutRule(_rule(i), "benchmark")) for i in range(rules)]
        for ticket in tickets:
            ticket.wait()
    journal.engine.dispose()


def _rule(number: int) -> dict[str, Any]:
    sensor = f"s{number % 50}"
    return {
        "id": f"r{number}",
        "name": f"r{number}",
        "scope": {"device": f"dev-{number % DEVICES}"},
        "trigger": {"type": "sensor", "config": {"sensor": sensor}},
        "conditions": [{"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": 1_000 + number}}],
        "actions": [{"type": "log", "config": {"message": "{timestamp}"}}],
    }


@contextmanager
def _served(command: list[str], *arguments: str, env: tuple[str, ...] = ()) -> Iterator[int]:
    """Start a server in a process of its own; give its port once it says its address."""
    settings = {**os.environ, **dict(pair.split("=", 1) for pair in env)}
    with subprocess.Popen(
        [sys.executable, *command, *arguments], env=settings, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = next(line for line in process.stdout if "is at" in line)
            found = re.search(r":(\d+)/", said)
            assert found is not None
            yield int(found[1])
        finally:
            process.terminate()
            process.wait(30)
