"""From verdicts to firings: what blocks, what is filled in, who wins an actuator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from whenthen.clock import from_us
from whenthen.dsl.compiled import CONTEXT_NAMES, ActionPlan, CompiledRule
from whenthen.errors import TemplateError
from whenthen.extend.action import Consequence, Effect, EmitEvent
from whenthen.extend.fault import named, told
from whenthen.extend.registry import Registry
from whenthen.flow.guard import Guard
from whenthen.flow.instance import Instance
from whenthen.flow.rulestate import RuleState
from whenthen.flow.subjects import Subjects
from whenthen.model.event import SYSTEM_EVENTS
from whenthen.model.firing import ActionCall, Firing, Kind, Setting
from whenthen.model.reading import Scalar

MAX_DEPTH = 8
"""A firing may have so many firings before it that caused it; deeper ones are refused."""

Reason = Literal[
    "disabled",
    "not_valid_yet",
    "expired",
    "max_executions",
    "conditions_false",
    "conditions_unknown",
    "cooldown",
    "depth",
    "no_subject",
    "paused",
]
"""Why a run did not fire."""


@dataclass(slots=True)
class Candidate:
    """An instance that would fire or clear in this tick. *forced* skips conditions, edge and cooldown."""

    instance: Instance
    state: RuleState
    kind: Kind
    run: bool = False
    forced: bool = False


@dataclass(slots=True)
class Decision:
    """What one tick comes to: firings in order, what they cause, and what was blocked."""

    firings: list[Firing] = field(default_factory=list)
    caused: list[tuple[Firing, Instance, list[tuple[int, Consequence]]]] = field(default_factory=list)
    blocked: dict[str, Reason] = field(default_factory=dict)
    refused: list[Instance] = field(default_factory=list)


class Decider:
    """Decides the candidates of one tick, in order."""

    def __init__(
        self,
        registry: Registry,
        subjects: Subjects,
        sensor_value: Callable[[Instance, str], Scalar | None],
        guard: Guard,
    ) -> None:
        self._registry = registry
        self._subjects = subjects
        self._sensor_value = sensor_value
        self._guard = guard

    def decide(self, candidates: list[Candidate], now_us: int, depth: int) -> Decision:
        """Return the firings of a tick; moves counters, cooldowns and edges of those that fire."""
        decision = Decision()
        claims: dict[tuple[str, str], tuple[Any, str]] = {}
        made: list[tuple[Instance, Firing]] = []
        if len(candidates) > 1:
            candidates.sort(key=_order)
        for candidate in candidates:
            if candidate.kind == "fired":
                firing = self._fire(candidate, now_us, depth, claims, decision)
                if firing is not None:
                    made.append((candidate.instance, firing))
        cleared = [candidate for candidate in candidates if candidate.kind == "cleared"]
        made += [(candidate.instance, self._clear(candidate, now_us, depth, claims)) for candidate in cleared]
        if len(made) > 1:
            made.sort(key=lambda pair: pair[0].order)
        for instance, firing in made:
            decision.firings.append(firing)
            decision.caused.append((firing, instance, self._consequences(instance, firing)))
        return decision

    def _fire(
        self,
        candidate: Candidate,
        now_us: int,
        depth: int,
        claims: dict[tuple[str, str], tuple[Any, str]],
        decision: Decision,
    ) -> Firing | None:
        instance = candidate.instance
        reason = blocked(candidate, now_us)
        if reason is None and depth > MAX_DEPTH:
            reason = "depth"
            decision.refused.append(instance)
        if reason is not None:
            decision.blocked[instance.subject.id] = reason
            return None
        actions = instance.rule.fixed_actions or self._act(instance, instance.rule.actions, now_us, claims)
        counted = actions[0].runs or _counts(actions)
        if counted:
            _record(candidate, now_us)
        return _firing(instance, "fired", actions, now_us, depth, counted=counted)

    def _clear(
        self, candidate: Candidate, now_us: int, depth: int, claims: dict[tuple[str, str], tuple[Any, str]]
    ) -> Firing:
        instance = candidate.instance
        actions = self._act(instance, instance.rule.clear_actions, now_us, claims)
        return _firing(instance, "cleared", actions, now_us, depth, counted=True)

    def _act(
        self,
        instance: Instance,
        plans: tuple[ActionPlan, ...],
        now_us: int,
        claims: dict[tuple[str, str], tuple[Any, str]],
    ) -> tuple[ActionCall, ...]:
        """Return the firing's actions, filled in, judged by their ``if``, and matched against the claims so far."""
        own: dict[tuple[str, str], tuple[Any, str]] = {}
        calls = []
        for plan in plans:
            if plan.fixed:
                calls.append(plan.call)
                continue
            call = self._filled(instance, plan, now_us)
            if call.runs and call.sets and not call.after_us:
                call = self._claim(instance, call, claims, own)
            calls.append(call)
        for key, claim in own.items():
            claims.setdefault(key, claim)  # who set the same value before is the one to name
        return tuple(calls)

    def _filled(self, instance: Instance, plan: ActionPlan, now_us: int) -> ActionCall:
        """Return the call with its texts filled in, and what it sets."""
        action = plan.action
        skipped = self._skipped(instance, plan, now_us)
        template = plan.template
        try:
            config = template.render(lambda name: self._lookup(instance, name, now_us))
        except TemplateError as error:
            return replace(plan.call, skipped=skipped, failed=None if skipped else str(error))
        try:
            effects = self._targeted(instance, _sound_effects(action.effects(config)))
            targets = tuple(sorted({device for device, _ in effects})) or self._named_targets(instance, plan, config)
            failed = self._lacks(plan)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._guard.action(instance, action)(error)
            effects, targets, failed = (), (), told(error)
        sets = tuple(Setting(device, effect.channel, effect.value) for device, effect in effects)
        return replace(plan.call, config=config, targets=targets, skipped=skipped, failed=failed, sets=sets)

    def _skipped(self, instance: Instance, plan: ActionPlan, now_us: int) -> str | None:
        if plan.guard is None or instance.guards is None:
            return None
        wakes = len(instance.wakes)
        truth = instance.guards[id(plan)](now_us)
        del instance.wakes[wakes:]  # it asked already when the whole rule was looked at
        if truth is True:
            return None
        return "its condition is false" if truth is False else "its condition is unknown"

    def _lacks(self, plan: ActionPlan) -> str | None:
        missing = [name for name in plan.action.functions() if name not in self._registry.functions]
        return f"no plugin registered a function {missing[0]!r}" if missing else None

    def _targeted(self, instance: Instance, effects: tuple[Effect, ...]) -> tuple[tuple[str, Effect], ...]:
        return tuple(
            (device, effect)
            for effect in effects
            for device in (
                (effect.device,)
                if effect.device is not None
                else self._subjects.targets(instance.subject, effect.device_type)
            )
        )

    def _named_targets(self, instance: Instance, plan: ActionPlan, config: Mapping[str, Any]) -> tuple[str, ...]:
        if not plan.action.touches_subject() and "device" not in config:
            return ()
        named = config.get("device")
        return (named,) if named else tuple(self._subjects.targets(instance.subject, config.get("device_type")))

    def _claim(
        self,
        instance: Instance,
        call: ActionCall,
        claims: Mapping[tuple[str, str], tuple[Any, str]],
        own: dict[tuple[str, str], tuple[Any, str]],
    ) -> ActionCall:
        """Claim the channels, unless another firing of this tick has set one of them differently."""
        for device, channel, value in call.sets:
            taken = claims.get((device, channel))
            if taken is not None and taken[0] != value:
                return replace(call, superseded_by=taken[1])
        for device, channel, value in call.sets:
            own[device, channel] = (value, instance.rule.id)
        return call

    def _consequences(self, instance: Instance, firing: Firing) -> list[tuple[int, Consequence]]:
        rule = instance.rule
        if not rule.causes:
            return []
        plans = rule.actions if firing.kind == "fired" else rule.clear_actions
        found: list[tuple[int, Consequence]] = []
        for plan, call in zip(plans, firing.actions, strict=True):
            if plan.consequential and call.runs:
                try:
                    given = [_sound_consequence(one) for one in plan.action.consequences(call.config)]
                except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
                    self._guard.action(instance, plan.action)(error)
                    continue
                found += [(plan.call.after_us, consequence) for consequence in given]
        return found

    def _lookup(self, instance: Instance, name: str, now_us: int) -> Scalar | None:
        """Return what a placeholder stands for; raises ``KeyError`` when nobody knows."""
        rule, subject = instance.rule, instance.subject
        if instance.variables is not None and name in instance.variables:
            return instance.variables[name].value
        if name == "timestamp":
            return from_us(now_us).astimezone(self._subjects.place(subject).zone).isoformat()
        if name in CONTEXT_NAMES:
            device = subject.id if subject.kind == "device" else None
            known = {"rule_name": rule.name, "device_id": device, "room_id": subject.room, "farm_id": subject.farm}
            return known[name]
        return self._sensor_value(instance, name)


def _sound_effects(effects: Any) -> tuple[Effect, ...]:
    """Return a plugin's effects; raises ``TypeError`` unless all are."""
    for effect in effects:
        if not isinstance(effect, Effect):
            raise TypeError(f"effects returned {named(effect)}, not Effect")
        hash((effect.device, effect.channel))
    return tuple(effects)


def _sound_consequence(consequence: Any) -> Consequence:
    if not isinstance(consequence, Consequence):
        raise TypeError(f"consequences returned {named(consequence)}, not RunRule, EmitEvent or ControlRule")
    if isinstance(consequence, EmitEvent) and consequence.name in SYSTEM_EVENTS:
        raise ValueError(f"{consequence.name!r} is the name of an event that only whenthen itself raises")
    return consequence


def _counts(actions: tuple[ActionCall, ...]) -> bool:
    """Tell whether a firing counts: one that lost an actuator and has no action left does not (ruling 13)."""
    return any(call.runs for call in actions) or not any(call.superseded_by for call in actions)


def _order(candidate: Candidate) -> tuple[int, str, str]:
    return candidate.instance.order


def _record(candidate: Candidate, now_us: int) -> None:
    instance, state = candidate.instance, candidate.state
    state.count += 1
    state.last_us = now_us
    state.mark()
    instance.fired_us = now_us
    instance.armed = not instance.rule.edge  # nobody asks whether an instance that has no edge is armed
    instance.active = True  # though nothing may be there to clear: an edit may add it while the state stays
    instance.dirty = True


def blocked(candidate: Candidate, now_us: int) -> Reason | None:
    """Return what keeps a candidate from firing, or ``None`` (rulings 8, 11, 15, 16)."""
    rule, state, instance = candidate.instance.rule, candidate.state, candidate.instance
    reason = outside(rule, state, now_us)
    if reason is not None or candidate.forced:
        return reason
    if candidate.run and instance.truth is not True:
        return "conditions_unknown" if instance.truth is None else "conditions_false"
    if now_us - instance.fired_us < rule.cooldown_us:
        return "cooldown"
    return None


def outside(rule: CompiledRule, state: RuleState, now_us: int) -> Reason | None:
    """Return what keeps a rule as a whole from firing, or ``None``."""
    if not state.enabled:
        return "disabled"
    if rule.valid_from_us is not None and now_us < rule.valid_from_us:
        return "not_valid_yet"
    if rule.valid_until_us is not None and now_us >= rule.valid_until_us:
        return "expired"
    if rule.max_executions is not None and state.count >= rule.max_executions:
        return "max_executions"
    return None


def _firing(  # noqa: PLR0913 - the parts of a firing
    instance: Instance, kind: Kind, actions: tuple[ActionCall, ...], now_us: int, depth: int, *, counted: bool
) -> Firing:
    rule = instance.rule
    subject = instance.subject.id
    return Firing(now_us, rule.id, rule.name, subject, kind, actions, depth, counted, rule.parallel, rule.timeout_us)
