"""Every extension point. Hooks only register named things; they are called once, when plugins load.

A hook only ever gains arguments; each says since when it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pluggy

from whenthen.extend.action import Action
from whenthen.extend.condition import Condition
from whenthen.extend.trigger import Trigger

NAMESPACE = "whenthen"

hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@dataclass(frozen=True, slots=True)
class Function:
    """A named function.

    With *condition* false it is for expressions: scalars in, one scalar out. With *condition* true it is for ``custom``
    conditions and is called as ``call(view, params)``; *reads* names its sensors. *action* marks one for ``custom``
    actions.
    """

    name: str
    call: Callable[..., Any]
    condition: bool = False
    action: bool = False
    reads: tuple[str, ...] = ()


@hookspec
def whenthen_triggers() -> Iterable[type[Trigger]]:  # type: ignore[empty-body]
    """Return trigger classes. Since 0.1."""


@hookspec
def whenthen_conditions() -> Iterable[type[Condition]]:  # type: ignore[empty-body]
    """Return condition classes. Since 0.1."""


@hookspec
def whenthen_actions() -> Iterable[type[Action]]:  # type: ignore[empty-body]
    """Return action classes. Since 0.1."""


@hookspec
def whenthen_functions() -> Iterable[Function]:  # type: ignore[empty-body]
    """Return functions for expressions and for ``custom``. Since 0.1."""


@hookspec
def whenthen_drivers() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return device drivers, each with a ``type``. Since 0.1."""


@hookspec
def whenthen_advisors() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return advisors, each with a ``type``. Since 0.1."""


@hookspec
def whenthen_observers() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return observers, each with a ``type``. Since 0.1."""
