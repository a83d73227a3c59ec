"""What whenthen-archive registers: whenthen calls these hooks once, when it loads."""

from collections.abc import Iterable

from whenthen import Action, hookimpl

from whenthen_archive import actions

whenthen_api = 1
"""The version of whenthen's plugin interface that this is written for."""


@hookimpl
def whenthen_actions() -> Iterable[type[Action]]:
    """Register the actions."""
    return [actions.Archive]
