"""Whose values a rule reads: devices and sensors, for those who read its history."""

from __future__ import annotations

from whenthen.dsl.compiled import CompiledRule
from whenthen.flow.subjects import matches
from whenthen.ports import Device
from whenthen_server.problems import Unprocessable
from whenthen_server.store.places import Places

MAX_DEVICES = 1_000


def watched_devices(rule: CompiledRule, places: Places) -> list[Device]:
    """Return the devices in a rule's scope and those that it names; raises ``Unprocessable`` for too many."""
    named = {one.device for one in rule.reads} | {one.device for one in rule.sensor_triggers}
    found = [one for one in places.devices() if matches(rule.scope, one) or one.id in named]
    if len(found) > MAX_DEVICES:
        raise Unprocessable(f"The rule watches {len(found)} devices; narrow its scope to at most {MAX_DEVICES}.")
    return found


def watched_sensors(rule: CompiledRule) -> list[str]:
    """Return the sensors that a rule reads, is started by, or mentions."""
    mentioned = {name for plan in (*rule.actions, *rule.clear_actions) for name in plan.template.names}
    return sorted({one.sensor for one in rule.reads} | {one.sensor for one in rule.sensor_triggers} | mentioned)
