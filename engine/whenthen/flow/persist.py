"""What a restart needs, JSON-ready: written as changes, merged outside, read back whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from whenthen.extend.action import Consequence, ControlRule, EmitEvent, RunRule
from whenthen.flow.changes import Changes
from whenthen.flow.guard import Guard, json_copy
from whenthen.flow.index import heat
from whenthen.flow.instance import Instance
from whenthen.flow.rulestate import Delayed, RuleState
from whenthen.flow.state import NEVER_US, Slot
from whenthen.flow.subjects import Concern
from whenthen.flow.timers import FAR_US

if TYPE_CHECKING:
    from whenthen.flow.roster import Roster

_CONSEQUENCES: dict[str, type[Consequence]] = {"run": RunRule, "emit": EmitEvent, "control": ControlRule}


def merge_state(kept: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return *kept* state with a change of ``changed_state`` added; what the change has as ``None`` goes.

    >>> merge_state({"now_us": 1, "rules": {"a": {}, "b": {}}}, {"now_us": 2, "rules": {"b": None}})
    {'now_us': 2, 'rules': {'a': {}}}
    """
    merged = dict(kept)
    for part, content in changed.items():
        if not isinstance(content, Mapping):
            merged[part] = content
            continue
        rows = {**merged.get(part, {}), **content}
        merged[part] = {key: row for key, row in rows.items() if row is not None}
    return merged


def row_key(*parts: str) -> str:
    """Return one key from several names; a slash in a name cannot be mistaken for the one in between.

    >>> row_key("a/b", "c")
    'a~1b/c'
    """
    return "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)


def _names(key: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in key.split("/")]


def state_changes(roster: Roster, now_us: int) -> dict[str, Any]:
    """Return and forget what changed since the last call."""
    changes = roster.changes
    changed: dict[str, Any] = {"now_us": now_us}
    slots: dict[str, Any] = {**changes.dropped_slots}
    slots |= {row_key(slot.device, slot.sensor): _slot_row(slot) for slot in changes.slots}
    changes.dropped_slots.clear()
    for slot in changes.slots:
        slot.dirty = False
        slot.unsettle()
    changes.slots.clear()
    rules: dict[str, Any] = dict.fromkeys(changes.removed_rules)
    instances: dict[str, Any] = {}
    changes.removed_rules.clear()
    for state in changes.rules:
        if roster.states.get(state.rule.id) is state:  # otherwise it was removed meanwhile
            rules[state.rule.id] = _rule_row(state)
    changes.rules.clear()
    for instance in changes.instances:
        instances[row_key(instance.rule.id, instance.subject.id)] = _instance_row(instance, roster.guard)
        instance.dirty = False
    changes.instances.clear()
    for dropped in changes.dropped_instances:
        instances.setdefault(dropped, None)
    changes.dropped_instances.clear()
    if slots:
        changed["slots"] = slots
    if rules:
        changed["rules"] = rules
    if instances:
        changed["instances"] = instances
    if changes.delayed:
        changed["delayed"] = [_delayed_row(item) for item in roster.delays.waiting]
        changes.delayed = False
    return changed


def _slot_row(slot: Slot) -> dict[str, Any]:
    row: dict[str, Any] = {"value": slot.value, "at_us": slot.at_us, "heard_us": slot.heard_us}
    if slot.stale:
        row["stale"] = True
    return row


def _rule_row(state: RuleState) -> dict[str, Any]:
    return {
        "enabled": state.enabled,
        "execution_count": state.count,
        "last_executed_us": state.last_us,
        "missed_runs": state.missed,
        "cooled_us": dict(state.cooled),
        "schedules": {timer.key: timer.cursor_us for timer in state.schedules},
    }


_INSTANCE_FIELDS: dict[str, Any] = {
    "armed": True,
    "active": False,
    "truth": None,
    "fired_us": NEVER_US,
    "last_eval_us": NEVER_US,
    "evaluated_us": NEVER_US,
    "pending_us": FAR_US,
    "wakes": [],
}


def instance_rows(state: RuleState, guard: Guard) -> dict[str, Any]:
    """Return what the instances of a rule remember, by subject."""
    return {subject_id: _instance_row(instance, guard) for subject_id, instance in state.instances.items()}


def _instance_row(instance: Instance, guard: Guard) -> dict[str, Any]:
    row = {
        name: _copied(value)
        for name, default in _INSTANCE_FIELDS.items()
        if (value := getattr(instance, name)) != default
    }
    states = {path: kept for path in instance.states or () if (kept := _kept(instance, path, guard))}
    if states:
        row["states"] = states
    return row


def _kept(instance: Instance, path: str, guard: Guard) -> Any:
    """Return a copy of one condition's memory; what a plugin put there and is no JSON is told of and left out."""
    state = (instance.states or {})[path]
    try:
        return json_copy(state)
    except (TypeError, RecursionError) as error:
        guard.memory(instance, path, error)
        return None


def _copied(value: Any) -> Any:
    """Return a copy of JSON that later changes do not reach."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _delayed_row(item: Delayed) -> dict[str, Any]:
    kind = next(name for name, cls in _CONSEQUENCES.items() if isinstance(item.consequence, cls))
    return {
        "kind": kind,
        "consequence": _copied(asdict(item.consequence)),
        "concern": asdict(item.concern),
        "depth": item.depth,
        "due_us": item.due_us,
    }


def restore_into(roster: Roster, kept: Mapping[str, Any], now_us: int) -> None:
    """Fill a roster that already has its rules with what was kept."""
    for key, row in kept.get("slots", {}).items():
        device, sensor = _names(key)
        slot = roster.slots.slot(device, sensor)
        slot.put(row["value"])
        slot.at_us, slot.heard_us = row["at_us"], row["heard_us"]
        slot.stale = row.get("stale", False)
        roster.subjects.see(device)
    for rule_id, row in kept.get("rules", {}).items():
        if rule_id in roster.states:
            _restore_rule(roster.states[rule_id], row)
    rows: dict[str, dict[str, Any]] = {}
    for key, row in kept.get("instances", {}).items():
        rule_id, subject_id = _names(key)
        rows.setdefault(rule_id, {})[subject_id] = row
    for rule_id, state in roster.states.items():
        _restore_instances(roster, state, rows.get(rule_id, {}), now_us)
        for timer in state.schedules:
            cursor_us = kept.get("rules", {}).get(rule_id, {}).get("schedules", {}).get(timer.key)
            if cursor_us is not None:
                roster.schedules.go_on(timer, cursor_us)
    for row in kept.get("delayed", ()):
        consequence = _CONSEQUENCES[row["kind"]](**row["consequence"])
        roster.delays.add(consequence, Concern(**row["concern"]), row["depth"], row["due_us"])
    if roster.listing.silence_matters:
        roster.silences.resume(roster.slots.heard())
    _forget_changes(roster.changes)


def _restore_rule(state: RuleState, row: Mapping[str, Any]) -> None:
    state.enabled = row["enabled"]
    state.count = row["execution_count"]
    state.last_us = row["last_executed_us"]
    state.missed = row["missed_runs"]
    state.cooled = dict(row["cooled_us"])


def _restore_instances(roster: Roster, state: RuleState, rows: Mapping[str, Any], now_us: int) -> None:
    for instance in roster.populate(state, now_us, rows):
        row = rows.get(instance.subject.id)
        if row is None and instance.states is not None:
            roster.drop(state, instance)  # it remembers, and has never been looked at: it comes with its first reading
            continue
        for name in _INSTANCE_FIELDS:
            if row is not None and name in row:
                setattr(instance, name, _copied(row[name]))
        instance.timed = bool(instance.wakes)
        if instance.states is None and not instance.timed:
            instance.truth = instance.check(now_us)
        roster.looks.reschedule(instance)
        heat(instance)


def _forget_changes(changes: Changes) -> None:
    for slot in changes.slots:
        slot.dirty = False
    changes.slots.clear()
    changes.rules.clear()
    changes.delayed = False
