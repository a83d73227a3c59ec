"""A house with the simulated farm in it, from the first reading on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import func, select

from whenthen.clock import Clock, SystemClock, from_us
from whenthen.errors import WhenthenError
from whenthen_server.api.resources import all_routes
from whenthen_server.app import create_app
from whenthen_server.demo import Fault, SimulatedFarm, load_rules
from whenthen_server.live import Live, join
from whenthen_server.live.ticking import Ticking
from whenthen_server.settings import Settings
from whenthen_server.showcase import routes
from whenthen_server.showcase.fast import FastClock
from whenthen_server.showcase.furnish import DRIVER, furnish
from whenthen_server.showcase.playing import Playing, ThroughDriver
from whenthen_server.store.database import reading
from whenthen_server.store.tables import samples
from whenthen_server.wiring import House

STEP_SECONDS = 0.25


class NoDriverError(WhenthenError):
    """What the farm's devices are reached by is not there."""

    code = "no_driver"


@dataclass(frozen=True, slots=True)
class Showcase:
    """The running demo."""

    house: House
    live: Live
    playing: Playing

    def app(self) -> Flask:
        """Return the web application, with the routes of the demo."""
        return create_app(self.house, [*all_routes(self.house), *routes.routes(self.playing)], routes.SCHEMAS)


def open_showcase(  # noqa: PLR0913 - all but the settings are named, and have defaults
    settings: Settings,
    *,
    speed: float = 1.0,
    seed: int = 1,
    faults: Iterable[Fault] = (),
    clock: Clock | None = None,
    step_seconds: float = STEP_SECONDS,
) -> Showcase:
    """Return the started demo: everything in it, rules included, lives *speed* times as fast.

    Raises ``FaultError`` for a fault that the farm cannot have.
    """
    fast = FastClock(clock or SystemClock(), speed)
    house = House(settings, fast)
    if DRIVER not in house.registry.drivers:
        raise NoDriverError(f"the plugin with the driver {DRIVER!r} is switched off; the demo needs it")
    fast.not_before(from_us(_newest_us(house)))
    farm = SimulatedFarm(seed, house.runtime.now_us())
    for fault in faults:
        farm.inject(fault)
    house.start()
    furnish(house.runtime, house.places, farm.description(), load_rules())
    live = join(house)
    playing = Playing(farm, house.runtime)
    live.delivery.add(ThroughDriver(house.registry.drivers[DRIVER]({}), playing, house.runtime, house.places))
    for device_id in list(house.places.devices_by_id):
        live.delivery.look(device_id, again=True)
    stepping = Ticking("farm", playing.step, step_seconds)
    house.on_stopping(stepping.stop)
    stepping.start()
    return Showcase(house, live, playing)


def _newest_us(house: House) -> int:
    with reading(house.database) as connection:
        return int(connection.execute(select(func.max(samples.c.received_us))).scalar() or 0)
