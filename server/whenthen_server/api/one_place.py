"""What can be done with one farm, room or device: read, change, remove."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import change, clear
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, Schema
from whenthen_server.auth import Place, hidden
from whenthen_server.store.places import DeviceRecord, FarmRecord, RoomRecord

Kept = TypeVar("Kept", FarmRecord, RoomRecord, DeviceRecord)


@dataclass(frozen=True, slots=True)
class Words:
    """What the three routes are said to do."""

    read: str
    change: str
    remove: str


@dataclass(frozen=True, slots=True)
class OnePlace(Generic[Kept]):
    """A *kind* of place, such as ``farm``: one of them is at *path*, which ends in its id, and is shown as *answer*.

    *kept* returns all of them by id, *place* where the one of the path is; *changes* returns what a body changes of
    one, or raises what is wrong with it; *shown* returns one as REST shows it.
    """

    kind: str
    path: str
    words: Words
    answer: Schema
    place: Callable[[Rooms, Request], Place | None]
    kept: Callable[[Rooms], Mapping[str, Kept]]
    changes: Callable[[Rooms, Request, Kept], Mapping[str, Any]]
    shown: Callable[[Rooms, Kept], dict[str, Any]]

    def routes(self, rooms: Rooms, body: Schema) -> list[Route]:
        """Return the three routes; *body* is the schema of a change."""
        words = self.words
        here: dict[str, Any] = {"path": self.path, "resource": self.kind, "place": partial(self.place, rooms)}
        read, changed, removed = (partial(one, rooms) for one in (self._read, self._changed, self._removed))
        return [
            Route("GET", verb="read", summary=words.read, handler=read, answer=self.answer, **here),
            Route("PATCH", verb="update", summary=words.change, handler=changed, body=body, answer=self.answer, **here),
            Route("DELETE", verb="delete", summary=words.remove, handler=removed, status=204, **here),
        ]

    def _read(self, rooms: Rooms, request: Request) -> Answer:
        return Answer(self.shown(rooms, self._known(rooms, request)))

    def _changed(self, rooms: Rooms, request: Request) -> Answer:
        one = self._known(rooms, request)
        return Answer(self.shown(rooms, change(rooms, request, one, self.changes(rooms, request, one))))

    def _removed(self, rooms: Rooms, request: Request) -> Answer:
        clear(rooms, request, self._known(rooms, request))
        return Answer()

    def _known(self, rooms: Rooms, request: Request) -> Kept:
        return self.kept(rooms).get(request.path[f"{self.kind}_id"]) or hidden(self.kind)
