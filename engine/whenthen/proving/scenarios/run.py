"""A scenario run: its history played, and what was not as expected."""

from __future__ import annotations

from dataclasses import dataclass

from whenthen.extend.registry import Registry
from whenthen.proving.played import Played, play
from whenthen.proving.scenarios.judge import Failure, judge
from whenthen.proving.scenarios.scenario import Scenario

__all__ = ["Failure", "Outcome", "Played", "play", "run_scenario"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scenario: all that happened in it, and what was not as expected."""

    scenario: Scenario
    played: Played
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Tell whether all was as expected."""
        return not self.failures


def run_scenario(scenario: Scenario, registry: Registry) -> Outcome:
    r"""Play a scenario's history and compare what happened with what is expected.

    >>> from pathlib import Path
    >>> from whenthen.extend.host import load_registry
    >>> from whenthen.proving.scenarios.scenario import read_scenario
    >>> warm = {
    ...     "name": "Warm", "trigger": {"type": "sensor", "config": {"sensor": "temperature"}},
    ...     "conditions": [{"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 30}}],
    ...     "actions": [{"type": "device_command", "config": {"command": "turn_on_fan"}}],
    ... }
    >>> document = {
    ...     "name": "A warm minute",
    ...     "rules": [warm],
    ...     "timeline": [{"at": "1m", "device": "dev-1", "values": {"temperature": 30}}],
    ...     "expect": [{"rule": "Warm", "fires": 1}],
    ... }
    >>> registry = load_registry()
    >>> outcome = run_scenario(read_scenario(document, registry, Path()), registry)
    >>> print(*outcome.failures[0].lines(), sep="\n")
    /expect/0: expected: 'Warm' fires once
      it did not fire
      at 1m (00:01:00) for dev-1: /conditions/0 is false: temperature > 30; temperature was 30, 0 s old
    """
    played = play(scenario.rules, scenario.steps, registry, scenario.directory, scenario.zone)
    return Outcome(scenario, played, tuple(judge(scenario, played)))
