"""The durable runtime: readings against a bare SQLite commit, a year in buckets, a restart with much to read."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Figure, agree
from sqlalchemy import text

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen.runtime.items import Given, PutRule
from whenthen_server.store import tables
from whenthen_server.store.database import reading, writing
from whenthen_server.store.journal import SqlJournal, open_journal
from whenthen_server.store.readings import bucket_us, buckets, sum_up

MINUTE_US = 60_000_000
LIST = 100
RULES_A_COMMIT = 250


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it."""

    rules: int
    singles: int
    lists: int
    minutes: int
    kept_readings: int
    kept_rules: int
    rounds: int


SIZES = {
    "full": Size(1_000, 1_000, 100, 525_600, 1_000_000, 10_000, 5),
    "quick": Size(1_000, 300, 30, 525_600, 200_000, 2_000, 2),
    "tiny": Size(10, 5, 2, 2_000, 1_000, 20, 1),
}


def run(size: Size) -> Iterator[Figure]:
    """Yield the figures of readings, history and restart, each on a new database."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _readings(Path(folder), size)
    with tempfile.TemporaryDirectory() as folder:
        yield _history(Path(folder), size)
    with tempfile.TemporaryDirectory() as folder:
        yield _restart(Path(folder), size)


def _rule(number: int) -> dict[str, Any]:
    sensor = f"s{number % 50}"
    hot = {"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": 1_000}}
    return {
        "id": f"r{number}",
        "name": f"r{number}",
        "trigger": {"type": "sensor", "config": {"sensor": sensor}},
        "conditions": [hot],
        "actions": [{"type": "emit_event", "config": {"event": "hot"}}],
    }


def _put_rules(runtime: Runtime, count: int) -> None:
    for first in range(0, count, RULES_A_COMMIT):
        numbers = range(first, min(first + RULES_A_COMMIT, count))
        for ticket in [runtime.submit(PutRule(_rule(number), "")) for number in numbers]:
            ticket.wait()


def _timed(items: int, do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return items / (time.perf_counter() - start)


def _readings(folder: Path, size: Size) -> Iterator[Figure]:
    """Race the runtime with rules against rows of the same shape in a bare connection that syncs as strictly."""
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        bare.execute(f"PRAGMA {pragma}")
    bare.execute("CREATE TABLE samples (series INT, at INT, received INT, number REAL, PRIMARY KEY (series, at))")
    serial = iter(range(10**9))

    def bare_rows(commits: int, rows: int) -> None:
        for _ in range(commits):
            bare.execute("BEGIN IMMEDIATE")
            bare.executemany("INSERT INTO samples VALUES (1, ?, 0, 0.5)", [(next(serial),) for _ in range(rows)])
            bare.execute("COMMIT")

    journal = open_journal(f"sqlite:///{folder / 'ours.db'}")
    with Runtime(load_registry(), journal) as runtime:
        _put_rules(runtime, size.rules)
        # Every sensor once: the first reading of each binds its rules.
        runtime.take_all([Given("d", {f"s{number}": 0.5}) for number in range(50)])

        def ours(commits: int, rows: int) -> None:
            for _ in range(commits):
                now_us = runtime.now_us() - rows
                given = [Given("d", {f"s{row % 50}": 1 + next(serial) % 900 / 7}, now_us + row) for row in range(rows)]
                verdicts = runtime.take_all(given)
                agree("readings stored", sum(verdict.stored for verdict in verdicts), rows)

        ratios: dict[str, list[float]] = {"single": [], "lists": []}
        rates: list[float] = []
        for _ in range(size.rounds):
            theirs = _timed(size.singles, lambda: bare_rows(size.singles, 1))
            ratios["single"].append(_timed(size.singles, lambda: ours(size.singles, 1)) / theirs)
            theirs = _timed(size.lists * LIST, lambda: bare_rows(size.lists, LIST))
            rates.append(_timed(size.lists * LIST, lambda: ours(size.lists, LIST)))
            ratios["lists"].append(rates[-1] / theirs)
    journal.engine.dispose()
    bare.close()
    note = f"{size.rules:,} rules, one caller"
    yield Figure("Server", "one reading, against a bare SQLite commit", tuple(ratios["single"]), note=note)
    yield Figure("Server", "a list of 100, against a bare commit of 100 rows", tuple(ratios["lists"]), note=note)
    yield Figure("Server", "readings per second in lists of 100", tuple(rates), "/s", 25_000.0, note=note)


def _fill(journal: SqlJournal, readings: int, series: int) -> int:
    """Store readings of several sensors, a minute apart; return where they end."""
    each = readings // series
    with writing(journal.engine) as connection:
        for number in range(1, series + 1):
            connection.execute(tables.series.insert(), {"id": number, "device_id": f"d{number}", "sensor": "t"})
            minutes = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :each) "
            connection.execute(
                text(
                    f"{minutes}INSERT INTO samples (series_id, at_us, received_us, number) "  # noqa: S608 - our own text
                    "SELECT :number, i * 60000000, 0, 20 + i % 97 / 10.0 FROM n"
                ),
                {"number": number, "each": each},
            )
            connection.execute(
                text(
                    "INSERT INTO hours_due SELECT DISTINCT series_id, at_us - at_us % 3600000000 FROM samples "
                    "WHERE series_id = :number"
                ),
                {"number": number},
            )
        while sum_up(connection, each * MINUTE_US):
            pass
    return each * MINUTE_US


def _history(folder: Path, size: Size) -> Figure:
    journal = open_journal(f"sqlite:///{folder / 'year.db'}")
    end_us = _fill(journal, size.minutes, 1)
    width_us = bucket_us(end_us // 500)
    seconds = []
    for _ in range(size.rounds):
        start = time.perf_counter()
        with reading(journal.engine) as connection:
            found = buckets(connection, 1, 0, end_us, width_us)
        seconds.append((time.perf_counter() - start) * 1000)
        agree("values in the buckets", sum(bucket.count for bucket in found), size.minutes)
    journal.engine.dispose()
    note = f"{len(found)} buckets of {size.minutes:,} values"
    return Figure("Server", "a year of one sensor in buckets", tuple(seconds), "ms", 150.0, at_least=False, note=note)


def _restart(folder: Path, size: Size) -> Figure:
    url = f"sqlite:///{folder / 'much.db'}"
    journal = open_journal(url)
    _fill(journal, size.kept_readings, 10)
    with Runtime(load_registry(), journal) as runtime:
        _put_rules(runtime, size.kept_rules)
        runtime.take_all([Given("d", {f"s{number}": 0.5}) for number in range(50)])
    journal.engine.dispose()
    registry = load_registry()
    seconds = []
    for _ in range(size.rounds):
        start = time.perf_counter()
        journal = open_journal(url)
        with Runtime(registry, journal) as runtime:
            runtime.take("d", {"s1": 0.25 + len(seconds)})
            seconds.append(time.perf_counter() - start)
            agree("rules after the restart", len(runtime.writer.engine.rule_ids), size.kept_rules)
        journal.engine.dispose()
    note = f"{size.kept_readings:,} readings, {size.kept_rules:,} rules, until the first reading is acknowledged"
    return Figure("Server", "restart", tuple(seconds), "s", 5.0, at_least=False, note=note)
