"""A history as it was chosen, and the plainer ones that could be made of it: fewer steps, plainer, shorter waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from whenthen.model.step import Step
from whenthen.proving.promises.moves import Choices, Move, Raise, Say, told
from whenthen.proving.smaller import runs, smallest

_Listed = TypeVar("_Listed")


@dataclass(frozen=True)
class Draft:
    """A history as it was chosen: its start, what happens after which wait, and how long it goes on (microseconds)."""

    start_us: int
    entries: tuple[tuple[int, Move], ...]
    rest_us: int

    def steps(self) -> list[Step]:
        """Return the history."""
        return told(self.start_us, self.entries, self.rest_us)


def plainest(draft: Draft, choices: Choices, shows: Callable[[Draft], bool]) -> Draft:
    """Return a draft that still *shows* what the given one does, and of which nothing more can be made plainer."""
    ranks = _Ranks(choices)
    return smallest(draft, lambda one: chain(_fewer(one), ranks.plainer(one)), shows)


def _fewer(draft: Draft) -> Iterator[Draft]:
    """Yield drafts that lack some entries in a row, once with the time that they took and once without."""
    for start, end in runs(len(draft.entries)):
        before, after = draft.entries[:start], draft.entries[end:]
        passed_us = sum(wait_us for wait_us, _ in draft.entries[start:end])
        yield replace(draft, entries=(*before, *after))
        if after:
            (wait_us, move), *rest = after
            yield replace(draft, entries=(*before, (wait_us + passed_us, move), *rest))
        else:
            yield replace(draft, entries=before, rest_us=draft.rest_us + passed_us)


class _Ranks:
    """Knows which of two waits, moves, devices or starts is the plainer: the one that is listed first."""

    def __init__(self, choices: Choices) -> None:
        everything = choices.kinds[-1]
        self._moves = list(dict.fromkeys(choices.moves(everything)))
        self._waits_us = list(dict.fromkeys(choices.waits_us(everything)))
        self._starts_us = choices.starts_us
        self._devices = choices.devices
        self._told = {repr(move): move for move in self._moves}

    def plainer(self, draft: Draft) -> Iterator[Draft]:
        """Yield drafts in which one thing is plainer: a device wherever it is named, or something at one place."""
        for device in self._devices:
            if any(isinstance(move, Say | Raise) and move.device == device for _, move in draft.entries):
                yield from (self._renamed(draft, device, earlier) for earlier in _before(device, self._devices))
        for start_us in _before(draft.start_us, self._starts_us):
            yield replace(draft, start_us=start_us)
        for index, (wait_us, move) in enumerate(draft.entries):
            for other in _before(move, self._moves):
                yield _with(draft, index, (wait_us, other))
            for other_us in _before(wait_us, self._waits_us):
                yield _with(draft, index, (other_us, move))
        for rest_us in _before(draft.rest_us, self._waits_us):
            yield replace(draft, rest_us=rest_us)

    def _renamed(self, draft: Draft, device: str, other: str) -> Draft:
        entries = ((wait_us, self._moved(move, device, other)) for wait_us, move in draft.entries)
        return replace(draft, entries=tuple(entries))

    def _moved(self, move: Move, device: str, other: str) -> Move:
        """Return the move of the list that is the same for another device, if it is a move of that device."""
        if not isinstance(move, Say | Raise) or move.device != device:
            return move
        renamed = replace(move, device=other)
        return self._told.get(repr(renamed), renamed)


def _with(draft: Draft, index: int, entry: tuple[int, Move]) -> Draft:
    return replace(draft, entries=(*draft.entries[:index], entry, *draft.entries[index + 1 :]))


def _before(value: _Listed, listed: Sequence[_Listed]) -> Sequence[_Listed]:
    return listed[: listed.index(value)] if value in listed else listed
