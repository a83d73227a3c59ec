"""A history played through rules, and all that came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.registry import Registry
from whenthen.model.firing import Firing, Notice
from whenthen.model.step import Step
from whenthen.ports import Directory
from whenthen.proving.actuators import Actuators
from whenthen.replay import Tally, begin, replay
from whenthen.stage import Stage


@dataclass(frozen=True, slots=True)
class Played:
    """What *steps* did with *rules* (their documents, each with its id): firings, what they set, what was reported.

    *causes* has for each firing how many steps were taken when it came: the last of them caused it, or time on the way
    there. *zone* is the IANA name of the zone of times that name none.
    """

    rules: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]
    firings: tuple[Firing, ...]
    causes: tuple[int, ...]
    notices: tuple[Notice, ...]
    actuators: Actuators
    registry: Registry
    directory: Directory | None = None
    zone: str = "UTC"


def play(  # noqa: PLR0913, PLR0917 - what an engine takes, and what happens to it
    rules: Iterable[Mapping[str, Any]],
    steps: Iterable[Step],
    registry: Registry,
    directory: Directory | None = None,
    zone: str = "UTC",
    compiler: RuleCompiler | None = None,
) -> Played:
    """Play *steps*, in order of time, as ``whenthen replay`` does; raises ``InvalidRuleError``.

    >>> from whenthen.extend.host import load_registry
    >>> from whenthen.model.reading import Reading
    >>> rule = {
    ...     "id": "r1", "name": "Warm", "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    ...     "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    ...     "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    ... }
    >>> played = play([rule], [Reading("dev-1", {"temperature": 31.0}, 1_000_000)], load_registry())
    >>> [firing.rule for firing in played.firings], played.actuators.value("dev-1", "fan")
    (['Warm'], 'on')
    """
    taken, given = tuple(steps), tuple(rules)
    stage = stage_of(given, taken, registry, directory, zone, compiler)
    notices: list[Notice] = []
    tally = Tally()
    firings: list[Firing] = []
    causes: list[int] = []
    for firing in replay(stage, taken, tally, on_notice=notices.append):
        firings.append(firing)
        causes.append(tally.rows)
    return Played(
        given, taken, tuple(firings), tuple(causes), tuple(notices), Actuators(firings), registry, directory, zone
    )


def stage_of(  # noqa: PLR0913, PLR0917 - what an engine takes, and the rules in it
    rules: Iterable[Mapping[str, Any]],
    steps: Sequence[Step],
    registry: Registry,
    directory: Directory | None = None,
    zone: str = "UTC",
    compiler: RuleCompiler | None = None,
) -> Stage:
    """Return a stage with *rules* as it stands before the first of *steps*, none of which it has taken."""
    stage = Stage(registry, directory, zone, compiler=compiler)
    begin(stage, steps[:1])
    for rule in rules:
        stage.engine.put_rule(rule)
    return stage
