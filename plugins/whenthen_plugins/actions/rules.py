"""``rule_control``, ``run_rule``, ``emit_event``: what acts on the rules themselves, in later ticks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whenthen import Action, ActionCall, Consequence, ControlRule, EmitEvent, RunRule, load_schema


class OnRules(Action):
    """The common part: the engine itself has carried the action out when it reaches the dispatcher."""

    def perform(self, call: ActionCall, services: Any) -> Any:  # noqa: ARG002 - nothing is left to do
        """Return what was done."""
        return dict(call.config)


class RuleControl(OnRules):
    """Enables, disables or toggles another rule, named by id or name."""

    type = "rule_control"
    schema = load_schema("action.rule_control")
    delivery = "idempotent"
    examples = ({"rule": "High CO2 alert", "operation": "disable"},)

    def consequences(self, config: Mapping[str, Any]) -> tuple[Consequence, ...]:
        """Return the one switch."""
        return (ControlRule(config["rule"], config["operation"]),)


class RunOtherRule(OnRules):
    """Runs another rule; its conditions count unless ``force``."""

    type = "run_rule"
    schema = load_schema("action.run_rule")
    examples = ({"rule": "Evacuate"},)

    def consequences(self, config: Mapping[str, Any]) -> tuple[Consequence, ...]:
        """Return the one run."""
        return (RunRule(config["rule"], bool(config.get("force", False))),)


class Emit(OnRules):
    """Raises an event that other rules can trigger on."""

    type = "emit_event"
    schema = load_schema("action.emit_event")
    examples = ({"event": "room_too_warm", "data": {"temperature": "{temperature}"}},)

    def consequences(self, config: Mapping[str, Any]) -> tuple[Consequence, ...]:
        """Return the one event."""
        return (EmitEvent(config["event"], config.get("data", {})),)
