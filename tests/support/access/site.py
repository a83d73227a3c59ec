"""An installation for tests: its gate, its people, what the audit heard, and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from whenthen.clock import ManualClock, to_us
from whenthen_server.auth.bearer import BearerTokens
from whenthen_server.auth.caller import Caller, Place, Role
from whenthen_server.auth.gate import Gate
from whenthen_server.auth.keys import Hasher
from whenthen_server.auth.members import Person
from whenthen_server.auth.people import People
from whenthen_server.store import people as tables
from whenthen_server.store.database import writing
from whenthen_server.store.members import User, add_user, set_role
from whenthen_server.store.schema import metadata

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOM = Place("farm-a", "room-1", "dev-1")


@dataclass
class Site:
    """A gate, the people behind it, and what the audit heard."""

    engine: Engine
    clock: ManualClock
    hasher: Hasher
    gate: Gate
    audited: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def people(self) -> People:
        return People(
            self.engine,
            self.hasher,
            self.clock,
            changed=self.gate.forget,
            audit=lambda who, action, what, _: self.audited.append((who, action, what)),
        )

    @property
    def now_us(self) -> int:
        return to_us(self.clock.now())

    def bearer(self, text: str, address: str = "10.0.0.1") -> Caller:
        return self.gate.authenticate({"Authorization": f"Bearer {text}"}, {}, self.clock.now(), address)

    def device(self, text: str, address: str = "10.0.0.1") -> Caller:
        return self.gate.authenticate({"X-Device-Key": text}, {}, self.clock.now(), address)

    def cookie(self, text: str) -> Caller:
        return self.gate.authenticate({}, {"whenthen": text}, self.clock.now())

    def member(self, farm: str, role: str, name: str = "Somebody") -> Caller:
        """Add a person and return them as they are when they ask."""
        return self.log_in(self.people.add_member(OWNER, farm, role, Person(name)).id, farm)

    def log_in(self, user: str, farm: str = "*") -> Caller:
        path = self.people.invite(OWNER, farm, user)
        return self.cookie(self.gate.log_in(path.partition("=")[2], self.clock.now()).text)


OWNER = Caller("person", "user_owner", "Owner", {"*": Role.OWNER}, user="user_owner")


def install(engine: Engine) -> Site:
    """Make the tables and an owner in an empty database."""
    metadata.create_all(
        engine,
        tables=[
            tables.users,
            tables.memberships,
            tables.room_grants,
            tables.api_keys,
            tables.device_keys,
            tables.sessions,
            tables.login_tokens,
            tables.revoked_tokens,
        ],
    )
    clock, hasher = ManualClock(START), Hasher(b"k" * 32)
    with writing(engine) as connection:
        add_user(connection, User("user_owner", "Owner", to_us(START)))
        set_role(connection, "user_owner", "*", "owner", to_us(START))
    return Site(engine, clock, hasher, Gate(engine, hasher, tokens=BearerTokens()))
