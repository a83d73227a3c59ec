"""Words for what a plugin does wrong, whatever it raises and however it shows itself."""

from __future__ import annotations

from typing import Any

_LONGEST = 300


def said(error: BaseException) -> str:
    r"""Return an error's kind and message as one short line, even when the error cannot be shown.

    >>> said(ValueError("no such\nvalve"))
    'ValueError: no such valve'
    """
    try:
        message = " ".join(str(error).split())
    except BaseException as worse:  # noqa: BLE001 - a message may raise as anything of a plugin may
        _let_interrupts_pass(worse)
        message = "(its message raises, too)"
    kind = type(error).__name__
    return _cut(f"{kind}: {message}" if message else kind)


def shown(thing: Any) -> str:
    """Return a thing as a plugin's author knows it: a class by its name, all else by its ``repr``, one short line.

    >>> shown(Exception), shown([1])
    ('class Exception', '[1]')
    """
    try:
        return _cut(f"class {thing.__qualname__}" if isinstance(thing, type) else " ".join(repr(thing).split()))
    except BaseException as error:  # noqa: BLE001 - see said
        _let_interrupts_pass(error)
        return f"an object of {type(thing).__name__} that cannot be shown"


def _let_interrupts_pass(error: BaseException) -> None:
    """Raise *error* again when it is the user's wish to stop, not the plugin's mistake."""
    if isinstance(error, KeyboardInterrupt):
        raise error


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
