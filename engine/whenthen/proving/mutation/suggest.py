"""Scenarios written by a machine for a person to read: what a rule does now, on timelines that were found for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whenthen.clock import from_us
from whenthen.dsl.read import SCENARIO_ENDING
from whenthen.extend.registry import Registry
from whenthen.model.firing import ActionCall, Firing, Kind
from whenthen.model.step import Tick, instant_of
from whenthen.proving.mutation.coverage import fails
from whenthen.proving.mutation.explore import Exploration, Trial
from whenthen.proving.mutation.mutants import Mutant
from whenthen.proving.offsets import told_span
from whenthen.proving.places import places_of
from whenthen.proving.played import Played, play
from whenthen.proving.scenarios.entries import entries_of
from whenthen.proving.scenarios.scenario import Scenario, read_scenario
from whenthen.proving.unsound import InvalidScenarioError

_MOST_TOLD = 8
"""So many firings of a kind are expected one by one; of more the first and last few, and how many there are."""
_VERBS: Mapping[Kind, tuple[str, str]] = {"fired": ("fires", "never_fires"), "cleared": ("clears", "never_clears")}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A scenario's *document*, and the mutants that it was run against and notices."""

    name: str
    document: Mapping[str, Any]
    kills: tuple[Mutant, ...]


def suggest(
    exploration: Exploration, registry: Registry, rule: str | Mapping[str, Any], folder: Path, first: int = 1
) -> list[Suggestion]:
    """Return a scenario for each trial that holds for the original and notices something, or reaches something new.

    *rule* is what a scenario's ``rules`` says of it: a path relative to *folder*, or the document itself. They are
    numbered from *first* on.
    """
    writer = _Writer(exploration, registry, rule, folder)
    found: list[Suggestion] = []
    for trial in exploration.trials:
        made = writer.suggestion(trial, first + len(found))
        if made is not None:
            found.append(made)
    return found


def file_name(name: str) -> str:
    """Return the name of a suggestion's file.

    >>> file_name("High CO2 alert, found 1")
    'high-co2-alert-found-1.scenario.json'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] + SCENARIO_ENDING


def written(document: Mapping[str, Any]) -> str:
    """Return a scenario as a person would write it: each entry of a list on a line of its own.

    >>> print(written({"name": "n", "timeline": [{"at": "0s"}, {"at": "1s"}]}), end="")
    {
      "name": "n",
      "timeline": [
        {"at": "0s"},
        {"at": "1s"}
      ]
    }
    """
    parts = [f"  {json.dumps(key)}: {_value(value)}" for key, value in document.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _value(value: Any) -> str:
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in value) + "\n  ]"


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the scenarios for one rule."""

    exploration: Exploration
    registry: Registry
    rule: str | Mapping[str, Any]
    folder: Path

    def suggestion(self, trial: Trial, number: int) -> Suggestion | None:
        """Return the scenario for a trial, unless it turns out not to show anything."""
        document = self._document(trial, number)
        original, made = self.exploration.mutants.original, self.exploration.mutants.made
        try:
            scenario = read_scenario(document, self.registry, self.folder)
        except InvalidScenarioError:
            return None  # its rule cannot be read from there as it was read here
        if self._fails(scenario, original):
            return None
        kills = tuple(made[index] for index in sorted(trial.kills) if self._fails(scenario, made[index].document))
        return Suggestion(document["name"], document, kills) if kills or trial.outcomes else None

    def _document(self, trial: Trial, number: int) -> dict[str, Any]:
        original, scene = self.exploration.mutants.original, self.exploration.scene
        played = play([original], (Tick(trial.start_us), *trial.steps), self.registry, scene.directory)
        aimed = [self.exploration.mutants.made[index] for index in sorted(trial.kills)]
        return {
            "name": f"{original['name']}, found {number}",
            "description": _told(aimed, trial),
            "rules": [self.rule],
            **({"only": [original["name"]]} if isinstance(self.rule, str) else {}),
            "devices": places_of(scene.directory),
            "start": from_us(trial.start_us).isoformat(),
            "timeline": entries_of(trial.steps, trial.start_us, {original["id"]: original["name"]}),
            "expect": list(_expected(played, trial.start_us, original["name"])),
        }

    def _fails(self, scenario: Scenario, document: Mapping[str, Any]) -> bool:
        changed = replace(scenario, rules=(document,))
        played = play([document], scenario.steps, self.registry, scenario.directory, scenario.zone)
        return fails(changed, played, self.registry)


def _told(aimed: Sequence[Mutant], trial: Trial) -> str:
    noticed = "; ".join(f"{mutant.told} at {mutant.pointer}" for mutant in aimed)
    reached = "; ".join(
        f"{pointer} is {'unknown' if truth is None else str(truth).lower()}"
        for pointer, truth in sorted(trial.outcomes, key=str)
    )
    told = "Written by whenthen coverage from what the rule does now: read it before you keep it."
    told += f" It would notice: {noticed}." if noticed else ""
    told += f" In it {reached}." if reached else ""
    return told[:9_000]


def _expected(played: Played, start_us: int, rule: str) -> Iterator[dict[str, Any]]:
    """Yield what is expected: how often and when it fires and clears, with which actions, and what they set."""
    for kind, (verb, never) in _VERBS.items():
        firings = [one for one in played.firings if one.kind == kind and (one.counted or kind == "cleared")]
        if not firings:
            if kind == "fired" or played.rules[0].get("clear_actions"):
                yield {"rule": rule, never: True}
            continue
        yield {"rule": rule, verb: len(firings)}
        yield from _one_by_one(firings, start_us, {"rule": rule}, verb)
    yield from _set(played, start_us)


def _one_by_one(firings: Sequence[Firing], start_us: int, rule: dict[str, str], verb: str) -> Iterator[dict[str, Any]]:
    shown = firings if len(firings) <= _MOST_TOLD else [*firings[: _MOST_TOLD // 2], *firings[-_MOST_TOLD // 2 :]]
    seen: list[tuple[str, Mapping[str, Any]]] = []
    for at_us, subject in dict.fromkeys((firing.at_us, firing.subject) for firing in shown):
        same = [firing for firing in firings if (firing.at_us, firing.subject) == (at_us, subject)]
        when = told_span(at_us - start_us)
        window = {"from": when, "until": when, "subject": subject}
        yield {**rule, verb: len(same), **window}
        for call in _calls(same):
            if (call.type, call.config) not in seen:
                seen.append((call.type, call.config))
                with_it = sum(any(_alike(call, other) for other in one.actions) for one in same)
                yield {**rule, verb: with_it, **window, "action": {"type": call.type, "config": call.config}}


def _calls(firings: Iterable[Firing]) -> Iterator[ActionCall]:
    return (call for firing in firings for call in firing.actions if call.runs)


def _alike(one: ActionCall, other: ActionCall) -> bool:
    return other.runs and (one.type, one.config) == (other.type, other.config)


def _set(played: Played, start_us: int) -> Iterator[dict[str, Any]]:
    """Yield what each channel is set to at the end, and of what is set with a delay, when."""
    end_us = instant_of(played.steps[-1])
    delayed = any(call.after_us for call in _calls(played.firings))
    channels = dict.fromkeys((change.device, change.channel) for change in played.actuators.changes())
    for device, channel in channels:
        changes = played.actuators.changes(device, channel)
        instants = {max(changes[-1].at_us, end_us)}
        if delayed:
            instants |= {change.at_us for change in changes[:_MOST_TOLD]}
            instants |= {change.at_us - 1 for change in changes[:_MOST_TOLD] if change.at_us > start_us}
        for at_us in sorted(instants):
            value = played.actuators.value(device, channel, at_us)
            yield {"device": device, "channel": channel, "is": value, "at": told_span(at_us - start_us)}
