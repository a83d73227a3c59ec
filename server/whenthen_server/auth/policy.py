"""The one table of what a caller may do; REST, Socket.IO, MQTT and MCP all ask it.

``docs/server/access.md`` shows the same table to people; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NoReturn

from whenthen_server.auth.caller import NOWHERE, Caller, Kind, Place, Role
from whenthen_server.problems import Forbidden, NotFound, Unauthorized

Verb = Literal["list", "read", "create", "update", "delete", "run", "send", "acknowledge"]


class Where(StrEnum):
    """Where a role has to be held for it to count."""

    ROOM = "room"  # in the room, in its farm, or everywhere
    PART = "part"  # in the farm or in any room of it
    FARM = "farm"  # in the farm, or everywhere
    INSTALLATION = "installation"  # everywhere
    ANYWHERE = "anywhere"  # in anything at all
    SELF = "self"  # one's own things; the role, held everywhere, is for those of others


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may: callers of these *kinds* with at least the role *least* at *where*.

    A device has no role. Where its kind is named, it may for itself, and only for itself.
    """

    kinds: frozenset[Kind]
    least: Role
    where: Where


_PEOPLE: frozenset[Kind] = frozenset({"person", "api_key"})
_PERSON: frozenset[Kind] = frozenset({"person"})
_KNOWN: frozenset[Kind] = frozenset({"person", "api_key", "device"})
_ALL: frozenset[Kind] = frozenset({"anonymous", "person", "api_key", "device"})

_ANYBODY = Rule(_ALL, Role.NONE, Where.ANYWHERE)
_OWN = Rule(_PERSON, Role.OWNER, Where.SELF)


def _room(least: Role, *, device: bool = False) -> Rule:
    return Rule(_KNOWN if device else _PEOPLE, least, Where.ROOM)


def _farm(least: Role, kinds: frozenset[Kind] = _PEOPLE) -> Rule:
    return Rule(kinds, least, Where.FARM)


def _installation(least: Role) -> Rule:
    return Rule(_PEOPLE, least, Where.INSTALLATION)


def _anywhere(least: Role, kinds: frozenset[Kind] = _PEOPLE) -> Rule:
    return Rule(kinds, least, Where.ANYWHERE)


_VIEWER, _OPERATOR, _MANAGER, _OWNER = Role.VIEWER, Role.OPERATOR, Role.MANAGER, Role.OWNER

POLICY: Mapping[tuple[str, str], Rule] = MappingProxyType(
    {
        ("farm", "list"): Rule(_PEOPLE, _VIEWER, Where.PART),
        ("farm", "read"): Rule(_PEOPLE, _VIEWER, Where.PART),
        ("farm", "create"): _installation(_MANAGER),
        ("farm", "update"): _farm(_MANAGER),
        ("farm", "delete"): _farm(_OWNER),
        ("room", "list"): _room(_VIEWER),
        ("room", "read"): _room(_VIEWER),
        ("room", "create"): _farm(_MANAGER),
        ("room", "update"): _room(_MANAGER),
        ("room", "delete"): _farm(_MANAGER),
        ("device", "list"): _room(_VIEWER),
        ("device", "read"): _room(_VIEWER),
        ("device", "create"): _room(_MANAGER),
        ("device", "update"): _room(_MANAGER),
        ("device", "delete"): _room(_MANAGER),
        ("device", "send"): _room(_OPERATOR, device=True),  # its status
        ("device_key", "list"): _room(_MANAGER),
        ("device_key", "read"): _room(_MANAGER),
        ("device_key", "create"): _room(_MANAGER),
        ("device_key", "delete"): _room(_MANAGER),
        ("reading", "list"): _room(_VIEWER),
        ("reading", "read"): _room(_VIEWER),
        ("reading", "create"): _room(_OPERATOR, device=True),
        ("command", "list"): _room(_VIEWER, device=True),
        ("command", "read"): _room(_VIEWER, device=True),
        ("command", "send"): _room(_OPERATOR),
        ("command", "delete"): _room(_OPERATOR),  # withdraw one that waits
        ("command", "acknowledge"): _room(_OPERATOR, device=True),
        ("rule", "list"): _room(_VIEWER),
        ("rule", "read"): _room(_VIEWER),
        ("rule", "create"): _room(_MANAGER),
        ("rule", "update"): _room(_MANAGER),
        ("rule", "delete"): _room(_MANAGER),
        ("rule", "run"): _room(_OPERATOR),
        ("execution", "list"): _room(_VIEWER),
        ("execution", "read"): _room(_VIEWER),
        ("execution", "run"): _room(_OPERATOR),  # once more, by hand
        ("event", "list"): _room(_VIEWER),
        ("event", "read"): _room(_VIEWER),
        ("event", "create"): _room(_OPERATOR),
        ("notification", "list"): _room(_VIEWER),
        ("notification", "read"): _room(_VIEWER),
        ("notification", "acknowledge"): _room(_VIEWER),
        ("notification", "create"): _farm(_MANAGER),
        ("notification", "update"): _farm(_MANAGER),
        ("notification", "delete"): _farm(_MANAGER),
        ("statistics", "list"): _room(_VIEWER),
        ("statistics", "read"): _room(_VIEWER),
        # Whoever holds a key must not be able to make people or further keys with it: a leak would outlive the key.
        ("member", "list"): _farm(_MANAGER),
        ("member", "read"): _farm(_MANAGER),
        ("member", "create"): _farm(_OWNER, _PERSON),
        ("member", "update"): _farm(_OWNER, _PERSON),
        ("member", "delete"): _farm(_OWNER, _PERSON),
        ("api_key", "list"): _OWN,
        ("api_key", "read"): _OWN,
        ("api_key", "create"): _OWN,
        ("api_key", "delete"): _OWN,
        ("session", "list"): _OWN,
        ("session", "read"): _OWN,
        ("session", "delete"): _OWN,
        ("session", "create"): _ANYBODY,  # with a login token
        ("me", "read"): _anywhere(Role.NONE, _KNOWN),
        ("me", "update"): _anywhere(Role.NONE, _PERSON),
        ("audit", "list"): _farm(_MANAGER),
        ("audit", "read"): _farm(_MANAGER),
        ("plugin", "list"): _anywhere(_VIEWER),
        ("plugin", "read"): _anywhere(_VIEWER),
        ("schema", "list"): _anywhere(_VIEWER),
        ("schema", "read"): _anywhere(_VIEWER),
        ("docs", "read"): _anywhere(Role.NONE, _PEOPLE),
        ("backup", "list"): _installation(_OWNER),
        ("backup", "read"): _installation(_OWNER),
        ("backup", "create"): _installation(_OWNER),
        ("backup", "delete"): _installation(_OWNER),
        ("demo", "list"): _installation(
            _VIEWER
        ),  # faults of the simulated farm; only ``whenthen demo`` has such routes
        ("demo", "read"): _installation(_VIEWER),
        ("demo", "create"): _installation(_OPERATOR),
        ("demo", "delete"): _installation(_OPERATOR),
        ("metrics", "read"): _installation(_VIEWER),
        ("health", "read"): _ANYBODY,
    }
)
"""What is not in it, nobody may."""


def may(caller: Caller, resource: str, verb: str, place: Place = NOWHERE) -> bool:
    """Return whether *caller* may do *verb* to a *resource* at *place*.

    ``list`` asks whether there may be anything for the caller to see at *place* (with none given: anywhere); the list
    itself is then cut to what ``reach`` says. Every other verb needs the place of the thing itself.
    """
    rule = POLICY.get((resource, verb))
    if rule is None or caller.kind not in rule.kinds:
        return False
    if rule.least is Role.NONE:
        return True
    if caller.kind == "device":
        return caller.device_id is not None and caller.device_id == place.device
    if rule.where is Where.SELF:
        return _is_self(caller, verb, place) or caller.in_installation() >= rule.least
    return _held(caller, rule.where, verb, place) >= rule.least


def _is_self(caller: Caller, verb: str, place: Place) -> bool:
    if place.user is None:
        return verb in {"list", "create"}  # of one's own, since nobody else is named
    return place.user == caller.user


def _held(caller: Caller, where: Where, verb: str, place: Place) -> Role:
    """Return the role that counts at *place*."""
    if where is Where.INSTALLATION:
        return caller.in_installation()
    if where is Where.ANYWHERE or (verb == "list" and place == NOWHERE):
        return _highest(caller, where)
    if where is Where.FARM:
        return caller.in_farm(place.farm)
    if where is Where.PART or (verb == "list" and place.room is None and place.device is None):
        return caller.within_farm(place.farm)
    return caller.in_room(place.farm, place.room)


def _highest(caller: Caller, where: Where) -> Role:
    return max((Role.NONE, *caller.roles.values())) if where is Where.FARM else caller.anywhere()


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a list a caller sees: *everything*, or that in *farms* (whole) and *rooms*, or of one *device*."""

    everything: bool = False
    farms: frozenset[str] = frozenset()
    rooms: frozenset[tuple[str, str]] = frozenset()
    """Pairs of farm and room: both must match."""
    device: str | None = None


def reach(caller: Caller, resource: str, verb: str) -> Reach:
    """Return which of all things of a kind ``may`` would allow *verb* on, for a query to be cut to it.

    Of farms themselves it gives those of granted rooms, too. Of one's own things (keys, sessions) it gives nothing:
    those are asked for by the user's id.
    """
    rule = POLICY.get((resource, verb))
    if rule is None or caller.kind not in rule.kinds:
        return Reach()
    if caller.kind == "device":
        return Reach(device=caller.device_id)
    if rule.where in {Where.INSTALLATION, Where.ANYWHERE}:
        return Reach(everything=may(caller, resource, verb))
    return Reach(everything=True) if caller.in_installation() >= rule.least else _parts(caller, rule)


def _parts(caller: Caller, rule: Rule) -> Reach:
    farms = frozenset(farm for farm, role in caller.roles.items() if role >= rule.least)
    rooms = frozenset((grant.farm, room) for room, grant in caller.rooms.items() if grant.role >= rule.least)
    match rule.where:
        case Where.ROOM:
            return Reach(farms=farms, rooms=rooms)
        case Where.PART:
            return Reach(farms=farms | {farm for farm, _ in rooms})
        case Where.FARM:
            return Reach(farms=farms)
        case _:
            return Reach()


def demand(caller: Caller, resource: str, verb: str, place: Place | None = NOWHERE) -> None:
    """Return if *caller* may; otherwise raise what the caller may know about the reason.

    *place* ``None`` stands for a thing that is not there. Raises ``Unauthorized`` for nobody, ``Forbidden`` for a thing
    that the caller may see, and for any other thing the same ``NotFound`` as for one that is not there.
    """
    if place is not None and may(caller, resource, verb, place):
        return
    if caller.kind == "anonymous":
        raise Unauthorized
    if place is not None and _is_known(caller, resource, verb, place):
        raise Forbidden(_refusal(caller, resource, verb))
    hidden(resource)


def _refusal(caller: Caller, resource: str, verb: str) -> str:
    rule = POLICY.get((resource, verb))
    if rule is not None and rule.kinds == _PERSON and caller.kind == "api_key":
        return f"An API key may not '{verb}' '{resource}', whatever its role. Sign in as a person: whenthen login-url."
    if caller.kind == "device":
        return f"A device may not '{verb}' '{resource}'. That takes an API key, or a person who is signed in."
    return f"Your role does not include '{verb}' on '{resource}'. Ask an owner of the farm for more."


def _is_known(caller: Caller, resource: str, verb: str, place: Place) -> bool:
    """Return whether the caller learns nothing from hearing that what it asked for exists."""
    rule = POLICY.get((resource, verb))
    if rule is None or rule.where in {Where.INSTALLATION, Where.ANYWHERE}:
        return True  # it is about nobody's thing
    if place == NOWHERE and verb in {"list", "create"}:
        return True  # no thing was named
    if caller.kind == "device":
        return caller.device_id is not None and caller.device_id == place.device
    if verb not in {"list", "create"}:
        return may(caller, resource, "read", place)
    if place.device is not None or place.room is not None:
        return may(caller, "room", "read", place)
    return may(caller, "farm", "read", place)


_OF_DEVICES = {"reading": "device", "device_key": "device"}
"""What is asked for below a device: what is missing then is the device."""


def hidden(resource: str) -> NoReturn:
    """Raise ``NotFound`` for a thing that is not there, or not for this caller: the two must not differ.

    The text holds the kind of thing and nothing else, least of all the id.
    """
    thing = _OF_DEVICES.get(resource, resource.replace("_", " "))
    raise NotFound(f"There is no such {thing}, or it is not yours to see.")
