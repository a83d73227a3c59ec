"""Chooses the parts and joins them; nothing else does."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from whenthen.clock import Clock, SystemClock, seconds_us, to_us
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.runtime import Runtime
from whenthen.runtime.journal import JournalLostError
from whenthen.runtime.manner import Manner
from whenthen_server import auth
from whenthen_server.acting import Acting
from whenthen_server.api.parts import PartState
from whenthen_server.collisions import Collisions, effects_of
from whenthen_server.live import join
from whenthen_server.measuring import Measuring
from whenthen_server.metrics import Metrics
from whenthen_server.outward import outward_of
from whenthen_server.services.functions import Functions
from whenthen_server.settings import Settings, SettingsError, about
from whenthen_server.settings.values import Automation
from whenthen_server.signing_in import leave_url
from whenthen_server.store.answers import AnswerStore
from whenthen_server.store.audit import note
from whenthen_server.store.checkpoints import PutAside
from whenthen_server.store.commands import CloseCommands
from whenthen_server.store.database import open_database
from whenthen_server.store.held import Held
from whenthen_server.store.journal import SqlJournal, available
from whenthen_server.store.lock import NAME as LOCK_NAME
from whenthen_server.store.lock import Lock
from whenthen_server.store.migrations import upgrade_engine
from whenthen_server.store.places import Places
from whenthen_server.store.upkeep import Keeping, Slice, jobs
from whenthen_server.tending import Tending

_PATIENCE_SECONDS = 3.0
"""So long is waited for an earlier server that is just ending."""

_log = logging.getLogger(__name__)


class House:
    """The running server without its web layer: what ``whenthen_server.api.parts.Parts`` asks for, and more.

    *end* is called when the database belongs to another server: this one must not go on with what it remembers.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, end: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        providers = auth.providers_of(settings)
        auth.prepare_folder(settings.data.folder)
        self._held = _lock(settings)
        self.registry: Registry = load_registry(
            disabled=settings.plugins.disabled, folder=settings.plugins.folder, isolated=settings.plugins.isolated
        )
        for plugin in self.registry.plugins:
            for problem in () if plugin.switched_off else plugin.problems:
                _log.warning("plugin %s: %s", plugin.name, problem)
        self.metrics = Metrics()
        self.database: Engine = _database(settings)
        self._connection = Held(self.database)
        _take(settings, self._connection)
        _upgrade(settings, self.database)
        self.hasher = auth.hasher_of(settings)
        self.login_path = auth.first_start(settings.data.folder, self.database, self.clock, self.hasher)
        self.gate = auth.Gate(
            self.database,
            self.hasher,
            sessions=auth.sessions_of(settings, self.database, self.hasher),
            tokens=auth.BearerTokens(providers),
        )
        self.people = auth.People(
            self.database, self.hasher, self.clock, changed=self.gate.forget, audit=partial(note, self.database)
        )
        self.places = Places(self.database)
        self.collisions = Collisions(
            self.registry, self.places, self.database, self.clock, effects_of(settings.automation.effects)
        )
        self.acting = _acting(settings, self.places, self.registry, lambda: self.runtime)
        self.runtime = Runtime(
            self.registry,
            SqlJournal(self.database, self.metrics.commit_seconds.observe, self._connection),
            directory=self.places,
            services=self.acting,
            clock=self.clock,
            threads=settings.automation.scheduler.max_concurrent_rules,
            max_sensors=settings.limits.sensors_per_device,
            tracing=True,
            manner=manner_of(settings.automation),
            before_load=self._before_load,
            lost=partial(_lost, end),
        )
        self.acting.use(self.runtime)
        self.runtime.listen(Measuring(self.metrics, self.runtime))
        self.idempotency = AnswerStore(self.runtime.submit)
        self.tending = Tending(
            self.runtime,
            self.database,
            {"memories": PutAside(), **{name: Slice(job) for name, job in jobs(Keeping.of(settings)).items()}},
            lambda: self.gate.write_uses(self.clock.now()),
        )
        self._attached: list[Callable[[Flask], None]] = []
        self._told_of_end: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin: what an earlier process left is taken up before anything new is taken."""
        self.runtime.start()
        self.runtime.submit(CloseCommands(interrupted=True)).wait()
        self.runtime.event("system_started")
        self.tending.start()

    # What the web layer asks for

    @property
    def policy(self) -> Collection[tuple[str, str]]:
        """Return every (resource, verb) of the policy table."""
        return auth.POLICY

    def authenticate(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], now: datetime, address: str
    ) -> auth.Caller:
        """Return who is asking."""
        return self.gate.authenticate(headers, cookies, now, address)

    def demand_own_page(self, caller: Any, method: str, headers: Mapping[str, str], host: str, *, https: bool) -> None:
        """Refuse what a page of somebody else asks for with our cookie."""
        auth.demand_own_page(caller, method, headers, auth.Site(host, https, frozenset(self.settings.server.origins)))

    def demand(self, caller: Any, resource: str, verb: str, place: Any = auth.NOWHERE) -> None:
        """Return if the caller may; *place* ``None`` means that the thing is not there."""
        auth.demand(caller, resource, verb, place)

    def hidden(self, resource: str) -> None:
        """Raise what stands for absent and foreign alike."""
        auth.hidden(resource)

    def health(self) -> Mapping[str, PartState]:
        """Return the state of each part."""
        return {
            "database": self._database_state(),
            "writer": self._writer_state(),
            "actions": self._actions_state(),
            "upkeep": self.tending.state(),
        }

    def on_attach(self, attach: Callable[[Flask], None]) -> None:
        """Have something added beside the routes, when there is an application."""
        self._attached.append(attach)

    def attach(self, app: Flask) -> None:
        """Add what lives beside the routes."""
        for attach in self._attached:
            attach(app)

    def on_stopping(self, stop: Callable[[], None]) -> None:
        """Have something told when the end begins, while the writer still takes what is new."""
        self._told_of_end.append(stop)

    def ready(self, url: str) -> None:
        """Print the address to open, and leave word of it for ``whenthen login-url``."""
        leave_url(self.settings.data.folder, url)
        click.echo(f"whenthen is at {url}{self.login_path}")
        sys.stdout.flush()

    def stopping(self) -> None:
        """Refuse what is new."""
        told, self._told_of_end = self._told_of_end, []
        for stop in told:
            stop()
        self.tending.stop(0.0)
        self.runtime.intake.close()

    def close(self, seconds: float) -> None:
        """Finish what is under way."""
        self.stopping()
        self.tending.stop(seconds / 2)
        if not self.runtime.stop(seconds):
            _log.warning("not all that was under way ended in time; it goes on at the next start")
        self.gate.write_uses(self.clock.now())
        if not self.runtime.alive:  # else the writer is still at it, and the process ends with it
            self._connection.release()
        self.database.dispose()
        self._held.close()

    def _before_load(self) -> None:
        """Hold the database, if the connection broke; then read what the engine's directory has."""
        with available(self.database):
            self._connection.take()
            self.places.load(to_us(self.clock.now()))

    def _database_state(self) -> PartState:
        try:
            with self.database.connect() as connection:
                connection.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the database does not answer
            _log.warning("the database does not answer: %s", error)
            return PartState("down", "the database does not answer")
        return PartState("ok")

    def _writer_state(self) -> PartState:
        waiting, most = len(self.runtime.intake), self.runtime.intake.capacity
        if not self.runtime.alive:
            return PartState("down", "the writer has ended")
        if waiting * 2 > most:
            return PartState("degraded", f"{waiting} of {most} places in the queue are taken")
        return PartState("ok")

    def _actions_state(self) -> PartState:
        left_alone = self.runtime.writer.outbox.breaker.open()
        if left_alone:
            return PartState("degraded", f"left alone for now: {', '.join(left_alone[:5])}")
        return PartState("ok")


def check(settings: Settings) -> None:
    """Raise ``SettingsError`` for what could not work, before anything is made or started."""
    auth.providers_of(settings)
    outward_of(settings)
    _database(settings).dispose()


def build(settings: Settings) -> House:
    """Return the started server, without its web layer."""
    house = House(settings, end=_end_process)
    house.start()
    join(house)
    return house


def manner_of(automation: Automation) -> Manner:
    """Return how the rules are to be run, as the settings have it."""
    execution = automation.execution
    return Manner(
        paused=not automation.enabled,
        wait_us=seconds_us(automation.scheduler.polling_interval),
        attempt_us=seconds_us(execution.timeout_seconds),
        retrying=execution.retry_failed_actions,
        retries=execution.max_action_retries,
    )


def _acting(settings: Settings, places: Places, registry: Registry, runtime: Callable[[], Runtime]) -> Acting:
    outward = outward_of(settings)
    return Acting(places, outward.http, outward.files, outward.messages(runtime), Functions(registry.functions))


def _lock(settings: Settings) -> ExitStack:
    """Keep a second server away from the data folder, and from an SQLite file that lies elsewhere."""
    folder, url = settings.data.folder, make_url(settings.database_url)
    locks = [Lock(folder / LOCK_NAME)]
    file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    if file is not None and file.resolve().parent != folder.resolve():
        locks.append(Lock(file.with_name(f"{file.name}.lock")))
    with ExitStack() as held, about(_database_setting(settings)):
        for lock in locks:
            lock.take(_PATIENCE_SECONDS)
            held.callback(lock.release)
        return held.pop_all()


def _database(settings: Settings) -> Engine:
    """Return an engine for the database that was set; no connection is made yet."""
    try:
        return open_database(settings.database_url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError((f"{_database_setting(settings)}: {error}",)) from error


def _database_setting(settings: Settings) -> str:
    return "automation.storage.path" if settings.database.url is None else "database.url"


def _take(settings: Settings, connection: Held) -> None:
    """Keep a second server away from a PostgreSQL database, as ``_lock`` does from a file."""
    with about(_database_setting(settings)), _usable(settings):
        connection.take(_PATIENCE_SECONDS)


def _upgrade(settings: Settings, database: Engine) -> None:
    with _usable(settings):
        upgrade_engine(database)


@contextmanager
def _usable(settings: Settings) -> Generator[None]:
    try:
        yield
    except DatabaseError as error:
        name = _database_setting(settings)
        raise SettingsError((f"{name}: the database cannot be used: {str(error.orig).strip()}",)) from error


def _lost(end: Callable[[], None], error: JournalLostError) -> None:
    _log.critical("%s; this server ends", error)
    end()


def _end_process() -> None:
    """End in an orderly way. gunicorn then starts anew, which is refused for as long as another server is there."""
    os.kill(os.getpid(), signal.SIGTERM)
