"""Why a rule's conditions are what they are for one subject just now: looked at once more, without leaving a mark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import copy, deepcopy
from datetime import tzinfo
from typing import Any

from whenthen.clock import SECOND_US, from_us
from whenthen.dsl.compiled import Node
from whenthen.extend.condition import Moment, Truth
from whenthen.extend.formula import SensorRef
from whenthen.flow.binder import Binder, Surroundings
from whenthen.flow.decide import Candidate, blocked
from whenthen.flow.guard import Fault
from whenthen.flow.instance import Instance
from whenthen.flow.rulestate import RuleState
from whenthen.flow.state import NEVER_US, Slot


class Trace(Binder):
    """Binds a copy of an instance, with a copy of what it remembers, to the same values."""

    def __init__(self, instance: Instance, around: Surroundings, zone: tzinfo) -> None:
        apart = copy(around)
        apart.moment = Moment()
        self._faults: list[Fault] = []
        apart.guard = around.guard.telling(self._faults.append)
        super().__init__(Instance(instance.rule, instance.subject), apart, zone)
        self._remembered = deepcopy(instance.states or {})

    def want_every_reading(self, slot: Slot) -> None:
        """Want nothing: nobody looks at the copy again."""

    def of(self, now_us: int) -> dict[str, Any]:
        """Return the tree of conditions, JSON-ready: for each its truth (``None``: unknown) and what it read."""
        self.bind(self._remembered)
        self.instance.check(now_us)  # variables are evaluated first
        conditions = [self._told(node, now_us) for node in self.rule.conditions]
        truth = _all_hold([one["truth"] for one in conditions])
        told: dict[str, Any] = {"at": from_us(now_us).isoformat(), "truth": truth, "conditions": conditions}
        failed = _first_failing(conditions)
        if failed is not None:
            told["first_failed"] = failed
        if self.variables:
            told["variables"] = {name: variable.value for name, variable in self.variables.items()}
        return told

    def _told(self, node: Node, now_us: int) -> dict[str, Any]:
        told: dict[str, Any] = {"path": node.path, "type": node.condition.type, "describe": self._described(node)}
        self._faults.clear()
        self.instance.wakes.clear()
        told["truth"] = self._check(node)(now_us)
        if self._faults:
            told["failed"] = self._faults[-1].message
        memory = self._memory(node)
        if memory:
            told["memory"] = memory
        due_us = min((wake for wake in self.instance.wakes if wake > now_us), default=None)
        if due_us is not None:
            told["due"] = from_us(due_us).isoformat()
        readings = [one for ref in node.condition.sensors() for one in self._read(ref, now_us)]
        if readings:
            told["readings"] = readings
        if node.children:
            told["conditions"] = [self._told(child, now_us) for child in node.children]
        return told

    def _described(self, node: Node) -> str:
        try:
            return str(node.condition.describe())
        except Exception:  # noqa: BLE001 - a plugin may raise anything, and a trace is wanted most when it does
            return node.condition.type

    def _memory(self, node: Node) -> dict[str, Any]:
        """Return what a condition tells of its state; nothing if that is not JSON, or has failed."""
        state = self.states.get(node.path)
        if not state:
            return {}
        try:
            memory: dict[str, Any] = json.loads(json.dumps(dict(node.condition.explain(state)), allow_nan=False))
        except Exception:  # noqa: BLE001 - as above
            return {}
        return memory

    def _read(self, ref: SensorRef, now_us: int) -> Iterator[dict[str, Any]]:
        """Yield the values behind a sensor, with the instant of each and its age in seconds."""
        if ref.device is None and ref.sensor in self.variables:
            yield {"variable": ref.sensor, "value": self.variables[ref.sensor].value}
            return
        for device in self.devices_of(ref):
            slot = self.around.slot(device, ref.sensor)
            told: dict[str, Any] = {"device": device, "sensor": ref.sensor, "value": None}
            if slot.at_us > NEVER_US:
                told["value"] = slot.value
                told["at"] = from_us(slot.at_us).isoformat()
                told["age_seconds"] = (now_us - slot.at_us) / SECOND_US
            yield told


def standing(instance: Instance, state: RuleState, now_us: int) -> dict[str, Any]:
    """Return, JSON-ready, what besides its conditions keeps an instance from firing, and for how long.

    ``blocked`` is the reason or ``None``, ``last_fired`` the instant of its last firing, ``can_fire_from`` the first
    instant at which nothing but its conditions and triggers keeps it; ``None`` if that hangs on more than time.
    """
    rule = state.rule
    reason: str | None = blocked(Candidate(instance, state, "fired"), now_us)
    if reason is None and rule.edge and not instance.armed:
        reason = "not_armed"
    told: dict[str, Any] = {"blocked": reason, "last_fired": None, "can_fire_from": None}
    first_us = max(now_us, rule.valid_from_us or 0)
    if instance.fired_us > NEVER_US:
        told["last_fired"] = from_us(instance.fired_us).isoformat()
        first_us = max(first_us, instance.fired_us + rule.cooldown_us)
    over = rule.valid_until_us is not None and first_us >= rule.valid_until_us
    armed = instance.armed or not rule.edge
    if reason in (None, "cooldown", "not_valid_yet") and armed and not over:
        told["can_fire_from"] = from_us(first_us).isoformat()
    return told


def _all_hold(truths: Sequence[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _first_failing(conditions: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the path of what keeps the whole from being true: known false before unknown, as far in as it goes."""
    for wanted in (False, None):
        for one in conditions:
            if one["truth"] is wanted:
                path: str = one["path"]
                return _first_failing(one.get("conditions", ())) or path
    return None
