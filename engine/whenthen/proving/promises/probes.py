"""Conditions judged by the engine itself, in an engine apart that is fed with the same steps and disturbs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from whenthen.dsl.rule import RuleCompiler
from whenthen.extend.condition import Truth
from whenthen.extend.registry import Registry
from whenthen.model.reading import Reading
from whenthen.model.step import RunByHand, Step, Switch, Tick, instant_of
from whenthen.ports import Directory
from whenthen.proving.promises.proposition import Holds
from whenthen.proving.promises.track import Track, observed
from whenthen.stage import Stage


class Probes:
    """Asks of each condition and subject when it was true, to the microsecond."""

    def __init__(
        self,
        conditions: Iterable[Holds],
        registry: Registry,
        directory: Directory | None = None,
        zone: str = "UTC",
        compiler: RuleCompiler | None = None,
    ) -> None:
        self._ids = {condition: f"probe-{number}" for number, condition in enumerate(dict.fromkeys(conditions))}
        self._stage = Stage(registry, directory, zone, compiler=compiler)
        self._subjects: dict[str, None] = dict.fromkeys(_places(directory))
        self._begun = False
        self._heard: dict[tuple[str, str], list[tuple[int, Truth]]] = {}

    def take(self, step: Step) -> None:
        """Let a step pass, and note what became true or false before it and by it."""
        if not self._ids:
            return
        if not self._begun:
            self._begin(instant_of(step) - 1)
        if isinstance(step, Reading):
            self._subjects[step.device] = None
        self._pass_until(instant_of(step))
        # There is no rule but the probes here: while somebody runs or switches another, time passes.
        self._stage.take(Tick(step.at_us) if isinstance(step, RunByHand | Switch) else step)
        self._look()

    def tracks(self, condition: Holds) -> dict[str, Track]:
        """Return, by subject, how a condition's truth went."""
        wanted = self._ids[condition]
        return {subject: observed(heard) for (probe, subject), heard in self._heard.items() if probe == wanted}

    def _begin(self, at_us: int) -> None:
        self._stage.engine.advance(at_us)
        for condition, probe in self._ids.items():
            self._stage.engine.put_rule({**json.loads(condition.probe), "id": probe})
        self._begun = True
        self._look()

    def _pass_until(self, at_us: int) -> None:
        """Stop at every timer on the way: a condition may turn there without a reading."""
        while (due_us := self._stage.engine.next_due_us) is not None and due_us < at_us:
            now_us = self._stage.engine.now_us
            self._stage.take(Tick(due_us))
            self._look()
            if self._stage.engine.next_due_us == due_us == now_us:
                return  # it stays due, and time would stand still

    def _look(self) -> None:
        engine = self._stage.engine
        for probe in self._ids.values():
            for subject in self._subjects:
                told = engine.explain(probe, subject)
                if told["blocked"] != "no_subject":
                    self._heard.setdefault((probe, subject), []).append((engine.now_us, told["truth"]))


def _places(directory: Directory | None) -> Iterator[str]:
    for device in () if directory is None else directory.devices():
        yield from (place for place in (device.id, device.room, device.farm) if place is not None)
