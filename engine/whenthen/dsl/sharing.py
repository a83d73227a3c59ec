"""What many rules say alike, as one object: ten thousand rules have few different names, sensors and texts."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar

_Shared = TypeVar("_Shared", bound=Hashable)

_SHORT = 64
"""Texts up to this long are likely to be names."""


def owned(value: Any) -> Any:
    """Return a copy of JSON that nobody else can change; equal names and short texts are one object."""
    if isinstance(value, dict):
        return {sys.intern(key): owned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [owned(inner) for inner in value]
    return sys.intern(value) if value.__class__ is str and len(value) <= _SHORT else value


_first = lru_cache(maxsize=4_096)(lambda value: value)


def one(value: _Shared) -> _Shared:
    """Return the first of equal values, so that rules which say the same share it."""
    first: _Shared = _first(value)
    return first
