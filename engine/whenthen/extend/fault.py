"""What an exception or a wrong value of a plugin says, in words that are short and cannot fail themselves."""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from whenthen.errors import PluginError
from whenthen.extend.guarded import said


def told(error: BaseException) -> str:
    """Return what happened, to stand behind the plugin's name; a ``PluginError`` already says it all.

    >>> told(ValueError("no such pump"))
    'raised ValueError: no such pump'
    """
    words = said(error)
    return words.removeprefix(f"{type(error).__name__}: ") if isinstance(error, PluginError) else f"raised {words}"


def named(value: Any) -> str:
    """Return the type of a value, which may itself refuse to be printed.

    >>> named(1), named(None)
    ('int', 'NoneType')
    """
    kind = type(value)
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    return str(name) if module == "builtins" else f"{module}.{name}"


def discard(value: Any) -> None:
    """Close a coroutine that nobody will await, so that Python does not complain of it later."""
    # Not isinstance: that would ask the value for its class, and it may answer with an exception.
    if type(value) is CoroutineType:
        value.close()


def wrong_truth(value: Any) -> str:
    """Return the words for an answer that is no truth."""
    discard(value)
    return f"returned {named(value)}, not True, False or None"
