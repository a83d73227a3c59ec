"""Counts what each commit brought, for ``/metrics``."""

from __future__ import annotations

from whenthen.clock import SECOND_US
from whenthen.runtime import Runtime
from whenthen.runtime.records import ActionRow
from whenthen.runtime.writer import Turn
from whenthen_server.metrics import Metrics


class Measuring:
    """A listener of the runtime that fills the counters; it is called on the writer's thread, so it only counts."""

    def __init__(self, metrics: Metrics, runtime: Runtime) -> None:
        self._metrics = metrics
        self._runtime = runtime
        self._started_us: dict[str, int] = {}
        self._refused = 0
        self._lost_commits = 0
        self._evaluations = 0
        metrics.watch_queue("intake", lambda: len(runtime.intake))
        metrics.watch_queue("outbox", lambda: len(runtime.writer.outbox))
        metrics.watch_queue("actions", lambda: runtime.dispatcher.busy)

    def __call__(self, turn: Turn) -> None:
        """Count one commit."""
        for verdict, count in turn.verdicts.items():
            self._metrics.readings.labels(verdict).inc(count)
        for execution in turn.executions:
            self._metrics.firings.labels(execution.firing.kind).inc()
        for row in turn.changed:
            self._ended(row, turn.now_us)
        for row in turn.new_actions:
            if row.finished_us is not None:
                self._metrics.actions.labels(row.call.type, row.state).inc()
                if row.state == "suppressed":
                    self._metrics.drops.labels("actions", "suppressed").inc()
        if turn.started:
            self._begun(turn)
        self._evaluated()
        self._refusals()

    def _begun(self, turn: Turn) -> None:
        now_us = self._runtime.now_us()
        fresh = {row.key for row in turn.new_actions}
        for row in turn.started:
            self._started_us[row.key] = now_us
            if row.key in fresh and row.attempts == 1 and not row.call.after_us and row.cause.startswith("reading"):
                # What was due with its firing, which is of the instant at which the reading came.
                self._metrics.arrival_to_action_seconds.observe(max(0, now_us - row.due_us) / SECOND_US)

    def _ended(self, row: ActionRow, now_us: int) -> None:
        result = "retried" if row.state == "waiting" else row.state
        self._metrics.actions.labels(row.call.type, result).inc()
        started_us = self._started_us.pop(row.key, None)
        if started_us is not None:
            self._metrics.action_seconds.labels(row.call.type).observe(max(0, now_us - started_us) / SECOND_US)

    def _evaluated(self) -> None:
        now = self._runtime.writer.engine.evaluations
        # After a commit that failed there is a new engine, which counts from nothing.
        self._metrics.evaluations.inc(now - self._evaluations if now >= self._evaluations else now)
        self._evaluations = now

    def _refusals(self) -> None:
        refused, lost = self._runtime.intake.refused, self._runtime.writer.counts["commit_failed"]
        if refused != self._refused:
            self._metrics.drops.labels("intake", "full").inc(refused - self._refused)
            self._refused = refused
        if lost != self._lost_commits:
            self._metrics.drops.labels("intake", "commit_failed").inc(lost - self._lost_commits)
            self._lost_commits = lost
