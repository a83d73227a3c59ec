"""A house with two farms, and people and keys with roles in them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from whenthen import ManualClock
from whenthen_server.auth import Person
from whenthen_server.auth.keys import Key
from whenthen_server.auth.persons import through_session
from whenthen_server.settings import load_settings
from whenthen_server.store.commands import QueueCommand
from whenthen_server.store.credentials import StoredKey
from whenthen_server.store.database import reading
from whenthen_server.store.members import find_user
from whenthen_server.store.places import DeviceRecord, PutPlace
from whenthen_server.wiring import House

ClientOf = Callable[[str | None], FlaskClient]
MemberOf = Callable[..., FlaskClient]


def made(response: TestResponse, status: int = 201) -> Any:
    """Return the JSON of an answer that has the wanted status."""
    assert response.status_code == status, response.text
    return response.json


def failed(response: TestResponse, status: int, code: str, *pointers: str) -> Any:
    """Return the problem that an answer is, with the wanted status, code and places."""
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    problem = response.json
    assert problem is not None
    assert problem["code"] == code, problem
    assert [error["pointer"] for error in problem.get("errors", [])][: len(pointers)] == list(pointers), problem
    return problem


@pytest.fixture
def farm(owner: FlaskClient) -> str:
    """Return a farm beside the default one, with one room of the same name."""
    made(owner.post("/api/farms", json={"id": "north", "name": "North", "timezone": "Europe/Berlin"}))
    made(owner.post("/api/farms/north/rooms", json={"id": "hall", "name": "Hall"}))
    return "north"


@pytest.fixture
def device(owner: FlaskClient) -> str:
    """Return a device in the default room."""
    made(owner.post("/api/devices", json={"id": "dev-1", "name": "Thermometer"}))
    return "dev-1"


@pytest.fixture
def own_key(owner: FlaskClient, device: str) -> str:
    """Return the key of ``device``."""
    key: str = made(owner.post(f"/api/devices/{device}/key"))["key"]
    return key


@pytest.fixture
def as_device(client: ClientOf, own_key: str) -> FlaskClient:
    """Return a client that is ``device``."""
    return client(own_key)


@pytest.fixture
def member(house: House, client: ClientOf) -> MemberOf:
    """Return what makes a client that is an API key of somebody with a role in a farm, or in one room of it."""
    boss = through_session(_owner(house), StoredKey("s", "", "user_owner", 0))

    def joined(role: str, farm: str = "default", room: str | None = None) -> FlaskClient:
        user = house.people.add_member(boss, farm, "viewer" if room else role, Person(f"{role} of {farm}"))
        if room is not None:
            house.people.remove_member(boss, farm, user.id)
            house.people.grant_room(boss, (farm, room), user.id, role)
        found = house.people.member(boss, "*", user.id)
        person = through_session(found, StoredKey("s", "", user.id, 0))
        key: Key = house.people.create_api_key(person, "test", role)
        return client(key.text)

    return joined


def _owner(house: House) -> Any:

    with reading(house.database) as connection:
        return find_user(connection, "user_owner")


@contextmanager
def stocked(folder: Path) -> Generator[House]:
    """Run a server that limits nobody, with a device that has measured something and has a command."""
    unlimited = {"WHENTHEN_LIMITS_REQUESTS_PER_SECOND": "1000000", "WHENTHEN_LIMITS_REFUSED_PER_MINUTE": "100000"}
    clock = ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    house = House(load_settings(None, {"WHENTHEN_DATA_FOLDER": str(folder), **unlimited}), clock)
    house.start()
    device = DeviceRecord("dev-1", "default", "Thermometer", house.runtime.now_us())
    house.runtime.submit(PutPlace(house.places, device, new=True)).wait(10)
    house.runtime.take("dev-1", {"temperature": 21.5, "mode": "auto"})
    house.runtime.submit(QueueCommand(house.places, "cmd-1", "dev-1", "turn_on", {"value": 1}, "test")).wait(10)
    try:
        yield house
    finally:
        house.stopping()
        house.close(10.0)
