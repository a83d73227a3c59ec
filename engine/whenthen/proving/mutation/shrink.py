"""A timeline made as short as it can be while something still holds of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from whenthen.model.reading import Reading
from whenthen.model.step import Step, instant_of
from whenthen.proving.smaller import runs, smallest


def shrunk(steps: Sequence[Step], holds: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Return *steps* without those that *holds* does not need.

    Nothing moves in time: what is left stays at its instant.

    >>> from whenthen.model.step import Tick
    >>> shrunk([Tick(1), Tick(2), Tick(3), Tick(4)], lambda left: Tick(3) in left)
    [Tick(at_us=3)]
    """
    return smallest(list(steps), _fewer, holds)


def _fewer(steps: list[Step]) -> Iterator[list[Step]]:
    left_out = ((start, end) for start, end in runs(len(steps)) if end - start < len(steps))
    return (steps[:start] + steps[end:] for start, end in left_out)


def at_once(steps: Sequence[Step], start_us: int, holds: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Return *steps* moved in time so that the first happens at *start_us*, if what holds does not hang on the hour.

    >>> from whenthen.model.step import Tick
    >>> at_once([Tick(7), Tick(9)], 5, lambda left: len(left) == 2)
    [Tick(at_us=5), Tick(at_us=7)]
    """
    back_us = instant_of(steps[0]) - start_us
    moved = [_moved(step, back_us) for step in steps]
    return moved if back_us and holds(moved) else list(steps)


def _moved(step: Step, back_us: int) -> Step:
    if isinstance(step, Reading):
        return replace(step, received_us=step.received_us - back_us)
    return replace(step, at_us=step.at_us - back_us)
