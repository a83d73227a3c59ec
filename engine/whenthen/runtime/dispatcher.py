"""Carries actions out: a few threads, a time limit for each attempt, and an outcome for every one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol

from whenthen.clock import seconds_us
from whenthen.errors import ActionRefusedError, OutcomeUnknownError, RetryLaterError
from whenthen.extend.registry import Registry
from whenthen.model.firing import ActionCall
from whenthen.runtime.failpoint import reached
from whenthen.runtime.records import ActionRow, Outcome

_log = logging.getLogger(__name__)

MAX_ABANDONED = 32
"""So many threads may hang in actions that were given up before no new ones replace them."""


class Services(Protocol):
    """Where the services of one action call come from."""

    def for_call(self, job: Job) -> Any:
        """Return an object with the services (``http``, ``devices``, …) and the call's idempotency ``key``."""


class NoServices:
    """For programs whose plugins need none."""

    def for_call(self, job: Job) -> Any:
        """Return the job: it has the idempotency key."""
        return job


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one action; *until_us* is when it is given up."""

    key: str
    attempt: int
    rule_id: str
    rule: str
    subject: str
    call: ActionCall
    until_us: int

    @classmethod
    def of(cls, row: ActionRow, now_us: int, attempt_us: int) -> Job:
        """Return the attempt that a row has just begun; *attempt_us* is its time if the action does not say."""
        until_us = now_us + (row.call.timeout_us or min(row.together_us, attempt_us))
        return cls(row.key, row.attempts, row.rule_id, row.rule, row.subject, row.call, until_us)


class Dispatcher:
    """Threads that take jobs and report how each went through *report(job, outcome)*."""

    def __init__(
        self, registry: Registry, services: Services, report: Callable[[Job, Outcome], None], threads: int = 8
    ) -> None:
        self._registry = registry
        self._services = services
        self._report = report
        self._threads = threads
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._under_way: dict[tuple[str, int], Job] = {}
        self._abandoned = 0
        self._alive = 0

    @property
    def room(self) -> int:
        """How many more jobs may be given."""
        return max(0, self._threads * 4 - len(self._under_way))

    @property
    def busy(self) -> int:
        """How many jobs are waiting or under way."""
        return len(self._under_way)

    @property
    def next_due_us(self) -> int | None:
        """When the next job is to be given up, in microseconds."""
        with self._lock:
            return min((job.until_us for job in self._under_way.values()), default=None)

    def start(self) -> None:
        """Start the threads."""
        for _ in range(self._threads):
            self._start_one()

    def give(self, job: Job) -> None:
        """Have a job carried out."""
        with self._lock:
            self._under_way[job.key, job.attempt] = job
        self._jobs.put(job)

    def give_up(self, now_us: int) -> None:
        """Report every job whose time is over; its thread is left to itself and replaced."""
        with self._lock:
            late = [job for job in self._under_way.values() if job.until_us <= now_us]
            for job in late:
                del self._under_way[job.key, job.attempt]
        for job in late:
            self._report(job, Outcome("unsure", error="it took too long"))
            with self._lock:
                replaced = self._abandoned < MAX_ABANDONED
                self._abandoned += replaced
            if replaced:
                self._start_one()

    def stop(self) -> None:
        """Let the threads end once the jobs before are done."""
        for _ in range(self._alive):
            self._jobs.put(None)

    def _start_one(self) -> None:
        self._alive += 1
        Thread(target=self._work, name="whenthen-action", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._holds(job):
                outcome = perform(self._registry, self._services, job)
                reached("send")
                if self._forget(job):
                    self._report(job, outcome)
                    continue
            if self._is_surplus():
                return

    def _holds(self, job: Job) -> bool:
        with self._lock:
            return (job.key, job.attempt) in self._under_way

    def _forget(self, job: Job) -> bool:
        """Forget a job and tell whether it was still wanted, not given up."""
        with self._lock:
            return self._under_way.pop((job.key, job.attempt), None) is not None

    def _is_surplus(self) -> bool:
        """Tell a thread whose job was given up whether another has taken its place."""
        with self._lock:
            surplus = self._abandoned > 0
            self._abandoned -= surplus
        return surplus


def perform(registry: Registry, services: Services, job: Job) -> Outcome:
    """Carry one action out and return how it went; never raises for what a plugin does."""
    kind = registry.actions.get(job.call.type)
    if kind is None:
        return Outcome("refused", error=f"no plugin knows the action {job.call.type!r} any more")
    try:
        result = kind(job.call.config).perform(job.call, services.for_call(job))
    except RetryLaterError as error:
        return Outcome("later", error=_said(error), after_us=_us(error.after_seconds))
    except ActionRefusedError as error:
        return Outcome("refused", error=_said(error))
    except OutcomeUnknownError as error:
        return Outcome("unsure", error=_said(error))
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises costs its own result only
        _log.info("action %s of rule %s failed", job.call.type, job.rule_id, exc_info=True)
        return Outcome("failed", error=_said(error))
    return Outcome("done", result=_json(result))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else seconds_us(seconds)


def _json(value: Any) -> Any:
    """Return what can be kept of a result: JSON as it is, anything else as its type's name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    return f"<{type(value).__name__}>"
