"""What clients are told of a commit: each thing as an event, with the place that decides who may hear of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from whenthen.runtime.records import ActionRow, Execution, Sample
from whenthen.runtime.writer import Turn
from whenthen_server.acting import Origin
from whenthen_server.api.commands import for_device
from whenthen_server.api.instants import iso as instant
from whenthen_server.auth import Place
from whenthen_server.live.presence import Status
from whenthen_server.store.commands import Command
from whenthen_server.store.notifications import Notification
from whenthen_server.store.places import Places


@dataclass(frozen=True, slots=True)
class Message:
    """One event for those who hear of *place* and may read a *resource* there; *only* names people, if not all.

    Of two that wait for one client and have the same *key*, the one of the later *order* is enough.
    """

    event: str
    payload: Mapping[str, Any]
    place: Place
    resource: str
    key: Hashable | None = None
    order: int = 0
    only: frozenset[str] | None = None


def place_of(subject: str, places: Places) -> Place:
    """Return where a device, room or farm is; anything else is nobody's in particular, so the installation's."""
    device = places.device(subject)
    if device is not None:
        return Place(device.farm, device.room, device.id)
    room = places.rooms.get(subject)
    if room is not None:
        return Place(room.farm_id, room.id)
    return Place(subject if subject in places.farms else None)


def told(turn: Turn, places: Places) -> Iterator[Message]:
    """Return what a commit has to tell: what was measured, then what followed, then how earlier things went on."""
    yield from readings(turn.samples, places)
    for execution in turn.executions:
        yield fired(execution, places)
    for kind, payload in turn.news:
        message = _news(kind, payload, turn.now_us, places)
        if message is not None:
            yield message


def readings(samples: Iterable[Sample], places: Places) -> Iterator[Message]:
    """Return samples as readings, put together as they came."""
    for (device, at_us, received_us), found in groupby(samples, lambda one: (one.device, one.at_us, one.received_us)):
        data = {sample.sensor: sample.value for sample in found}
        place = place_of(device, places)
        payload = {
            "device_id": device,
            "farm_id": place.farm,
            "room_id": place.room,
            "timestamp": instant(at_us),
            "data": data,
            "cursor": str(received_us),
        }
        key = "sensor_data_update", device, frozenset(data)
        yield Message("sensor_data_update", payload, place, "reading", key, at_us)


def fired(execution: Execution, places: Places) -> Message:
    """Return a firing, with its reasons."""
    firing = execution.firing
    place = place_of(firing.subject, places)
    payload = {
        "execution_id": execution.id,
        "rule_id": firing.rule_id,
        "rule": firing.rule,
        "subject": firing.subject,
        "farm_id": place.farm,
        "room_id": place.room,
        "kind": firing.kind,
        "timestamp": instant(firing.at_us),
        "cause": execution.cause,
        "reasons": execution.trace,
        "actions": [call.to_json() for call in firing.actions],
        "cursor": str(firing.at_us),
    }
    return Message("rule_fired", payload, place, "execution")


def _news(kind: str, payload: Any, now_us: int, places: Places) -> Message | None:
    match kind:
        case "command":
            return _command(payload, places)
        case "rule_failed":
            return _failed(payload, now_us, places)
        case "broadcast":
            return _alert(payload, now_us)
        case "notification":
            return _notification(payload)
        case "device_status":
            return _status(payload, places)
        case _:
            return None


def _command(command: Command, places: Places) -> Message:
    ended = {} if command.ended_us is None else {"ended_at": instant(command.ended_us), "result": command.result}
    payload = {**for_device(command), "state": command.state, "sent_by": command.who, **ended}
    return Message("command_update", payload, place_of(command.device_id, places), "command", ("command", command.id))


def _failed(row: ActionRow, now_us: int, places: Places) -> Message:
    place = place_of(row.subject, places)
    payload = {
        "execution_id": row.execution_id,
        "rule_id": row.rule_id,
        "rule": row.rule,
        "subject": row.subject,
        "farm_id": place.farm,
        "room_id": place.room,
        "action": row.call.type,
        "state": row.state,
        "error": row.error,
        "timestamp": instant(row.finished_us or now_us),
    }
    return Message("rule_failed", payload, place, "execution")


def _alert(given: Mapping[str, Any], now_us: int) -> Message:
    origin: Origin = given["origin"]
    payload = {
        "event": given["event"],
        "data": given["data"],
        "rule_id": origin.rule_id,
        "rule": origin.rule,
        "subject": origin.subject,
        "farm_id": origin.farm,
        "room_id": origin.room,
        "timestamp": instant(now_us),
    }
    return Message("automation_alert", payload, Place(origin.farm, origin.room), "event")


def _notification(one: Notification) -> Message:
    payload = {
        "id": one.id,
        "farm_id": one.farm_id,
        "room_id": one.room_id,
        "level": one.level,
        "title": one.title,
        "message": one.message,
        "rule_id": one.rule_id,
        "timestamp": instant(one.at_us),
        "read_at": None if one.read_us is None else instant(one.read_us),
    }
    only = None if one.recipients is None else frozenset(one.recipients)
    return Message("notification", payload, Place(one.farm_id, one.room_id), "notification", only=only)


def _status(status: Status, places: Places) -> Message:
    place = place_of(status.device_id, places)
    payload = {
        "device_id": status.device_id,
        "farm_id": place.farm,
        "room_id": place.room,
        "online": status.online,
        "status": status.status,
        "data": dict(status.data),
        "seen_at": None if status.seen_us is None else instant(status.seen_us),
    }
    return Message("device_status_update", payload, place, "device", ("status", status.device_id))
