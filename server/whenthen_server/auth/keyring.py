"""Keys and sessions: made, shown once, listed, ended."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from whenthen_server.auth.caller import Caller, Place, Role
from whenthen_server.auth.changes import Changes, read_name, read_role, refuse
from whenthen_server.auth.keys import Key, new_key
from whenthen_server.auth.policy import demand, hidden
from whenthen_server.problems import Conflict, Forbidden
from whenthen_server.store import credentials as store
from whenthen_server.store.credentials import StoredKey
from whenthen_server.store.database import reading
from whenthen_server.store.members import find_user, refuse_tokens_before
from whenthen_server.store.people import EVERYWHERE

_MOST_KEYS = 100


class KeyRing(Changes):
    """Keys of devices and of people, and people's sessions.

    What is returned once as a ``Key`` is nowhere kept: show its ``text`` now or never. Every method takes who asks
    first, and raises ``Unauthorized``, ``Forbidden`` or ``NotFound`` as ``demand`` does.
    """

    def create_device_key(self, actor: Caller, place: Place, *, keep_old: bool = False) -> Key:
        """Return a new key for the device at *place*; its old ones end now, unless *keep_old* for a change-over."""
        demand(actor, "device_key", "create", place)
        device, key, now_us = place.device or hidden("device"), new_key("dev"), self._now_us()
        with self._change(actor, "device_key.create", {"device": device, "key": key.id}) as connection:
            if not keep_old:
                store.end_keys_of(connection, "dev", device, now_us)
            self._demand_room(connection, "dev", device)
            store.add_key(connection, "dev", StoredKey(key.id, self._hasher.hash(key), device, now_us))
        return key

    def device_keys(self, actor: Caller, place: Place) -> list[StoredKey]:
        """Return the living keys of the device at *place*; their secrets nobody has."""
        demand(actor, "device_key", "list", place)
        return self._living("dev", place.device or hidden("device"))

    def end_device_key(self, actor: Caller, place: Place, key_id: str) -> None:
        """End a key of the device at *place*."""
        demand(actor, "device_key", "delete", place)
        with self._change(actor, "device_key.delete", {"device": place.device, "key": key_id}) as connection:
            stored = store.find_key(connection, "dev", key_id)
            if stored is None or stored.holder != place.device:
                hidden("device_key")
            self._end(connection, "dev", key_id)

    def create_api_key(
        self, actor: Caller, name: str, role: str, *, farm: str = EVERYWHERE, expires_us: int | None = None
    ) -> Key:
        """Return a new key for programs of *actor*: it may what its maker may at each moment, but no more than *role*.

        *farm* ``*`` means all farms of its maker. Raises ``Unprocessable`` for a field that is wrong.
        """
        demand(actor, "api_key", "create")
        most = read_role(role)
        held = actor.anywhere() if farm == EVERYWHERE else actor.within_farm(farm)
        if held is Role.NONE:
            hidden("farm")
        if most > held:
            refuse("/role", f"a key may no more than its maker, here {held.word}", f"choose {held.word} or less")
        if expires_us is not None and expires_us <= self._now_us():
            refuse("/expires_at", "this time is past", "choose a later one, or none")
        key = new_key("api")
        what: dict[str, Any] = {"key": key.id, "name": read_name(name), "farm": farm, "role": most.word}
        with self._change(actor, "api_key.create", what) as connection:
            user = find_user(connection, actor.user or "")
            if user is None:
                raise Forbidden(
                    "Your roles come from the identity provider. Ask an owner to add you as a member first."
                )
            self._demand_room(connection, "api", user.id)
            stored = StoredKey(
                key.id,
                self._hasher.hash(key),
                user.id,
                self._now_us(),
                expires_us=expires_us,
                name=read_name(name),
                farm=farm,
                role=most.word,
            )
            store.add_key(connection, "api", stored)
        return key

    def api_keys(self, actor: Caller, user: str | None = None) -> list[StoredKey]:
        """Return somebody's living API keys, by default one's own."""
        return self._of("api_key", "api", actor, user)

    def end_api_key(self, actor: Caller, key_id: str) -> None:
        """End an API key of one's own; the installation's owners end anybody's."""
        self._end_own("api_key", "api", actor, key_id)

    def sessions(self, actor: Caller, user: str | None = None) -> list[StoredKey]:
        """Return somebody's open sessions, by default one's own."""
        return self._of("session", "ses", actor, user)

    def end_session(self, actor: Caller, session_id: str) -> None:
        """End a session of one's own (to log out: ``actor.session``); the installation's owners end anybody's."""
        self._end_own("session", "ses", actor, session_id)

    def end_sessions(self, actor: Caller, user: str | None = None) -> None:
        """Log somebody out everywhere, by default oneself: sessions, login tokens, and bearer tokens issued so far."""
        whose = user or actor.user or hidden("session")
        demand(actor, "session", "delete", Place(user=whose))
        with self._change(actor, "session.delete", {"user": whose}) as connection:
            for kind in ("ses", "log"):
                store.end_keys_of(connection, kind, whose, self._now_us())
            refuse_tokens_before(connection, whose, self._now_us())

    def revoke_token(self, actor: Caller, issuer: str, token_id: str, expires_us: int) -> None:
        """Refuse one bearer token by its ``jti`` until it expires. For owners of the installation."""
        demand(actor, "member", "delete", Place(farm=EVERYWHERE))
        with self._change(actor, "token.revoke", {"issuer": issuer, "token": token_id}) as connection:
            store.revoke_token(connection, issuer, token_id, self._now_us(), expires_us)

    def _living(self, kind: str, holder: str) -> list[StoredKey]:
        with reading(self._engine) as connection:
            return store.keys_of(connection, kind, holder, self._now_us())

    def _of(self, resource: str, kind: str, actor: Caller, user: str | None) -> list[StoredKey]:
        whose = user or actor.user
        demand(actor, resource, "list", Place(user=whose))
        return self._living(kind, whose or "")

    def _end_own(self, resource: str, kind: str, actor: Caller, key_id: str) -> None:
        with self._change(actor, f"{resource}.delete", {"key": key_id}) as connection:
            stored = store.find_key(connection, kind, key_id)
            demand(actor, resource, "delete", None if stored is None else Place(user=stored.holder))
            self._end(connection, kind, key_id, resource)

    def _end(self, connection: Connection, kind: str, key_id: str, resource: str = "device_key") -> None:
        if not store.end_key(connection, kind, key_id, self._now_us()):
            hidden(resource)

    def _demand_room(self, connection: Connection, kind: str, holder: str) -> None:
        if len(store.keys_of(connection, kind, holder, self._now_us())) >= _MOST_KEYS:
            raise Conflict(f"There are {_MOST_KEYS} keys already. End some that are not needed any more.")
