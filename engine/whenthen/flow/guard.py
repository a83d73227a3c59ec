"""What stands between the engine and a plugin's code: what it raises, or returns wrongly, is unknown and told.

Everything is contained but ``KeyboardInterrupt``, which is the person's at the keyboard: a plugin that calls
``sys.exit``, recurses without end or runs out of memory costs its own answer only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from whenthen.dsl.values import as_scalar
from whenthen.extend.fault import discard, named, told
from whenthen.extend.hookspecs import Function
from whenthen.flow.timers import FAR_US

if TYPE_CHECKING:
    from whenthen.dsl.compiled import CompiledRule, Node
    from whenthen.extend.action import Action
    from whenthen.extend.condition import Check, Condition
    from whenthen.extend.registry import Registry
    from whenthen.extend.trigger import Place, Schedule, Trigger
    from whenthen.flow.instance import Instance
    from whenthen.flow.meter import Meter

BUILTIN = "builtin"
"""The plugin whose code is the product's own: it needs no guard, and gets none."""

SOONEST_US = 1_000
"""A plugin that asks for a timer gets it no sooner than this, so that it cannot stop the clock."""

Fail = Callable[[BaseException | str], None]
"""Tells of a failure: an exception, or what was wrong in words. A ``KeyboardInterrupt`` it raises again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure of a plugin: *kind* is a condition, an action, a trigger or a function."""

    kind: str
    plugin: str | None
    message: str
    rule_id: str | None = None
    subject: str | None = None


class Guard:
    """Knows whose code is whose, hands every failure to *tell*, and has every call measured if there is a *meter*.

    *now* returns the present instant in microseconds.
    """

    def __init__(
        self, registry: Registry, tell: Callable[[Fault], None], now: Callable[[], int], meter: Meter | None = None
    ) -> None:
        self._registry = registry
        self._tell = tell
        self._now = now
        self._meter = meter
        self.expression_functions: Mapping[str, Callable[..., Any]] = MappingProxyType(
            {f.name: self._watched(f) for f in registry.functions.values() if not f.condition and not f.action}
        )
        self.condition_functions: Mapping[str, Callable[..., Any]] = MappingProxyType(
            {f.name: f.call for f in registry.functions.values() if f.condition}
        )

    def telling(self, tell: Callable[[Fault], None]) -> Guard:
        """Return the same guard, which hands what conditions do wrong to *tell*."""
        other = copy(self)
        other._tell = tell  # noqa: SLF001 - a copy of its own kind
        return other

    def own(self, kind: str, name: str) -> bool:
        """Tell whether a type is the product's own."""
        return self._registry.owner(kind, name) == BUILTIN

    def measured(self, check: Check, *conditions: Condition) -> Check:
        """Return the check that was made of one or more conditions, measured if anybody measures."""
        if self._meter is None:
            return check
        types = sorted({condition.type for condition in conditions})
        owners = sorted({self._registry.owner("condition", name) or "" for name in types})
        return self._meter.measured("+".join(owners), "condition", "+".join(types), check)

    def condition(self, instance: Instance, condition: Condition) -> Fail:
        """Return where a condition of an instance reports."""
        who, plugin = self._behind(condition)
        return self._fail("condition", who, plugin, instance.rule.id, instance.subject.id)

    def action(self, instance: Instance, action: Action) -> Fail:
        """Return where an action of an instance reports."""
        who, plugin = self._who("action", action.type)
        return self._fail("action", who, plugin, instance.rule.id, instance.subject.id)

    def memory(self, instance: Instance, path: str, error: BaseException) -> None:
        """Tell that what the condition at *path* remembers cannot be kept."""
        node = _node_at(instance.rule, path)
        who, plugin = self._behind(node.condition) if node is not None else ("a condition", None)
        why = "it goes around in circles" if isinstance(error, RecursionError) else str(error)
        message = f"{who} remembers what a restart cannot keep: {why}"
        self._tell(Fault("condition", plugin, message, instance.rule.id, instance.subject.id))

    def soonest(self, at_us: int) -> int:
        """Return the instant at which a plugin may be woken that asks for *at_us*; raises ``TypeError`` for none."""
        if at_us.__class__ is not int:
            raise TypeError(f"wake takes whole microseconds, not {named(at_us)}")
        return max(at_us, self._now() + SOONEST_US)

    def schedule(self, rule: CompiledRule, trigger: Trigger, place: Place) -> Schedule | None:
        """Return a trigger's schedule at a place; a stranger's is asked carefully."""
        if self.own("trigger", trigger.type):
            return trigger.schedule(place) if trigger.scheduled else None
        fail = self._fail("trigger", *self._who("trigger", trigger.type), rule.id)
        try:
            schedule = trigger.schedule(place) if trigger.scheduled else None
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            fail(error)
            return None
        return None if schedule is None else _CarefulSchedule(schedule, fail)

    def _behind(self, condition: Condition) -> tuple[str, str | None]:
        for name in condition.functions() if self.own("condition", condition.type) else ():
            if name in self._registry.functions and not self.own("function", name):
                who, plugin = self._who("function", name)
                return f"condition {condition.type}: {who}", plugin
        return self._who("condition", condition.type)

    def _who(self, kind: str, name: str) -> tuple[str, str | None]:
        plugin = self._registry.owner(kind, name)
        return f"{kind} {name} of plugin {plugin}", plugin

    def _fail(
        self, kind: str, who: str, plugin: str | None, rule_id: str | None = None, subject: str | None = None
    ) -> Fail:
        tell = self._tell

        def fail(what: BaseException | str) -> None:
            if isinstance(what, KeyboardInterrupt):
                raise what
            words = what if isinstance(what, str) else told(what)
            tell(Fault(kind, plugin, f"{who} {words}", rule_id, subject))

        return fail

    def _watched(self, function: Function) -> Callable[..., Any]:
        """Return a function for expressions that reports: the expression itself only knows that it is unknown."""
        call = function.call
        if self.own("function", function.name):
            return call
        fail = self._fail("function", *self._who("function", function.name))
        if self._meter is not None:
            owner = self._registry.owner("function", function.name) or ""
            call = self._meter.measured(owner, "function", function.name, call)

        def watched(*arguments: Any) -> Any:
            try:
                result = call(*arguments)
            except BaseException as error:
                fail(error)
                raise ValueError(function.name) from error
            if as_scalar(result) is None:
                discard(result)
                fail(f"returned {named(result)}, not a finite number, a text or a truth")
            return result

        return watched


def _node_at(rule: CompiledRule, path: str) -> Node | None:
    guards = [plan.guard for plan in (*rule.actions, *rule.clear_actions) if plan.guard is not None]
    nodes = [*rule.conditions, *guards]
    while nodes:
        node = nodes.pop()
        if node.path == path:
            return node
        nodes.extend(node.children)
    return None


class _CarefulSchedule:
    """A stranger's schedule: one that fails, or goes back in time, has no further runs."""

    def __init__(self, schedule: Schedule, fail: Fail) -> None:
        self._schedule = schedule
        self._fail = fail

    def next_after(self, after_us: int) -> int | None:
        """Return the next run, at least a millisecond later, or ``None``."""
        try:
            due_us = self._schedule.next_after(after_us)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._fail(error)
            return None
        if due_us is None:
            return None
        if due_us.__class__ is not int or due_us <= after_us:
            self._fail("named a next run that is no later instant in whole microseconds; it has no further runs")
            return None
        return max(due_us, after_us + SOONEST_US)


def wake_after_us(seconds: Any) -> int:
    """Return what ``due_in`` returned in microseconds; raises ``TypeError`` when it is no number of seconds."""
    if seconds.__class__ not in (int, float) or not isfinite(seconds):
        raise TypeError(f"due_in returned {named(seconds)}, not a finite number of seconds")
    return min(max(round(seconds * 1_000_000), SOONEST_US), FAR_US)


def json_copy(value: Any) -> Any:
    """Return a copy of JSON that later changes do not reach; raises ``TypeError`` for what is no JSON."""
    kind = value.__class__
    if kind is dict:
        return dict(_members(value))
    if kind is list:
        return [json_copy(inner) for inner in value]
    if value is None or kind in (int, float, str, bool):
        return value
    raise TypeError(f"{named(value)} is no JSON")


def _members(value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if key.__class__ is not str:
            raise TypeError(f"a key that is {named(key)}, not str, is no JSON")
        yield key, json_copy(inner)
