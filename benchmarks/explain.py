"""Looking back: why a rule did not fire, at any instant of 30 days of one-minute readings, as REST and commands ask."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from measure import Figure
from sqlalchemy import Connection, Engine, insert, text

from whenthen.engine import Engine as RulesEngine
from whenthen.extend.host import load_registry
from whenthen.ports import Device, StaticDirectory
from whenthen_server.lookback.past import Past
from whenthen_server.store import recorded, tables
from whenthen_server.store.checkpoints import EVERY_US, checkpoints
from whenthen_server.store.database import open_database, writing
from whenthen_server.store.migrations import upgrade_engine
from whenthen_server.store.places import Places

SEED = 20261201
MINUTE_US = 60_000_000
START_US = 1_772_323_200_000_000
"""2026-03-01T00:00:00Z"""
ROOMS, DEVICES_A_ROOM, SENSORS = 1, 2, ("co2", "temperature", "humidity")
TARGET_MS = 100.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: days of one reading a minute of each sensor of each device, and questions asked of each rule."""

    days: int
    asked: int
    rounds: int


SIZES = {"full": Size(30, 100, 3), "quick": Size(30, 40, 2), "tiny": Size(1, 3, 1)}


def over(sensor: str, limit: float, **more: Any) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": sensor, "operator": ">", "value": limit, **more}}


def held(condition: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {"type": "duration", "config": {"condition": condition, "duration_seconds": seconds}}


def rose(sensor: str, seconds: int) -> dict[str, Any]:
    return {"type": "change", "config": {"sensor": sensor, "by": 300, "direction": "up", "within_seconds": seconds}}


DAY_S = 86_400
CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "newest values": [over("co2", 1_100), over("humidity", 60)],
    "5 minutes": [held(over("co2", 900), 300), over("temperature", 19)],
    "hysteresis": [over("co2", 1_100, hysteresis=200), over("humidity", 50)],
    "a day": [held(over("co2", 500), DAY_S), rose("co2", 3_600)],
    "a week": [held(over("co2", 500), 7 * DAY_S)],
    "31 days": [held(over("co2", 500), 31 * DAY_S)],
    "every reading of 31 days": [rose("co2", 31 * DAY_S)],
    "every reading of 31 days, a room's mean": [held(over("co2", 500, aggregate="mean"), 31 * DAY_S)],
}
"""By how far the rule remembers."""


def rule(name: str, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "scope": {"room": "room-0", "per": "room"} if "room" in name else {"room": "room-0"},
        "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
        "conditions": conditions,
        "actions": [{"type": "log", "config": {"message": "x"}}],
        "cooldown_seconds": 600,
        "fire": "edge",
    }


def fill(database: Engine, days: int) -> None:
    """Store the rooms, devices, rules and readings; each rule is older than all of them."""
    rng = random.Random(SEED)
    upgrade_engine(database)
    Places(database).load(START_US)
    rooms = [{"id": f"room-{n}", "farm_id": "default", "name": "Room", "created_us": 0} for n in range(ROOMS)]
    devices = [f"dev-{room}-{n}" for room in range(ROOMS) for n in range(DEVICES_A_ROOM)]
    series = [(device, sensor) for device in devices for sensor in SENSORS]
    with writing(database) as connection:
        farm = connection.execute(text("SELECT id FROM farms")).scalar_one()
        connection.execute(insert(tables.rooms), [{**room, "farm_id": farm} for room in rooms])
        connection.execute(insert(tables.devices), [_device(one) for one in devices])
        for number, (device, sensor) in enumerate(series, 1):
            connection.execute(insert(tables.series), {"id": number, "device_id": device, "sensor": sensor})
            connection.execute(insert(tables.samples), _samples(rng, number, sensor, days))
        for name, conditions in CONDITIONS.items():
            document = rule(name, conditions)
            row = {"rule_id": name, "version": 1, "document": document, "who": "person:owner", "at_us": START_US}
            connection.execute(insert(tables.rule_versions), row)
            connection.execute(insert(tables.executions), _executions(name, days))
            connection.execute(insert(checkpoints), list(_put_aside(connection, document, days)))


def _put_aside(connection: Connection, document: dict[str, Any], days: int) -> Iterator[dict[str, Any]]:
    """Yield what the server's upkeep would have put aside of a rule while the readings came."""
    devices = [Device(f"dev-0-{n}", room="room-0", farm="default") for n in range(DEVICES_A_ROOM)]
    rules = RulesEngine(load_registry(), StaticDirectory(devices))
    rules.advance(START_US)
    rules.put_rule(document)
    due_us, end_us = START_US + EVERY_US, START_US + days * 1_440 * MINUTE_US
    series = recorded.series_of(connection, [one.id for one in devices], SENSORS)
    for reading in recorded.readings(connection, series, START_US, end_us, 1_000_000):
        if reading.received_us > due_us:
            yield {"rule_id": document["id"], "at_us": due_us, "instances": rules.kept(document["id"])}
            due_us += EVERY_US
        rules.handle(reading)


def _device(device: str) -> dict[str, Any]:
    room = f"room-{device.split('-')[1]}"
    more = {"name": device, "type": None, "driver": "simulated", "capabilities": [], "stale_after_seconds": 900.0}
    return {"id": device, "room_id": room, **more, "online": True, "seen_us": None, "created_us": 0}


def _samples(rng: random.Random, series: int, sensor: str, days: int) -> list[dict[str, Any]]:
    base, step, low, high = {"co2": (900.0, 30.0, 420.0, 1_800.0)}.get(sensor, (21.0, 0.3, 10.0, 95.0))
    value, made = base, []
    for minute in range(days * 1_440):
        value = min(max(value + rng.gauss(0, step), low), high)
        at_us = START_US + minute * MINUTE_US + rng.randrange(1_000_000)
        received = {"received_us": at_us + rng.randrange(2_000_000), "number": round(value, 1), "other": None}
        made.append({"series_id": series, "at_us": at_us, **received})
    return made


def _executions(name: str, days: int) -> list[dict[str, Any]]:
    """Return one firing every ten minutes: enough that finding the last is work."""
    kind = {"rule_id": name, "rule": name, "kind": "fired", "depth": 0, "counted": True, "cause": "reading"}
    subject = "room-0" if "room" in name else "dev-0-0"
    return [
        {"id": f"{name}-{n}", "at_us": START_US + n * 10 * MINUTE_US + 5, "subject": subject, **kind, "trace": None}
        for n in range(days * 144)
    ]


def milliseconds(call: Callable[[], Any]) -> float:
    """Return the processor's milliseconds that a call takes: on a shared machine, waiting for a core says nothing."""
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1_000


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]


def run(size: Size) -> Iterator[Figure]:
    """Yield, for each rule, the 95th percentile over instants anywhere in the history."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'whenthen.db'}")
        try:
            fill(database, size.days)
            places = Places(database)
            places.load(START_US)
            past = Past(database, load_registry(), places)
            yield from (_figure(past, name, size) for name in CONDITIONS)
        finally:
            database.dispose()


def _figure(past: Past, name: str, size: Size) -> Figure:
    rng = random.Random(SEED + 1)
    subject = "room-0" if "room" in name else "dev-0-0"
    values: list[int] = []

    def ask() -> None:
        at_us = START_US + rng.randrange(1, size.days * 1_440) * MINUTE_US + rng.randrange(MINUTE_US)
        version = past.version(name, at_us)
        assert version is not None
        found = past.explained(name, version, at_us, subject).document
        assert found["explanations"][0]["conditions"][0]["readings" if "value" in name else "truth"] is not None
        values.append(found["how"].get("values", 0))

    rounds = [[milliseconds(ask) for _ in range(size.asked)] for _ in range(size.rounds)]
    note = f"median {sorted(rounds[0])[len(rounds[0]) // 2]:.3g} ms; up to {max(values):,} values given to an engine"
    what = f"p95 of a look back, rule remembers: {name}"
    return Figure("Explain", what, tuple(map(p95, rounds)), "ms", TARGET_MS, at_least=False, note=note)
