"""A suspicion tried: whether rules can be so at once, and whether the engine then does the bad thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

from whenthen.analysis import history
from whenthen.analysis.calendar import week_of
from whenthen.analysis.case import Case
from whenthen.analysis.facts import Facts
from whenthen.analysis.findings import Grade, Proof, Witness
from whenthen.analysis.history import Part
from whenthen.analysis.physics import Effects
from whenthen.analysis.placing import Cast, Placing
from whenthen.analysis.region import Span
from whenthen.analysis.solver import Answer, Functions, solve
from whenthen.analysis.stageplay import Play, Theatre
from whenthen.analysis.ways import Reader
from whenthen.clock import SECOND_US
from whenthen.extend.registry import Registry
from whenthen.model.step import Step

_MOST_COMBINATIONS = 24

Observer = Callable[[Play], bool]
"""Tells whether the bad thing is to be seen in a play."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of the analysis needs: what to play with, from when on, and what counts as "at once"."""

    registry: Registry
    placing: Placing
    theatre: Theatre
    effects: Effects
    functions: Functions
    now_us: int
    within_us: int = 60 * SECOND_US
    use_z3: bool = True
    known_spans: dict[str, tuple[Span, ...] | None] = field(default_factory=dict)

    def reader(self, facts: Facts) -> Reader:
        """Return what reads a rule's conditions."""
        return Reader(facts.rule.variables, facts.place.zone, week_of(self.now_us), self.known_spans)

    def solved(self, case: Case) -> Answer:
        """Return values for a way."""
        return solve(case, self.functions, use_z3=self.use_z3)


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of a suspicion that stands."""

    grade: Grade
    proof: Proof
    witness: Witness


def try_together(context: Context, facts: Sequence[Facts], cast: Cast, observe: Observer, says: str) -> Shown | None:
    """Return how sure it is that rules can fire at once and do what *observe* looks for; ``None``: they do not."""
    doubt: Shown | None = None
    for parts, joint in islice(combinations(facts, cast), _MOST_COMBINATIONS):
        answer = context.solved(joint)
        if answer.truth is False:
            continue
        at = history.instants(parts, context.now_us, context.within_us)
        if at is None:
            continue
        if answer.truth is None:
            doubt = doubt or _doubtful(facts, says, "arithmetic that nothing here could decide")
            continue
        shown = _played(context, parts, cast, answer, at, observe, says)
        if shown is not None:
            return shown
        if joint.unsure:
            doubt = doubt or _doubtful(facts, says, ", ".join(sorted(joint.unsure)))
    return doubt


def combinations(facts: Sequence[Facts], cast: Cast) -> Iterator[tuple[list[Part], Case]]:
    """Yield the rules' ways that go together, and what they come to jointly."""
    placed = [[case.placed(device.id) for case in one.fires] for one, device in zip(facts, cast.own, strict=True)]
    for cases in product(*placed):
        joint = cases[0]
        for case in cases[1:]:
            joint = joint.meet(case)
            if not joint.possible:
                break
        else:
            if joint.possible:
                yield [Part(*one) for one in zip(facts, cases, cast.own, strict=True)], joint


def _played(  # noqa: PLR0913, PLR0917 - the parts of a trial
    context: Context,
    parts: list[Part],
    cast: Cast,
    answer: Answer,
    at: Sequence[int],
    observe: Observer,
    says: str,
) -> Shown | None:
    for steps in histories(parts, answer.point, at):
        play = context.theatre.play([part.facts for part in parts], steps, cast)
        if observe(play):
            return Shown("certain", "replayed", witness_of(says, steps, play, cast, [part.facts for part in parts]))
    return None


def histories(parts: list[Part], values: history.Values, at: Sequence[int]) -> Iterator[list[Step]]:
    """Yield histories in which the parts fire at once, or one right after the other."""
    yield history.together(parts, values, at)
    if len(parts) == 1:
        return
    if len({part.case.hold_us for part in parts}) > 1:
        yield history.together(parts, values, at, early=True)
    for order in (parts, parts[::-1]):
        steps = history.apart(order, values, at)
        if steps is not None:
            yield steps


def witness_of(says: str, steps: Sequence[Step], play: Play, cast: Cast, facts: Sequence[Facts]) -> Witness:
    """Return the witness of a play."""
    devices: Mapping[str, Any] = cast.to_json()
    return Witness(says, tuple(steps), play.lines(), devices, tuple(one.id for one in facts))


def _doubtful(facts: Sequence[Facts], says: str, why: str) -> Shown:
    return Shown(
        "possible", "none", Witness(f"{says}; not sure because of {why}", rules=tuple(one.id for one in facts))
    )
