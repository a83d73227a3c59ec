"""Whether what a scenario expects happened, else what happened instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from whenthen.model.firing import Firing
from whenthen.proving.lookback import why
from whenthen.proving.played import Played
from whenthen.proving.promises.promised import breaches
from whenthen.proving.scenarios.expect import Expected, ExpectedSetting, contains
from whenthen.proving.scenarios.scenario import Scenario
from whenthen.proving.scenarios.told import Words

_NEAREST = 3
_SUBJECTS = 3
"""So many firings nearby, and so many subjects of a rule that did not fire, are told."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What was expected and did not happen, or the other way round.

    *pointer* is where the scenario expects it; *happened* has a line for each thing that happened instead; *explained*
    is what ``Engine.explain`` says of a rule that did too little, for each subject, at the end of the window.
    """

    pointer: str
    expected: str
    happened: tuple[str, ...]
    explained: tuple[dict[str, Any], ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield the failure for people."""
        yield f"{self.pointer}: expected: {self.expected}"
        yield from (f"  {line}" for line in self.happened)

    def to_json(self) -> dict[str, Any]:
        """Return the failure as ``whenthen test --json`` prints it."""
        return {
            "pointer": self.pointer,
            "expected": self.expected,
            "happened": list(self.happened),
            "explained": list(self.explained),
        }


def judge(scenario: Scenario, played: Played) -> Iterator[Failure]:
    """Yield what was not as the scenario expects."""
    words = Words(scenario)
    for one in scenario.expectations:
        if isinstance(one, Expected):
            yield from _judge_rule(one, scenario, played, words)
        else:
            yield from _judge_actuator(one, played, words)
    for given, breach in breaches(scenario.promises, played):
        yield Failure(given.place, str(given.promise), (words.broken(breach),))


def _judge_rule(one: Expected, scenario: Scenario, played: Played, words: Words) -> Iterator[Failure]:
    within = [firing for firing in played.firings if one.counts(firing) and one.window.holds(firing.at_us)]
    if one.met(len(within)):
        return
    happened = [words.count(one, within)]
    trees: list[dict[str, Any]] = []
    if len(within) < (1 if one.count is None else one.count):
        last_us = scenario.end_us if one.window.until_us is None else one.window.until_us
        trees = why(played, one.rule_id, last_us, one.subject)
        happened += [*_instead(one, played, words), *_nothing_to_clear(one, played, last_us)]
        happened += [words.tree(one, tree, last_us) for tree in trees[:_SUBJECTS]]
    yield Failure(one.pointer, words.expected(one), tuple(happened), tuple(trees))


def _nothing_to_clear(one: Expected, played: Played, last_us: int) -> Iterator[str]:
    if one.kind != "cleared":
        return
    rule = next(rule for rule in played.rules if rule["id"] == one.rule_id)
    if not rule.get("clear_actions"):
        yield "the rule has no clear_actions"
    elif not any(firing.rule_id == one.rule_id and firing.at_us <= last_us for firing in played.firings):
        yield "it had not fired, so there was nothing to clear"


def _instead(one: Expected, played: Played, words: Words) -> Iterator[str]:
    """Yield what the rule did beside what is counted: otherwise within the window, and the nearest outside it."""
    for firing in [firing for firing in played.firings if _near_miss(one, firing)][:_NEAREST]:
        yield words.otherwise(firing)
    outside = [firing for firing in played.firings if one.counts(firing) and not one.window.holds(firing.at_us)]
    if outside:
        nearest = sorted(outside, key=lambda firing: one.window.distance_us(firing.at_us))[:_NEAREST]
        yield f"nearest outside that time: {words.firings(sorted(nearest, key=lambda firing: firing.at_us))}"


def _near_miss(one: Expected, firing: Firing) -> bool:
    same = firing.rule_id == one.rule_id and firing.kind == one.kind
    return same and one.window.holds(firing.at_us) and not one.counts(firing)


def _judge_actuator(one: ExpectedSetting, played: Played, words: Words) -> Iterator[Failure]:
    found = played.actuators.last(one.device, one.channel, one.at_us)
    value = None if found is None else found.value
    if contains(value, one.value):
        return
    happened = ["no rule had set it" if found is None else f"it is {words.setting(found)}"]
    later = [change for change in played.actuators.changes(one.device, one.channel) if change.at_us > one.at_us]
    if later:
        happened.append(f"then it became {words.setting(later[0])}")
    if found is None and not later:
        others = sorted({f"{change.channel} of {change.device}" for change in played.actuators.changes()})
        happened.append(f"what was set: {', '.join(others)}" if others else "no rule set anything")
    yield Failure(one.pointer, words.expected_setting(one), tuple(happened))
