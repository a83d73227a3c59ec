"""A Hypothesis state machine that lives a rule set's bad days: it checks every promise, and restarts, at each step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import SearchStrategy

from whenthen.dsl.read import rule_id_of
from whenthen.errors import Problem
from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.model.firing import Firing
from whenthen.model.step import Restart, Step, Tick
from whenthen.ports import Directory
from whenthen.proving.actuators import Actuators
from whenthen.proving.played import Played, stage_of
from whenthen.proving.promises.monitor import conditions_of, first_broken
from whenthen.proving.promises.moves import FAULTS, Choices, Move, Teller
from whenthen.proving.promises.probes import Probes
from whenthen.proving.promises.promised import promises_given, promises_of
from whenthen.proving.promises.story import lines_until, story
from whenthen.proving.promises.world import world_of
from whenthen.proving.unsound import InvalidPromisesError


class PromiseBrokenError(AssertionError):
    """A history breaks a promise, or a restart changes what rules do; says how it went."""


class RuleMachine(RuleBasedStateMachine):
    """Subclass it, name the ``rules`` (documents), give its ``TestCase`` to pytest.

    *invariants* are promises over all of them, beside those that the rules make; *faults* what may go wrong
    (``FAULTS``); *directory*, *timezone* and *registry* are as for an engine. Two stages live the same history, and now
    and then one of them is restarted in no time: it must go on as the other does, unless *restarts_change_nothing* is
    false.

    >>> from hypothesis import settings
    >>> class Lamp(RuleMachine):
    ...     rules = [{
    ...         "name": "Stuffy", "trigger": {"type": "sensor", "config": {"sensor": "co2"}},
    ...         "conditions": [{"type": "comparison", "config": {"sensor": "co2", "operator": ">", "value": 1000}}],
    ...         "actions": [{"type": "led", "config": {"color": "red"}}], "cooldown_seconds": 600,
    ...     }]
    ...     invariants = [{"at_most": 1, "fires_of": "Stuffy", "per_seconds": 600}]
    >>> Lamp.TestCase.settings = settings(max_examples=3, stateful_step_count=10)
    >>> Lamp.TestCase().runTest()
    """

    # Hypothesis keeps lists of its own under these two names in an instance; the class is ours.
    rules: Sequence[Mapping[str, Any]] = ()  # type: ignore[assignment]
    invariants: Sequence[Any] = ()  # type: ignore[assignment]
    registry: ClassVar[Registry | None] = None
    directory: ClassVar[Directory | None] = None
    timezone: ClassVar[str] = "UTC"
    faults: ClassVar[Collection[str]] = FAULTS
    restarts_change_nothing: ClassVar[bool] = True

    _known: ClassVar[_Known]

    def __init__(self) -> None:
        super().__init__()
        self.known = self._of_class()
        self.steps: list[Step] = []
        self.firings: list[Firing] = []
        self.causes: list[int] = []

    @classmethod
    def _of_class(cls) -> _Known:
        """Return what is the same for every run of the machine, found out once."""
        if "_known" not in cls.__dict__:
            cls._known = _Known(cls)
        return cls._known

    @initialize(
        start_us=st.runner().flatmap(lambda self: st.sampled_from(self.known.starts_us)),
        kind=st.runner().flatmap(lambda self: st.integers(0, len(self.known.kinds) - 1)),
    )
    def begin(self, start_us: int, kind: int) -> None:
        """Begin on a common morning, or where something special is near; *kind* is what goes wrong in this history."""
        world = self.known.world
        self.waits_us, self.entries = self.known.kinds[kind]
        first = Tick(start_us)
        self.teller = Teller(start_us)
        self.actuators = Actuators()
        self.probes = Probes(self.known.conditions, world.registry, world.directory, world.zone, world.compiler)
        self.stage, self.twin = (
            stage_of(world.rules, [first], world.registry, world.directory, world.zone, world.compiler)
            for _ in range(2)
        )
        self.take(first)

    @rule(entry=st.runner().flatmap(lambda self: self.entries))
    def happens(self, entry: tuple[int, Move]) -> None:
        """Let time pass, and something happen."""
        step = self.teller.after(*entry)
        if step is not None:
            self.take(step)

    @rule(wait_us=st.runner().flatmap(lambda self: self.waits_us))
    def time_passes(self, wait_us: int) -> None:
        """Let time pass."""
        self.teller.now_us += wait_us
        self.take(Tick(self.teller.now_us))

    @precondition(lambda self: self.known.restarts_change_nothing)
    @rule()
    def restart_unseen(self) -> None:
        """Restart one of the two stages in no time at all."""
        self.take(Tick(self.teller.now_us))
        again = self.twin.take(Restart(self.teller.now_us))
        if again:
            self._fail(f"a restart at this very instant makes {again[0].rule!r} fire")

    def take(self, step: Step) -> None:
        """Take a step in both stages; raises ``PromiseBrokenError`` when they part or a promise is broken."""
        fired, others = self.stage.take(step), self.twin.take(step)
        self.steps.append(step)
        self.firings += fired
        self.causes += [len(self.steps)] * len(fired)
        for firing in fired:
            self.actuators.take(firing)
        self.probes.take(step)
        if fired != others:
            self._fail(f"after a restart the rules do {_brief(others)} instead of {_brief(fired)}")
        breach = first_broken(self.known.promises, self.played, self.probes)
        if breach is not None:
            raise PromiseBrokenError("\n".join([f"broken: {breach.promise}", *story(self.played, breach)]))

    @property
    def played(self) -> Played:
        """The history so far, and all that came of it."""
        world = self.known.world
        return Played(
            world.rules,
            tuple(self.steps),
            tuple(self.firings),
            tuple(self.causes),
            (),
            self.actuators,
            world.registry,
            world.directory,
            world.zone,
        )

    def _fail(self, message: str) -> None:
        lines = lines_until(self.played, self.teller.now_us, message)
        raise PromiseBrokenError("\n".join([message, *lines]))


class _Known:
    """What is the same for every run of one machine."""

    def __init__(self, machine: type[RuleMachine]) -> None:
        registry = machine.registry or load_registry()
        rules = [{**rule, "id": rule.get("id") or rule_id_of(rule)} for rule in machine.rules]
        problems: list[Problem] = []
        given = promises_of(rules, registry, problems)
        documents = [(f"/invariants/{index}", document) for index, document in enumerate(machine.invariants)]
        given += promises_given(documents, rules, registry, problems)
        if problems:
            raise InvalidPromisesError(tuple(problems))
        self.promises = [one.promise for one in given]
        self.conditions = conditions_of(self.promises)
        self.world = world_of(rules, registry, self.promises, machine.directory, machine.timezone)
        choices = Choices(self.world, machine.faults)
        self.starts_us = choices.starts_us
        self.kinds = [_kind(choices, faults) for faults in choices.kinds]
        # A duration that is to begin anew after every restart does so after a short one, too.
        resets = any(rule.get("on_gap") == "reset" for rule in rules)
        self.restarts_change_nothing = machine.restarts_change_nothing and not resets


def _kind(choices: Choices, faults: Collection[str]) -> tuple[SearchStrategy[int], SearchStrategy[tuple[int, Move]]]:
    """Return strategies for waits, and for what happens after one, when these faults are about."""
    waits_us = st.sampled_from(choices.waits_us(faults))
    return waits_us, st.tuples(waits_us, st.sampled_from(choices.moves(faults)))


def _brief(firings: Sequence[Firing]) -> str:
    return ", ".join(f"{firing.rule!r} {firing.kind} for {firing.subject}" for firing in firings) or "nothing"
