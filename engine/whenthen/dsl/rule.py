"""A checked document as a compiled rule: objects from the registry, numbers in microseconds, texts ready to fill in."""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, TypeVar

from whenthen.clock import SECOND_US, seconds_us, to_us
from whenthen.dsl.expression import Expression
from whenthen.dsl.promises import promises_problems
from whenthen.dsl.read import rule_id_of
from whenthen.dsl.template import Template
from whenthen.dsl.validate import Validator, typed_items
from whenthen.errors import ExpressionError, InvalidRuleError, Problem, TemplateError
from whenthen.extend.action import Action
from whenthen.extend.condition import Condition, GapPolicy, SensorRef, atoms
from whenthen.extend.fault import named, told
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import EventTrigger, SensorTrigger, Trigger
from whenthen.model.firing import ActionCall

_Shared = TypeVar("_Shared", bound=Hashable)

_SHORT = 64
"""Texts up to this long are likely to be names."""

CONTEXT_NAMES = frozenset({"timestamp", "device_id", "room_id", "farm_id", "rule_name"})
"""Placeholders that every rule knows."""


@dataclass(frozen=True, slots=True)
class Node:
    """One condition in its place: *path* is its JSON Pointer in the rule and the key of its state."""

    condition: Condition
    children: tuple[Node, ...]
    path: str


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """One action as its *call*, ready to be filled in for a firing; one that is *fixed* has nothing to fill in."""

    action: Action
    template: Template
    guard: Node | None
    call: ActionCall
    consequential: bool
    fixed: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """Which devices a rule watches, and for whom it is evaluated."""

    farm: str | None
    room: str | None
    device: str | None
    device_type: str | None
    per: Literal["device", "room", "farm"]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """Everything about a rule that does not change while it stands.

    *text* is its document as JSON: it is seldom asked for again, and as objects it takes four times the room.
    *cuts* has, for each of *reads*, the numbers at which alone something can change; ``None``: every reading matters.
    """

    text: str
    id: str
    name: str
    priority: int
    enabled: bool
    scope: Scope
    edge: bool
    triggers: tuple[Trigger, ...]
    sensor_triggers: tuple[SensorTrigger, ...]
    event_triggers: tuple[EventTrigger, ...]
    variables: Mapping[str, Expression]
    conditions: tuple[Node, ...]
    actions: tuple[ActionPlan, ...]
    clear_actions: tuple[ActionPlan, ...]
    cooldown_us: int
    max_executions: int | None
    valid_from_us: int | None
    valid_until_us: int | None
    gap: GapPolicy
    misfire: Literal["skip", "once", "all"]
    misfire_grace_us: int
    reads: tuple[SensorRef, ...]
    cuts: tuple[tuple[float, ...] | None, ...]
    known_names: frozenset[str]
    global_subject: bool
    time_dependent: bool
    causes: bool
    fixed_actions: tuple[ActionCall, ...]
    parallel: bool
    timeout_us: int
    warnings: tuple[Problem, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The rule as it was put: an object of the caller's own."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    @property
    def evaluation_key(self) -> tuple[Any, ...]:
        """What an edit must leave alone for evaluation state to be kept (ruling 14)."""
        document = self.document
        return (self.global_subject, *(document.get(name) for name in _STATE_FIELDS))


_STATE_FIELDS = (
    "trigger",
    "triggers",
    "conditions",
    "variables",
    "scope",
    "fire",
    "on_gap",
    "max_gap_seconds",
)


class RuleCompiler:
    """Turns documents into compiled rules, all faults of a document together."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._validator = Validator(registry)
        self._expression_functions = frozenset(registry.expression_functions())

    def compile(self, document: Any) -> CompiledRule:
        """Return the compiled rule, or raise ``InvalidRuleError`` with every problem of the document."""
        try:
            return self._compiled(document)
        except (InvalidRuleError, KeyboardInterrupt):
            raise
        except BaseException as error:
            problem = _failed("a plugin that this rule uses", "", error)
            raise InvalidRuleError((problem,), _name_of(document)) from error

    def _compiled(self, document: Any) -> CompiledRule:
        problems = self._validator.problems(document)
        if problems and isinstance(document, dict):
            problems += _Builder(self.registry, self._expression_functions, document).further_problems(problems)
        if not _unreadable(problems) and isinstance(document.get("invariants"), list):
            problems += promises_problems(document["invariants"], "/invariants", self.condition_problems)
        if problems:
            raise InvalidRuleError(tuple(problems), _name_of(document))
        return _Builder(self.registry, self._expression_functions, _owned(document)).build()

    def condition_problems(self, item: Any, pointer: str) -> list[Problem]:
        """Return everything that is wrong with a condition that stands at *pointer* outside of a rule's own."""
        problems = self._validator.condition_problems(item, pointer)
        if problems:
            return problems
        try:
            return _Builder(self.registry, self._expression_functions, {}).node_problems(item, pointer)
        except InvalidRuleError as error:  # its plugin failed
            return list(error.problems)


def _unreadable(problems: Iterable[Problem]) -> bool:
    """Tell whether a document is so wrong as a whole that nothing in it can be looked at."""
    return any(problem.pointer == "" and problem.code in ("bad_type", "too_deep", "too_long") for problem in problems)


def _owned(value: Any) -> Any:
    """Return a copy of JSON that nobody else can change; equal names and short texts are one object."""
    if isinstance(value, dict):
        return {sys.intern(key): _owned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_owned(inner) for inner in value]
    return sys.intern(value) if value.__class__ is str and len(value) <= _SHORT else value


_first = lru_cache(maxsize=4_096)(lambda value: value)


def _one(value: _Shared) -> _Shared:
    """Return the first of equal values, so that rules which say the same share it."""
    first: _Shared = _first(value)
    return first


def _name_of(document: Any) -> str:
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""


class _Builder:
    """Builds one rule, collecting problems as it goes."""

    def __init__(self, registry: Registry, expression_functions: frozenset[str], document: Mapping[str, Any]) -> None:
        self.registry = registry
        self.expression_functions = expression_functions
        self.document = document
        self.problems: list[Problem] = []
        self.variables: dict[str, Expression] = {}

    def further_problems(self, known: Sequence[Problem]) -> list[Problem]:
        """Return what is wrong beyond the schemas with the parts that the schemas find no fault with."""
        if _unreadable(known):
            return []
        for kind, pointer, item in typed_items(self.document):
            faulty = any(problem.pointer == pointer or problem.pointer.startswith(f"{pointer}/") for problem in known)
            if faulty or any(problem.pointer == pointer.rsplit("/", 1)[0] for problem in known if problem.pointer):
                continue
            if kind == "trigger":
                self._trigger(item, pointer)
            elif kind == "condition":
                self._node(item, pointer)
            else:
                self._plan_of(item, pointer)
        if not any(problem.pointer.startswith("/variables") for problem in known):
            self._read_variables()
        return [problem for problem in self.problems if problem.severity == "error"]

    def node_problems(self, item: Mapping[str, Any], pointer: str) -> list[Problem]:
        """Return what is wrong with one condition beyond the schemas."""
        self._node(item, pointer)
        return [problem for problem in self.problems if problem.severity == "error"]

    def build(self) -> CompiledRule:
        doc = self.document
        triggers = self._triggers()
        self._read_variables()
        conditions = tuple(
            self._node(item, f"/conditions/{index}") for index, item in enumerate(doc.get("conditions", ()))
        )
        actions = tuple(self._plans("actions"))
        clear_actions = tuple(self._plans("clear_actions"))
        self._stop_on_errors()
        sensor_triggers = tuple(_one(item) for trigger in triggers for item in trigger.sensors())
        scope = _scope(doc.get("scope", {}))
        execution = doc.get("execution", {})
        guards = [plan.guard for plan in (*actions, *clear_actions) if plan.guard is not None]
        watched = [*conditions, *guards]
        reads = self._reads(watched)
        known = self._known_names(sensor_triggers, reads)
        for name, plans in (("actions", actions), ("clear_actions", clear_actions)):
            self._check_placeholders(name, plans, known)
        return CompiledRule(
            text=json.dumps(doc, ensure_ascii=False, separators=(",", ":")),
            id=doc.get("id") or rule_id_of(doc),
            name=doc["name"],
            priority=doc.get("priority", 0),
            enabled=doc.get("enabled", True),
            scope=scope,
            edge=doc.get("fire", "every") == "edge",
            triggers=triggers,
            sensor_triggers=sensor_triggers,
            event_triggers=tuple(item for trigger in triggers for item in trigger.events()),
            variables=self.variables,
            conditions=conditions,
            actions=actions,
            clear_actions=clear_actions,
            cooldown_us=seconds_us(doc.get("cooldown_seconds", 0)),
            max_executions=doc.get("max_executions"),
            valid_from_us=_instant(doc.get("valid_from")),
            valid_until_us=_instant(doc.get("valid_until")),
            gap=_one(_gap_policy(doc)),
            misfire=doc.get("misfire", "once"),
            misfire_grace_us=seconds_us(doc.get("misfire_grace_seconds", 3600)),
            reads=reads,
            cuts=self._cuts(watched, reads),
            known_names=known,
            global_subject=self._is_global(sensor_triggers, reads, (*actions, *clear_actions)),
            time_dependent=any(_reads_nothing(node) for node in watched),
            fixed_actions=_fixed(actions),
            parallel=execution.get("mode") == "parallel",
            timeout_us=seconds_us(execution.get("timeout_seconds", 30)),
            causes=any(plan.consequential for plan in (*actions, *clear_actions)),
            warnings=tuple(problem for problem in self.problems if problem.severity == "warning"),
        )

    def _stop_on_errors(self) -> None:
        """Raise with everything found so far, if any of it is an error."""
        errors = tuple(problem for problem in self.problems if problem.severity == "error")
        if errors:
            raise InvalidRuleError(errors, _name_of(self.document))

    def _triggers(self) -> tuple[Trigger, ...]:
        single = self.document.get("trigger")
        listed = (
            [("/trigger", single)]
            if single is not None
            else [(f"/triggers/{index}", item) for index, item in enumerate(self.document.get("triggers", ()))]
        )
        return tuple(self._trigger(item, pointer) for pointer, item in listed)

    def _trigger(self, item: Mapping[str, Any], pointer: str) -> Trigger:
        try:
            trigger = self.registry.triggers[item["type"]](item.get("config", {}))
            found = list(trigger.problems())
            self._collect(found, f"{pointer}/config")
            if not found:
                _expect(trigger.sensors(), SensorTrigger, "sensors")
                _expect(trigger.events(), EventTrigger, "events")
        except BaseException as error:
            raise self._broken("trigger", item["type"], pointer, error) from error
        return trigger

    def _broken(self, kind: str, name: str, pointer: str, error: BaseException) -> InvalidRuleError:
        """Return what is wrong with a rule whose plugin fails already while the rule is read."""
        if isinstance(error, InvalidRuleError):
            return error
        who = f"{kind} {name} of plugin {self.registry.owner(kind, name)}"
        return InvalidRuleError((_failed(who, pointer, error),), _name_of(self.document))

    def _read_variables(self) -> None:
        for name, source in self.document.get("variables", {}).items():
            pointer = "/variables/" + name.replace("~", "~0").replace("/", "~1")
            try:
                expression = Expression.parse(str(source))
            except ExpressionError as error:
                self.problems.append(Problem(error.code, pointer, str(error), error.hint))
                continue
            self._check_functions(expression.calls, pointer, needed=True)
            later = expression.names & (self.document["variables"].keys() - self.variables.keys())
            if later:
                first = min(later)
                self.problems.append(
                    Problem("bad_value", pointer, f"uses {first!r} before it is set", "move it behind that variable")
                )
            self.variables[name] = expression

    def _node(self, item: Mapping[str, Any], pointer: str) -> Node:
        kind = self.registry.conditions[item["type"]]
        config: Mapping[str, Any] = item.get("config", {})
        if "operator" in item:
            config = {**config, "operator": item["operator"]}
        children = tuple(self._node(inner, f"{pointer}/config{place}") for place, inner in _nested(kind.nested, config))
        try:
            condition = kind(config, [child.condition for child in children])
            found = list(condition.problems())
            self._collect(found, f"{pointer}/config")
            if not found:
                self._check_functions(condition.functions(), f"{pointer}/config", needed=kind.needs_functions)
                _expect(condition.sensors(), SensorRef, "sensors")
        except BaseException as error:
            raise self._broken("condition", item["type"], pointer, error) from error
        return Node(condition, children, sys.intern(pointer))

    def _plans(self, name: str) -> Iterator[ActionPlan]:
        for index, item in enumerate(self.document.get(name, ())):
            plan = self._plan_of(item, f"/{name}/{index}")
            if plan is not None:
                yield plan

    def _plan_of(self, item: Mapping[str, Any], pointer: str) -> ActionPlan | None:
        config = item.get("config", {})
        try:
            action = self.registry.actions[item["type"]](config)
            self._collect(action.problems(), f"{pointer}/config")
            self._check_functions(action.functions(), f"{pointer}/config", needed=False)
        except BaseException as error:
            raise self._broken("action", item["type"], pointer, error) from error
        guard = self._node(item["if"], f"{pointer}/if") if "if" in item else None
        try:
            template = Template.compile_config(config, action.blank_texts)
        except TemplateError as error:
            self.problems.append(Problem(error.code, f"{pointer}/config", str(error), error.hint))
            return None
        try:
            return _plan(action, template, guard, item)
        except BaseException as error:
            raise self._broken("action", item["type"], pointer, error) from error

    def _check_functions(self, names: Iterable[str], pointer: str, *, needed: bool) -> None:
        """Report functions that nobody registered: an error in an expression, a warning elsewhere."""
        offered = self.expression_functions if needed else self.registry.functions.keys()
        for name in names:
            if name not in offered:
                near = get_close_matches(name, offered, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(offered))}"
                message = f"no plugin registered a function {name!r}"
                severity: Literal["error", "warning"] = "error" if needed else "warning"
                self.problems.append(Problem("unknown_function", pointer, message, hint, severity))

    def _collect(self, found: Iterable[Problem], pointer: str) -> None:
        self.problems.extend(problem.below(pointer) for problem in found)

    def _reads(self, nodes: Iterable[Node]) -> tuple[SensorRef, ...]:
        """Return every sensor that looks at the nodes read, variables followed to their sensors."""
        found: dict[SensorRef, None] = {}
        for node in nodes:
            found.update(dict.fromkeys(self.refs_below(node)))
        for expression in self.variables.values():
            found.update(dict.fromkeys(SensorRef(name) for name in sorted(expression.names - self.variables.keys())))
        return tuple(map(_one, found))

    def refs_below(self, node: Node) -> Iterator[SensorRef]:
        yield from refs_below(node, self.variables, self.registry)

    def _cuts(self, nodes: Iterable[Node], reads: Iterable[SensorRef]) -> tuple[tuple[float, ...] | None, ...]:
        """Return by sensor the numbers at which alone something can change; ``None``: every reading matters."""
        cuts: dict[SensorRef, tuple[float, ...] | None] = dict.fromkeys(reads, ())
        for name in {name for expression in self.variables.values() for name in expression.names}:
            if name not in self.variables:
                cuts[SensorRef(name)] = None
        for node in nodes:
            given = node.condition.cuts()
            for ref in self.refs_below(node):
                numbers = None if given is None else given.get(ref)
                so_far = cuts[ref]
                cuts[ref] = None if numbers is None or so_far is None else so_far + numbers
        return tuple(None if numbers is None else tuple(sorted(set(numbers))) for numbers in cuts.values())

    def _known_names(self, triggers: Iterable[SensorTrigger], reads: Iterable[SensorRef]) -> frozenset[str]:
        own = {*self.variables, *(wanted.sensor for wanted in triggers), *(ref.sensor for ref in reads)}
        return _one(CONTEXT_NAMES | own)

    def _check_placeholders(self, name: str, plans: Iterable[ActionPlan], known: frozenset[str]) -> None:
        for index, plan in enumerate(plans):
            for unknown in sorted(plan.template.names - known):
                near = get_close_matches(unknown, known, n=1)
                hint = f"did you mean {{{near[0]}}}?" if near else "it is filled in only if a device has such a sensor"
                message = f"nothing in this rule is called {unknown!r}"
                pointer = f"/{name}/{index}/config"
                self.problems.append(Problem("unknown_placeholder", pointer, message, hint, "warning"))

    def _is_global(
        self, triggers: Iterable[SensorTrigger], reads: Iterable[SensorRef], plans: Iterable[ActionPlan]
    ) -> bool:
        """Tell whether the rule is about no device at all (ruling 17): no ``per``, no sensor, no subject's device."""
        if "per" in self.document.get("scope", {}) or any(triggers) or any(reads):
            return False
        own = CONTEXT_NAMES | self.variables.keys()
        return not any(plan.action.touches_subject() or plan.template.names - own for plan in plans)


def _failed(who: str, pointer: str, error: BaseException) -> Problem:
    """Return the problem of a plugin that fails; a ``KeyboardInterrupt`` is raised again."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    return Problem("plugin_failed", pointer, f"{who} {told(error)}", "mend the plugin, or switch it off")


def _expect(things: Iterable[Any], kind: type, method: str) -> None:
    """Raise ``TypeError`` unless a plugin's answer holds nothing but *kind*."""
    for thing in things:
        if not isinstance(thing, kind):
            raise TypeError(f"{method} returned {named(thing)}, not {kind.__name__}")


def refs_below(node: Node, variables: Mapping[str, Expression], registry: Registry) -> Iterator[SensorRef]:
    """Yield the sensors that a node and its children read, variables followed to their sensors."""
    names = [*node.condition.sensors()]
    for function in node.condition.functions():
        registered = registry.functions.get(function)
        if registered is not None:
            names.extend(SensorRef(name) for name in registered.reads)
    for ref in names:
        if ref.sensor in variables and ref.device is None:
            yield from (SensorRef(name) for name in sorted(_sensor_names(ref.sensor, variables)))
        else:
            yield ref
    for child in node.children:
        yield from refs_below(child, variables, registry)


def _sensor_names(variable: str, variables: Mapping[str, Expression]) -> set[str]:
    """Return the sensors behind a variable; it may use only earlier ones, so this ends."""
    found: set[str] = set()
    for name in variables[variable].names:
        found |= _sensor_names(name, variables) if name in variables and name != variable else {name}
    return found


def is_stateful(node: Node) -> bool:
    """Tell whether a condition remembers something or moves with the time: all but formulas over values of any age."""
    formula = node.condition.lowered()
    return formula is None or any(atom.ref.max_age_us is not None for atom in atoms(formula))


def _reads_nothing(node: Node) -> bool:
    """Tell whether a condition, or one inside it, moves with the time alone."""
    if node.children:
        return any(map(_reads_nothing, node.children))
    return not node.condition.sensors()


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
        max_retries=item.get("max_retries", 3) if item.get("retry_on_failure") else 0,
        stop_on_failure=item.get("stop_on_failure", False),
    )
    return ActionPlan(action, template, guard, call, consequential, fixed)


def _seconds(given: float | None) -> int | None:
    return None if given is None else seconds_us(given)


def _fixed(plans: tuple[ActionPlan, ...]) -> tuple[ActionCall, ...]:
    """Return the calls of actions that are all fixed, else nothing."""
    return tuple(plan.call for plan in plans) if all(plan.fixed for plan in plans) else ()


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


def _scope(given: Mapping[str, Any]) -> Scope:
    return Scope(
        given.get("farm"), given.get("room"), given.get("device"), given.get("device_type"), given.get("per", "device")
    )


def _instant(text: str | None) -> int | None:
    return None if text is None else to_us(datetime.fromisoformat(text))


def _gap_policy(doc: Mapping[str, Any]) -> GapPolicy:
    given = doc.get("max_gap_seconds")
    return GapPolicy(doc.get("on_gap", "verify"), None if given is None else round(given * SECOND_US))
