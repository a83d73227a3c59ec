"""Plugins: what a stranger's condition costs beside the same built-in, and what fifty of them add to the start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import ours
from measure import Contestant, Figure, agree, per_second, race, ratios, timed

from whenthen import Atom, Binding, Check, Condition, Reading, SensorRef, Truth, View, hookimpl
from whenthen.cli.scaffold import Package, Thing, files_of
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry

BUILT_IN, EVALUATED, COMPILED, LOWERED = "comparison", "evaluated", "compiled", "lowered"
LIMIT = 21.5
_NOISE_MS = 0.1
"""A difference between two starts that is smaller says nothing."""
_WAYS = ((EVALUATED, "evaluate()", 3.0), (COMPILED, "compile()", 1.2), (LOWERED, "lowered()", None))
VALUES = (20.0, 23.0)
"""Each reading turns every condition, so that the built-in, too, is looked at on each."""


class Above(Condition):
    """The temperature above a limit: what strangers' conditions here have in common."""

    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "required": ["above"],
        "properties": {"above": {"type": "number"}},
    }
    reads = ("temperature",)


class Evaluated(Above):
    """As the tutorial writes it."""

    type = EVALUATED

    def evaluate(self, view: View) -> Truth:
        """Compare."""
        return bool(view["temperature"] > self.config["above"])


class Compiled(Above):
    """As somebody writes it who wants it fast."""

    type = COMPILED

    def compile(self, bind: Binding) -> Check:
        """Return the comparison."""
        read, limit = bind.reader(SensorRef("temperature")), self.config["above"]

        def check(now_us: int) -> Truth:
            value: Any = read(now_us)
            return value > limit if value.__class__ is float else None

        return check


class Lowered(Evaluated):
    """As somebody writes it who knows that it is nothing but a comparison."""

    type = LOWERED

    def lowered(self) -> Atom:
        """Return the comparison."""
        return Atom(SensorRef("temperature"), ">", self.config["above"])


class Strangers:
    """A plugin that brings the three."""

    @hookimpl
    def whenthen_conditions(self) -> list[type[Condition]]:
        """Register them."""
        return [Evaluated, Compiled, Lowered]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it."""

    rules: int
    readings: int
    looks: int
    plugins: int
    rounds: int


SIZES = {
    "full": Size(50, 2_000, 200_000, 50, 7),
    "quick": Size(50, 500, 50_000, 50, 3),
    "tiny": Size(2, 6, 10, 2, 1),
}


def docs(kind: str, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Return rules of one device with one such condition each, and with further *fields*."""
    built_in = {"sensor": "temperature", "operator": ">", "value": LIMIT}
    return [
        {
            "id": f"rule-{number:03}",
            "name": "Warm",
            "scope": {"device": "dev-0"},
            "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
            "conditions": [{"type": kind, "config": built_in if kind == BUILT_IN else {"above": LIMIT}}],
            "actions": [{"type": "log", "config": {"message": "Warm"}}],
            "fire": "edge",
            **fields,
        }
        for number in range(count)
    ]


def engine_with(registry: Registry, kind: str, rules: int, **fields: Any) -> Engine:
    """Return an engine with such rules that has met its one device."""
    engine = Engine(registry)
    for doc in docs(kind, rules, **fields):
        engine.put_rule(doc)
    engine.handle(Reading("dev-0", {"temperature": VALUES[0]}, ours.START_US - 1))
    return engine


def run(size: Size) -> Iterator[Figure]:
    """Race the four ways through the engine, look at the checks alone, then start with many plugins."""
    registry = load_registry(extra=[("strangers", Strangers())])
    yield from through_the_engine(registry, size, "in the engine", size.readings // 2)
    yield from through_the_engine(registry, size, "where nothing more fires", 1, cooldown_seconds=2_678_400)
    yield from alone(registry, size)
    yield start(size)


def through_the_engine(registry: Registry, size: Size, where: str, times: int, **fields: Any) -> Iterator[Figure]:
    """Compare whole readings: state, index, conditions, firings, of which each rule has so many *times*.

    The targets are for rules that do what rules are for; the less else is done, the more the condition weighs.
    """
    given = [
        Reading("dev-0", {"temperature": VALUES[(number + 1) % 2]}, ours.START_US + number * 60_000_000)
        for number in range(size.readings)
    ]
    expected = size.rules * times

    def contestant(kind: str) -> Contestant:
        def prepare() -> Callable[[], tuple[int, float]]:
            engine = engine_with(registry, kind, size.rules, **fields)
            return timed(lambda: ours.feed(engine, given))

        return Contestant(kind, len(given), expected, prepare)

    rates = race([contestant(kind) for kind in (BUILT_IN, EVALUATED, COMPILED, LOWERED)], size.rounds)
    for kind, way, target in _WAYS:
        values = ratios(rates, BUILT_IN, kind)
        speeds = f"{per_second(rates[kind])}; built-in {per_second(rates[BUILT_IN])}"
        note = f"{speeds}; {size.rules} rules, {expected} firings"
        wanted = None if fields else target
        yield Figure("Plugins", f"{way} {where} / the built-in's", values, "x", wanted, at_least=False, note=note)


def alone(registry: Registry, size: Size) -> Iterator[Figure]:
    """Compare one look at the condition, nothing around it; the built-in's is a function generated for its shape."""
    checks = {}
    for kind in (BUILT_IN, EVALUATED, COMPILED):
        (instance,) = engine_with(registry, kind, 1)._roster.instances()  # noqa: SLF001 - the only way to be alone with it
        agree(f"{kind} (truth instead of firings)", int(instance.check(ours.START_US) is False), 1)
        checks[kind] = instance.check
    seconds: dict[str, list[float]] = {kind: [] for kind in checks}
    for _ in range(size.rounds):
        for kind, check in checks.items():
            timer = timeit.Timer("check(now_us)", globals={"check": check, "now_us": ours.START_US})
            seconds[kind].append(timer.timeit(size.looks) / size.looks)
    for kind in (EVALUATED, COMPILED):
        values = tuple(a / b for a, b in zip(seconds[kind], seconds[BUILT_IN], strict=True))
        note = (
            f"{min(seconds[kind]) * 1e9:.0f} ns; built-in {min(seconds[BUILT_IN]) * 1e9:.0f} ns, a generated function"
        )
        yield Figure("Plugins", f"one look alone, {kind} / the built-in's", values, note=note)


def start(size: Size) -> Figure:
    """Return what many plugins, each a distribution of its own, add to the start of a process that loads them all."""
    values = []
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), size.plugins)
        loaded(folder)  # once unmeasured: Python writes its bytecode
        for _ in range(size.rounds):
            without, _count = loaded("")
            with_them, count = loaded(folder)
            agree("start (plugins instead of firings)", count, size.plugins)
            values.append(max((with_them - without) * 1e3, _NOISE_MS))
    return Figure("Plugins", f"{size.plugins} plugins add to the start", tuple(values), "ms", 300.0, at_least=False)


def install(folder: Path, count: int) -> None:
    """Write distributions as ``whenthen plugin new`` makes them, as good as installed, into one folder."""
    for number in range(count):
        package = Package(f"whenthen-bench-{number}", (Thing("condition", f"bench_{number}.warm"),), "0.1")
        for path, text in files_of(package).items():
            if path.startswith("src/"):
                target = folder / path.removeprefix("src/")
                target.parent.mkdir(exist_ok=True)
                target.write_text(text, encoding="utf-8")
        info = folder / f"{package.module}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package.name}\nVersion: 0.1.0\n", encoding="utf-8"
        )
        points = f"[whenthen]\n{package.plugin} = {package.module}.plugin\n"
        (info / "entry_points.txt").write_text(points, encoding="utf-8")


_CHILD = """
from whenthen.extend.host import load_registry
print(sum(record.name.startswith("bench_") and record.status == "loaded" for record in load_registry().plugins))
"""


def loaded(folder: str) -> tuple[float, int]:
    """Return the seconds that a process takes which loads all plugins, *folder* on its path, and how many are ours."""
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))
    begun = time.perf_counter()
    command: Sequence[str] = [sys.executable, "-c", _CHILD]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True, text=True)
    return time.perf_counter() - begun, int(done.stdout)
