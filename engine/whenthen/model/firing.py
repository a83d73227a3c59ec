"""One firing: a rule that fired or cleared for one subject, and the actions that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from whenthen.clock import from_us

Kind = Literal["fired", "cleared"]
Delivery = Literal["idempotent", "at_most_once"]
"""How often an action may be carried out: again with the same key, or never twice.

>>> from typing import get_args
>>> get_args(Delivery)
('idempotent', 'at_most_once')
"""


class Setting(NamedTuple):
    """An actuator's *channel* of one device that is set to *value*.

    >>> Setting("dev-1", "fan", "on").channel
    'fan'
    """

    device: str
    channel: str
    value: Any


@dataclass(frozen=True, slots=True)
class ActionCall:
    """One action of a firing, its texts filled in.

    Exactly one of *superseded_by* (a rule's id), *skipped* and *failed* (a reason) is set when the action does not run.
    *after_us* is how long after the firing it is to run, *expires_after_us* how long after that it is too late,
    *timeout_us* how long an attempt may take, all in microseconds. *max_retries* is 0 unless the rule asks for
    retries, and ``None`` when it does not say how many.
    *sets* is what its type declares that it sets, device by device.

    >>> ActionCall("sound", {"sound_id": 2}, "at_most_once", targets=("dev-1",)).runs
    True
    """

    type: str
    config: Mapping[str, Any]
    delivery: Delivery
    targets: tuple[str, ...] = ()
    after_us: int = 0
    expires_after_us: int | None = None
    superseded_by: str | None = None
    skipped: str | None = None
    failed: str | None = None
    timeout_us: int | None = None
    max_retries: int | None = 0
    stop_on_failure: bool = False
    sets: tuple[Setting, ...] = ()

    @property
    def runs(self) -> bool:
        """Tell whether the action is to be carried out."""
        return self.superseded_by is None and self.skipped is None and self.failed is None

    def to_json(self) -> dict[str, Any]:
        """Return the action as ``replay --json`` prints it."""
        line: dict[str, Any] = {"type": self.type, "config": self.config}
        for name in ("superseded_by", "skipped", "failed"):
            reason = getattr(self, name)
            if reason is not None:
                line[name] = reason
        return line


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fired, or whose clear actions run, for one subject at one instant.

    *depth* is 0 for a firing that an input or a timer caused, one more for each firing in between. *counted* is false
    when every action lost its actuator: such a firing counts, cools and activates nothing. The actions run one after
    the other unless *parallel*, and may take *timeout_us* (microseconds) together. *trace* says why, as
    ``Engine.explain`` does, if the engine was told to keep traces.

    >>> Firing(0, "r1", "Too warm", "dev-1", "fired", ()).at.isoformat()
    '1970-01-01T00:00:00+00:00'
    """

    at_us: int
    rule_id: str
    rule: str
    subject: str
    kind: Kind
    actions: tuple[ActionCall, ...]
    depth: int = 0
    counted: bool = True
    parallel: bool = False
    timeout_us: int = 30_000_000
    trace: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def at(self) -> datetime:
        """The instant, aware, UTC."""
        return from_us(self.at_us)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the engine reports beside firings: nothing is silent.

    *kind* is ``reading_refused``, ``reading_late``, ``rule_failed``, ``runs_missed``, ``sensor_stale``,
    ``sensor_recovered``, ``unknown_rule`` (a recorded run or switch of a rule that is not there), or, with the name of
    the *plugin*, ``condition_failed``, ``action_failed``, ``trigger_failed`` or ``function_failed``. *count* is how
    often it happened since notices were last taken, *at_us*
    when it first did.

    >>> Notice("rule_failed", 0, "a placeholder has no value", rule_id="r1").kind
    'rule_failed'
    """

    kind: str
    at_us: int
    message: str
    rule_id: str | None = None
    subject: str | None = None
    plugin: str | None = None
    count: int = 1
