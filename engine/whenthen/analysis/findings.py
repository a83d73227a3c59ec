"""What the analysis says: a finding, how sure it is, and the history that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from whenthen.model.step import Step
from whenthen.recorded.written import line_of

Kind = Literal[
    "never_fires",
    "always_true",
    "shadowed",
    "missed_trigger",
    "expired",
    "action_conflict",
    "action_duplicate",
    "action_revert",
    "action_loop",
    "condition_bypass",
    "condition_block",
    "environment_conflict",
    "group_conflict",
]
"""The classes of findings; ``docs/testing/check.md`` has an example of each."""

Grade = Literal["certain", "possible"]
"""``certain``: the engine was seen to do it, or intervals leave no other way; ``possible``: something is undeclared."""

Proof = Literal["replayed", "intervals", "solver", "none"]
"""What a grade rests on: a history played in the engine, a decision by intervals or by a solver, or nothing."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A history that shows a finding: *steps* to play on *rules* with these *devices*, and the firings it gives.

    *says* tells in a sentence what is to be seen. A finding that something never happens has no steps when nothing
    could be shown; *says* then names the parts that exclude each other.
    """

    says: str
    steps: tuple[Step, ...] = ()
    firings: tuple[Mapping[str, Any], ...] = ()
    devices: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the witness JSON-ready; its steps as the lines of a recording."""
        return {
            "says": self.says,
            "rules": list(self.rules),
            "steps": [line_of(step) for step in self.steps],
            "firings": list(self.firings),
            "devices": self.devices,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its class, how sure, about which *rules* (ids), and what would mend it.

    *pointer* leads into the first rule, where one place is to blame. *subject* is what the finding is about beside
    its rules: an actuator's channel, a quantity, a sensor.

    >>> Finding("expired", "certain", ("r1",), "is over", "remove it", Witness("")).key
    ('expired', ('r1',), '', '')
    """

    kind: Kind
    grade: Grade
    rules: tuple[str, ...]
    message: str
    mend: str
    witness: Witness
    pointer: str = ""
    subject: str = ""
    proof: Proof = "none"

    @property
    def key(self) -> tuple[str, tuple[str, ...], str, str]:
        """What makes it this finding and no other; findings are told in this order."""
        return (self.kind, self.rules, self.subject, self.pointer)

    def to_json(self) -> dict[str, Any]:
        """Return the finding JSON-ready."""
        return {
            "kind": self.kind,
            "grade": self.grade,
            "proof": self.proof,
            "rules": list(self.rules),
            "subject": self.subject,
            "pointer": self.pointer,
            "message": self.message,
            "mend": self.mend,
            "witness": self.witness.to_json(),
        }
