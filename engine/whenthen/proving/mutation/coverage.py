"""How much of their rules scenarios put to the test: what they reach, and which mistakes they would notice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from whenthen.extend.condition import Truth
from whenthen.extend.registry import Registry
from whenthen.model.firing import Firing
from whenthen.proving.mutation.explore import possible_outcomes
from whenthen.proving.mutation.mutants import Mutant, Mutants, mutants_of
from whenthen.proving.mutation.observe import Outcome, Remembering, observe, started, triggers_of
from whenthen.proving.played import Played, play
from whenthen.proving.scenarios.expect import Expected, contains
from whenthen.proving.scenarios.run import run_scenario
from whenthen.proving.scenarios.scenario import Scenario

_TRUTHS: Mapping[Truth, str] = {True: "true", False: "false", None: "unknown"}


@dataclass(slots=True)
class RuleCoverage:
    """What scenarios reach of one rule.

    *killed* has, by position in ``mutants.made``, the first scenario that notices the mutant. *possible* are the
    outcomes that conditions may have, *missing* those that none had. *blocked* tells whether a cooldown kept the rule
    from firing, *superseded* whether it lost an actuator to another rule.
    """

    mutants: Mutants
    possible: frozenset[Outcome]
    missing: set[Outcome]
    scenarios: list[str] = field(default_factory=list)
    started: set[str] = field(default_factory=set)
    killed: dict[int, str] = field(default_factory=dict)
    fired: int = 0
    cleared: int = 0
    blocked: bool = False
    superseded: bool = False

    @property
    def rule(self) -> Mapping[str, Any]:
        """The rule's document, with its id."""
        return self.mutants.original

    @property
    def alive(self) -> list[Mutant]:
        """The mutants that no scenario notices."""
        return [mutant for index, mutant in enumerate(self.mutants.made) if index not in self.killed]

    @property
    def score(self) -> float:
        """The share of mutants that are noticed, 1 when there is none to notice."""
        return len(self.killed) / len(self.mutants.made) if self.mutants.made else 1.0

    def unreached(self) -> Iterator[str]:
        """Yield in words what no scenario reaches."""
        for pointer, truth in sorted(self.missing, key=str):
            yield f"{pointer} is never {_TRUTHS[truth]}"
        for pointer, trigger in triggers_of(self.rule):
            if pointer not in self.started:
                yield f"{pointer} ({trigger['type']}) starts nothing"
        if not self.fired:
            yield "it never fires"
        if self.rule.get("clear_actions") and not self.cleared:
            yield "it never clears"
        if self.rule.get("cooldown_seconds") and not self.blocked:
            yield "its cooldown never blocks it"

    def to_json(self) -> dict[str, Any]:
        """Return the coverage as ``whenthen coverage --json`` prints it."""
        pointers = dict.fromkeys(pointer for pointer, _ in sorted(self.possible, key=str))
        return {
            "id": self.rule["id"],
            "name": self.rule["name"],
            "scenarios": self.scenarios,
            "conditions": [self._condition(pointer) for pointer in pointers],
            "triggers": [
                {"pointer": pointer, "type": trigger["type"], "started": pointer in self.started}
                for pointer, trigger in triggers_of(self.rule)
            ],
            "fired": self.fired,
            "cleared": self.cleared,
            "blocked_by_cooldown": self.blocked,
            "superseded": self.superseded,
            "unreached": list(self.unreached()),
            "mutants": [
                {**mutant.to_json(), "killed_by": self.killed.get(index)}
                for index, mutant in enumerate(self.mutants.made)
            ],
            "equivalent": [mutant.to_json() for mutant in self.mutants.equivalent],
            "score": round(self.score, 4),
        }

    def _condition(self, pointer: str) -> dict[str, Any]:
        possible = [truth for truth in (True, False, None) if (pointer, truth) in self.possible]
        reached = [_TRUTHS[truth] for truth in possible if (pointer, truth) not in self.missing]
        return {"pointer": pointer, "possible": [_TRUTHS[truth] for truth in possible], "reached": reached}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What scenarios reach of rules; *failing* are those that fail as they stand, and so say nothing."""

    rules: tuple[RuleCoverage, ...]
    failing: tuple[str, ...]

    @property
    def score(self) -> float:
        """The share of all mutants that are noticed."""
        made = sum(len(one.mutants.made) for one in self.rules)
        return sum(len(one.killed) for one in self.rules) / made if made else 1.0

    @property
    def complete(self) -> bool:
        """Tell whether everything is reached and every mutant noticed."""
        return not self.failing and all(not one.alive and not any(one.unreached()) for one in self.rules)


def cover(
    scenarios: Mapping[str, Scenario],
    registry: Registry,
    rules: Iterable[Mapping[str, Any]] | None = None,
) -> Coverage:
    """Return what *scenarios* (by what they are called) reach of *rules*, each with its id; of all they play for none.

    A scenario counts for a rule when it plays that very document. Raises ``InvalidRuleError`` for an invalid rule.
    """
    compiler = Remembering(registry)
    documents = list(rules) if rules is not None else _played(scenarios.values())
    found = [_begun(document, registry, compiler) for document in documents]
    failing = []
    for name, scenario in scenarios.items():
        base = _play(scenario, scenario.rules, registry, compiler)
        if fails(scenario, base, registry):
            failing.append(name)
            continue
        for one in found:
            if one.rule in scenario.rules:
                _Pair(name, scenario, base, one, registry, compiler).run()
    return Coverage(tuple(found), tuple(failing))


def fails(scenario: Scenario, played: Played, registry: Registry) -> bool:
    """Tell whether anything is not as a scenario expects; quicker than ``run_scenario``, which says why."""
    for one in scenario.expectations:
        if isinstance(one, Expected):
            within = [firing for firing in played.firings if one.counts(firing) and one.window.holds(firing.at_us)]
            if not one.met(len(within)):
                return True
        elif not contains(played.actuators.value(one.device, one.channel, one.at_us), one.value):
            return True
    return bool(scenario.promises) and bool(run_scenario(scenario_with(scenario, played.rules), registry).failures)


def scenario_with(scenario: Scenario, rules: Sequence[Mapping[str, Any]]) -> Scenario:
    """Return the scenario with other rules of the same ids."""
    return replace(scenario, rules=tuple(rules))


def _played(scenarios: Iterable[Scenario]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for scenario in scenarios:
        found += [rule for rule in scenario.rules if rule not in found]
    return found


def _begun(document: Mapping[str, Any], registry: Registry, compiler: Remembering) -> RuleCoverage:
    mutants = mutants_of(document, registry)
    possible = possible_outcomes(compiler.compile(mutants.original), registry)
    return RuleCoverage(mutants, possible, set(possible))


def _play(scenario: Scenario, rules: Sequence[Mapping[str, Any]], registry: Registry, compiler: Remembering) -> Played:
    return play(rules, scenario.steps, registry, scenario.directory, scenario.zone, compiler)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One scenario and one rule that it plays."""

    name: str
    scenario: Scenario
    base: Played
    found: RuleCoverage
    registry: Registry
    compiler: Remembering

    def run(self) -> None:
        """Add what the scenario reaches of the rule, and the mutants that it notices."""
        found, scenario = self.found, self.scenario
        rule_id = found.rule["id"]
        mine = [firing for firing in self.base.firings if firing.rule_id == rule_id]
        found.scenarios.append(self.name)
        found.fired += sum(firing.kind == "fired" and firing.counted for firing in mine)
        found.cleared += sum(firing.kind == "cleared" for firing in mine)
        found.superseded = found.superseded or any(map(_lost, mine))
        given = (self.registry, scenario.directory, scenario.zone, self.compiler)
        observe(scenario.rules, scenario.steps, {rule_id: found.missing}, *given)
        if any(pointer not in found.started for pointer, _ in triggers_of(found.rule)):
            found.started |= started(scenario.rules, found.rule, scenario.steps, *given)
        for index, mutant in enumerate(found.mutants.made):
            if index not in found.killed:
                self._try(index, mutant)

    def _try(self, index: int, mutant: Mutant) -> None:
        rules = [mutant.document if rule["id"] == self.found.rule["id"] else rule for rule in self.scenario.rules]
        played = _play(self.scenario, rules, self.registry, self.compiler)
        if played.firings == self.base.firings:
            return
        if mutant.pointer == "/cooldown_seconds" and mutant.operator == "setting_dropped":
            self.found.blocked = True
        if fails(self.scenario, played, self.registry):
            self.found.killed[index] = self.name


def _lost(firing: Firing) -> bool:
    return any(call.superseded_by is not None for call in firing.actions)
