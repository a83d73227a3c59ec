"""Steps of a history as the JSON Lines that ``whenthen replay`` reads, and firings as those that it prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from typing import Any

from whenthen.clock import SECOND_US, from_us
from whenthen.model.event import Event
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick, instant_of


def lines(steps: Iterable[Step], zone: tzinfo = UTC) -> Iterator[str]:
    r"""Yield each step as a line of JSON, without its end; instants carry the offset of *zone*.

    >>> print(*lines([Reading("dev-1", {"co2": 700}, 1_000_000), Restart(2_000_000, 500_000)]), sep="\n")
    {"timestamp": "1970-01-01T00:00:01+00:00", "device": "dev-1", "values": {"co2": 700}}
    {"timestamp": "1970-01-01T00:00:02+00:00", "restart": {"down_seconds": 0.5}}
    """
    for step in steps:
        yield json.dumps(line_of(step, zone), ensure_ascii=False)


def line_of(step: Step, zone: tzinfo = UTC) -> dict[str, Any]:
    """Return a step as the object of its line."""
    told: dict[str, Any] = {"timestamp": _iso(instant_of(step), zone)}
    match step:
        case Reading(device, values, received_us, at_us):
            told |= {"device": device, "values": dict(values)}
            if at_us is not None and at_us != received_us:
                told |= {"timestamp": _iso(at_us, zone), "received_at": _iso(received_us, zone)}
        case Event(name, _, data):
            told |= {"event": name, "data": dict(data), **concerned(step)}
        case Restart(_, down_us):
            told["restart"] = {"down_seconds": down_us / SECOND_US}
        case RunByHand(_, rule_id):
            told |= {"run": rule_id, **concerned(step), **({"force": True} if step.force else {})}
        case Switch(_, rule_id, enabled):
            told["enable" if enabled else "disable"] = rule_id
        case Tick():
            pass
    return told


def firing_line(firing: Firing, zone: tzinfo = UTC) -> dict[str, Any]:
    """Return a firing JSON-ready, its instant with the offset of *zone*."""
    return {
        "at": firing.at.astimezone(zone).isoformat(),
        "rule_id": firing.rule_id,
        "rule": firing.rule,
        "subject": firing.subject,
        "kind": firing.kind,
        "actions": [action.to_json() for action in firing.actions],
    }


def concerned(step: Event | RunByHand) -> dict[str, str]:
    """Return whom a step is about, as it is written: a device, a room, a farm."""
    whom = {"device": step.device, "room": step.room, "farm": step.farm}
    return {name: value for name, value in whom.items() if value is not None}


def _iso(at_us: int, zone: tzinfo) -> str:
    return from_us(at_us).astimezone(zone).isoformat()
