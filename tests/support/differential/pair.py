"""The engine and the reference model side by side: one step goes to both, and what they say must be the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from differential.scenarios import Scenario
from reference.model import Model

from whenthen import Device, Event, Farm, Reading, StaticDirectory
from whenthen.engine import Engine, RunResult, merge_state
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.model.firing import ActionCall, Firing

Json = dict[str, Any]


def difference(seed: int, steps: int) -> str | None:
    """Return where the two part in the history of a seed, or ``None``."""
    scenario = Scenario(Random(seed))
    pair = Pair(load_registry(), scenario.world)
    for number, step in enumerate(scenario.steps(steps)):
        try:
            pair.step(step)
        except AssertionError as error:
            return f"seed {seed}, step {number}, {json.dumps(step)}: {error}"
    return None


class Changing(StaticDirectory):
    """A directory in which devices come, move and go."""

    def __init__(self, devices: Mapping[str, Json], farms: Mapping[str, str | None]) -> None:
        super().__init__(farms=[Farm(name, zone) for name, zone in farms.items()])
        for name, known in devices.items():
            self.change(name, known)

    def change(self, name: str, known: Json | None) -> None:
        """Have a device be as it is *known* from now on; ``None``: it is no more."""
        if known is None:
            self._devices.pop(name, None)
        else:
            self._devices[name] = Device(id=name, **known)


class Pair:
    """Takes steps as JSON, ``{"do": "reading", …}``, so that a failing history can be printed and kept."""

    def __init__(self, registry: Registry, world: Json) -> None:
        self.registry = registry
        self.world = world
        devices, farms = world["devices"], world["farms"]
        self.directory = None if devices is None else Changing(devices, farms)
        self.engine = Engine(registry, self.directory, world["zone"])
        self.model = Model(devices, farms, world["zone"])
        self.documents: dict[str, Json] = {}
        self.kept: Json = {}

    def step(self, step: Json) -> None:
        """Take one step in both; raises ``AssertionError`` where they part."""
        arguments = {name: value for name, value in step.items() if name != "do"}
        ours, theirs = getattr(self, f"_{step['do']}")(**arguments)
        found = [plain(firing) for firing in ours]
        assert found == theirs, f"the engine says {found}, the model {theirs}"
        for rule_id in self.documents:
            rule = self.model.rules[rule_id]
            counts = {"execution_count": rule.count, "last_executed_us": rule.last, "missed_runs": rule.missed}
            assert self.engine.counters(rule_id) == counts, f"counters of {rule_id}"
            assert self.engine.enabled(rule_id) == rule.enabled, f"{rule_id} switched"

    def _put(self, rule: Json) -> tuple[list[Firing], list[Json]]:
        self.documents[rule["id"]] = rule
        return self.engine.put_rule(rule), self.model.put(rule)

    def _remove(self, rule: str) -> tuple[list[Firing], list[Json]]:
        if self.documents.pop(rule, None) is None:
            return [], []
        return self.engine.remove_rule(rule), self.model.remove(rule)

    def _switch(self, rule: str, enabled: bool) -> tuple[list[Firing], list[Json]]:
        if rule not in self.documents:
            return [], []
        return self.engine.set_enabled(rule, enabled), self.model.set_enabled(rule, enabled)

    def _run(self, rule: str, concern: list[str] | None, force: bool) -> tuple[list[Firing], list[Json]]:
        if rule not in self.documents:
            return [], []
        named: Mapping[str, str] = {concern[0]: concern[1]} if concern else {}
        result: RunResult = self.engine.run_rule(rule, **named, force=force)
        fired, blocked = self.model.run(rule, None if concern is None else (concern[0], concern[1]), force)
        assert result.blocked == blocked, "what blocked the run"
        return result.firings, fired

    def _event(self, name: str, at: int, data: Json, concern: list[str] | None) -> tuple[list[Firing], list[Json]]:
        named: Mapping[str, str] = {concern[0]: concern[1]} if concern else {}
        ours = self.engine.handle(Event(name, at, data, **named))
        return ours, self.model.event(name, at, data, None if concern is None else (concern[0], concern[1]))

    def _reading(self, device: str, values: Json, received: int, at: int | None) -> tuple[list[Firing], list[Json]]:
        ours = self.engine.handle(Reading(device, values, received, at))
        return ours, self.model.reading(device, values, received, at)

    def _advance(self, now: int) -> tuple[list[Firing], list[Json]]:
        return self.engine.advance(now), self.model.advance(now)

    def _rehouse(self, devices: dict[str, Json | None]) -> tuple[list[Firing], list[Json]]:
        assert self.directory is not None, "without a directory nobody moves"
        for name, known in devices.items():
            self.directory.change(name, known)
        return self.engine.rehouse(devices.keys()), self.model.rehouse(devices)

    def _restart(self) -> tuple[list[Firing], list[Json]]:
        self.kept = json.loads(json.dumps(merge_state(self.kept, self.engine.changed_state())))
        documents = list(self.documents.values())
        self.engine = Engine.restore(self.registry, self.directory, documents, self.kept, self.world["zone"])
        self.model.restart()
        return [], []


def plain(firing: Firing) -> Json:
    """Return a firing as the model says it."""
    return {
        "at": firing.at_us,
        "rule": firing.rule_id,
        "subject": firing.subject,
        "kind": firing.kind,
        "depth": firing.depth,
        "counted": firing.counted,
        "actions": [_plain_action(action) for action in firing.actions],
    }


def _plain_action(action: ActionCall) -> Json:
    names = ("type", "config", "superseded_by", "skipped", "failed")
    return {
        **{name: getattr(action, name) for name in names},
        "after": action.after_us,
        "targets": list(action.targets),
    }
