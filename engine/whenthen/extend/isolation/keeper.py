"""Who keeps a worker: starts it when it is needed, restarts it when it was ended, and after some strikes no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from whenthen.errors import PluginDiedError, PluginError, PluginQuarantinedError, PluginRaisedError, PluginTimeoutError
from whenthen.extend.condition import MissingReadingError
from whenthen.extend.isolation.limits import Limits
from whenthen.extend.isolation.process import Serve, Worker

FORGIVEN_AFTER = 1_000
"""So many answers in a row, and earlier strikes are forgotten: a plugin that runs for a year may stumble."""


class Strikes:
    """How often a plugin had to be ended; shared by all of its workers."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.count = 0
        self._answers = 0
        self._last = ""

    @property
    def out(self) -> bool:
        """Tell whether the plugin is quarantined."""
        return self.count >= self.allowed

    def add(self, what: str) -> str:
        """Count a strike; return what happened, with the count."""
        self.count += 1
        self._answers = 0
        self._last = what
        return f"{what}; strike {self.count} of {self.allowed}"

    def answered(self) -> None:
        """Count an answer; enough of them in a row wipe out the strikes."""
        if self.count:
            self._answers += 1
            if self._answers >= FORGIVEN_AFTER:
                self.count = self._answers = 0

    def verdict(self) -> str:
        """Return why the plugin is quarantined."""
        strikes = "1 strike" if self.count == 1 else f"{self.count} strikes"
        return f"is quarantined after {strikes}; at the last it {self._last}"


class Keeper:
    """Asks one plugin's worker, one question at a time, from any thread."""

    def __init__(
        self,
        source: str,
        name: str,
        limits: Limits,
        strikes: Strikes,
        start: Callable[[], Worker] = Worker,
    ) -> None:
        self._load = {"do": "load", "source": source, "name": name, "limits": limits.to_json()}
        self._limits = limits
        self._strikes = strikes
        self._start = start
        self._worker: Worker | None = None
        self._lock = threading.RLock()
        self._busy = False

    @property
    def pid(self) -> int | None:
        """The process id of the worker, ``None`` when there is none at present."""
        return None if self._worker is None else self._worker.pid

    def ask(self, question: Mapping[str, Any], serve: Serve | None = None) -> Any:
        """Return the plugin's answer to *question*.

        Raises ``PluginRaisedError`` for what the plugin raised, ``MissingReadingError`` when it looked for a reading
        that is not there, ``PluginTimeoutError`` or ``PluginDiedError`` with the number of strikes, and
        ``PluginQuarantinedError`` once there were too many.
        """
        with self._lock:
            if self._busy:
                raise PluginError("was asked by a service that it was itself asking")
            self._busy = True
            try:
                return self._asked(question, serve)
            finally:
                self._busy = False

    def load(self) -> Any:
        """Start the plugin and return what it says of itself; raises as ``ask`` does."""
        with self._lock:
            self.close()
            worker = self._worker = self._start()
            return _unwrapped(worker.ask(self._load, self._limits.load_seconds))

    def close(self) -> None:
        """End the worker; another question starts a new one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()

    def _asked(self, question: Mapping[str, Any], serve: Serve | None) -> Any:
        if self._strikes.out:
            raise PluginQuarantinedError(self._strikes.verdict())
        try:
            if self._worker is None:
                self.load()
            assert self._worker is not None  # noqa: S101 - load started it
            answer = self._worker.ask(question, self._limits.deadline_seconds, serve)
        except (PluginTimeoutError, PluginDiedError, PluginRaisedError) as error:
            # What is raised here is raised by loading anew: a plugin that no longer loads must not be tried for ever.
            self.close()
            raise type(error)(self._strikes.add(str(error))) from None
        except BaseException:
            self.close()  # interrupted between question and answer: the next one must not read the old answer
            raise
        self._strikes.answered()
        return _unwrapped(answer)


def _unwrapped(answer: Mapping[str, Any]) -> Any:
    if "raised" in answer:
        raise PluginRaisedError(answer["raised"])
    if "missing" in answer:
        raise MissingReadingError(answer["missing"])
    return answer.get("ok")
