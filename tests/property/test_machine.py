"""The engine and the reference model under Hypothesis: whatever happens next, they agree, or the case shrinks."""

from __future__ import annotations

from random import Random

from differential.pair import Pair
from differential.scenarios import Scenario
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from whenthen.extend.host import load_registry

REGISTRY = load_registry()
CHANCE = st.randoms(use_true_random=False)


class EngineAndModel(RuleBasedStateMachine):
    """Every rule is one thing that may happen to both."""

    @initialize(chance=CHANCE)
    def begin(self, chance: Random) -> None:
        self.scenario = Scenario(chance)
        self.pair = Pair(REGISTRY, self.scenario.world)
        for step in self.scenario.begin():
            self.pair.step(step)

    def happens(self, what: str, chance: Random) -> None:
        self.scenario.r = chance
        for step in getattr(self.scenario, what)():
            self.pair.step(step)

    @rule(chance=CHANCE)
    def reading(self, chance: Random) -> None:
        self.happens("reading", chance)

    @rule(chance=CHANCE)
    def another_reading(self, chance: Random) -> None:
        self.happens("reading", chance)

    @rule(chance=CHANCE)
    def time_passes(self, chance: Random) -> None:
        self.happens("time", chance)

    @rule(chance=CHANCE)
    def event(self, chance: Random) -> None:
        self.happens("event", chance)

    @rule(chance=CHANCE)
    def run_by_a_person(self, chance: Random) -> None:
        self.happens("run", chance)

    @rule(chance=CHANCE)
    def switched(self, chance: Random) -> None:
        self.happens("switch", chance)

    @rule(chance=CHANCE)
    def edited(self, chance: Random) -> None:
        self.happens("edit", chance)

    @rule(chance=CHANCE)
    def restarted(self, chance: Random) -> None:
        self.happens("restart", chance)


TestEngineAndModel = EngineAndModel.TestCase
# Even the smallest world with one rule is a large draw; a million steps from seeds are in test_differential.
TestEngineAndModel.settings = settings(
    max_examples=settings().max_examples // 3, stateful_step_count=60, suppress_health_check=list(HealthCheck)
)
