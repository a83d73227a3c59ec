"""Our engine as a contestant: rules in as JSON documents, readings in one by one, firings counted."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from measure import Contestant, timed

from whenthen import Reading
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry

START_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, when every workload begins."""

NAME = "whenthen"


@functools.cache
def registry() -> Registry:
    return load_registry()


def engine_of(docs: Iterable[Mapping[str, Any]]) -> Engine:
    """Return a new engine with these rules and no directory: the devices are those that send readings."""
    engine = Engine(registry())
    for doc in docs:
        engine.put_rule(doc)
    return engine


def feed(engine: Engine, readings: Iterable[Reading]) -> int:
    """Hand over readings one by one and return the number of firings."""
    handle = engine.handle
    fired = 0
    for reading in readings:
        fired += len(handle(reading))
    return fired


def contestant(
    docs: Sequence[Mapping[str, Any]],
    readings: Sequence[Reading],
    expected: int,
    warm_up: Sequence[Reading] = (),
    name: str = NAME,
) -> Contestant:
    """Return our engine, which has met every device in *warm_up* before the clock starts."""

    def prepare() -> Callable[[], Any]:
        engine = engine_of(docs)
        feed(engine, warm_up)
        return timed(lambda: feed(engine, readings))

    return Contestant(name, len(readings), expected, prepare)
