"""A look back that begins at a checkpoint tells what the live engine told: with late readings, edits and stops, too."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from explained.shortly import shortly
from posted.rules import rule
from sqlalchemy import select

from whenthen.clock import ManualClock, to_us
from whenthen_server.api.explanations import ExplainNow
from whenthen_server.lookback.past import Past
from whenthen_server.settings import load_settings
from whenthen_server.store.checkpoints import PutAside, checkpoints
from whenthen_server.store.database import reading
from whenthen_server.store.places import DeviceRecord, FarmRecord, PutPlace, Record, RoomRecord
from whenthen_server.wiring import House

HISTORIES = 5
STEPS = 60
DEVICES = ("dev-1", "dev-2")
VALUES = (19, 21.5, 24, 26, 30, 31, 33, 35)


def over(limit: float, **more: Any) -> dict[str, Any]:
    return {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": limit, **more}}


def made_up_condition(random: Random) -> dict[str, Any]:
    """Return a condition that remembers, mostly for long."""
    seconds, limit = random.choice((60, 300, 5_000, 40_000)), random.choice((20, 22, 25, 29))
    inner = random.choice(
        (over(limit), over(limit, hysteresis=4), over(limit, max_age_seconds=400), over(limit, aggregate="mean"))
    )
    rose = {"sensor": "temperature", "by": random.choice((3, 9)), "within_seconds": seconds}
    return random.choice(
        (
            inner,
            {"type": "duration", "config": {"condition": inner, "duration_seconds": seconds}},
            {"type": "change", "config": rose},
            {"type": "change", "config": {"sensor": "temperature", "to": random.choice(VALUES)}},
        )
    )


def made_up_rule(random: Random, name: str) -> dict[str, Any]:
    more: dict[str, Any] = {"fire": random.choice(("edge", "edge", "every"))}
    if random.random() < 0.4:
        more["cooldown_seconds"] = random.choice((150, 4_000))
    if random.random() < 0.2:
        more["max_executions"] = 3
    return rule(
        id=name,
        name=name,
        scope=random.choice(({"room": "room-1"}, {"room": "room-1", "per": "room"}, {"device": "dev-1"})),
        conditions=[made_up_condition(random) for _ in range(random.choice((1, 1, 2)))],
        actions=[{"type": "log", "config": {"message": "now"}}],
        **more,
    )


@contextmanager
def started(folder: Path, clock: ManualClock) -> Generator[House]:
    house = House(load_settings(None, {"WHENTHEN_DATA_FOLDER": str(folder)}), clock)
    house.start()
    try:
        yield house
    finally:
        house.stopping()
        house.close(10.0)


@dataclass
class Life:
    """A server that lives through a made-up history, and what its engine told of its rules on the way."""

    folder: Path
    clock: ManualClock
    random: Random
    stops: bool
    told: list[tuple[str, int, str, dict[str, Any]]] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    def begin(self) -> None:
        self.house = self.stack.enter_context(started(self.folder, self.clock))

    def place(self) -> None:
        now_us = to_us(self.clock.now())
        records: list[Record] = [
            FarmRecord("farm-a", "farm-a", now_us, "Europe/Brussels"),
            RoomRecord("room-1", "farm-a", "room-1", now_us),
            *(DeviceRecord(one, "room-1", one, now_us, "climate") for one in DEVICES),
        ]
        for record in records:
            self.house.runtime.submit(PutPlace(self.house.places, record, new=True)).wait(10)

    def put(self, name: str) -> None:
        self.house.runtime.put_rule(made_up_rule(self.random, name))

    def step(self, rules: list[str]) -> None:
        random, runtime = self.random, self.house.runtime
        self.clock.turn(seconds=random.choice((1, 20, 60, 61, 150, 1_000, 9_000)))
        chance = random.random()
        if chance < 0.75:
            late_us = random.choice((0, 0, 0, 30, 700, 20_000)) * 1_000_000
            at_us = to_us(self.clock.now()) - late_us if late_us else None
            runtime.take(random.choice(DEVICES), {"temperature": random.choice(VALUES)}, at_us)
        elif chance < 0.79:
            self.put(random.choice(rules))
        elif chance < 0.83 and self.stops:
            self.stack.close()
            self.clock.turn(seconds=random.choice((5, 500)))
            self.begin()
            self.house.runtime.submit(PutAside(0)).wait(10)
        elif chance < 0.97:
            runtime.submit(PutAside(0)).wait(10)

    def ask(self, rules: list[str]) -> None:
        self.clock.turn(seconds=0.5)
        for name in rules:
            subjects = tuple(self.house.runtime.writer.engine.subjects(name))
            for live in self.house.runtime.submit(ExplainNow(name, subjects)).wait(10):
                at_us = to_us(datetime.fromisoformat(live["at"]))
                self.told.append((name, at_us, live["subject"], live))

    def told_again(self) -> Generator[tuple[tuple[str, int, str], dict[str, Any], dict[str, Any], bool]]:
        """Yield what is asked, what was told live, what is told now, and whether that began at a checkpoint."""
        past = Past(self.house.database, self.house.registry, self.house.places)
        with reading(self.house.database) as connection:
            instants = set(connection.scalars(select(checkpoints.c.at_us)))
        for name, at_us, subject, live in self.told:
            version = past.version(name, at_us)
            assert version is not None
            document = past.explained(name, version, at_us, subject).document
            begun = document["how"].get("from")
            yield (
                (name, at_us, subject),
                live,
                document["explanations"][0],
                begun is not None and to_us(datetime.fromisoformat(begun)) in instants,
            )


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_what_a_checkpoint_leads_to_is_what_was_told_then(
    tmp_path: Path, clock: ManualClock, seed: int, stops: bool
) -> None:
    life = Life(tmp_path / "data", clock, Random(seed), stops)
    rules = ["r0", "r1", "r2"]
    with life.stack:
        life.begin()
        life.place()
        for name in rules:
            life.put(name)
        for step in range(STEPS):
            life.step(rules)
            if step % 6 == 5:
                life.ask(rules)
        clock.turn(seconds=60)
        from_checkpoints = 0
        for asked, live, again, begun_there in life.told_again():
            if begun_there:
                assert shortly(again) == shortly(live), asked
            from_checkpoints += begun_there
        assert from_checkpoints > len(life.told) // 2
