"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean …?`` for the nearest of *names*, or nothing when none is near.

    >>> did_you_mean("Europe/Brusels", ["Europe/Berlin", "Europe/Brussels"])
    '; did you mean Europe/Brussels?'
    """
    near = get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""
