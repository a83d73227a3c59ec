"""A farm of two rooms beside another, people with roles in them, and rules to send."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from posted.rules import As

from whenthen.clock import to_us
from whenthen_server.auth import Caller, Person, Role
from whenthen_server.store.places import DeviceRecord, FarmRecord, PutPlace, Record, RoomRecord
from whenthen_server.wiring import House

SOMEBODY = Caller("person", "owner", "Owner", {"*": Role.OWNER}, user="owner")


@pytest.fixture
def farm(house: House) -> House:
    """Return the house with farm-a (room-1 with dev-1 and fan-1, room-2 with dev-2) and farm-b (room-3 with dev-3)."""
    now_us = to_us(house.clock.now())
    rooms = {"room-1": "farm-a", "room-2": "farm-a", "room-3": "farm-b"}
    devices = {"dev-1": "room-1", "fan-1": "room-1", "dev-2": "room-2", "dev-3": "room-3"}
    records: list[Record] = [
        *(FarmRecord(one, one, now_us, "Europe/Brussels") for one in ("farm-a", "farm-b")),
        *(RoomRecord(room, farm_id, room, now_us) for room, farm_id in rooms.items()),
        *(DeviceRecord(one, room, one, now_us, "climate") for one, room in devices.items()),
    ]
    for record in records:
        house.runtime.submit(PutPlace(house.places, record, new=True)).wait(10)
    return house


@pytest.fixture
def acting_as(farm: House, client: Callable[[str | None], FlaskClient]) -> As:
    """Return what makes a client of a person with a role in a farm, or in a room of it."""

    def made(role: str, farm_id: str, room: str | None = None) -> FlaskClient:
        person = Person(f"{role} of {room or farm_id}")
        if room is None:
            user = farm.people.add_member(SOMEBODY, farm_id, role, person).id
        else:
            user = farm.people.add_member(SOMEBODY, "elsewhere", "viewer", person).id
            farm.people.grant_room(SOMEBODY, (farm_id, room), user, role)
        path = farm.people.invite(SOMEBODY, farm_id, user)
        session = farm.gate.log_in(path.partition("=")[2], farm.clock.now()).text
        one = client(None)
        one.set_cookie("whenthen", session)
        one.environ_base["HTTP_ORIGIN"] = "http://localhost"
        return one

    return made
