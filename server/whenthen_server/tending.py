"""The thread that tends the server: what is due from time to time, at the clock's time and never in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Any

from sqlalchemy import Engine

from whenthen.clock import MINUTE_US
from whenthen.runtime import Runtime
from whenthen.runtime.intake import Item
from whenthen_server.api.parts import PartState
from whenthen_server.store.commands import CloseCommands, any_open
from whenthen_server.store.database import reading

_log = logging.getLogger(__name__)

PASS_US = 5 * MINUTE_US
"""So often hours are summed up and old things let go."""

_TICK_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
"""Between two slices, so that upkeep takes a small part of the writer's time whatever there is to do."""

_WAIT_SECONDS = 60.0


class Tending:
    """Ends commands whose time is over every second, and makes a pass of all *jobs* every five minutes.

    Each job is an item that does a slice and tells whether there is more to do. *beside* is called at every pass, too:
    what needs no writer.
    """

    def __init__(
        self, runtime: Runtime, database: Engine, jobs: Mapping[str, Item[bool]], beside: Callable[[], None]
    ) -> None:
        self._runtime = runtime
        self._database = database
        self._jobs = jobs
        self._beside = beside
        self._passed_us: int | None = None
        self._failed = ""
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="whenthen-tending", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """End after the slice that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def state(self) -> PartState:
        """Tell whether it runs, and what went wrong in the last pass."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            return PartState("degraded", "upkeep has ended; nothing old is let go")
        if self._failed:
            return PartState("degraded", self._failed)
        return PartState("ok")

    def tick(self) -> None:
        """Do what is due by the clock's time; whatever fails is told, and tried again at the next pass."""
        self._attempt("commands", self._close_commands)
        now_us = self._runtime.now_us()
        # A clock that was set back must not end the upkeep until it has caught up.
        if self._passed_us is None or not 0 <= now_us - self._passed_us < PASS_US:
            self._failed = ""
            self._pass()
            self._passed_us = now_us

    def _close_commands(self) -> None:
        with reading(self._database) as connection:
            wanted = any_open(connection)
        if wanted:  # looked at first: a commit every second would wear out a memory card
            self._runtime.submit(CloseCommands()).wait(_WAIT_SECONDS)

    def _pass(self) -> None:
        for name, job in self._jobs.items():
            self._attempt(name, lambda job=job: self._whole(job))  # type: ignore[misc] # bound in the loop on purpose
        self._attempt("uses of keys", self._beside)

    def _whole(self, job: Item[bool]) -> None:
        while self._runtime.submit(job).wait(_WAIT_SECONDS):
            if self._stopping.wait(_PAUSE_SECONDS):
                return

    def _attempt(self, name: str, do: Callable[[], Any]) -> None:
        if self._stopping.is_set():
            return
        try:
            do()
        except Exception as error:  # noqa: BLE001 - upkeep that ends for good is worse than any one failure
            self._failed = f"{name}: {type(error).__name__}"
            _log.warning("upkeep of %s failed and is tried again later: %s", name, error)

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            self.tick()
