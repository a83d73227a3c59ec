"""Notifications: what rules have to say to people, newest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whenthen_server.api.commit import committed
from whenthen_server.api.cursor import SCHEMA as CURSOR
from whenthen_server.api.cursor import decode_cursor
from whenthen_server.api.instants import TOLD, iso, iso_or_none
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import actor_of, answer_of, page_of
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Caller, Place, Reach, may, reach
from whenthen_server.store.database import reading
from whenthen_server.store.notifications import Notification, ReadNotification, find, listed

_TEXT = {"type": ["string", "null"]}
_PAGE = 500
Position = tuple[int, str]

SCHEMAS: dict[str, Any] = {
    "Notification": {
        "type": "object",
        "required": ["id", "farm_id", "room_id", "at", "level", "title", "message", "rule_id", "read_at", "read_by"],
        "properties": {
            "id": {"type": "string"},
            "farm_id": {"type": "string"},
            "room_id": _TEXT,
            "at": TOLD,
            "level": {"type": "string"},
            "title": _TEXT,
            "message": {"type": "string"},
            "rule_id": _TEXT,
            "read_at": _TEXT,
            "read_by": {**_TEXT, "description": "Who read it first"},
        },
    }
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes below ``/api/notifications``."""
    return [_told(rooms), _read(rooms)]


def _place(rooms: Rooms, request: Request) -> Place | None:
    with reading(rooms.database) as connection:
        found = find(connection, request.path["notification_id"])
    return None if found is None or not _is_for(request.caller, found) else Place(found.farm_id, found.room_id)


@route(
    "GET",
    "/api/notifications",
    resource="notification",
    verb="list",
    summary="What rules have told you, newest first",
    query={
        "type": "object",
        "properties": {
            "unread": {"type": "boolean", "default": False, "description": "Only what nobody has read yet"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
            "cursor": CURSOR,
        },
    },
    answer=answer_of("notifications", "Notification"),
)
def _told(rooms: Rooms, request: Request) -> Answer:
    query, seen = request.query, reach(request.caller, "notification", "list")
    after = decode_cursor(query["cursor"], (int, str)) if "cursor" in query else None
    pages = _Pages(rooms, seen, unread=query["unread"])
    found, position = pages.matching(lambda one: _is_for(request.caller, one), query["limit"], after)
    return Answer(page_of("notifications", [_shown(one) for one in found], position))


@route(
    "POST",
    "/api/notifications/<notification_id>/read",
    resource="notification",
    verb="acknowledge",
    summary="Say that you have read one; the first reader is kept",
    place=_place,
    answer={"$ref": "#/components/schemas/Notification"},
)
def _read(rooms: Rooms, request: Request) -> Answer:
    item = ReadNotification(request.path["notification_id"], actor_of(request.caller))
    return Answer(_shown(committed(rooms.runtime, item)))


class _Pages:
    """Goes through stored notifications within a reach, since whom each is for stands in itself."""

    def __init__(self, rooms: Rooms, seen: Reach, *, unread: bool) -> None:
        self._rooms = rooms
        self._seen = seen
        self._unread = unread

    def matching(
        self, wanted: Callable[[Notification], bool], limit: int, after: Any
    ) -> tuple[list[Notification], Position | None]:
        """Return the next *limit* that are wanted, and the position after them when there may be more."""
        found: list[Notification] = []
        position: Position | None = after
        while True:
            page, position = self._page(position)
            for one in page:
                if len(found) == limit:
                    return found, (found[-1].at_us, found[-1].id)
                if wanted(one):
                    found.append(one)
            if position is None:
                return found, None

    def _page(self, after: Position | None) -> tuple[list[Notification], Position | None]:
        seen = self._seen
        with reading(self._rooms.database) as connection:
            return listed(
                connection,
                None if seen.everything else sorted(seen.farms),
                rooms=sorted(seen.rooms),
                unread=self._unread,
                limit=_PAGE,
                after=after,
            )


def _is_for(caller: Caller, notification: Notification) -> bool:
    """Tell whether a notification is for a caller: named by id (names can be chosen), or a manager of the farm."""
    if notification.recipients is None or caller.user in notification.recipients:
        return True
    return may(caller, "notification", "update", Place(farm=notification.farm_id))


def _shown(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.id,
        "farm_id": notification.farm_id,
        "room_id": notification.room_id,
        "at": iso(notification.at_us),
        "level": notification.level,
        "title": notification.title,
        "message": notification.message,
        "rule_id": notification.rule_id,
        "read_at": iso_or_none(notification.read_us),
        "read_by": notification.read_by,
    }
