"""A rule's triggers, conditions and actions as objects of the plugins, and everything that is wrong about them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Literal

from whenthen.clock import seconds_us
from whenthen.dsl.compiled import ActionPlan, Node
from whenthen.dsl.template import Template
from whenthen.errors import InvalidRuleError, Problem, TemplateError
from whenthen.extend.action import Action
from whenthen.extend.fault import named, told
from whenthen.extend.formula import SensorRef
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import EventTrigger, SensorTrigger, Trigger
from whenthen.model.firing import ActionCall


class Parts:
    """Makes the parts of one rule, and adds what is wrong with them to *problems*.

    A plugin that fails while its part is made raises ``InvalidRuleError``, with *name* as the rule's.
    """

    def __init__(
        self, registry: Registry, expression_functions: frozenset[str], name: str, problems: list[Problem]
    ) -> None:
        self._registry = registry
        self._expression_functions = expression_functions
        self._name = name
        self._problems = problems

    def trigger(self, item: Mapping[str, Any], pointer: str) -> Trigger:
        """Return the trigger that *item*, at *pointer* in the rule, stands for."""
        try:
            trigger = self._registry.triggers[item["type"]](item.get("config", {}))
            found = list(trigger.problems())
            self._collect(found, f"{pointer}/config")
            if not found:
                _expect(trigger.sensors(), SensorTrigger, "sensors")
                _expect(trigger.events(), EventTrigger, "events")
        except BaseException as error:
            raise self._broken("trigger", item["type"], pointer, error) from error
        return trigger

    def node(self, item: Mapping[str, Any], pointer: str) -> Node:
        """Return the condition that *item*, at *pointer* in the rule, stands for, those inside it first."""
        kind = self._registry.conditions[item["type"]]
        config: Mapping[str, Any] = item.get("config", {})
        if "operator" in item:
            config = {**config, "operator": item["operator"]}
        children = tuple(self.node(inner, f"{pointer}/config{place}") for place, inner in _nested(kind.nested, config))
        try:
            condition = kind(config, [child.condition for child in children])
            found = list(condition.problems())
            self._collect(found, f"{pointer}/config")
            if not found:
                self.check_functions(condition.functions(), f"{pointer}/config", needed=kind.needs_functions)
                _expect(condition.sensors(), SensorRef, "sensors")
        except BaseException as error:
            raise self._broken("condition", item["type"], pointer, error) from error
        return Node(condition, children, sys.intern(pointer))

    def plan(self, item: Mapping[str, Any], pointer: str) -> ActionPlan | None:
        """Return the plan of the action *item* at *pointer* in the rule; ``None`` if its texts cannot be filled in."""
        config = item.get("config", {})
        try:
            action = self._registry.actions[item["type"]](config)
            self._collect(action.problems(), f"{pointer}/config")
            self.check_functions(action.functions(), f"{pointer}/config", needed=False)
        except BaseException as error:
            raise self._broken("action", item["type"], pointer, error) from error
        guard = self.node(item["if"], f"{pointer}/if") if "if" in item else None
        try:
            template = Template.compile_config(config, action.blank_texts)
        except TemplateError as error:
            self._problems.append(Problem(error.code, f"{pointer}/config", str(error), error.hint))
            return None
        try:
            return _plan(action, template, guard, item)
        except BaseException as error:
            raise self._broken("action", item["type"], pointer, error) from error

    def check_functions(self, names: Iterable[str], pointer: str, *, needed: bool) -> None:
        """Report functions that nobody registered: an error in an expression, a warning elsewhere."""
        offered = self._expression_functions if needed else self._registry.functions.keys()
        for name in names:
            if name not in offered:
                near = get_close_matches(name, offered, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(offered))}"
                message = f"no plugin registered a function {name!r}"
                severity: Literal["error", "warning"] = "error" if needed else "warning"
                self._problems.append(Problem("unknown_function", pointer, message, hint, severity))

    def _collect(self, found: Iterable[Problem], pointer: str) -> None:
        self._problems.extend(problem.below(pointer) for problem in found)

    def _broken(self, kind: str, name: str, pointer: str, error: BaseException) -> InvalidRuleError:
        """Return what is wrong with a rule whose plugin fails already while the rule is read."""
        if isinstance(error, InvalidRuleError):
            return error
        who = f"{kind} {name} of plugin {self._registry.owner(kind, name)}"
        return InvalidRuleError((plugin_failed(who, pointer, error),), self._name)


def plugin_failed(who: str, pointer: str, error: BaseException) -> Problem:
    """Return the problem of a plugin that fails; a ``KeyboardInterrupt`` is raised again."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    return Problem("plugin_failed", pointer, f"{who} {told(error)}", "mend the plugin, or switch it off")


def _expect(things: Iterable[Any], kind: type, method: str) -> None:
    """Raise ``TypeError`` unless a plugin's answer holds nothing but *kind*."""
    for thing in things:
        if not isinstance(thing, kind):
            raise TypeError(f"{method} returned {named(thing)}, not {kind.__name__}")


def _nested(key: str | None, config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (pointer within the config, inner condition) for a condition that holds others."""
    if key is None or key not in config:
        return
    inner = config[key]
    if isinstance(inner, list):
        for index, item in enumerate(inner):
            yield f"/{key}/{index}", item
    else:
        yield f"/{key}", inner


def _plan(action: Action, template: Template, guard: Node | None, item: Mapping[str, Any]) -> ActionPlan:
    """Return an action's plan; one that only leaves the house, unchanged and unasked, is fixed."""
    kind = type(action)
    consequential = kind.consequences is not Action.consequences
    inert = kind.effects is Action.effects and not consequential and not action.touches_subject()
    fixed = inert and template.static and guard is None and not action.functions()
    call = ActionCall(
        action.type,
        action.config,
        action.delivery_of(),
        after_us=seconds_us(item.get("after_seconds", 0)),
        expires_after_us=_seconds(item.get("expires_after_seconds")),
        timeout_us=_seconds(item.get("timeout_seconds")),
        max_retries=item.get("max_retries") if item.get("retry_on_failure") else 0,
        stop_on_failure=item.get("stop_on_failure", False),
    )
    return ActionPlan(action, template, guard, call, consequential, fixed)


def _seconds(given: float | None) -> int | None:
    return None if given is None else seconds_us(given)
