"""Every extension point. Hooks only register named things; they are called once, when plugins load.

A hook only ever gains arguments; each says since when it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pluggy

from whenthen.extend.action import Action
from whenthen.extend.advisor import Advisor
from whenthen.extend.condition import Condition
from whenthen.extend.driver import Driver
from whenthen.extend.observer import Observer
from whenthen.extend.trigger import Trigger

NAMESPACE = "whenthen"

API_VERSION: int = 1
"""The number of this contract between whenthen and plugins; see ``docs/plugins/stability.md``.

A plugin may say ``whenthen_api = 1``; one that says a greater number than this is skipped.

>>> API_VERSION
1
"""

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(NAMESPACE)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(NAMESPACE)
"""Marks a function of a plugin as the implementation of the hook whose name it bears.

>>> @hookimpl
... def whenthen_functions():
...     return [Function("double", lambda value: 2 * value)]
>>> [function.name for function in whenthen_functions()]
['double']
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A named function.

    With *condition* false it is for expressions: scalars in, one scalar out. With *condition* true it is for ``custom``
    conditions and is called as ``call(view, params)``; *reads* names its sensors. *action* marks one for ``custom``
    actions, called as ``call(params)``, or as ``call(params, services)`` when it names the *services* that it asks for.

    >>> Function("double", lambda value: 2 * value).call(4)
    8
    """

    name: str
    call: Callable[..., Any]
    condition: bool = False
    action: bool = False
    reads: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


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
def whenthen_drivers() -> Iterable[type[Driver]]:  # type: ignore[empty-body]
    """Return driver classes. Since 0.1."""


@hookspec
def whenthen_advisors() -> Iterable[type[Advisor]]:  # type: ignore[empty-body]
    """Return advisor classes. Since 0.1."""


@hookspec
def whenthen_observers() -> Iterable[type[Observer]]:  # type: ignore[empty-body]
    """Return observer classes. Since 0.1."""
