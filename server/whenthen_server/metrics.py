"""Counters of what the server does, in one registry that is passed around, shown at ``/metrics`` (Prometheus)."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW_SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 1800.0)


class Metrics:
    """All counters. Labels are kinds, types and results; never a device, a person or a text that a stranger chose."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.readings = Counter("whenthen_readings", "Readings by what became of them", ["result"], registry=registry)
        self.evaluations = Counter(
            "whenthen_evaluations", "Looks at the conditions of a rule, one for each subject", registry=registry
        )
        self.firings = Counter("whenthen_firings", "Firings", ["kind"], registry=registry)
        self.actions = Counter(
            "whenthen_actions", "Attempts of actions by result", ["type", "result"], registry=registry
        )
        self.action_seconds = Histogram(
            "whenthen_action_seconds", "Duration of an attempt", ["type"], registry=registry, buckets=_SLOW_SECONDS
        )
        self.arrival_to_action_seconds = Histogram(
            "whenthen_arrival_to_action_seconds",
            "From a reading's arrival to its action's start",
            registry=registry,
            buckets=_FAST_SECONDS,
        )
        self.commit_seconds = Histogram(
            "whenthen_commit_seconds", "Duration of a group commit", registry=registry, buckets=_FAST_SECONDS
        )
        self.drops = Counter(
            "whenthen_drops", "What was refused or cut, by queue and reason", ["queue", "reason"], registry=registry
        )
        self.sockets = Gauge("whenthen_sockets", "Socket.IO clients connected", registry=registry)
        self.requests = Counter("whenthen_http_requests", "HTTP requests", ["route", "status"], registry=registry)
        self.request_seconds = Histogram(
            "whenthen_http_request_seconds",
            "Duration of a request",
            ["route"],
            registry=registry,
            buckets=_FAST_SECONDS,
        )
        self._queues = Gauge("whenthen_queue_depth", "Entries that wait", ["queue"], registry=registry)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def watch_queue(self, name: str, depth: Callable[[], float]) -> None:
        """Show the depth of a queue, asked for when somebody looks."""
        self._queues.labels(name).set_function(depth)

    def page(self) -> bytes:
        """Return all counters in Prometheus's text format.

        >>> metrics = Metrics()
        >>> metrics.firings.labels("fired").inc()
        >>> b'whenthen_firings_total{kind="fired"} 1.0' in metrics.page()
        True
        """
        return generate_latest(self.registry)
