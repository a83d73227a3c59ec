"""What a stored person may do, seen through a session, an API key or a provider's token."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from whenthen_server.auth.bearer import Grant
from whenthen_server.auth.caller import Caller, Role, RoomGrant
from whenthen_server.store.credentials import StoredKey
from whenthen_server.store.members import User
from whenthen_server.store.people import EVERYWHERE


def identity_id(issuer: str, subject: str) -> str:
    """Return the user id of somebody whom an identity provider knows: the same whether or not there is a row.

    >>> identity_id("https://id.example", "42")
    'user_3612404c883ea3d9a32b4d11d771d43d'
    """
    return "user_" + hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:32]


def through_session(user: User, key: StoredKey) -> Caller:
    """Return a person in a browser."""
    return Caller("person", user.id, user.name, _roles(user), _rooms(user), user=user.id, session=key.id)


def through_api_key(user: User, key: StoredKey) -> Caller:
    """Return a person's program: the person's roles of this moment, cut to the key's farm and to the key's role."""
    most = Role.read(key.role)
    roles, rooms = _roles(user), _rooms(user)
    if key.farm != EVERYWHERE:
        roles = {key.farm: max(roles.get(key.farm, Role.NONE), roles.get(EVERYWHERE, Role.NONE))}
        rooms = {room: grant for room, grant in rooms.items() if grant.farm == key.farm}
    return Caller(
        "api_key",
        key.id,
        key.name,
        {farm: min(role, most) for farm, role in roles.items()},
        {room: RoomGrant(grant.farm, min(grant.role, most)) for room, grant in rooms.items()},
        user=user.id,
    )


def through_token(user: User | None, grant: Grant) -> Caller:
    """Return whom a provider's token speaks for: with the roles of its groups and those that are stored here."""
    roles = dict(grant.roles)
    if user is not None:
        for farm, role in _roles(user).items():
            roles[farm] = max(role, roles.get(farm, Role.NONE))
    user_id = user.id if user is not None else identity_id(grant.issuer, grant.subject)
    return Caller("person", user_id, grant.name, roles, _rooms(user) if user is not None else {}, user=user_id)


def _roles(user: User) -> dict[str, Role]:
    return {farm: Role.read(word) for farm, word in user.roles.items()}


def _rooms(user: User) -> Mapping[str, RoomGrant]:
    return {room: RoomGrant(farm, Role.read(word)) for room, (farm, word) in user.rooms.items()}
