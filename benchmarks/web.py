"""The server over HTTP: durable readings against a bare Flask route under the same server and the same client."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import serving
from measure import Figure, agree, per_second
from web_client import Run, post

from whenthen.clock import SystemClock

CONNECTIONS = 16
LIST = 100


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
        data, rows = Path(folder) / "data", Path(folder) / "rows.db"
        serving.fill(data, map(serving.quiet_rule, range(size.rules)))
        bare_file = str(Path(__file__).with_name("web_bare.py"))
        with serving.served([bare_file, f"ROWS={rows}", *serving.QUIET]) as bare, serving.ours(data) as ours:
            servers = Servers(bare.port, ours.port, serving.owner_headers(data))
            yield from _singles(servers, size)
            yield from _lists(servers, size)
        stored, wanted = _count(data / "whenthen.db"), size.rounds * (size.singles + size.lists * LIST)
        agree("rows stored", stored, wanted)
        agree("rows stored by the reference", _count(rows), size.rounds * size.lists * LIST)


@dataclass(frozen=True, slots=True)
class Servers:
    """The ports of the bare server and of ours, and the headers that let one in."""

    bare: int
    ours: int
    headers: str

    def turn(self, bodies: list[bytes], bare_path: str, number: int) -> tuple[Run, Run]:
        """Send the same to both, the bare one first in every other turn; *bare_path* may name the device, too."""
        devices = [f"dev-{i % serving.DEVICES}" for i in range(len(bodies))]
        to_bare = [(bare_path.format(device), body) for device, body in zip(devices, bodies, strict=True)]
        to_ours = [(f"/api/devices/{device}/data", body) for device, body in zip(devices, bodies, strict=True)]
        if number % 2:
            second = post(self.ours, self.headers, to_ours, CONNECTIONS)
            return post(self.bare, "", to_bare, CONNECTIONS), second
        return post(self.bare, "", to_bare, CONNECTIONS), post(self.ours, self.headers, to_ours, CONNECTIONS)


def _singles(servers: Servers, size: Size) -> Iterator[Figure]:
    turns: list[tuple[Run, Run]] = []
    for turn in range(size.rounds):
        bodies = [json.dumps({f"s{i % 50}": i % 97 + turn / 8}).encode() for i in range(size.singles)]
        turns.append(servers.turn(bodies, "/data", turn))
    rates = [run.rate for _, run in turns]
    yield Figure(
        "Web",
        "one reading a request, durable / bare Flask",
        tuple(b.rate / a.rate for a, b in turns),
        target=0.5,
        note=f"{per_second(rates)}; bare {per_second([run.rate for run, _ in turns])}",
    )
    yield Figure(
        "Web",
        "its p99 / that of bare Flask",
        tuple(b.quantile(0.99) / a.quantile(0.99) for a, b in turns),
        target=3.0,
        at_least=False,
        note=f"{turns[0][1].quantile(0.99) * 1000:.1f} ms in the first round, {CONNECTIONS} connections",
    )


def _lists(servers: Servers, size: Size) -> Iterator[Figure]:
    """Race lists, each reading of which has its time: without one, all of a list would be of one instant, one row."""
    turns: list[tuple[Run, Run]] = []
    parsed: list[tuple[Run, Run]] = []
    for turn in range(size.rounds):
        turns.append(servers.turn(list(_list_bodies(size.lists)), "/rows/{}", turn))
        bodies = list(_list_bodies(size.lists))
        parsed.append((post(servers.bare, "", [("/data", body) for body in bodies], CONNECTIONS), turns[-1][1]))
    yield Figure(
        "Web",
        f"readings per second in lists of {LIST}",
        tuple(run.rate * LIST for _, run in turns),
        unit="/s",
        target=25_000,
    )
    yield Figure(
        "Web",
        f"lists of {LIST}, durable / bare Flask with group-committed rows",
        tuple(b.rate / a.rate for a, b in turns),
        target=0.25,
        note=f"it takes {per_second([run.rate * LIST for run, _ in turns])} as rows, without rules or accounts",
    )
    yield Figure(
        "Web",
        f"lists of {LIST}, durable / bare Flask that only parses",
        tuple(b.rate / a.rate for a, b in parsed),
    )


def _list_bodies(count: int) -> Iterator[bytes]:
    """Yield lists of readings ten microseconds apart that end now, so that none is late and each is a row."""
    start = SystemClock().now() - timedelta(microseconds=10 * count * LIST)
    for number in range(count):
        times = [start + timedelta(microseconds=10 * (number * LIST + row)) for row in range(LIST)]
        yield json.dumps(
            [{"timestamp": at.isoformat(), "data": {"s1": number % 89 + row / 7}} for row, at in enumerate(times)]
        ).encode()


def _count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        found: int = connection.execute("SELECT count(*) FROM samples").fetchone()[0]
        return found
