"""Why a rule would have fired at an instant of a history, or would not: played up to there, and asked."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from whenthen.clock import from_us
from whenthen.errors import UnknownRuleError, WhenthenError
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import instant_of
from whenthen.proving.played import Played, stage_of
from whenthen.recorded.row import BadRow, Row
from whenthen.replay import Playing
from whenthen.stage import Stage

MAX_SUBJECTS = 20
"""So many subjects are explained when none is named."""

_NOT_KNOWN = "what was before the recording begins: a condition that remembers may have remembered more"
_NOT_KNOWN_AFTER = "what came after the recording ends: it is explained as if nothing had come"


class OutsideError(WhenthenError):
    """The instant is before the history begins."""

    code = "before_history"


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer, JSON-ready and in the shape that a server gives, and every subject that the rule has then."""

    document: dict[str, Any]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rule is asked about, at which instant (microseconds), and for whom; without a *subject*, for the first."""

    rule_id: str
    at_us: int
    subject: str | None = None


def _play(playing: Playing, rows: Iterable[Row], at_us: int) -> int | None:
    """Take the rows up to and at an instant, also those that cannot be read; return when the next one comes, if any."""
    for row in rows:
        if not isinstance(row, BadRow) and instant_of(row) > at_us:
            return instant_of(row)
        for _ in playing.take(row):
            pass
    return None


def explained(playing: Playing, rows: Iterable[Row], asked: Asked) -> Explained:
    """Play *rows* up to an instant and return why a rule would fire then, or would not.

    The stage of *playing* has the rules already. Raises ``OutsideError`` for an instant before the first row, and
    ``UnknownRuleError``.
    """
    stage, tally = playing.stage, playing.tally
    rule_id, at_us, subject = asked.rule_id, asked.at_us, asked.subject
    next_us = _play(playing, rows, at_us)
    if tally.first_us is None or tally.last_us is None:
        begins = "" if next_us is None else f", which begins at {_iso(next_us)}"
        raise OutsideError(f"there is nothing at or before {_iso(at_us)} in the recording{begins}")
    every = _subjects(stage, rule_id, at_us)
    wanted = every[:MAX_SUBJECTS] if subject is None else [subject]
    how: dict[str, Any] = {
        "method": "recording",
        "from": _iso(tally.first_us),
        "rows": tally.rows,
        "complete": True,
        "not_known": [_NOT_KNOWN],
    }
    if next_us is None and tally.last_us < at_us:
        how["ends"] = _iso(tally.last_us)
        how["not_known"].append(_NOT_KNOWN_AFTER)
    document = {
        "rule_id": rule_id,
        "at": _iso(at_us),
        "how": how,
        "explanations": [stage.engine.explain(rule_id, one) for one in wanted],
        "subjects": len(every),
    }
    return Explained(document, tuple(every))


def why(played: Played, rule_id: str, at_us: int, subject: str | None = None) -> list[dict[str, Any]]:
    """Return ``Engine.explain`` of a rule at an instant of a played history, for *subject* or for every one it has.

    The history is played once more up to then. When the rule has no subject, the one tree says so.
    """
    stage = stage_of(played.rules, played.steps, played.registry, played.directory, played.zone)
    for step in played.steps:
        if instant_of(step) > at_us:
            break
        with suppress(UnknownRuleError):  # a run or switch of a rule that is not looked at, as in a replay
            stage.take(step)
    every = _subjects(stage, rule_id, at_us)
    wanted = every or [_anybody(played)] if subject is None else [subject]
    return [stage.engine.explain(rule_id, one) for one in wanted]


def _subjects(stage: Stage, rule_id: str, at_us: int) -> list[str]:
    """Return the subjects that a rule has at an instant, to which time goes on."""
    stage.engine.advance(at_us)
    return stage.engine.subjects(rule_id)


def _anybody(played: Played) -> str:
    """Return somebody of whom a rule without subjects can say that it has none."""
    listed = [] if played.directory is None else [device.id for device in played.directory.devices()]
    heard = (step.device for step in played.steps if isinstance(step, Reading | Event) and step.device)
    return next(chain(listed, heard), "default")


def _iso(instant_us: int) -> str:
    return from_us(instant_us).isoformat().replace("+00:00", "Z")
