"""The simulated farm under the pure engine: readings in, commands out, on a virtual clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from whenthen import Device, Event, Farm, Firing, Reading, StaticDirectory
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen_server.demo import Ack, SimulatedFarm

TURN_S = 10.0
TO_DEVICES = ("device_command", "led", "sound")


def directory(description: Mapping[str, Any]) -> StaticDirectory:
    farm = description["farm"]
    devices = [
        Device(one["id"], one["type"], one["room_id"], one["farm_id"], one["stale_after_seconds"])
        for one in description["devices"]
    ]
    return StaticDirectory(devices, [Farm(farm["id"], farm["timezone"], farm["latitude"], farm["longitude"])])


class Household:
    """A farm and its rules; counts how long each room was in range, by what was out."""

    def __init__(self, farm: SimulatedFarm, rules: Iterable[Mapping[str, Any]]) -> None:
        self.farm = farm
        self.registry = load_registry()
        self.engine = Engine(self.registry, directory(farm.description()))
        self.engine.advance(farm.now_us)
        for rule in rules:
            self.engine.put_rule(rule)
        self.firings: list[Firing] = []
        self.acks: list[Ack] = []
        self.looks = 0
        self.good: Counter[tuple[str, str]] = Counter()

    def live(self, *, hours: float) -> None:
        """Let time pass and look at the rooms every two minutes."""
        for turn in range(round(hours * 3600 / TURN_S)):
            for reading in self.farm.step(TURN_S):
                self._carry_out(self.engine.handle(Reading(reading.device_id, reading.values, reading.at_us)))
            self._carry_out(self.engine.advance(self.farm.now_us))
            if turn % 12 == 0:
                self._look()

    def forget(self) -> None:
        """Count anew from here."""
        self.firings.clear()
        self.acks.clear()
        self.good.clear()
        self.looks = 0

    def share(self, room: str, what: str = "all") -> float:
        """Return for which share of the time a room was in range."""
        return self.good[room, what] / self.looks

    def fired(self, rule_id: str) -> int:
        """Return how often a rule fired since the counts began."""
        return sum(firing.rule_id == rule_id and firing.kind == "fired" for firing in self.firings)

    def _look(self) -> None:
        self.looks += 1
        for room, state in self.farm.state()["rooms"].items():
            within = state["in_range"]
            self.good.update((room, name) for name, good in within.items() if good)
            self.good[room, "all"] += all(within.values())

    def _carry_out(self, firings: list[Firing]) -> None:
        self.firings += firings
        actions = self.registry.table("action")
        failed: list[tuple[Firing, Ack]] = []
        for firing in firings:
            for call in firing.actions:
                if call.type not in TO_DEVICES or not call.runs:
                    continue
                name, params = actions[call.type](call.config).command(call.config)
                acks = [self.farm.command(device, name, params) for device in call.targets]
                self.acks += acks
                failed += [(firing, ack) for ack in acks if ack.status != "acknowledged"]
        for firing, ack in failed:  # as the runtime tells it
            data = {"rule_id": firing.rule_id, "rule": firing.rule, "subject": firing.subject}
            self._carry_out(self.engine.handle(Event("rule_failed", ack.at_us, data, device=ack.device_id)))
