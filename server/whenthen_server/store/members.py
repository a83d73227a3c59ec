"""Queries over users, their roles in farms and their grants in rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.sql import Select

from whenthen_server.store.people import EVERYWHERE, api_keys, memberships, room_grants, users


@dataclass(frozen=True, slots=True)
class User:
    """A person. *roles* maps farms to role words, *rooms* maps rooms to pairs of farm and role word."""

    id: str
    name: str
    created_us: int
    email: str | None = None
    issuer: str | None = None
    subject: str | None = None
    disabled_us: int | None = None
    tokens_from_us: int = 0
    roles: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def add_user(connection: Connection, user: User) -> None:
    """Keep a new user, without roles. Raises SQLAlchemy's ``IntegrityError`` for an id or identity that is taken."""
    connection.execute(
        insert(users).values(
            id=user.id,
            name=user.name,
            email=user.email,
            issuer=user.issuer,
            subject=user.subject,
            created_us=user.created_us,
            tokens_from_us=user.tokens_from_us,
        )
    )


def find_user(connection: Connection, user_id: str) -> User | None:
    """Return a user with all roles and grants, disabled or not."""
    found = _users(connection, select(users).where(users.c.id == user_id))
    return found[0] if found else None


def find_identity(connection: Connection, issuer: str, subject: str) -> User | None:
    """Return the user whom an identity provider knows as *subject*, disabled or not."""
    found = _users(connection, select(users).where(users.c.issuer == issuer, users.c.subject == subject))
    return found[0] if found else None


def users_in(connection: Connection, farm: str | None) -> list[User]:
    """Return the users who have a role or grant in a farm (``None``: all users), by name; disabled ones not."""
    wanted = select(users).where(users.c.disabled_us.is_(None)).order_by(users.c.name, users.c.id)
    if farm is not None:
        wanted = wanted.where(
            or_(
                users.c.id.in_(select(memberships.c.user_id).where(memberships.c.farm == farm)),
                users.c.id.in_(select(room_grants.c.user_id).where(room_grants.c.farm == farm)),
            )
        )
    return _users(connection, wanted)


def _users(connection: Connection, wanted: Select[*tuple[object, ...]]) -> list[User]:
    rows = connection.execute(wanted).mappings().all()
    ids = [row["id"] for row in rows]
    roles: dict[str, dict[str, str]] = {user: {} for user in ids}
    rooms: dict[str, dict[str, tuple[str, str]]] = {user: {} for user in ids}
    if ids:
        for row in connection.execute(select(memberships).where(memberships.c.user_id.in_(ids))):
            roles[row.user_id][row.farm] = row.role
        for row in connection.execute(select(room_grants).where(room_grants.c.user_id.in_(ids))):
            rooms[row.user_id][row.room] = (row.farm, row.role)
    return [User(**row, roles=roles[row["id"]], rooms=rooms[row["id"]]) for row in rows]


def owners(connection: Connection) -> list[str]:
    """Return the ids of the users who own the installation and are not disabled, the first one first."""
    rows = connection.execute(
        select(users.c.id)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.farm == EVERYWHERE, memberships.c.role == "owner", users.c.disabled_us.is_(None))
        .order_by(users.c.created_us, users.c.id)
    )
    return [row.id for row in rows]


def lock_users(connection: Connection) -> None:
    """Wait for others who change users: who counts the owners must not be overtaken. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")


def set_role(connection: Connection, user_id: str, farm: str, role: str, now_us: int) -> None:
    """Give a user a role in a farm, in place of the one held before."""
    remove_role(connection, user_id, farm)
    connection.execute(insert(memberships).values(user_id=user_id, farm=farm, role=role, created_us=now_us))


def remove_role(connection: Connection, user_id: str, farm: str) -> bool:
    """Take a user's role in a farm; return whether there was one."""
    wanted = (memberships.c.user_id == user_id, memberships.c.farm == farm)
    return connection.execute(delete(memberships).where(*wanted)).rowcount == 1


def set_grant(connection: Connection, user_id: str, at: tuple[str, str], role: str, now_us: int) -> None:
    """Give a user a role in a room, *at* being its farm and its id, in place of the one held before."""
    farm, room = at
    remove_grant(connection, user_id, room)
    connection.execute(insert(room_grants).values(user_id=user_id, room=room, farm=farm, role=role, created_us=now_us))


def remove_grant(connection: Connection, user_id: str, room: str) -> bool:
    """Take a user's role in a room; return whether there was one."""
    wanted = (room_grants.c.user_id == user_id, room_grants.c.room == room)
    return connection.execute(delete(room_grants).where(*wanted)).rowcount == 1


def remove_grants_in(connection: Connection, user_id: str, farm: str) -> int:
    """Take a user's roles in all rooms of a farm; return how many there were."""
    wanted = (room_grants.c.user_id == user_id, room_grants.c.farm == farm)
    return connection.execute(delete(room_grants).where(*wanted)).rowcount


def forget_farm(connection: Connection, farm: str, now_us: int) -> None:
    """Take all rights in a farm that is being removed: a later one of the same id must not inherit them."""
    connection.execute(delete(memberships).where(memberships.c.farm == farm))
    connection.execute(delete(room_grants).where(room_grants.c.farm == farm))
    living = (api_keys.c.farm == farm, api_keys.c.ended_us.is_(None))
    connection.execute(update(api_keys).where(*living).values(ended_us=now_us))


def forget_room(connection: Connection, room: str) -> None:
    """Take all rights in a room that is being removed."""
    connection.execute(delete(room_grants).where(room_grants.c.room == room))


def rename_user(connection: Connection, user_id: str, name: str) -> None:
    """Give a user another name."""
    connection.execute(update(users).where(users.c.id == user_id).values(name=name))


def disable_user(connection: Connection, user_id: str, now_us: int) -> None:
    """Shut a user out and take all roles; the row stays, so that tokens of an identity provider are refused."""
    connection.execute(update(users).where(users.c.id == user_id).values(disabled_us=now_us, tokens_from_us=now_us))
    connection.execute(delete(memberships).where(memberships.c.user_id == user_id))
    connection.execute(delete(room_grants).where(room_grants.c.user_id == user_id))


def refuse_tokens_before(connection: Connection, user_id: str, now_us: int) -> None:
    """Refuse the bearer tokens that a user was given before *now_us*."""
    connection.execute(update(users).where(users.c.id == user_id).values(tokens_from_us=now_us))
