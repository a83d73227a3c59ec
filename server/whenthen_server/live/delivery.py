"""Commands on their way: each is marked as sent, durably, before it is; then whoever reaches the device takes it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Condition, Thread
from typing import Protocol

from whenthen.errors import WhenthenError
from whenthen.runtime import Runtime
from whenthen.runtime.writer import Turn
from whenthen_server.store.commands import Command, SendQueued
from whenthen_server.store.places import DeviceRecord, Places

_COMMIT_SECONDS = 10.0
_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Carrier(Protocol):
    """One way to reach devices."""

    def reaches(self, device: DeviceRecord) -> bool:
        """Tell whether a command for the device could be given to it now."""

    def carry(self, device: DeviceRecord, command: Command) -> None:
        """Give it the command; must not wait for long."""


class Delivery:
    """Sends what is queued for a device when something is queued, and when the device comes back."""

    def __init__(self, runtime: Runtime, places: Places) -> None:
        self._runtime = runtime
        self._places = places
        self._carriers: Sequence[Carrier] = ()
        # By device, so it is bounded by them: whether what was sent and not answered is to be sent again.
        self._due: dict[str, bool] = {}
        self._changed = Condition()
        self._stopping = False
        self._thread = Thread(target=self._run, name="whenthen-delivery", daemon=True)

    def add(self, carrier: Carrier) -> None:
        """Have one more way to reach devices; the first that reaches one is taken."""
        self._carriers = (*self._carriers, carrier)

    def start(self) -> None:
        """Begin, with what an earlier process left."""
        for device_id in list(self._places.devices_by_id):
            self.look(device_id, again=True)
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End after the device whose turn it is."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(seconds)

    def take(self, turn: Turn) -> None:
        """Look after the commands that a commit queued; on the writer's thread."""
        for kind, payload in turn.news:
            if kind == "command" and payload.state == "queued":
                self.look(payload.device_id)

    def look(self, device_id: str, *, again: bool = False) -> None:
        """Send what waits for a device; with *again* also what it was sent and did not answer, if that may be."""
        with self._changed:
            self._due[device_id] = again or self._due.get(device_id, False)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._stopping)
                if self._stopping:
                    return
                device_id = next(iter(self._due))
                again = self._due.pop(device_id)
            try:
                self._send(device_id, again)
            except (WhenthenError, TimeoutError) as error:
                _log.warning("commands for %s wait: %s", device_id, error)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping, _PAUSE_SECONDS)
                self.look(device_id, again=again)
            except Exception:  # noqa: BLE001 - one device must not stop the others' commands
                _log.exception("commands for %s could not be sent", device_id)

    def _send(self, device_id: str, again: bool) -> None:
        device = self._places.devices_by_id.get(device_id)
        carrier = None if device is None else next((one for one in self._carriers if one.reaches(device)), None)
        if device is None or carrier is None:
            return
        for command in self._runtime.submit(SendQueued(device_id, again)).wait(_COMMIT_SECONDS):
            carrier.carry(device, command)
