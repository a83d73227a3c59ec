"""Who belongs to a farm, and as what: people, their roles and their rooms."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from whenthen_server.auth.caller import Caller, Place, Role
from whenthen_server.auth.changes import Changes, read_name, read_role, refuse
from whenthen_server.auth.persons import identity_id
from whenthen_server.auth.policy import demand, hidden
from whenthen_server.auth.sessions import LOGIN_PATH, login_token
from whenthen_server.problems import Conflict, Forbidden
from whenthen_server.store import members as store
from whenthen_server.store.credentials import end_keys_of
from whenthen_server.store.database import reading
from whenthen_server.store.members import User
from whenthen_server.store.people import EVERYWHERE


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to add; *identity* is issuer and subject, for one whom an identity provider knows."""

    name: str
    email: str | None = None
    identity: tuple[str, str] | None = None


class Members(Changes):
    """People and their roles. As a farm, ``*`` means every farm and the installation: only its owners get that far.

    Every method takes who asks first, and raises ``Unauthorized``, ``Forbidden`` or ``NotFound`` as ``demand`` does.
    """

    def members(self, actor: Caller, farm: str) -> list[User]:
        """Return who has a role in a farm or in a room of it, with what they have there and nowhere else."""
        demand(actor, "member", "list", Place(farm=farm))
        with reading(self._engine) as connection:
            found = store.users_in(connection, None if farm == EVERYWHERE else farm)
        return found if farm == EVERYWHERE else [_within(user, farm) for user in found]

    def member(self, actor: Caller, farm: str, user: str) -> User:
        """Return one of them."""
        demand(actor, "member", "read", Place(farm=farm))
        with reading(self._engine) as connection:
            found = self._find(connection, actor, farm, user)
        return found if farm == EVERYWHERE else _within(found, farm)

    def add_member(self, actor: Caller, farm: str, role: str, person: Person) -> User:
        """Add a person to a farm. Somebody who is known by the same identity is not made twice.

        Raises ``Unprocessable`` for a name, address or role that is none, and ``Conflict`` for somebody shut out.
        """
        demand(actor, "member", "create", Place(farm=farm))
        word, new = read_role(role).word, self._new(person)
        what = {"farm": farm, "user": new.id, "role": word}
        with self._change(actor, "member.create", what) as connection:
            found = store.find_user(connection, new.id)
            if found is None:
                store.add_user(connection, new)
            elif found.disabled_us is not None:
                raise Conflict("This person was shut out.")
            self._set_role(connection, found or new, farm, word)
        return _within(replace(found or new, roles={farm: word}), farm)

    def set_role(self, actor: Caller, farm: str, user: str, role: str) -> None:
        """Give a member another role in the farm. Raises ``Conflict`` if the installation lost its last owner."""
        demand(actor, "member", "update", Place(farm=farm))
        word = read_role(role).word
        with self._change(actor, "member.update", {"farm": farm, "user": user, "role": word}) as connection:
            self._set_role(connection, self._find(connection, actor, farm, user), farm, word)

    def remove_member(self, actor: Caller, farm: str, user: str) -> None:
        """Take a member's role in the farm and in all its rooms. Raises ``Conflict`` as ``set_role`` does."""
        demand(actor, "member", "delete", Place(farm=farm))
        with self._change(actor, "member.delete", {"farm": farm, "user": user}) as connection:
            found = self._find(connection, actor, farm, user)
            self._demand_other_owner(connection, found, farm, "")
            store.remove_role(connection, user, farm)
            store.remove_grants_in(connection, user, farm)
            store.refuse_tokens_before(connection, user, self._now_us())

    def grant_room(self, actor: Caller, at: tuple[str, str], user: str, role: str) -> None:
        """Give somebody a role in one room, *at* being its farm and its id: the caller has checked that they match.

        A stranger to the farm is one whom only the installation's owners can name; anybody else adds the person first.
        """
        farm, room = at
        demand(actor, "member", "update", Place(farm=farm))
        word = read_role(role).word
        if word == Role.OWNER.word:
            refuse("/role", "nobody owns a room", "choose viewer, operator or manager")
        what = {"farm": farm, "room": room, "user": user, "role": word}
        with self._change(actor, "member.update", what) as connection:
            found = self._find(connection, actor, farm, user)
            store.set_grant(connection, user, at, word, self._now_us())
            if _is_less(word, found.rooms.get(room, ("", ""))[1]):
                store.refuse_tokens_before(connection, user, self._now_us())

    def revoke_room(self, actor: Caller, at: tuple[str, str], user: str) -> None:
        """Take somebody's role in one room."""
        farm, room = at
        demand(actor, "member", "update", Place(farm=farm))
        with self._change(actor, "member.update", {"farm": farm, "room": room, "user": user}) as connection:
            found = self._find(connection, actor, farm, user)
            if found.rooms.get(room, ("", ""))[0] != farm or not store.remove_grant(connection, user, room):
                hidden("member")
            store.refuse_tokens_before(connection, user, self._now_us())

    def invite(self, actor: Caller, farm: str, user: str) -> str:
        """Return the path of an address with which a member logs in once, within 15 minutes.

        Whoever holds it is that member. So only who owns every farm in which the member has a role may make it.
        """
        demand(actor, "member", "create", Place(farm=farm))
        with self._change(actor, "member.invite", {"farm": farm, "user": user}) as connection:
            found = self._find(connection, actor, farm, user)
            farms = {*found.roles, *(room_farm for room_farm, _ in found.rooms.values())}
            if any(actor.in_farm(each) < Role.OWNER for each in farms):
                raise Forbidden(
                    "This member also belongs to farms that are not yours. Ask an owner of the installation."
                )
            return LOGIN_PATH + login_token(connection, self._hasher, found.id, self._now_us()).text

    def shut_out(self, actor: Caller, user: str) -> None:
        """Take everything from somebody: roles, keys, sessions. For owners of the installation. Raises ``Conflict``."""
        demand(actor, "member", "delete", Place(farm=EVERYWHERE))
        now_us = self._now_us()
        with self._change(actor, "member.shut_out", {"user": user}) as connection:
            found = self._find(connection, actor, EVERYWHERE, user)
            self._demand_other_owner(connection, found, EVERYWHERE, "")
            for kind in ("api", "ses", "log"):
                end_keys_of(connection, kind, user, now_us)
            store.disable_user(connection, user, now_us)

    def rename(self, actor: Caller, name: str) -> None:
        """Give oneself another name."""
        demand(actor, "me", "update")
        with self._change(actor, "me.update", {"user": actor.user, "name": read_name(name)}) as connection:
            store.rename_user(connection, actor.user or "", read_name(name))

    def _new(self, person: Person) -> User:
        issuer, subject = person.identity or (None, None)
        user_id = identity_id(*person.identity) if person.identity else f"user_{uuid.uuid4().hex}"
        return User(user_id, read_name(person.name), self._now_us(), _email(person.email), issuer, subject)

    def _set_role(self, connection: Connection, user: User, farm: str, role: str) -> None:
        """Give a role. One that is less than before ends the bearer tokens that were issued with the old one."""
        self._demand_other_owner(connection, user, farm, role)
        store.set_role(connection, user.id, farm, role, self._now_us())
        if _is_less(role, user.roles.get(farm, "")):
            store.refuse_tokens_before(connection, user.id, self._now_us())

    def _find(self, connection: Connection, actor: Caller, farm: str, user: str) -> User:
        """Return a user whom *actor* may know: a member of the farm, or for the installation's owners anybody."""
        found = store.find_user(connection, user)
        if found is None or found.disabled_us is not None:
            hidden("member")
        if actor.in_installation() < Role.OWNER and not _belongs(found, farm):
            hidden("member")
        return found

    def _demand_other_owner(self, connection: Connection, user: User, farm: str, role: str) -> None:
        """Raise ``Conflict`` if the installation would be left without an owner: nobody could let anybody in again."""
        if farm == EVERYWHERE and role != Role.OWNER.word and store.owners(connection) == [user.id]:
            raise Conflict("This is the installation's last owner. Make another owner first.")


def _belongs(user: User, farm: str) -> bool:
    return farm in user.roles or any(room_farm == farm for room_farm, _ in user.rooms.values())


def _is_less(role: str, before: str) -> bool:
    return before != "" and Role.read(role) < Role.read(before)


def _within(user: User, farm: str) -> User:
    """Return a user as the farm sees them."""
    return replace(
        user,
        roles={each: role for each, role in user.roles.items() if each == farm},
        rooms={room: grant for room, grant in user.rooms.items() if grant[0] == farm},
    )


def _email(email: str | None) -> str | None:
    if email is not None and (len(email) > 254 or "@" not in email or not email.isprintable()):
        refuse("/email", "this is no e-mail address", "leave it out, or give one")
    return email
