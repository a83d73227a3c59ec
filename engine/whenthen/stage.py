"""An engine on which a history is played, step by step: restarts, runs by hand and switches as well as readings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from whenthen.dsl.rule import RuleCompiler
from whenthen.engine import Engine, merge_state
from whenthen.extend.registry import Registry
from whenthen.flow.meter import Meter
from whenthen.model.event import Event
from whenthen.model.firing import Firing, Notice
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick
from whenthen.ports import Directory


class Stage:
    """Plays steps in the order given; ``engine`` is the one that is running now.

    A restart keeps what a journal would: the state as JSON, written and read, and the rules as they stand. Stages that
    play the same rules over and over may share a *compiler*.

    >>> from whenthen.extend.host import load_registry
    >>> stage = Stage(load_registry())
    >>> stage.engine.put_rule({
    ...     "id": "r1", "name": "Warm", "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    ...     "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    ...     "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    ... })
    []
    >>> steps = [Restart(at_us=1_000_000, down_us=500_000), Reading("dev-1", {"temperature": 31.0}, 2_000_000)]
    >>> [firing.rule for firing in stage.play(steps)]
    ['Warm']
    """

    def __init__(
        self,
        registry: Registry,
        directory: Directory | None = None,
        timezone: str = "UTC",
        meter: Meter | None = None,
        compiler: RuleCompiler | None = None,
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._timezone = timezone
        self._meter = meter
        self._compiler = compiler or RuleCompiler(registry)
        self._kept: dict[str, Any] = {}
        self._counted: Counter[str] = Counter()
        self._notices: list[Notice] = []
        self.engine = Engine(registry, directory, timezone, meter, self._compiler)

    @property
    def counts(self) -> Counter[str]:
        """How often something happened, before restarts and after (``Engine.counts``)."""
        return self._counted + self.engine.counts

    def play(self, steps: Iterable[Step]) -> Iterator[Firing]:
        """Yield what fires as one step after the other is taken."""
        for step in steps:
            yield from self.take(step)

    def take(self, step: Step) -> list[Firing]:
        """Take one step and return what it, and the timers before it, caused, in order.

        Raises ``UnknownRuleError`` when a run or a switch names a rule that is not there.
        """
        match step:
            case Reading() | Event():
                return self.engine.handle(step)
            case Tick(at_us):
                return self.engine.advance(at_us)
            case Restart(at_us, down_us):
                firings = self.engine.advance(at_us)
                self._restart()
                return firings + self.engine.advance(at_us + down_us)
            case RunByHand(at_us, rule_id, device, room, farm, force):
                firings = self.engine.advance(at_us)
                run = self.engine.run_rule(rule_id, device=device, room=room, farm=farm, force=force)
                return firings + run.firings
            case Switch(at_us, rule_id, enabled):
                return self.engine.advance(at_us) + self.engine.set_enabled(rule_id, enabled)

    def take_notices(self) -> list[Notice]:
        """Return and forget what there is to report beside firings."""
        notices, self._notices = [*self._notices, *self.engine.take_notices()], []
        return notices

    def _restart(self) -> None:
        ending = self.engine
        self._kept = merge_state(self._kept, ending.changed_state())
        self._notices += ending.take_notices()
        self._counted += ending.counts
        rules: list[Mapping[str, Any]] = [ending.rule(rule_id) for rule_id in ending.rule_ids]
        kept = json.loads(json.dumps(self._kept))
        self.engine = Engine.restore(
            self._registry, self._directory, rules, kept, self._timezone, self._meter, self._compiler
        )
