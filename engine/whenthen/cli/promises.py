"""How ``whenthen test`` searches for broken promises: the options of the search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from whenthen.proving.promises.hunt import Effort
from whenthen.proving.promises.moves import FAULTS
from whenthen.proving.promises.search import SEED, TRIES


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the search; ``effort_of`` knows what they said."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def effort_of(seed: int, tries: int, without: Iterable[str]) -> Effort:
    """Return what the options ask for."""
    return Effort(seed, tries, [fault for fault in FAULTS if fault not in set(without)])


_OPTIONS = (
    click.option(
        "--seed", default=SEED, show_default=True, metavar="NUMBER", help="Search other histories for broken promises."
    ),
    click.option(
        "--tries",
        type=click.IntRange(1),
        default=TRIES,
        show_default=True,
        metavar="NUMBER",
        help="So many histories are tried for each promise.",
    ),
    click.option(
        "--without",
        multiple=True,
        metavar="FAULT",
        type=click.Choice(FAULTS),
        help=f"Let this not go wrong in the search: {', '.join(FAULTS)}. May be given several times.",
    ),
)
