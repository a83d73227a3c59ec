"""A history in lines for people: what happened when, what rules did, and where a promise was broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from whenthen.clock import DAY_US, SECOND_US, from_us
from whenthen.model.event import Event
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, instant_of
from whenthen.proving.actuators import Actuators
from whenthen.proving.offsets import told_span
from whenthen.proving.played import Played
from whenthen.proving.promises.monitor import Breach


def story(played: Played, breach: Breach) -> Iterator[str]:
    """Yield a line for each thing that happened up to a breach, and one for the breach; times count from the start."""
    start_us = instant_of(played.steps[0])
    yield from lines_until(played, breach.at_us, f"broken: {breach.reason}{_since(breach, start_us)}")


def lines_until(played: Played, at_us: int, ending: str) -> Iterator[str]:
    """Yield a line for each thing that happened up to an instant, and the *ending* there."""
    start_us = instant_of(played.steps[0])
    names = {str(rule["id"]): str(rule["name"]) for rule in played.rules}
    happened = [(instant_of(step), number, _step(step, names)) for number, step in enumerate(played.steps, start=1)]
    for firing, cause in zip(played.firings, played.causes, strict=True):
        happened.append((firing.at_us, cause, _firing(firing)))
        happened += _changes(firing, cause)
    in_order = sorted(happened, key=lambda one: one[:2])
    told = [(when_us, text) for when_us, _, text in in_order if text and when_us <= at_us]
    told.append((at_us, ending))
    form = "%Y-%m-%d %H:%M:%S" if at_us - start_us >= DAY_US else "%H:%M:%S"
    zone = ZoneInfo(played.zone)
    widest = max(len(told_span(when_us - start_us)) for when_us, _ in told)
    yield f"begins {from_us(start_us).astimezone(zone).isoformat(sep=' ')}"
    for when_us, text in told:
        since = told_span(when_us - start_us).rjust(widest)
        yield f"{since}  {from_us(when_us).astimezone(zone).strftime(form)}  {text}"


def _since(breach: Breach, start_us: int) -> str:
    whom = f", for {breach.subject}" if breach.subject else ""
    if breach.since_us >= breach.at_us:
        return whom
    return f"{whom}, since {told_span(max(0, breach.since_us - start_us))}"


def _step(step: Step, names: dict[str, str]) -> str:
    match step:
        case Reading(device, values, received_us, at_us):
            late = "" if at_us is None or at_us >= received_us else f", {told_span(received_us - at_us)} late"
            return f"{device}: {', '.join(f'{name} {_json(value)}' for name, value in values.items())}{late}"
        case Event(name, _, data):
            return f"event {name}{_whom(step)}{f' {_json(dict(data))}' if data else ''}"
        case Restart(_, down_us):
            return f"restart, down for {down_us / SECOND_US:g} s"
        case RunByHand(_, rule_id):
            return f"{names.get(rule_id, rule_id)!r} is run by hand{_whom(step)}"
        case Switch(_, rule_id, enabled):
            return f"{names.get(rule_id, rule_id)!r} is switched {'on' if enabled else 'off'}"
        case _:
            return ""


def _whom(step: Event | RunByHand) -> str:
    whom = step.device or step.room or step.farm
    return f" for {whom}" if whom else ""


def _firing(firing: Firing) -> str:
    lost = "" if firing.counted or firing.kind == "cleared" else ", but every action lost its actuator"
    return f"{firing.rule!r} {'fires' if firing.kind == 'fired' else 'clears'} for {firing.subject}{lost}"


def _changes(firing: Firing, cause: int) -> Iterator[tuple[int, int, str]]:
    """Yield what a firing sets: what comes with a delay stands before all else that happens at that instant."""
    for change in Actuators([firing]).changes():
        told = f"{change.channel} of {change.device} becomes {_json(change.value)}"
        yield change.at_us, cause if change.at_us == firing.at_us else 0, told


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
