"""Steps of a history as the entries of a scenario's timeline: what was found by a machine, written for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from whenthen.clock import SECOND_US
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick, instant_of
from whenthen.proving.offsets import told_span
from whenthen.recorded.written import concerned

_BY_ID: Mapping[str, str] = MappingProxyType({})


def entries_of(steps: Iterable[Step], start_us: int, names: Mapping[str, str] = _BY_ID) -> list[dict[str, Any]]:
    """Return an entry for each step, its times told from *start_us* on (microseconds since the epoch).

    A reading whose device's clock is before the start cannot be told. Rules are named as *names* says, by id when
    it does not.

    >>> entries_of([Reading("dev-1", {"co2": 700}, 90_000_000), Tick(120_000_000)], 0)
    [{'at': '1m30s', 'device': 'dev-1', 'values': {'co2': 700}}, {'at': '2m'}]
    """
    return [_entry(step, start_us, names) for step in steps]


def _entry(step: Step, start_us: int, names: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"at": told_span(instant_of(step) - start_us)}
    match step:
        case Reading(device, values, received_us, at_us):
            if at_us is not None and at_us != received_us:
                entry = {"at": told_span(at_us - start_us), "received_at": entry["at"]}
            entry |= {"device": device, "values": dict(values)}
        case Event(name, _, data):
            entry |= {"event": name, **({"data": dict(data)} if data else {}), **concerned(step)}
        case Restart(_, down_us):
            entry["restart"] = {"down_seconds": down_us / SECOND_US} if down_us else True
        case RunByHand(_, rule_id):
            entry |= {"run": names.get(rule_id, rule_id), **concerned(step), **({"force": True} if step.force else {})}
        case Switch(_, rule_id, enabled):
            entry["enable" if enabled else "disable"] = names.get(rule_id, rule_id)
        case Tick():
            pass
    return entry
