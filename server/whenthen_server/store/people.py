"""Tables of people and of what they, and devices, prove themselves with; no secret is in any of them.

A farm or room stands here by its id alone: ``*`` as a farm means every farm, present and future, and the installation.
Times are microseconds since the epoch, UTC. A key of any kind is kept as its id and a keyed hash of the whole; it is
dead once ``ended_us`` is set, and its row stays, so that its use is refused as known rather than guessed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, UniqueConstraint

from whenthen_server.store.schema import metadata

EVERYWHERE = "*"


def _role(name: str = "role") -> tuple[Any, ...]:
    return (
        Column(name, String, nullable=False),
        CheckConstraint(f"{name} IN ('viewer', 'operator', 'manager', 'owner')", name=name),
    )


def _user() -> Column[Any]:
    return Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True)


def _key() -> tuple[Column[Any], ...]:
    return (
        Column("id", String, primary_key=True),
        Column("hash", String, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("last_used_us", BigInteger),
        Column("expires_us", BigInteger),
        Column("ended_us", BigInteger),
    )


users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String),
    Column("issuer", String),
    Column("subject", String),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger),
    # Bearer tokens issued earlier are refused: moved forward when somebody loses a right or is signed out.
    Column("tokens_from_us", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("issuer", "subject"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("farm", String, primary_key=True),
    *_role(),
    Column("created_us", BigInteger, nullable=False),
    Index(None, "farm"),
)

room_grants = Table(
    "room_grants",
    metadata,
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("room", String, primary_key=True),
    Column("farm", String, nullable=False, index=True),
    *_role(),
    CheckConstraint("role <> 'owner'", name="nobody_owns_a_room"),
    Column("created_us", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    *_key(),
    _user(),
    Column("name", String, nullable=False),
    Column("farm", String, nullable=False),
    *_role(),
)

device_keys = Table("device_keys", metadata, *_key(), Column("device", String, nullable=False, index=True))

sessions = Table("sessions", metadata, *_key(), _user())

login_tokens = Table("login_tokens", metadata, *_key(), _user())

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("token_id", String, primary_key=True),
    Column("revoked_us", BigInteger, nullable=False),
    # After this the token is refused for its age alone, and the row can go.
    Column("expires_us", BigInteger, nullable=False, index=True),
)
