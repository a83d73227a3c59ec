"""Tells whoever listens what a commit brought, in order; who listens must be quick."""

from __future__ import annotations

import logging
from collections.abc import Callable

from whenthen.runtime.writer import Turn

_log = logging.getLogger(__name__)

Listener = Callable[[Turn], None]


class Hub:
    """The runtime's one listener, to which parts of the server come and go."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a listener told of every commit from now on; returns how to leave."""
        self._listeners = (*self._listeners, listener)

        def leave() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return leave

    def __call__(self, turn: Turn) -> None:
        """Tell everyone; one that fails costs only itself."""
        for listener in self._listeners:
            try:
                listener(turn)
            except Exception:  # noqa: BLE001 - the commit stands, whatever a listener makes of it
                _log.exception("a listener failed")
