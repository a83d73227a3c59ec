"""A connected client, and all that it was told; for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import socketio

WAIT_SECONDS = 20.0


class Heard:
    """A connected client, and all that it was told."""

    def __init__(self, client: socketio.Client) -> None:
        self.client = client
        self.events: list[tuple[str, Any]] = []
        self._changed = threading.Condition()
        client.on("*", self._on)
        client.on("disconnect", lambda *_: self._on("disconnected"))

    def _on(self, name: str, payload: Any = None) -> None:
        with self._changed:
            self.events.append((name, payload))
            self._changed.notify_all()

    def wait(self, name: str, count: int = 1) -> list[Any]:
        """Return what was told by an event, once there are so many."""

        def found() -> list[Any]:
            return [payload for one, payload in self.events if one == name]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, WAIT_SECONDS), self.events
        return found()

    def leave(self) -> None:
        """Disconnect; the client would wait 3 s for a frame that its other thread has read already."""
        ws = self.client.eio.ws
        if ws is not None:
            ws.close = partial(ws.close, timeout=0)
        self.client.disconnect()
        if ws is not None:
            ws.shutdown()

    def ask(self, name: str, payload: Any = None) -> Any:
        """Return the acknowledgement of an event."""
        return self.client.call(name, payload, timeout=WAIT_SECONDS)


def until(condition: Callable[[], Any]) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        threading.Event().wait(0.01)


Connect = Callable[..., Heard]
