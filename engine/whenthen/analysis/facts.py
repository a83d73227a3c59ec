"""What one rule reads, when it can fire, what it sets and causes: gathered once, then only compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen.analysis.case import Case
from whenthen.analysis.matters import below
from whenthen.analysis.physics import Effects, Physical, Target
from whenthen.analysis.region import Key, Span
from whenthen.analysis.ways import Reader, key_of
from whenthen.dsl.compiled import ActionPlan, CompiledRule
from whenthen.dsl.reads import refs_below
from whenthen.dsl.template import Template
from whenthen.extend.action import Action, ControlRule, EmitEvent, RunRule
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import Place
from whenthen.flow.subjects import Subjects, matches

_OUTSIDE = frozenset({"webhook", "log", "notify", "email", "sms", "broadcast"})
"""Built-in actions that leave the house and set nothing in it."""


@dataclass(frozen=True, slots=True)
class Write:
    """One channel that an action sets; *device* ``None``: the subject's own. *known* is false for a filled-in value.

    *target* is the device that the table of effects is asked about.
    """

    device: str | None
    device_type: str | None
    channel: str
    value: Any
    target: Target
    known: bool
    pointer: str
    physical: Physical
    sensitive: bool
    delayed: bool

    @property
    def actuator(self) -> tuple[str | None, str | None, str]:
        """The device, or the type of those meant, and its channel."""
        return self.device, self.device_type, self.channel

    @property
    def shown(self) -> str:
        """The value, as a sentence has it."""
        if isinstance(self.value, Mapping):
            return " ".join(f"{name}={part}" for name, part in self.value.items())
        return str(self.value) if self.known else "a value that is filled in"

    def may_meet(self, other: Write) -> bool:
        """Tell whether both may go to one device."""
        if None not in {self.device_type, other.device_type} and self.device_type != other.device_type:
            return False
        return self.device is None or other.device is None or self.device == other.device


@dataclass(frozen=True, slots=True)
class Call:
    """One action as written; *same* is equal for actions that do the same thing."""

    type: str
    same: str
    repeatable: bool
    pointer: str
    elsewhere: bool
    command: str
    sensitive: bool
    guarded: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the analysis asks about one rule.

    *fires*: the ways in which its conditions hold; none at all says that they never do. *reads*: the sensors in its
    conditions, *listens*: those whose readings start it.
    """

    rule: CompiledRule
    place: Place
    fires: tuple[Case, ...]
    reads: tuple[Key, ...]
    listens: frozenset[tuple[str | None, str]]
    writes: tuple[Write, ...]
    clears: tuple[Write, ...]
    calls: tuple[Call, ...]
    causes: tuple[RunRule | EmitEvent | ControlRule, ...]
    undeclared: tuple[str, ...]

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def scheduled(self) -> bool:
        """Whether a schedule starts it."""
        return any(trigger.scheduled for trigger in self.rule.triggers)

    def hears(self, key: Key) -> bool:
        """Tell whether readings of a sensor start the rule."""
        device, sensor, _ = key
        names = (sensor, sensor.rsplit("_", 1)[0])  # an object's parts arrive as the object
        return any((device, name) in self.listens for name in names)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Gathers facts; *week_us* is the week in which time conditions are looked at."""

    registry: Registry
    subjects: Subjects
    effects: Effects
    week_us: int
    known_spans: dict[str, tuple[Span, ...] | None] = field(default_factory=dict)

    def of(self, rule: CompiledRule) -> Facts:
        """Return the facts of a rule."""
        place = self._place(rule)
        reads = tuple(dict.fromkeys(self._keys(rule)))
        return Facts(
            rule,
            place,
            self.reader(rule, place).every(rule.conditions),
            reads,
            frozenset((wanted.device, wanted.sensor) for wanted in rule.sensor_triggers),
            tuple(self._writes(rule, rule.actions, "actions")),
            tuple(self._writes(rule, rule.clear_actions, "clear_actions")),
            tuple(self._call(rule, plan, index) for index, plan in enumerate(rule.actions)),
            tuple(_causes(rule.actions)),
            tuple(self._undeclared(rule)),
        )

    def reader(self, rule: CompiledRule, place: Place) -> Reader:
        """Return what reads the rule's conditions."""
        return Reader(rule.variables, place.zone, self.week_us, self.known_spans)

    def _place(self, rule: CompiledRule) -> Place:
        scope = rule.scope
        if self.subjects.directory is None:
            return self.subjects.default_place
        for device in self.subjects.devices():
            if matches(scope, device):
                subject = self.subjects.of_device(scope, device)
                return self.subjects.default_place if subject is None else self.subjects.place(subject)
        return self.subjects.default_place

    def _keys(self, rule: CompiledRule) -> Iterator[Key]:
        for node in rule.conditions:
            yield from map(key_of, refs_below(node, rule.variables, self.registry))

    def _writes(self, rule: CompiledRule, plans: tuple[ActionPlan, ...], name: str) -> Iterator[Write]:
        for index, plan in enumerate(plans):
            config = plan.call.config
            try:
                effects = tuple(plan.action.effects(config))
            except Exception:  # noqa: BLE001, S112 - a plugin may raise anything; the engine reports it when it fires
                continue
            for effect in effects:
                known = plan.template.static or Template.compile(effect.value).static
                target = self._target(rule, effect.device, effect.device_type)
                physical = self.effects.of(effect.channel, effect.value, target) if known else Physical({})
                sensitive = known and self.effects.is_sensitive(effect.channel, effect.value, "", target)
                yield Write(
                    effect.device,
                    effect.device_type,
                    effect.channel,
                    effect.value,
                    target,
                    known,
                    f"/{name}/{index}",
                    physical,
                    sensitive,
                    bool(plan.call.after_us),
                )

    def _target(self, rule: CompiledRule, device: str | None, device_type: str | None) -> Target:
        """Return what is known of the device that an action of a rule goes to."""
        if device is None and device_type is None and rule.scope.per == "device":
            device, device_type = rule.scope.device, rule.scope.device_type
        if device is not None and device_type is None:
            device_type = self.subjects.device(device).type
        return Target(device, device_type)

    def _call(self, rule: CompiledRule, plan: ActionPlan, index: int) -> Call:
        config = plan.call.config
        command, device = str(config.get("command", "")), config.get("device")
        target = self._target(rule, device, config.get("device_type"))
        same = json.dumps([plan.call.type, config], sort_keys=True, default=repr)
        sensitive = bool(command) and self.effects.is_sensitive("", None, command, target)
        repeatable = plan.call.delivery == "idempotent"
        named = device is not None
        return Call(
            plan.call.type, same, repeatable, f"/actions/{index}", named, command, sensitive, plan.guard is not None
        )

    def _undeclared(self, rule: CompiledRule) -> Iterator[str]:
        """Yield the parts of a rule that say nothing of what they do, or of when they hold."""
        for plan in (*rule.actions, *rule.clear_actions):
            kind = type(plan.action)
            silent = kind.effects is Action.effects and kind.consequences is Action.consequences
            if silent and plan.call.type not in _OUTSIDE:
                yield f"action {plan.call.type}"
        for node in (node for top in rule.conditions for node in below(top)):
            if node.condition.type == "custom":
                yield f"condition custom {node.condition.config.get('function')}"


def _causes(plans: tuple[ActionPlan, ...]) -> Iterator[RunRule | EmitEvent | ControlRule]:
    for plan in plans:
        if plan.consequential:
            try:
                yield from plan.action.consequences(plan.call.config)
            except Exception:  # noqa: BLE001, S112 - as for effects
                continue
