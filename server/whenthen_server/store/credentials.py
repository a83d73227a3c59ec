"""Queries over keys of every kind (devices', API keys, sessions, login tokens) and over revoked bearer tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, or_, select, update

from whenthen_server.store.people import api_keys, device_keys, login_tokens, revoked_tokens, sessions

TABLES: Mapping[str, Table] = MappingProxyType(
    {"dev": device_keys, "api": api_keys, "ses": sessions, "log": login_tokens}
)
"""Each kind of key with its table."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is kept; *holder* is the device's or the user's id; the last three are those of an API key."""

    id: str
    hash: str
    holder: str
    created_us: int
    last_used_us: int | None = None
    expires_us: int | None = None
    ended_us: int | None = None
    name: str = ""
    farm: str = ""
    role: str = ""

    def is_alive(self, now_us: int) -> bool:
        """Return whether the key is neither ended nor past its time."""
        return self.ended_us is None and (self.expires_us is None or now_us < self.expires_us)


def _holder(kind: str) -> str:
    return "device" if kind == "dev" else "user_id"


def _columns(kind: str) -> list[Any]:
    table = TABLES[kind]
    common = [table.c[name] for name in ("id", "hash", "created_us", "last_used_us", "expires_us", "ended_us")]
    own = [table.c[name] for name in ("name", "farm", "role")] if kind == "api" else []
    return [*common, table.c[_holder(kind)].label("holder"), *own]


def add_key(connection: Connection, kind: str, key: StoredKey) -> None:
    """Keep a new key. Raises SQLAlchemy's ``IntegrityError`` for a user that is not there."""
    values = {
        "id": key.id,
        "hash": key.hash,
        "created_us": key.created_us,
        "expires_us": key.expires_us,
        _holder(kind): key.holder,
    }
    own = {"name": key.name, "farm": key.farm, "role": key.role} if kind == "api" else {}
    connection.execute(insert(TABLES[kind]).values(**values, **own))


def find_key(connection: Connection, kind: str, key_id: str) -> StoredKey | None:
    """Return the key with an id, dead or alive."""
    row = connection.execute(select(*_columns(kind)).where(TABLES[kind].c.id == key_id)).one_or_none()
    return None if row is None else StoredKey(**row._mapping)  # noqa: SLF001 - the documented way to the names


def keys_of(connection: Connection, kind: str, holder: str, now_us: int) -> list[StoredKey]:
    """Return the living keys of a device or user, oldest first."""
    table = TABLES[kind]
    rows = connection.execute(
        select(*_columns(kind))
        .where(table.c[_holder(kind)] == holder, table.c.ended_us.is_(None))
        .where(or_(table.c.expires_us.is_(None), table.c.expires_us > now_us))
        .order_by(table.c.created_us, table.c.id)
    )
    return [StoredKey(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def end_key(connection: Connection, kind: str, key_id: str, now_us: int) -> bool:
    """End a living key; return whether this call did it, so that of two at once only one is told yes."""
    table = TABLES[kind]
    result = connection.execute(
        update(table)
        .where(table.c.id == key_id, table.c.ended_us.is_(None))
        .where(or_(table.c.expires_us.is_(None), table.c.expires_us > now_us))
        .values(ended_us=now_us)
    )
    return result.rowcount == 1


def end_keys_of(connection: Connection, kind: str, holder: str, now_us: int) -> int:
    """End every key of a device or user; return how many."""
    table = TABLES[kind]
    result = connection.execute(
        update(table).where(table.c[_holder(kind)] == holder, table.c.ended_us.is_(None)).values(ended_us=now_us)
    )
    return result.rowcount


def note_uses(connection: Connection, uses: Iterable[tuple[str, str, int]]) -> None:
    """Write when keys were last used: triples of kind, key id and time. Time never goes back."""
    for kind, key_id, used_us in uses:
        table = TABLES[kind]
        earlier = or_(table.c.last_used_us.is_(None), table.c.last_used_us < used_us)
        connection.execute(update(table).where(table.c.id == key_id, earlier).values(last_used_us=used_us))


def revoke_token(connection: Connection, issuer: str, token_id: str, now_us: int, expires_us: int) -> None:
    """Refuse a bearer token from now on, by its issuer and its ``jti``; a second time changes nothing."""
    if not is_token_revoked(connection, issuer, token_id):
        connection.execute(
            insert(revoked_tokens).values(issuer=issuer, token_id=token_id, revoked_us=now_us, expires_us=expires_us)
        )


def is_token_revoked(connection: Connection, issuer: str, token_id: str) -> bool:
    """Return whether a bearer token was revoked."""
    wanted = (revoked_tokens.c.issuer == issuer, revoked_tokens.c.token_id == token_id)
    return connection.execute(select(revoked_tokens.c.token_id).where(*wanted)).first() is not None


def forget_dead(connection: Connection, before_us: int) -> int:
    """Delete what has been dead since before a time; return how many rows. Living keys without an end stay for ever."""
    count = 0
    for table in TABLES.values():
        dead = or_(table.c.ended_us < before_us, table.c.expires_us < before_us)
        count += connection.execute(delete(table).where(dead)).rowcount
    count += connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_us < before_us)).rowcount
    return count
