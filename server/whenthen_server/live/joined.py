"""Socket.IO joined to the house: who connects, what is told, and what is done each second."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any, Protocol

import flask
from flask import Flask
from flask_socketio import ConnectionRefusedError as Refused
from flask_socketio import SocketIO

from whenthen.clock import SECOND_US
from whenthen.errors import WhenthenError
from whenthen.runtime.writer import Turn
from whenthen_server.api.commands import for_device
from whenthen_server.live import answering
from whenthen_server.live.answering import Answering
from whenthen_server.live.clients import Client, Clients
from whenthen_server.live.delivery import Delivery
from whenthen_server.live.entering import Door, entering
from whenthen_server.live.failures import Failures
from whenthen_server.live.fanout import Fanout
from whenthen_server.live.outgoing import Outgoing
from whenthen_server.live.packets import event
from whenthen_server.live.presence import Presence
from whenthen_server.live.ticking import Ticking
from whenthen_server.live.wire import Doorkeeper, bound, is_own
from whenthen_server.metrics import Metrics
from whenthen_server.problems import ApiError, Forbidden, Unauthorized
from whenthen_server.store.commands import Command
from whenthen_server.store.places import DeviceRecord

PING_INTERVAL_SECONDS = 20
PING_TIMEOUT_SECONDS = 15
GRACE_US = 5 * SECOND_US
"""So long a client that was cut off has for reading why; then its TCP connection is ended."""
ENTER_US = 10 * SECOND_US
"""So long a connection may stay open without saying whose it is."""
RECHECK_US = 10 * SECOND_US
"""So often it is asked again who a client is: keys end and roles change while a connection lasts."""
_LAST_WORDS_SECONDS = 0.5
_COMMIT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class House(answering.Parts, Door, Protocol):
    """What this needs of the house."""

    @property
    def metrics(self) -> Metrics:
        """Return the counters."""

    def on_attach(self, attach: Callable[[Flask], None]) -> None:
        """Have something added beside the routes."""

    def on_stopping(self, stop: Callable[[], None]) -> None:
        """Have something told when the end begins."""


def join(house: House) -> Live:
    """Add Socket.IO, presence and delivery to a started house; call it before the application is made."""
    live = Live(house)
    house.on_attach(live.attach)
    house.on_stopping(live.stop)
    live.start()
    return live


class Live:
    """All that is live; one for the process."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.clients = Clients()
        self.presence = Presence(house.places)
        self.delivery = Delivery(house.runtime, house.places)
        self.fanout = Fanout(self.clients, house.places, house.metrics)
        self._answering = Answering(house, self.clients, self.fanout, self.presence)
        self._failures = Failures(house.runtime, house.places)
        self._ticking = Ticking("live-ticks", self.tick)
        self._most = house.settings.server.max_sockets
        self._engine: Any = None
        self._fresh: dict[str, Client] = {}
        # By Engine.IO's id: since when a connection belongs to nobody, and what is to be hung up when.
        self._nobody: dict[str, int] = {}
        self._ending: dict[str, tuple[Outgoing, int]] = {}
        self._checked_us = 0
        self._stopped = Event()
        self.delivery.add(ToSocket(self.clients))
        house.runtime.listen(self.take)

    def start(self) -> None:
        """Begin."""
        self.fanout.start()
        self.delivery.start()
        self._ticking.start()

    def stop(self) -> None:
        """Tell every client that this is the end, then hang up."""
        self._most = 0
        self._stopped.set()
        self._ticking.stop()
        self.delivery.stop()
        sockets = self._sockets()
        for one in sockets.values():
            one.queue.cut("server_stopping")
        if sockets:
            Event().wait(_LAST_WORDS_SECONDS)
        for one in sockets.values():
            one.queue.hang_up()
        self.fanout.stop()

    def take(self, turn: Turn) -> None:
        """Take a commit, on the writer's thread."""
        self.presence.take(turn)
        self.delivery.take(turn)
        self._failures.take(turn)
        self.fanout.take(turn)

    # The web

    def attach(self, app: Flask) -> None:
        """Add Socket.IO to the application."""
        settings = self._house.settings
        own = is_own(settings.server.origins)
        io = SocketIO(
            app,
            async_mode="threading",
            # One message of a client after the other, on its own thread: a flood holds up only itself.
            async_handlers=False,
            manage_session=False,
            cors_allowed_origins=own,
            max_http_buffer_size=settings.limits.body_bytes,
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
        )
        io.on_event("connect", self._connect)
        io.on_event("disconnect", self._disconnect)
        io.on_event("*", self._answer)
        engine = self._engine = io.server.eio
        bound(engine, settings.limits.body_bytes)
        engine.on("message", partial(self._message, engine.handlers["message"]))
        app.wsgi_app = Doorkeeper(app.wsgi_app, engine, lambda: self._most, own)  # type: ignore[method-assign]

    def _message(self, handle: Callable[[str, Any], None], engine_sid: str, data: Any) -> None:
        """Have Socket.IO look at a message; what it cannot read ends the connection, without a traceback."""
        try:
            handle(engine_sid, data)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes did
            _log.info("a client sent what is no Socket.IO: %s", type(error).__name__)
            one = self._sockets().get(engine_sid)
            if one is not None:
                one.queue.cut("bad_message")
        # Only now it has been told that it is connected; before, it would not know what to do with a message.
        client = self._fresh.pop(engine_sid, None)
        if client is not None:
            self._entered(client)

    def _connect(self, auth: Any = None) -> None:
        request: Any = flask.request
        engine_sid = self._engine_sid(request)
        origins = frozenset(self._house.settings.server.origins)
        try:
            who = entering(self._house, self._house.clock, request, auth, origins)
            caller = who()
            if caller.device_id is not None and caller.device_id not in self._house.places.devices_by_id:
                raise Unauthorized("There is no such device any more.")
        except ApiError as error:
            raise Refused(error.title, error.document()) from None
        self._fresh[engine_sid] = Client(request.sid, engine_sid, caller, who, self._sockets()[engine_sid].queue)

    def _entered(self, client: Client) -> None:
        self.clients.add(client)
        self._house.metrics.sockets.set(len(self.clients))
        device_id = client.caller.device_id
        if device_id is not None:
            self.presence.connected(device_id, self._house.runtime.now_us())
            self.delivery.look(device_id, again=True)

    def _disconnect(self, _reason: Any = None) -> None:
        request: Any = flask.request
        self._left(request.sid)

    def _left(self, sid: str) -> None:
        client = self.clients.remove(sid)
        if client is None:
            return
        now_us = self._house.runtime.now_us()
        self._house.metrics.sockets.set(len(self.clients))
        self._ending[client.engine_sid] = client.outgoing, now_us + GRACE_US
        if client.caller.device_id is not None:
            self.presence.disconnected(client.caller.device_id, now_us)

    def _answer(self, name: str, payload: Any = None, *_more: Any) -> dict[str, Any]:
        request: Any = flask.request
        client = self.clients.get(request.sid)
        if client is None or client.outgoing.cut_for is not None:
            return {"ok": False, "problem": Unauthorized("This connection has ended.").document()}
        return self._answering.answer(client, name, payload)

    @staticmethod
    def _engine_sid(request: Any) -> str:
        io: SocketIO = flask.current_app.extensions["socketio"]
        found: str = io.server.manager.eio_sid_from_sid(request.sid, "/")
        return found

    def _sockets(self) -> dict[str, Any]:
        return {} if self._engine is None else self._engine.sockets.copy()

    # Each second

    def tick(self) -> None:
        """Look after clients and devices."""
        now_us = self._house.runtime.now_us()
        self.sweep(now_us)
        try:
            note = self.presence.tick(now_us)
            if note is not None:
                self._note(note)
        except (WhenthenError, TimeoutError) as error:
            _log.warning("presence waits: %s", error)

    def _note(self, note: Any) -> None:
        try:
            self._house.runtime.submit(note).wait(_COMMIT_SECONDS)
        except (WhenthenError, TimeoutError):
            self.presence.again(note)
            raise

    def sweep(self, now_us: int) -> None:
        """Hang up on those who were cut off or never said who they are; let go of who has gone, or may no longer."""
        sockets = self._sockets()
        clients = {client.engine_sid: client for client in self.clients.all()}
        for engine_sid, one in sockets.items():
            if one.queue.cut_for is not None:
                self._ending.setdefault(engine_sid, (one.queue, now_us + GRACE_US))
            elif engine_sid not in clients and now_us - self._nobody.setdefault(engine_sid, now_us) >= ENTER_US:
                one.queue.cut("not_signed_in")
        self._nobody = {name: at for name, at in self._nobody.items() if name in sockets and name not in clients}
        for engine_sid, (outgoing, due_us) in list(self._ending.items()):
            if now_us >= due_us:
                del self._ending[engine_sid]
                self._hang_up(engine_sid, outgoing)
        for client in clients.values():
            if client.engine_sid not in sockets:
                self._left(client.sid)
        if now_us - self._checked_us >= RECHECK_US:
            self._checked_us = now_us
            for client in self.clients.all():
                self._check(client)

    def _hang_up(self, engine_sid: str, outgoing: Outgoing) -> None:
        outgoing.hang_up()
        one = self._engine.sockets.pop(engine_sid, None)
        if one is not None:
            one.close(wait=False, abort=True)

    @staticmethod
    def _check(client: Client) -> None:
        try:
            client.become(client.who())
        except (Unauthorized, Forbidden):
            client.outgoing.cut("signed_out")
        except ApiError as error:
            _log.info("a client is believed a little longer: %s", error.code)


class ToSocket:
    """Reaches devices that are connected."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def reaches(self, device: DeviceRecord) -> bool:
        """Tell whether it is connected."""
        return self._clients.of_device(device.id) is not None

    def carry(self, device: DeviceRecord, command: Command) -> None:
        """Send the command; should it have gone meanwhile, nothing is lost that may be sent twice."""
        client = self._clients.of_device(device.id)
        if client is not None:
            client.outgoing.put(event("device_command", for_device(command)))
