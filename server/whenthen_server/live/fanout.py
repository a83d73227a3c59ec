"""From the writer to the clients: one bounded queue and one thread, so that no client holds up a commit."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from threading import Thread
from typing import cast

from whenthen.runtime.writer import Turn
from whenthen_server.live.clients import Client, Clients, right
from whenthen_server.live.packets import Batch, Parcel, parcel
from whenthen_server.live.telling import Message, told
from whenthen_server.metrics import Metrics
from whenthen_server.store.places import Places

MOST_TURNS = 1_000
MOST_TOGETHER = 16
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

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                if isinstance(item, Turn):
                    self._tell([item, *self._gathered()])
                else:
                    item()
            except Exception:  # noqa: BLE001 - one commit that cannot be told must not be the last
                _log.exception("a commit could not be told to clients")
            if self._behind:
                self._behind = False
                for client in self._clients.all():
                    client.outgoing.cut("server_busy")

    def _gathered(self) -> Iterator[Turn]:
        """Return the commits that came meanwhile: told together, each of them costs less."""
        for _ in range(MOST_TOGETHER - 1):
            # Only this thread takes anything out.
            if not self._queue.queue or not isinstance(self._queue.queue[0], Turn):
                return
            yield cast("Turn", self._queue.get_nowait())

    def _tell(self, turns: Iterable[Turn]) -> None:
        if not len(self._clients):
            return
        waiting: dict[Client, list[Parcel]] = {}
        for message in chain.from_iterable(told(turn, self._places) for turn in turns):
            hearing = permitted(message, self._clients.hearing(message.place))
            if hearing:
                one = packed(message)
                for client in hearing:
                    waiting.setdefault(client, []).append(one)
        # Most clients get the same, and so the same bytes.
        batches: dict[tuple[Parcel, ...], Batch] = {}
        for client, parcels in waiting.items():
            which = tuple(parcels)
            batch = batches.get(which)
            if batch is None:
                batch = batches[which] = Batch(which)
            give(client, batch)


def give(client: Client, batch: Batch) -> None:
    """Send events to one client: at once as far as that goes, then by its queue."""
    outgoing = client.outgoing
    for one in batch.parcels[outgoing.send(batch) :]:
        outgoing.await_room(PATIENCE_SECONDS)
        outgoing.put(one.packet, key=one.key, order=one.order)


def packed(message: Message) -> Parcel:
    """Return a message as it is sent."""
    return parcel(message.event, message.payload, message.key, message.order)


def permitted(message: Message, clients: Iterable[Client]) -> list[Client]:
    """Return those who may get a message."""
    asked = right(message.resource, "read", message.place)
    found = [one for one in clients if one.may(asked)]
    only = message.only
    return found if only is None else [one for one in found if {one.caller.user, one.caller.name} & only]
