"""From a document to a compiled rule: validated, its parts made by the plugins, and every fault told together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from whenthen.clock import SECOND_US, seconds_us, to_us
from whenthen.dsl.compiled import CONTEXT_NAMES, ActionPlan, CompiledRule, Node, Scope
from whenthen.dsl.expression import Expression
from whenthen.dsl.parts import Parts, plugin_failed
from whenthen.dsl.promises import promises_problems
from whenthen.dsl.read import rule_id_of
from whenthen.dsl.reads import cuts_of, reads_nothing, reads_of
from whenthen.dsl.sharing import one, owned
from whenthen.dsl.validate import Validator, typed_items
from whenthen.errors import ExpressionError, InvalidRuleError, Problem, token
from whenthen.extend.condition import GapPolicy
from whenthen.extend.formula import SensorRef
from whenthen.extend.registry import Registry
from whenthen.extend.trigger import SensorTrigger, Trigger
from whenthen.model.firing import ActionCall


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
            problem = plugin_failed("a plugin that this rule uses", "", error)
            raise InvalidRuleError((problem,), _name_of(document)) from error

    def _compiled(self, document: Any) -> CompiledRule:
        problems = self._validator.problems(document)
        if problems and isinstance(document, dict):
            problems += _Builder(self.registry, self._expression_functions, document).further_problems(problems)
        if not _unreadable(problems) and isinstance(document.get("invariants"), list):
            problems += promises_problems(document["invariants"], "/invariants", self.condition_problems)
        if problems:
            raise InvalidRuleError(tuple(problems), _name_of(document))
        return _Builder(self.registry, self._expression_functions, owned(document)).build()

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


def _name_of(document: Any) -> str:
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""


class _Builder:
    """Builds one rule, collecting problems as it goes."""

    def __init__(self, registry: Registry, expression_functions: frozenset[str], document: Mapping[str, Any]) -> None:
        self.registry = registry
        self.document = document
        self.problems: list[Problem] = []
        self._parts = Parts(registry, expression_functions, _name_of(document), self.problems)
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
                self._parts.trigger(item, pointer)
            elif kind == "condition":
                self._parts.node(item, pointer)
            else:
                self._parts.plan(item, pointer)
        if not any(problem.pointer.startswith("/variables") for problem in known):
            self._read_variables()
        return [problem for problem in self.problems if problem.severity == "error"]

    def node_problems(self, item: Mapping[str, Any], pointer: str) -> list[Problem]:
        """Return what is wrong with one condition beyond the schemas."""
        self._parts.node(item, pointer)
        return [problem for problem in self.problems if problem.severity == "error"]

    def build(self) -> CompiledRule:
        doc = self.document
        triggers = self._triggers()
        self._read_variables()
        conditions = tuple(
            self._parts.node(item, f"/conditions/{index}") for index, item in enumerate(doc.get("conditions", ()))
        )
        actions = tuple(self._plans("actions"))
        clear_actions = tuple(self._plans("clear_actions"))
        self._stop_on_errors()
        return self._whole(triggers, conditions, actions, clear_actions)

    def _whole(
        self,
        triggers: tuple[Trigger, ...],
        conditions: tuple[Node, ...],
        actions: tuple[ActionPlan, ...],
        clear_actions: tuple[ActionPlan, ...],
    ) -> CompiledRule:
        """Return the rule of these parts, and what follows from them."""
        doc, plans = self.document, (*actions, *clear_actions)
        execution = doc.get("execution", {})
        sensor_triggers = tuple(one(item) for trigger in triggers for item in trigger.sensors())
        watched = [*conditions, *(plan.guard for plan in plans if plan.guard is not None)]
        reads = reads_of(watched, self.variables, self.registry)
        known = self._known_names(sensor_triggers, reads)
        self._check_placeholders("actions", actions, known)
        self._check_placeholders("clear_actions", clear_actions, known)
        return CompiledRule(
            text=json.dumps(doc, ensure_ascii=False, separators=(",", ":")),
            id=doc.get("id") or rule_id_of(doc),
            name=doc["name"],
            priority=doc.get("priority", 0),
            enabled=doc.get("enabled", True),
            scope=_scope(doc.get("scope", {})),
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
            gap=one(_gap_policy(doc)),
            misfire=doc.get("misfire", "once"),
            misfire_grace_us=seconds_us(doc.get("misfire_grace_seconds", 3600)),
            reads=reads,
            cuts=cuts_of(watched, reads, self.variables, self.registry),
            known_names=known,
            global_subject=self._is_global(sensor_triggers, reads, plans),
            time_dependent=any(reads_nothing(node) for node in watched),
            fixed_actions=_fixed(actions),
            parallel=execution.get("mode") == "parallel",
            timeout_us=seconds_us(execution.get("timeout_seconds", 30)),
            causes=any(plan.consequential for plan in plans),
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
        return tuple(self._parts.trigger(item, pointer) for pointer, item in listed)

    def _read_variables(self) -> None:
        for name, source in self.document.get("variables", {}).items():
            pointer = f"/variables/{token(name)}"
            try:
                expression = Expression.parse(str(source))
            except ExpressionError as error:
                self.problems.append(Problem(error.code, pointer, str(error), error.hint))
                continue
            self._parts.check_functions(expression.calls, pointer, needed=True)
            later = expression.names & (self.document["variables"].keys() - self.variables.keys())
            if later:
                first = min(later)
                self.problems.append(
                    Problem("bad_value", pointer, f"uses {first!r} before it is set", "move it behind that variable")
                )
            self.variables[name] = expression

    def _plans(self, name: str) -> Iterator[ActionPlan]:
        for index, item in enumerate(self.document.get(name, ())):
            plan = self._parts.plan(item, f"/{name}/{index}")
            if plan is not None:
                yield plan

    def _known_names(self, triggers: Iterable[SensorTrigger], reads: Iterable[SensorRef]) -> frozenset[str]:
        own = {*self.variables, *(wanted.sensor for wanted in triggers), *(ref.sensor for ref in reads)}
        return one(CONTEXT_NAMES | own)

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


def _fixed(plans: tuple[ActionPlan, ...]) -> tuple[ActionCall, ...]:
    """Return the calls of actions that are all fixed, else nothing."""
    return tuple(plan.call for plan in plans) if all(plan.fixed for plan in plans) else ()


def _scope(given: Mapping[str, Any]) -> Scope:
    return Scope(
        given.get("farm"), given.get("room"), given.get("device"), given.get("device_type"), given.get("per", "device")
    )


def _instant(text: str | None) -> int | None:
    return None if text is None else to_us(datetime.fromisoformat(text))


def _gap_policy(doc: Mapping[str, Any]) -> GapPolicy:
    given = doc.get("max_gap_seconds")
    return GapPolicy(doc.get("on_gap", "verify"), None if given is None else round(given * SECOND_US))
