"""Lets the farm live in time with a clock, and carries readings and commands between it and the engine."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock
from types import SimpleNamespace
from typing import Any, Literal

from whenthen import Command as DriverCommand
from whenthen import Driver
from whenthen.clock import SECOND_US
from whenthen.errors import WhenthenError
from whenthen.runtime import Runtime
from whenthen.runtime.items import Given, TakeReadings
from whenthen_server.demo import Ack, Fault, SimulatedFarm
from whenthen_server.showcase.furnish import DRIVER
from whenthen_server.store.commands import Command, EndCommand
from whenthen_server.store.places import DeviceRecord, Places

MOST_SECONDS = 600.0
"""So much of the farm's time passes at once at most: a farm that fell behind catches up step by step."""
_COMMIT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Playing:
    """The farm behind a lock: it is stepped by one thread, given commands by another, and broken by a third."""

    def __init__(self, farm: SimulatedFarm, runtime: Runtime) -> None:
        self._farm = farm
        self._runtime = runtime
        self._lock = Lock()

    def step(self) -> None:
        """Let the farm catch up with the clock, and send what its devices say as any device would."""
        with self._lock:
            behind = (self._runtime.now_us() - self._farm.now_us) / SECOND_US
            readings = self._farm.step(min(max(0.0, behind), MOST_SECONDS))
        if not readings:
            return
        try:
            given = [Given(one.device_id, one.values, one.at_us) for one in readings]
            self._runtime.submit(TakeReadings(given)).wait(_COMMIT_SECONDS)
        except (WhenthenError, TimeoutError) as error:
            _log.warning("%d readings of the farm were not taken: %s", len(readings), error)

    def command(self, device_id: str, name: str, params: Mapping[str, Any]) -> Ack:
        """Give a device a command; what the driver ``simulated`` asks for."""
        with self._lock:
            return self._farm.command(device_id, name, params)

    def inject(self, fault: Fault) -> Fault:
        """Break something; raises ``FaultError`` when there is no such thing."""
        with self._lock:
            self._farm.inject(fault)
        return fault

    def clear(self, fault_id: str) -> bool:
        """Repair a fault; tell whether it was there."""
        with self._lock:
            return self._farm.clear(fault_id)

    def faults(self) -> tuple[list[Fault], list[Fault]]:
        """Return what is broken, and all that could be."""
        with self._lock:
            return self._farm.faults, self._farm.possible_faults()

    def state(self) -> dict[str, Any]:
        """Return the truth behind the readings."""
        with self._lock:
            return self._farm.state()


class ThroughDriver:
    """Carries commands to devices of the farm through their driver, and its answers back."""

    def __init__(self, driver: Driver, playing: Playing, runtime: Runtime, places: Places) -> None:
        self._driver = driver
        self._services = SimpleNamespace(farm=playing)
        self._runtime = runtime
        self._places = places

    def reaches(self, device: DeviceRecord) -> bool:
        """Tell whether it is one of the farm's."""
        return device.driver == DRIVER

    def carry(self, device: DeviceRecord, command: Command) -> None:
        """Do it; no answer is an answer as well: the command times out."""
        found = self._places.device(device.id)
        if found is None:
            return
        given = DriverCommand(command.name, command.params, command.id, command.expires_us)
        state: Literal["acknowledged", "rejected"] = "acknowledged"
        try:
            result = self._driver.send(given, found, self._services)
        except ValueError as error:
            state, result = "rejected", {"reason": str(error)}
        except TimeoutError:
            return
        self._runtime.submit(EndCommand(command.id, state, result, device.id))
