"""The server's other parts, as small as they can be: three callers, a policy, nothing stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from flask import Flask

from whenthen import ManualClock
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen_server.api.idempotency import MemoryIdempotencyStore
from whenthen_server.api.parts import PartState
from whenthen_server.metrics import Metrics
from whenthen_server.problems import Forbidden, NotFound, Unauthorized
from whenthen_server.settings import Settings, load_settings

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = frozenset({("health", "read")})
POLICY = OPEN | {
    ("metrics", "read"),
    ("me", "read"),
    ("schema", "read"),
    ("plugin", "list"),
    ("docs", "read"),
    ("room", "list"),
    ("room", "read"),
    ("room", "create"),
    ("room", "update"),
}
KEYS = {"Bearer owner": "person", "Bearer device": "device", "Bearer guest": "api_key"}


@dataclass(frozen=True)
class Who:
    """A caller."""

    kind: str = "anonymous"
    id: str = ""
    name: str = ""
    roles: Mapping[str, Any] = field(default_factory=dict)
    rooms: Mapping[str, Any] = field(default_factory=dict)
    device_id: str | None = None


class StandIn:
    """Parts for tests: 'Bearer owner' may all, 'Bearer guest' may read, anybody may ask for health."""

    def __init__(self, settings: Settings | None = None, registry: Registry | None = None) -> None:
        self.settings = settings or load_settings(None, {})
        self.clock = ManualClock(START)
        self.registry = registry or load_registry()
        self.metrics = Metrics()
        self.idempotency = MemoryIdempotencyStore(most=100)
        self.policy: Collection[tuple[str, str]] = POLICY
        self.states: dict[str, PartState] = {"database": PartState("ok")}
        self.told: list[str] = []

    def authenticate(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], _now: datetime, _address: str
    ) -> Who:
        given = headers.get("Authorization") or cookies.get("key")
        if given is None:
            return Who()
        if given not in KEYS:
            raise Unauthorized("The key is not one of ours.")
        kind = KEYS[given]
        owner = SimpleNamespace(word="owner")
        return Who(
            kind,
            id=f"{kind}-1",
            name=kind.title(),
            roles={"*": owner} if kind == "person" else {},
            rooms={"room-1": SimpleNamespace(farm="farm-1", role=owner)},
            device_id="dev-1" if kind == "device" else None,
        )

    def demand(self, caller: Any, resource: str, verb: str, place: Any = None) -> None:
        if (resource, verb) in OPEN:
            return
        if caller.kind == "anonymous":
            raise Unauthorized
        if place == "theirs":
            self.hidden(resource)
        if caller.kind == "api_key" and verb not in ("list", "read"):
            raise Forbidden("You may read, and no more.")

    def demand_own_page(
        self, _caller: Any, _method: str, headers: Mapping[str, str], host: str, *, https: bool
    ) -> None:
        if headers.get("Origin") != f"{'https' if https else 'http'}://{host}":
            raise Forbidden("A cookie is not enough.")

    def hidden(self, resource: str) -> None:
        raise NotFound(f"There is no such {resource}, or it is not yours to see.")

    def health(self) -> Mapping[str, PartState]:
        return self.states

    def attach(self, app: Flask) -> None:
        self.told.append(f"attached {app.name}")

    def ready(self, url: str) -> None:
        print(url, flush=True)  # noqa: T201 - what a server on a free port says

    def stopping(self) -> None:
        print("stopping", flush=True)  # noqa: T201

    def close(self, seconds: float) -> None:
        print(f"closed with {seconds:.1f} s left", flush=True)  # noqa: T201
