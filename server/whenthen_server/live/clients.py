"""Who is connected, what each wants to hear, and what each may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from whenthen_server.auth import Caller, Place, may
from whenthen_server.live.outgoing import Outgoing

Kind = Literal["all", "farm", "room", "device"]
Target = tuple[Kind, str]
"""What can be subscribed to: a kind of place and its id; ``("all", "")`` is all that the caller may see."""

MOST_TARGETS = 200
"""So many subscriptions one client may have; who wants more asks for the room, the farm, or all."""


@dataclass(frozen=True, slots=True)
class Right:
    """What is asked of every client that hears of a thing; *name* says all of it, as a text: those keep their hash."""

    resource: str
    verb: str
    place: Place
    name: str


def right(resource: str, verb: str, place: Place) -> Right:
    """Return the question whether somebody may do *verb* to a *resource* at *place*."""
    return Right(resource, verb, place, repr((resource, verb, place.farm, place.room, place.device, place.user)))


@dataclass(eq=False, slots=True)
class Client:
    """One connection: *who* asks for its caller anew, since keys end and roles change while it lasts."""

    sid: str
    engine_sid: str
    caller: Caller
    who: Callable[[], Caller]
    outgoing: Outgoing
    targets: set[Target] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict)

    def may(self, asked: Right) -> bool:
        """Return what the policy says; asked for every message, so it is remembered until the caller changes."""
        found = self._known.get(asked.name)
        if found is None:
            if len(self._known) > 10_000:  # as many as there are places: only so that it ends somewhere
                self._known.clear()
            found = self._known[asked.name] = may(self.caller, asked.resource, asked.verb, asked.place)
        return found

    def become(self, caller: Caller) -> None:
        """Go on as *caller*: the same one, with the rights of now."""
        if caller != self.caller:
            self.caller = caller
            self._known.clear()


class Clients:
    """All clients, by what they want to hear. Safe for any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_sid: dict[str, Client] = {}
        self._listening: dict[Target, set[Client]] = {}
        self._devices: dict[str, list[Client]] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def all(self) -> list[Client]:
        """Return everyone who is connected now."""
        with self._lock:
            return list(self._by_sid.values())

    def get(self, sid: str) -> Client | None:
        """Return a client, or ``None`` when it has gone."""
        return self._by_sid.get(sid)

    def add(self, client: Client) -> None:
        """Take a client in."""
        with self._lock:
            self._by_sid[client.sid] = client
            if client.caller.device_id is not None:
                self._devices.setdefault(client.caller.device_id, []).append(client)

    def remove(self, sid: str) -> Client | None:
        """Let a client go; returns it if it was there."""
        with self._lock:
            client = self._by_sid.pop(sid, None)
            if client is None:
                return None
            for target in list(client.targets):
                self._leave(client, target)
            device_id = client.caller.device_id
            if device_id is not None:
                self._devices[device_id].remove(client)
                if not self._devices[device_id]:
                    del self._devices[device_id]
            return client

    def subscribe(self, client: Client, target: Target) -> bool:
        """Have a client hear what happens at a place; false if it hears of too many already, or has gone."""
        with self._lock:
            if client.sid not in self._by_sid or (target not in client.targets and len(client.targets) >= MOST_TARGETS):
                return False
            client.targets.add(target)
            self._listening.setdefault(target, set()).add(client)
            return True

    def unsubscribe(self, client: Client, target: Target) -> None:
        """Undo ``subscribe``."""
        with self._lock:
            self._leave(client, target)

    def hearing(self, place: Place) -> set[Client]:
        """Return who wants to hear what happens at *place*; whether they may is another question."""
        targets: list[Target] = [("all", "")]
        if place.farm is not None:
            targets.append(("farm", place.farm))
        if place.room is not None:
            targets.append(("room", place.room))
        if place.device is not None:
            targets.append(("device", place.device))
        with self._lock:
            return set().union(*(self._listening.get(target, ()) for target in targets))

    def of_device(self, device_id: str) -> Client | None:
        """Return the newest connection of a device itself, not of those who watch it."""
        with self._lock:
            return next(
                (one for one in reversed(self._devices.get(device_id, [])) if one.outgoing.cut_for is None), None
            )

    def devices(self) -> set[str]:
        """Return the devices that are connected themselves."""
        with self._lock:
            return set(self._devices)

    def _leave(self, client: Client, target: Target) -> None:
        client.targets.discard(target)
        listening = self._listening.get(target)
        if listening is not None:
            listening.discard(client)
            if not listening:
                del self._listening[target]
