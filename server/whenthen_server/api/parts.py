"""What the web layer needs from the rest of the server; ``wiring`` chooses it, tests bring their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from flask import Flask
from sqlalchemy import Engine

from whenthen.clock import Clock
from whenthen.extend.registry import Registry
from whenthen.runtime import Runtime
from whenthen_server.api.idempotency import IdempotencyStore
from whenthen_server.api.request import Caller
from whenthen_server.auth import Gate, People
from whenthen_server.collisions import Collisions
from whenthen_server.metrics import Metrics
from whenthen_server.settings import Settings
from whenthen_server.store.places import Places


@dataclass(frozen=True, slots=True)
class PartState:
    """How one part of the server is: ``ok``, ``degraded`` (works, but somebody should look) or ``down``."""

    status: Literal["ok", "degraded", "down"]
    detail: str = ""


class Parts(Protocol):
    """The server without its web layer."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""

    @property
    def clock(self) -> Clock:
        """Return what tells the time."""

    @property
    def registry(self) -> Registry:
        """Return what plugins registered."""

    @property
    def metrics(self) -> Metrics:
        """Return the counters."""

    @property
    def idempotency(self) -> IdempotencyStore:
        """Return what keeps the answers to keyed requests."""

    @property
    def policy(self) -> Collection[tuple[str, str]]:
        """Return every (resource, verb) that the policy table lists."""

    def authenticate(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], now: datetime, address: str
    ) -> Caller:
        """Return who is asking, anonymous without credentials; raise ``Unauthorized`` for bad ones."""

    def demand_own_page(self, caller: Any, method: str, headers: Mapping[str, str], host: str, *, https: bool) -> None:
        """Raise ``Forbidden`` when a cookie would change something and no page of ours asks for it."""

    def demand(self, caller: Any, resource: str, verb: str, place: Any = None) -> None:
        """Return if the caller may; otherwise raise what the caller may know (401, 403 or 404)."""

    def hidden(self, resource: str) -> None:
        """Raise the ``NotFound`` that also stands for a thing which is not the caller's to see."""

    def health(self) -> Mapping[str, PartState]:
        """Return the state of each part by name, such as ``database``."""

    def attach(self, app: Flask) -> None:
        """Add what lives beside the routes, such as Socket.IO; called once, at the end of ``create_app``."""

    def ready(self, url: str) -> None:
        """Tell that requests are answered at *url*; the place to print the sign-in URL."""

    def stopping(self) -> None:
        """Begin to stop, at once and in another thread: refuse what is new, close sockets."""

    def close(self, seconds: float) -> None:
        """Finish what is under way within *seconds*, then let go of everything."""


class Rooms(Parts, Protocol):
    """The same with what there is in it: places, readings, rules and people."""

    @property
    def places(self) -> Places:
        """Return farms, rooms and devices."""

    @property
    def runtime(self) -> Runtime:
        """Return the one writer: whatever changes goes through it."""

    @property
    def database(self) -> Engine:
        """Return the database, for reading."""

    @property
    def people(self) -> People:
        """Return people and their keys."""

    @property
    def collisions(self) -> Collisions:
        """Return what tells what a rule would do to those that are saved."""

    @property
    def gate(self) -> Gate:
        """Return what checks credentials, and remembers them for a few seconds."""
