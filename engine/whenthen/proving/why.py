"""Why a rule did not fire in a played history: the tree of its conditions as it was at an instant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whenthen.errors import UnknownRuleError
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, Step, Switch, Tick, instant_of
from whenthen.proving.played import Played, stage_of

_NO_SUBJECT = ("no_subject", "disabled")


def why(played: Played, rule_id: str, at_us: int, subject: str | None = None) -> list[dict[str, Any]]:
    """Return ``Engine.explain`` of a rule at an instant, for *subject* or for every subject that it has.

    The history is played once more up to then. When the rule has no subject, the one tree says so.
    """
    stage = stage_of(played.rules, played.steps, played.registry, played.directory, played.zone)
    for step in played.steps:
        if instant_of(step) > at_us:
            break
        try:
            stage.take(step)
        except UnknownRuleError:
            continue  # a run or switch of a rule that is not looked at, as in a replay
    stage.engine.advance(at_us)
    names = [subject] if subject is not None else list(dict.fromkeys(_names(played)))
    trees = [stage.engine.explain(rule_id, name) for name in names]
    return [tree for tree in trees if tree["conditions"] or tree["blocked"] not in _NO_SUBJECT] or trees[:1]


def _names(played: Played) -> Iterator[str]:
    """Yield whatever could be the subject of a rule."""
    for device in played.directory.devices() if played.directory is not None else ():
        yield from (name for name in (device.id, device.room, device.farm) if name is not None)
    for step in played.steps:
        yield from _concerned(step)
    yield "default"


def _concerned(step: Step) -> Iterator[str]:
    match step:
        case Reading(device):
            yield device
        case Tick() | Restart() | Switch():
            pass
        case _:
            yield from (name for name in (step.device, step.room, step.farm) if name is not None)
