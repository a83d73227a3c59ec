"""A house with Socket.IO, served by a real HTTP server, and real clients."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest
import socketio
from listening.heard import WAIT_SECONDS, Connect, Heard
from werkzeug.serving import make_server

from whenthen_server.app import create_app
from whenthen_server.auth import Caller, Place, Role
from whenthen_server.live import Live, join
from whenthen_server.store.places import DeviceRecord, PutPlace, RoomRecord
from whenthen_server.wiring import House

OWNER = Caller("person", "usr_owner", "owner", roles={"*": Role.OWNER}, user="usr_owner")


@pytest.fixture
def live(house: House) -> Live:
    for room in ("r1", "r2"):
        house.runtime.submit(PutPlace(house.places, RoomRecord(room, "default", room, 1), new=True)).wait()
    for device, room in (("d1", "r1"), ("d2", "r2")):
        house.runtime.submit(PutPlace(house.places, DeviceRecord(device, room, device, 1), new=True)).wait()
    return join(house)


@pytest.fixture
def url(house: House, live: Live) -> Generator[str]:
    server = make_server("127.0.0.1", 0, create_app(house), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    live.stop()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def owner_key(house: House) -> str:
    return (house.settings.data.folder / "owner.key").read_text(encoding="utf-8").strip()


@pytest.fixture
def key_of(house: House) -> Callable[[str], str]:
    def made(device: str) -> str:
        place = Place("default", house.places.devices_by_id[device].room_id, device)
        return house.people.create_device_key(OWNER, place).text

    return made


@pytest.fixture
def connect(url: str) -> Generator[Connect]:
    with contextlib.ExitStack() as stack:

        def connected(auth: Any = None, transport: str = "websocket", **headers: str) -> Heard:
            client = socketio.Client(reconnection=False)
            heard = Heard(client)
            stack.callback(heard.leave)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            client.connect(url, auth=auth, headers=named, transports=[transport], wait_timeout=WAIT_SECONDS)
            return heard

        yield connected
