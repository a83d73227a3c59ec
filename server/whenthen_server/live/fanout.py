"""From the writer to the clients: one bounded queue and one thread, so that no client holds up a commit."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from threading import Thread

from whenthen.runtime.writer import Turn
from whenthen_server.live.clients import Client, Clients
from whenthen_server.live.outgoing import event
from whenthen_server.live.telling import Message, told
from whenthen_server.metrics import Metrics
from whenthen_server.store.places import Places

MOST_TURNS = 1_000
PATIENCE_SECONDS = 0.05
"""So long a client may hold up the others, once, until it has caught up."""

_log = logging.getLogger(__name__)


class Fanout:
    """Tells clients of each commit, in order. What else has to happen in that order can be done in between."""

    def __init__(self, clients: Clients, places: Places, metrics: Metrics, most: int = MOST_TURNS) -> None:
        self._clients = clients
        self._places = places
        self._drops = metrics.drops.labels("live", "full")
        self._queue: queue.Queue[Turn | Callable[[], None] | None] = queue.Queue(most)
        self._behind = False
        self._thread = Thread(target=self._run, name="whenthen-live", daemon=True)
        metrics.watch_queue("live", self._queue.qsize)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End, after what waits."""
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def take(self, turn: Turn) -> None:
        """Take a commit, on the writer's thread: it never waits.

        When there is no room the commit is not told, and everybody is cut off, to come back and ask for what they
        missed: a gap that nobody knows of would be worse.
        """
        # Who enters later asks for what came before; so with nobody there, no thread need be woken.
        if not len(self._clients) or not (turn.samples or turn.executions or turn.news):
            return
        try:
            self._queue.put_nowait(turn)
        except queue.Full:
            self._drops.inc()
            self._behind = True

    def do(self, deed: Callable[[], None]) -> bool:
        """Have something done after the commits so far and before those to come; false when there is no room."""
        try:
            self._queue.put_nowait(deed)
        except queue.Full:
            return False
        return True

    def send(self, message: Message, client: Client) -> None:
        """Send one message to one client."""
        client.outgoing.put(event(message.event, message.payload), key=message.key, order=message.order)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                if isinstance(item, Turn):
                    self._tell(item)
                else:
                    item()
            except Exception:  # noqa: BLE001 - one commit that cannot be told must not be the last
                _log.exception("a commit could not be told to clients")
            if self._behind:
                self._behind = False
                for client in self._clients.all():
                    client.outgoing.cut("server_busy")

    def _tell(self, turn: Turn) -> None:
        if not len(self._clients):
            return
        for message in told(turn, self._places):
            hearing = [one for one in self._clients.hearing(message.place) if is_for(message, one)]
            if hearing:
                packet = event(message.event, message.payload)
                for client in hearing:
                    client.outgoing.await_room(PATIENCE_SECONDS)
                    client.outgoing.put(packet, key=message.key, order=message.order)


def is_for(message: Message, client: Client) -> bool:
    """Return whether a client may get a message."""
    if message.only is not None and not {client.caller.user, client.caller.name} & message.only:
        return False
    return client.may(message.resource, "read", message.place)
