"""Who is asking, and where the thing is that they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Literal, Protocol

from whenthen_server.store.people import EVERYWHERE

Kind = Literal["anonymous", "device", "person", "api_key"]


class Fields(Protocol):
    """Headers or cookies: what Flask has, or a dict. Names of headers are looked up as they are written in RFCs."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a field, or ``None``."""


class Role(IntEnum):
    """What somebody may do in a farm or room; each may all that the ones before it may.

    >>> Role.read("manager") > Role.OPERATOR
    True
    """

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    MANAGER = 3
    OWNER = 4

    @property
    def word(self) -> str:
        """The role as it is written in JSON and in the database: ``viewer``, ``operator``, ``manager``, ``owner``."""
        return self.name.lower()

    @classmethod
    def read(cls, word: str) -> Role:
        """Return the role that a word names. Raises ``ValueError`` for any other text."""
        for role in cls:
            if role is not cls.NONE and role.word == word:
                return role
        raise ValueError(f"{word!r} is no role; there are viewer, operator, manager and owner")


@dataclass(frozen=True, slots=True)
class RoomGrant:
    """A role in one room. It holds while the room is in *farm*: a room that moves takes no rights along."""

    farm: str
    role: Role


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing is: the ids of its farm, room and device, and for a person's own things, the user's.

    The server fills it from the store, never from the request: a place that a caller could choose would be a right that
    a caller could choose. What is not given is not there, so a forgotten field forbids.
    """

    farm: str | None = None
    room: str | None = None
    device: str | None = None
    user: str | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose credentials were checked, or nobody.

    *id* is the user's, the key's or the device's; *user* the person behind a session, token or API key. *roles* maps a
    farm to a role, ``*`` meaning every farm and the installation; *rooms* maps a room to its grant. *session* is the id
    of the session when a cookie brought it: then a request that changes something must come from our own pages.
    """

    kind: Kind = "anonymous"
    id: str = ""
    name: str = ""
    roles: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}))
    rooms: Mapping[str, RoomGrant] = field(default_factory=lambda: MappingProxyType({}))
    device_id: str | None = None
    user: str | None = None
    session: str | None = None

    def in_installation(self) -> Role:
        """Return the role that holds everywhere."""
        return self.roles.get(EVERYWHERE, Role.NONE)

    def in_farm(self, farm: str | None) -> Role:
        """Return the role in the whole of a farm."""
        own = Role.NONE if farm is None else self.roles.get(farm, Role.NONE)
        return max(own, self.in_installation())

    def in_room(self, farm: str | None, room: str | None) -> Role:
        """Return the role in a room: the farm's or the room's own, whichever is more."""
        grant = None if room is None else self.rooms.get(room)
        own = grant.role if grant is not None and grant.farm == farm else Role.NONE
        return max(own, self.in_farm(farm))

    def within_farm(self, farm: str | None) -> Role:
        """Return the highest role in a farm or in any of its rooms."""
        return max((self.in_farm(farm), *(grant.role for grant in self.rooms.values() if grant.farm == farm)))

    def anywhere(self) -> Role:
        """Return the highest role in anything at all."""
        return max((Role.NONE, *self.roles.values(), *(grant.role for grant in self.rooms.values())))


ANONYMOUS = Caller()
