"""What was expected and what happened instead, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.clock import DAY_US, from_us
from whenthen.model.firing import ActionCall, Firing, Notice
from whenthen.proving.actuators import Change
from whenthen.proving.offsets import told_span
from whenthen.proving.promises.monitor import Breach
from whenthen.proving.scenarios.expect import Expected, ExpectedSetting, Window
from whenthen.proving.scenarios.scenario import Scenario

_SHOWN = 5
"""So many firings are told one by one."""

_BLOCKED = {
    "disabled": "the rule is switched off",
    "not_valid_yet": "the rule is not valid yet",
    "expired": "the rule is no longer valid",
    "max_executions": "the rule has fired as often as it may",
    "cooldown": "the rule is cooling down",
    "not_armed": "it has fired and its conditions were not false since",
    "paused": "all rules are held back",
    "no_subject": "it is no subject of the rule, or nothing of it was heard",
}
_WHATEVER_HOLDS = frozenset({"disabled", "not_valid_yet", "expired", "max_executions", "paused"})
"""What keeps a rule as a whole from firing, so that its conditions need not be looked at."""


class Words:
    """Tells of one scenario's times, rules and firings."""

    def __init__(self, scenario: Scenario) -> None:
        self._names = {rule["id"]: rule["name"] for rule in scenario.rules}
        self._start_us = scenario.start_us
        self._end_us = scenario.end_us
        self._zone = ZoneInfo(scenario.zone)

    def instant(self, at_us: int) -> str:
        """Return how long after the start, and the local time: ``5m (08:05:00)``."""
        form = "%Y-%m-%d %H:%M:%S" if self._end_us - self._start_us >= DAY_US else "%H:%M:%S"
        return f"{told_span(max(0, at_us - self._start_us))} ({from_us(at_us).astimezone(self._zone).strftime(form)})"

    def expected(self, one: Expected) -> str:
        """Return what is expected of a rule as a sentence."""
        does = {"fired": "fires", "cleared": "clears"}[one.kind]
        often = {None: " at least once", 0: "", 1: " once"}.get(one.count, f" {one.count} times")
        what = f"{self._names[one.rule_id]!r} {'never ' if one.count == 0 else ''}{does}{often}"
        whom = f" for {one.subject}" if one.subject is not None else ""
        doing = f" with {_json(one.action)}" if one.action is not None else ""
        return what + whom + doing + self._window(one.window)

    def expected_setting(self, one: ExpectedSetting) -> str:
        """Return what is expected of an actuator as a sentence."""
        value = "set by no rule" if one.value is None else _json(one.value)
        return f"{one.channel} of {one.device} is {value} at {self.instant(one.at_us)}"

    def firings(self, firings: Sequence[Firing]) -> str:
        """Return when firings were and for whom, in one line."""
        told = [f"{self.instant(firing.at_us)} for {firing.subject}" for firing in firings[:_SHOWN]]
        more = [f"and {len(firings) - _SHOWN} more"] if len(firings) > _SHOWN else []
        return ", ".join(told + more)

    def otherwise(self, firing: Firing) -> str:
        """Return a firing that was not as expected, with what it did."""
        lost = "" if firing.counted or firing.kind == "cleared" else ", but every action lost its actuator"
        return f"it {firing.kind} at {self.firings([firing])}{lost}: {'; '.join(map(self._action, firing.actions))}"

    def count(self, one: Expected, firings: Sequence[Firing]) -> str:
        """Return how often a rule did what it was expected to do, and when."""
        did = {"fired": "fire", "cleared": "clear"}[one.kind]
        if not firings:
            return f"it did not {did}{' like that' if one.about else ''}"
        often = "once" if len(firings) == 1 else f"{len(firings)} times"
        return f"it {one.kind} {often}: {self.firings(firings)}"

    def setting(self, change: Change) -> str:
        """Return what an actuator was set to, when and by whom."""
        return f"{_json(change.value)}, set at {self.instant(change.at_us)} by {self._names[change.rule_id]!r}"

    def tree(self, one: Expected, tree: Mapping[str, Any], at_us: int) -> str:
        """Return what kept a rule from it at an instant: its first condition that is not true, or what blocked it."""
        when = f"at {self.instant(at_us)} for {tree['subject']}"
        if tree["blocked"] in _WHATEVER_HOLDS:
            return f"{when}: {_BLOCKED[tree['blocked']]}"
        failed = _node(tree["conditions"], tree.get("first_failed"))
        if failed is None:
            holding = "the conditions hold" if tree["conditions"] else "there are no conditions"
            if one.kind == "cleared" and tree["blocked"] != "no_subject":
                return f"{when}: {holding}"
            return f"{when}: {_BLOCKED.get(tree['blocked'] or '', f'{holding}, but nothing triggered the rule')}"
        is_it = "is false" if failed["truth"] is False else "is unknown"
        reason = f" ({failed['failed']})" if "failed" in failed else ""
        seen = "".join(f"; {text}" for text in dict.fromkeys(map(_reading, _readings(failed))))
        return f"{when}: {failed['path']} {is_it}: {failed['describe']}{reason}{seen}"

    def broken(self, breach: Breach) -> str:
        """Return how a promise was broken, since when, and where that was certain."""
        since = f", since {self.instant(breach.since_us)}" if breach.since_us < breach.at_us else ""
        whom = f" for {breach.subject}" if breach.subject else ""
        return f"broken at {self.instant(breach.at_us)}{whom}: {breach.reason}{since}"

    def notice(self, notice: Notice) -> str:
        """Return what the engine reported."""
        whom = [part for part in (notice.subject, self._names.get(notice.rule_id or "")) if part]
        times = f" ({notice.count:,} times)" if notice.count > 1 else ""
        return f"{self.instant(notice.at_us)} {' '.join([notice.kind, *whom])}: {notice.message}{times}"

    def _window(self, window: Window) -> str:
        return "".join(f" {name} {self.instant(at_us)}" for name, at_us in window.bounds)

    def _action(self, call: ActionCall) -> str:
        text = f"{call.type} {_json(call.config)}"
        if call.superseded_by is not None:
            return f"({text}: superseded by {self._names[call.superseded_by]!r})"
        kept_from = call.skipped or call.failed
        return text if kept_from is None else f"({text}: did not run, {kept_from})"


def _node(conditions: Iterable[Mapping[str, Any]], path: str | None) -> Mapping[str, Any] | None:
    for one in conditions:
        if one["path"] == path:
            return one
        if (below := _node(one.get("conditions", ()), path)) is not None:
            return below
    return None


def _readings(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a condition read, and the conditions inside it."""
    yield from node.get("readings", ())
    for one in node.get("conditions", ()):
        yield from _readings(one)


def _reading(reading: Mapping[str, Any]) -> str:
    if "variable" in reading:
        return f"{reading['variable']} was {_json(reading['value'])}"
    if "age_seconds" not in reading:
        return f"{reading['sensor']} of {reading['device']} was never heard"
    return f"{reading['sensor']} was {_json(reading['value'])}, {reading['age_seconds']:g} s old"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
