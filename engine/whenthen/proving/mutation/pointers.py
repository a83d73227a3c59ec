"""A document with one place in it changed: places are JSON Pointers, documents are copied."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any


def replaced(document: Mapping[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """Return a copy in which *pointer* has *value*; the object around it must be there.

    >>> replaced({"a": [1, 2]}, "/a/1", 3)
    {'a': [1, 3]}
    """
    copy = deepcopy(dict(document))
    around, last = _around(copy, pointer)
    around[last] = deepcopy(value)
    return copy


def without(document: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    """Return a copy that lacks what *pointer* has.

    >>> without({"a": [1, 2], "b": 3}, "/a/0")
    {'a': [2], 'b': 3}
    """
    copy = deepcopy(dict(document))
    around, last = _around(copy, pointer)
    del around[last]
    return copy


def at(document: Any, pointer: str) -> Any:
    """Return what stands at *pointer*; raises ``KeyError`` or ``IndexError`` when nothing does.

    >>> at({"a": [1, {"b/c": 2}]}, "/a/1/b~1c")
    2
    """
    if not pointer:
        return document
    around, last = _around(document, pointer)
    return around[last]


def _around(document: Any, pointer: str) -> tuple[Any, Any]:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in way:
        document = document[_key(document, part)]
    return document, _key(document, last)


def _key(document: Any, part: str) -> Any:
    return int(part) if isinstance(document, list) else part
