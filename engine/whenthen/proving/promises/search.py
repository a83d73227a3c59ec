"""Searches for a history in which rules break a promise, and makes it as small as it can be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice
from random import Random
from typing import Any

from whenthen.extend.host import load_registry
from whenthen.extend.registry import Registry
from whenthen.model.step import Step, Tick, instant_of
from whenthen.ports import Directory
from whenthen.proving.played import Played, play
from whenthen.proving.promises.draft import Draft, plainest
from whenthen.proving.promises.monitor import Breach, conditions_of, first_broken
from whenthen.proving.promises.moves import FAULTS, Choices, Move
from whenthen.proving.promises.probes import Probes
from whenthen.proving.promises.promise import Promise
from whenthen.proving.promises.world import World, world_of

TRIES = 3_000
"""So many histories are tried for a promise when nobody says otherwise."""

SEED = 0
MAX_STEPS = 20

_AGAIN_EVERY = 3
"""In one of so many histories the same happens again and again."""

_MOST_BEFORE = 4
"""So many steps of that history are drawn one by one: the others are to be many enough to break a limit."""

_Entry = tuple[int, Move]
"""A wait, and what happens then."""


@dataclass(frozen=True, slots=True)
class Found:
    """A history that breaks a promise, as small as it could be made, and the breach in it."""

    breach: Breach
    played: Played

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the history; the breach is certain at the instant of the last."""
        return self.played.steps


def search(  # noqa: PLR0913 - one argument for each thing that may be wanted otherwise
    rules: Iterable[Mapping[str, Any]],
    promises: Iterable[Promise],
    registry: Registry | None = None,
    *,
    directory: Directory | None = None,
    timezone: str = "UTC",
    seed: int = SEED,
    tries: int = TRIES,
    max_size: int = MAX_STEPS,
    faults: Collection[str] = FAULTS,
) -> Found | None:
    """Return a smallest history in which *rules* break one of *promises*, ``None`` when *tries* histories find none.

    The same arguments, *seed* among them, always give the same. *faults* are what may go wrong in a history, *max_size*
    is how many steps it has at most; *registry* is what is installed when it is not given. Raises
    ``InvalidRuleError`` for a rule that cannot be loaded.
    """
    promised = tuple(promises)
    world = world_of(rules, registry or load_registry(), promised, directory, timezone)
    choices, trial = Choices(world, faults), Trial(world, promised)
    for draft in drafts(choices, Random(seed), tries, max_size):  # noqa: S311 - chance that repeats, no secret
        breach = trial.breach_in(draft.steps())
        if breach is not None:
            return trial.found(plainest(draft, choices, trial.breaks(breach.promise)))
    return None


def drafts(choices: Choices, chance: Random, count: int, max_size: int = MAX_STEPS) -> Iterator[Draft]:
    """Yield histories drawn by *chance*, most of them short, each with no trouble, one kind of it or all kinds.

    Now and then the same happens again and again, after a length of time that the rules or promises name: whoever draws
    each step by itself does not come upon the four readings, each just after a cooldown, that break a limit.
    """
    kinds = [(choices.waits_us(kind), choices.moves(kind)) for kind in choices.kinds]
    rests_us = choices.waits_us(choices.kinds[-1])
    for number in range(count):
        waits_us, moves = chance.choice(kinds)
        size = min(chance.randint(1, max_size), chance.randint(1, max_size))
        entries = [(chance.choice(waits_us), chance.choice(moves)) for _ in range(size)]
        if choices.spans_us and number % _AGAIN_EVERY == _AGAIN_EVERY - 1:
            beat_us = chance.choice(choices.spans_us)
            entries = list(islice(_again(entries[:_MOST_BEFORE], beat_us, chance), chance.randint(1, max_size)))
        yield Draft(chance.choice(choices.starts_us), tuple(entries), chance.choice(rests_us))


def _again(entries: Sequence[_Entry], beat_us: int, chance: Random) -> Iterator[_Entry]:
    """Return some of the entries, then without end the last of them, or two in turn, every *beat_us*."""
    first = chance.randrange(len(entries))
    turn = [move for _, move in entries[first : first + chance.choice((1, 2))]]
    again = cycle([(beat_us // len(turn), move) for move in turn])
    return chain(entries[: first + 1], islice(again, 1, None))


class Trial:
    """Plays histories with the rules of a world, and judges promises over them."""

    def __init__(self, world: World, promises: Sequence[Promise]) -> None:
        self._world = world
        self._promises = promises

    def breach_in(self, steps: Sequence[Step]) -> Breach | None:
        """Return how a history breaks a promise."""
        return self._judged(steps, self._promises)

    def breaks(self, promise: Promise) -> Callable[[Draft], bool]:
        """Return what tells whether a draft breaks that very promise."""
        return lambda draft: self._judged(draft.steps(), [promise]) is not None

    def found(self, draft: Draft) -> Found:
        """Return the breach in a draft that has one, and the history up to where it is certain."""
        steps: Sequence[Step] = draft.steps()
        breach = self.breach_in(steps)
        if breach is None:
            raise AssertionError("a history that broke a promise no longer does: a plugin does not repeat itself")
        kept: list[Step] = [step for step in steps if instant_of(step) <= breach.at_us and not isinstance(step, Tick)]
        if not kept or instant_of(kept[-1]) < breach.at_us:
            kept.append(Tick(breach.at_us))
        cut = self._judged(kept, [breach.promise])
        return Found(breach, self._played(steps)) if cut is None else Found(cut, self._played(kept))

    def _judged(self, steps: Sequence[Step], promises: Sequence[Promise]) -> Breach | None:
        world = self._world
        played = self._played(steps)
        probes = Probes(conditions_of(promises), world.registry, world.directory, world.zone, world.compiler)
        for step in played.steps:
            probes.take(step)
        return first_broken(promises, played, probes)

    def _played(self, steps: Sequence[Step]) -> Played:
        world = self._world
        return play(world.rules, steps, world.registry, world.directory, world.zone, world.compiler)
