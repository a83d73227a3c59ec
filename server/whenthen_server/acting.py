"""What actions are given to act with: one bundle of services for each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from whenthen.errors import ActionRefusedError, RetryLaterError
from whenthen.runtime import Runtime
from whenthen.runtime.dispatcher import Job
from whenthen.runtime.writer import Core
from whenthen_server.services.files import LogFiles
from whenthen_server.services.functions import Functions
from whenthen_server.services.http import HttpService
from whenthen_server.services.messages import Messages
from whenthen_server.store.commands import QueueCommand, QueueOfDeviceFullError
from whenthen_server.store.notifications import AddNotification, Notification
from whenthen_server.store.places import DEFAULT_FARM, Places, UnknownPlaceError

_COMMIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Who caused a call: the rule, and where its subject is."""

    rule_id: str
    rule: str
    subject: str
    farm: str | None
    room: str | None


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell connected clients something, once what came before is on the disk."""

    writes: ClassVar[bool] = False
    kind: str
    payload: Any

    def apply(self, core: Core) -> None:
        """Announce it."""
        core.announce(self.kind, self.payload)


class Acting:
    """Makes the services of each call; the parts that are the same for all calls are given once."""

    def __init__(
        self, places: Places, http: HttpService, files: LogFiles, messages: Messages, functions: Functions
    ) -> None:
        self.places = places
        self.http = http
        self.files = files
        self.messages = messages
        self.functions = functions
        self._runtime: Runtime | None = None

    def use(self, runtime: Runtime) -> None:
        """Take the runtime: it is made after this, since it needs this."""
        self._runtime = runtime

    def for_call(self, job: Job) -> Services:
        """Return the services of one call."""
        if self._runtime is None:
            raise TypeError("the runtime comes first")
        return Services(self, self._runtime, job, origin_of(job, self.places))


class Services:
    """The services of one action call, under the names that actions ask for."""

    def __init__(self, acting: Acting, runtime: Runtime, job: Job, origin: Origin) -> None:
        self.key = job.key
        self.deadline_us = job.until_us
        self.origin = origin
        self.http = acting.http
        self.files = acting.files
        self.messages = acting.messages
        self.functions = acting.functions
        self.devices = Devices(runtime, acting.places, job, origin)
        self.events = Events(runtime, job, origin)


class Devices:
    """The service ``devices``: commands, queued durably; each target has its own key."""

    def __init__(self, runtime: Runtime, places: Places, job: Job, origin: Origin) -> None:
        self._runtime = runtime
        self._places = places
        self._job = job
        self._origin = origin

    def send(self, device: str, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Queue a command and return its id and state; raises ``ActionRefusedError`` for a device that is not there."""
        item = QueueCommand(
            self._places,
            f"{self._job.key}.{device}",
            device,
            name,
            params,
            who=f"rule {self._origin.rule_id}",
            delivery=self._job.call.delivery,
        )
        try:
            command = self._runtime.submit(item).wait(_COMMIT_SECONDS)
        except UnknownPlaceError as error:
            raise ActionRefusedError(str(error)) from error
        except QueueOfDeviceFullError as error:
            raise RetryLaterError(str(error)) from error
        return {"command_id": command.id, "device": device, "state": command.state}

    def of_type(self, device_type: str) -> Sequence[str]:
        """Return the devices of a type where the subject is."""
        inside = self._origin
        return [
            one.id
            for one in self._places.devices()
            if one.type == device_type
            and (inside.room is None or one.room == inside.room)
            and (inside.farm is None or one.farm == inside.farm)
        ]


class Events:
    """The service ``events``: what connected clients are told."""

    def __init__(self, runtime: Runtime, job: Job, origin: Origin) -> None:
        self._runtime = runtime
        self._job = job
        self._origin = origin

    def broadcast(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Tell every connected client that may see the subject."""
        payload = {"event": config["event"], "data": dict(config.get("data", {})), "origin": self._origin}
        self._runtime.submit(Announce("broadcast", payload)).wait(_COMMIT_SECONDS)
        return {"event": config["event"]}


def in_app(runtime: Callable[[], Runtime]) -> Callable[[Mapping[str, Any]], None]:
    """Return what keeps a notification of the action ``notify`` for the people of the farm."""

    def keep(given: Mapping[str, Any]) -> None:
        origin: Origin = given["origin"]
        running = runtime()
        notification = Notification(
            id=str(given["key"]),
            farm_id=origin.farm or DEFAULT_FARM,
            room_id=origin.room,
            at_us=running.now_us(),
            level=given["level"],
            title=given["title"],
            message=given["message"],
            recipients=given["recipients"],
            rule_id=origin.rule_id,
        )
        running.submit(AddNotification(notification)).wait(_COMMIT_SECONDS)

    return keep


def origin_of(job: Job, places: Places) -> Origin:
    """Return where a call comes from; a subject is a device, a room or a farm, or nothing in particular."""
    device = places.device(job.subject)
    if device is not None:
        return Origin(job.rule_id, job.rule, job.subject, device.farm, device.room)
    room = places.rooms.get(job.subject)
    if room is not None:
        return Origin(job.rule_id, job.rule, job.subject, room.farm_id, room.id)
    farm = job.subject if job.subject in places.farms else None
    return Origin(job.rule_id, job.rule, job.subject, farm, None)
