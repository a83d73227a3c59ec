"""What clients ask for, done: each as the policy allows, and answered once it is on the disk."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from threading import Event
from typing import Any, Protocol

from sqlalchemy import Engine

from whenthen.clock import Clock
from whenthen.errors import WhenthenError
from whenthen.runtime import Runtime
from whenthen.runtime.items import TakeReadings
from whenthen_server.api.commit import committed
from whenthen_server.api.gate import Gate
from whenthen_server.api.verdicts import told
from whenthen_server.auth import Place, demand
from whenthen_server.live import incoming
from whenthen_server.live.clients import Client, Clients, Target
from whenthen_server.live.fanout import Fanout, give
from whenthen_server.live.packets import Batch
from whenthen_server.live.presence import Presence, Status, TellStatus
from whenthen_server.live.resume import Missed, Span, missed
from whenthen_server.live.telling import place_of
from whenthen_server.metrics import Metrics
from whenthen_server.problems import ApiError, Internal, Unavailable, Unprocessable
from whenthen_server.settings import Settings
from whenthen_server.store.commands import EndCommand, find
from whenthen_server.store.database import reading
from whenthen_server.store.places import Places
from whenthen_server.store.upkeep import Keeping

_JOIN_SECONDS = 10.0
_GOING = frozenset({"offline", "disconnected"})

_log = logging.getLogger(__name__)


class Parts(Protocol):
    """What is needed of the house."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""

    @property
    def clock(self) -> Clock:
        """Return what tells the time."""

    @property
    def database(self) -> Engine:
        """Return the database, for reading."""

    @property
    def places(self) -> Places:
        """Return farms, rooms and devices."""

    @property
    def runtime(self) -> Runtime:
        """Return the one writer."""

    @property
    def metrics(self) -> Metrics:
        """Return the counters."""


class Answering:
    """Answers the events of clients; what goes wrong is an answer, too."""

    def __init__(self, parts: Parts, clients: Clients, fanout: Fanout, presence: Presence) -> None:
        self._parts = parts
        self._clients = clients
        self._fanout = fanout
        self._presence = presence
        keeping = Keeping.of(parts.settings)
        self._kept_us = min(keeping.readings_us, keeping.history_us) if keeping.executions_per_rule else 0
        self._gate = Gate(parts.settings.limits, parts.clock)
        self.events: dict[str, Callable[[Client, Any], dict[str, Any]]] = {
            "sensor_data_update": self.take_readings,
            "device_status_update": self.take_status,
            "command_update": self.take_answer,
            "subscribe": self.subscribe,
            "unsubscribe": self.unsubscribe,
        }

    def answer(self, client: Client, name: str, payload: Any) -> dict[str, Any]:
        """Return ``{"ok": true, …}``, or ``{"ok": false, "problem": …}`` with a problem document as REST has them."""
        try:
            self._gate.admit(client.caller, "")
            given = incoming.strict(payload, self._parts.settings.limits.json_depth)
            return {"ok": True, **self.events[incoming.known_event(name, self.events)](client, given)}
        except ApiError as error:
            return _refused(error)
        except TimeoutError:
            return _refused(Unavailable("No commit yet; what you sent may or may not be stored."))
        except WhenthenError as error:
            return _refused(Unprocessable(str(error), code=error.code))
        except Exception:  # noqa: BLE001 - the outermost handler: whatever it is, the client gets an answer
            error_id = secrets.token_hex(8)
            _log.exception("%s failed (%s)", name, error_id)
            return _refused(Internal(error_id))

    def take_readings(self, client: Client, payload: Any) -> dict[str, Any]:
        """Store readings; each gets its own verdict, as with REST."""
        runtime = self._parts.runtime
        found = incoming.read_readings(payload, client.caller.device_id, runtime.now_us())
        given = [one.given for one in found if one.given is not None]
        for device_id in {one.device for one in given}:
            demand(client.caller, "reading", "create", self._place(device_id))
        self._parts.metrics.readings.labels("refused").inc(sum(one.given is None for one in found))
        return told(found, committed(runtime, TakeReadings(given)) if given else [])

    def take_status(self, client: Client, payload: Any) -> dict[str, Any]:
        """Tell others how a device is; what it says is a sign of life, unless it says that it goes."""
        device_id, status, data = incoming.read_status(payload, client.caller.device_id)
        demand(client.caller, "device", "send", self._place(device_id))
        going = status.lower() in _GOING
        committed(self._parts.runtime, TellStatus(Status(device_id, not going, status, data)))
        (self._presence.leaving if going else self._presence.heard)(device_id, self._parts.runtime.now_us())
        return {}

    def take_answer(self, client: Client, payload: Any) -> dict[str, Any]:
        """Note a device's answer to a command."""
        command_id, state, result = incoming.read_answer(payload)
        with reading(self._parts.database) as connection:
            command = find(connection, command_id)
        place = None if command is None else self._place(command.device_id)
        demand(client.caller, "command", "acknowledge", place)
        ended = committed(self._parts.runtime, EndCommand(command_id, state, result))
        return {"command_id": ended.id, "state": ended.state}

    def subscribe(self, client: Client, payload: Any) -> dict[str, Any]:
        """Have a client hear of a place from now on, or from a cursor on: then what it missed comes first."""
        target, since_us = incoming.read_target(payload)
        self._demand_seen(client, target)
        answers: list[dict[str, Any]] = []
        done = Event()

        def begin() -> None:
            try:
                answers.append(self._begin(client, target, since_us))
            finally:
                done.set()

        # Between two commits, so that nothing is missed between what is looked up and what is heard.
        if not self._fanout.do(begin) or not done.wait(_JOIN_SECONDS) or not answers:
            raise Unavailable("There is more to tell than can be told just now.", headers={"Retry-After": "5"})
        return answers[0]

    def unsubscribe(self, client: Client, payload: Any) -> dict[str, Any]:
        """Have a client hear no more of a place."""
        target, _ = incoming.read_target(payload)
        self._clients.unsubscribe(client, target)
        return {}

    def _begin(self, client: Client, target: Target, since_us: int | None) -> dict[str, Any]:
        now_us = self._parts.runtime.now_us()
        found = Missed((), None, complete=True)
        if since_us is not None:
            span = Span(since_us, now_us, self._kept_us)
            found = missed(self._parts.database, self._parts.places, client, target, span)
        if found.told:
            give(client, Batch(found.told))
        if not self._clients.subscribe(client, target):
            return {
                "ok": False,
                "problem": Unprocessable("Too many subscriptions. Ask for a farm, or for all.").document(),
            }
        return {"missed": len(found.told), "complete": found.complete, "cursor": found.cursor or str(now_us)}

    def _demand_seen(self, client: Client, target: Target) -> None:
        kind, name = target
        places = self._parts.places
        match kind:
            case "farm":
                demand(client.caller, "farm", "read", Place(name) if name in places.farms else None)
            case "room":
                room = places.rooms.get(name)
                demand(client.caller, "room", "read", None if room is None else Place(room.farm_id, room.id))
            case "device":
                demand(client.caller, "device", "read", self._place(name))
            case _:
                return  # each message is asked for by itself

    def _place(self, device_id: str) -> Place | None:
        return place_of(device_id, self._parts.places) if device_id in self._parts.places.devices_by_id else None


def _refused(error: ApiError) -> dict[str, Any]:
    document = error.document()
    if "Retry-After" in error.headers:
        document["retry_after_seconds"] = int(error.headers["Retry-After"])
    return {"ok": False, "problem": document}
