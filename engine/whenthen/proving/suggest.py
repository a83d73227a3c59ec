"""Scenarios written by a machine for a person to read: what a rule does now, on timelines that were found for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whenthen.clock import from_us
from whenthen.extend.registry import Registry
from whenthen.model.firing import ActionCall, Firing, Kind
from whenthen.model.step import Step, Tick, instant_of
from whenthen.proving.coverage import fails
from whenthen.proving.entries import entries_of
from whenthen.proving.explore import Exploration, Trial
from whenthen.proving.mutants import Mutant
from whenthen.proving.offsets import told_span
from whenthen.proving.played import Played, play
from whenthen.proving.scenario import ENDING, InvalidScenarioError, Scenario, read_scenario

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
    found: list[Suggestion] = []
    for trial in exploration.trials:
        made = _suggestion(exploration, trial, registry, rule, folder, first + len(found))
        if made is not None:
            found.append(made)
    return found


def file_name(name: str) -> str:
    """Return the name of a suggestion's file.

    >>> file_name("High CO2 alert, found 1")
    'high-co2-alert-found-1.scenario.json'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] + ENDING


def _suggestion(
    exploration: Exploration, trial: Trial, registry: Registry, rule: str | Mapping[str, Any], folder: Path, number: int
) -> Suggestion | None:
    original, world = exploration.mutants.original, exploration.world
    steps = (Tick(trial.start_us), *trial.steps)
    played = play([original], steps, registry, world.directory)
    aimed = [exploration.mutants.made[index] for index in sorted(trial.kills)]
    document = {
        "name": f"{original['name']}, found {number}",
        "description": _told(aimed, trial),
        "rules": [rule],
        **({"only": [_called(original, rule)]} if isinstance(rule, str) else {}),
        "devices": world.to_json(),
        "start": from_us(trial.start_us).isoformat(),
        "timeline": entries_of(trial.steps, trial.start_us),
        "expect": list(_expected(played, trial.start_us, _called(original, rule))),
    }
    try:
        scenario = read_scenario(document, registry, folder)
    except InvalidScenarioError:
        return None  # its rule cannot be read from there as it was read here
    if fails(scenario, _replayed(scenario, original, registry), registry):
        return None
    kills = tuple(
        mutant for mutant in aimed if fails(*_with(scenario, mutant.document, registry), registry)
    )
    if not kills and not trial.outcomes:
        return None
    return Suggestion(str(document["name"]), document, kills)


def _with(scenario: Scenario, document: Mapping[str, Any], registry: Registry) -> tuple[Scenario, Played]:
    changed = replace(scenario, rules=(document,))
    return changed, _replayed(changed, document, registry)


def _replayed(scenario: Scenario, document: Mapping[str, Any], registry: Registry) -> Played:
    return play([document], scenario.steps, registry, scenario.directory, scenario.zone)


def _called(original: Mapping[str, Any], rule: str | Mapping[str, Any]) -> str:
    """Return how a scenario names the rule: by its id where it has one of its own, else by its name."""
    given = rule if isinstance(rule, Mapping) else original
    name: str = given["name"]
    return name


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


def _one_by_one(
    firings: Sequence[Firing], start_us: int, rule: dict[str, str], verb: str
) -> Iterator[dict[str, Any]]:
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


def steps_of(trial: Trial) -> tuple[Step, ...]:
    """Return a trial's steps, with its start."""
    return (Tick(trial.start_us), *trial.steps)
