"""Something done again and again, in a thread of its own, until it is stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

_log = logging.getLogger(__name__)


class Ticking:
    """Calls *deed* every *seconds*; a deed that raises is logged, and comes round again."""

    def __init__(self, name: str, deed: Callable[[], None], seconds: float = 1.0) -> None:
        self._deed = deed
        self._seconds = seconds
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"whenthen-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End after the deed that is under way."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self._deed()
            except Exception:  # noqa: BLE001 - it comes round again
                _log.exception("%s failed", self._thread.name)
