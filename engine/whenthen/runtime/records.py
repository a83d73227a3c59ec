"""What is written down in a commit: samples, executions, and actions with what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whenthen.model.firing import ActionCall, Firing
from whenthen.model.reading import Scalar

ActionState = Literal[
    "waiting", "sending", "done", "failed", "dead", "unknown", "expired", "skipped", "superseded", "suppressed"
]
"""Where an action stands. ``waiting`` and ``sending`` are the only ones that change by themselves.

``failed`` was refused or may not be repeated, ``dead`` has used up its retries, ``unknown`` may or may not have
happened, ``suppressed`` fell to its rule's rate.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One accepted value of one sensor; instants in microseconds since the epoch."""

    device: str
    sensor: str
    value: Scalar | None
    at_us: int
    received_us: int


@dataclass(frozen=True, slots=True)
class Execution:
    """One firing as it is kept: *cause* says what led to it, *trace* why it fired."""

    id: str
    firing: Firing
    cause: str
    trace: Mapping[str, Any] | None = None


@dataclass(slots=True)
class ActionRow:
    """One action of an execution, from the moment it is due until it has ended.

    *key* is its idempotency key: the same for every attempt. *due_us* is when the next attempt may start, *expires_us*
    when it is too late, *finished_us* when it ended. The outbox alone changes rows.
    """

    key: str
    execution_id: str
    rule_id: str
    rule: str
    subject: str
    position: int
    call: ActionCall
    state: ActionState
    due_us: int
    expires_us: int | None = None
    parallel: bool = False
    together_us: int = 30_000_000
    cause: str = ""
    attempts: int = 0
    result: Any = None
    error: str | None = None
    finished_us: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt went. *after_us* is how long the target asked us to wait (``later``)."""

    kind: Literal["done", "failed", "refused", "later", "unsure"]
    result: Any = None
    error: str | None = None
    after_us: int | None = None
