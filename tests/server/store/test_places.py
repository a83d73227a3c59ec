"""Farms, rooms and devices change while rules run; what fails changes nothing, in memory either."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from whenthen.extend.host import load_registry
from whenthen.runtime import Runtime
from whenthen_server.store import tables
from whenthen_server.store.database import reading
from whenthen_server.store.journal import open_journal
from whenthen_server.store.places import (
    DeviceRecord,
    FarmRecord,
    PlaceConflictError,
    Places,
    PutPlace,
    Record,
    RemovePlace,
    RoomRecord,
    UnknownPlaceError,
)

REGISTRY = load_registry()


class House:
    """A running engine with a directory."""

    def __init__(self, url: str) -> None:
        self.journal = open_journal(url)
        self.places = Places(self.journal.engine)
        self.runtime = Runtime(
            REGISTRY, self.journal, directory=self.places, before_load=lambda: self.places.load(now_us=1)
        )
        self.runtime.start()

    def put(self, record: Record, *, new: bool = True) -> Record:
        return self.runtime.submit(PutPlace(self.places, record, new)).wait()

    def remove(self, kind: type, one: str) -> None:
        self.runtime.submit(RemovePlace(self.places, kind, one)).wait()

    def stop(self) -> None:
        self.runtime.stop()
        self.journal.engine.dispose()


@pytest.fixture
def house(database_url: str) -> Generator[House]:
    made = House(database_url)
    yield made
    made.stop()


def device(name: str = "d1", room: str = "default", **more: Any) -> DeviceRecord:
    return DeviceRecord(name, room, name, 5, **more)


def test_a_new_house_has_one_farm_with_one_room(house: House) -> None:
    assert list(house.places.farms) == list(house.places.rooms) == ["default"]


def test_what_was_put_is_there_again_after_a_restart(house: House, database_url: str) -> None:
    sensors = {"sensors": {"t": {"unit": "°C"}}}
    house.put(FarmRecord("f1", "Farm", 5, "Europe/Brussels", 50.8, 4.4))
    house.put(RoomRecord("k1", "f1", "Room", 5, "fruiting"))
    house.put(device(room="k1", type="sensor", capabilities=sensors))
    again = House(database_url)
    again.stop()

    assert again.places.farms == house.places.farms
    assert again.places.rooms == house.places.rooms
    assert again.places.devices_by_id == house.places.devices_by_id
    known = again.places.device("d1")
    assert known is not None
    assert (known.room, known.farm, known.type) == ("k1", "f1", "sensor")


@pytest.mark.parametrize(
    ("record", "new", "error"),
    [
        (device("taken"), True, PlaceConflictError),
        (device("unknown"), False, UnknownPlaceError),
        (device("x", room="nowhere"), True, UnknownPlaceError),
        (RoomRecord("x", "nowhere", "Room", 5), True, UnknownPlaceError),
        (FarmRecord("default", "Again", 5), True, PlaceConflictError),
    ],
)
def test_what_cannot_be_put_changes_nothing(house: House, record: Record, new: bool, error: type[Exception]) -> None:
    house.put(device("taken"))
    before = (dict(house.places.farms), dict(house.places.rooms), dict(house.places.devices_by_id))
    with pytest.raises(error):
        house.put(record, new=new)

    assert before == (house.places.farms, house.places.rooms, house.places.devices_by_id)


def test_a_room_that_is_not_empty_stays(house: House) -> None:
    house.put(device())
    with pytest.raises(PlaceConflictError, match="'d1'"):
        house.remove(RoomRecord, "default")
    house.remove(DeviceRecord, "d1")
    house.remove(RoomRecord, "default")

    assert house.places.rooms == {}


def test_a_removed_device_leaves_its_readings(house: House) -> None:
    house.put(device())
    house.runtime.take("d1", {"t": 1})
    house.remove(DeviceRecord, "d1")

    with reading(house.journal.engine) as connection:
        assert list(connection.scalars(select(tables.samples.c.number))) == [1.0]
    with pytest.raises(UnknownPlaceError):
        house.remove(DeviceRecord, "d1")


def test_a_rule_follows_a_device_into_another_room(house: House, database: Engine) -> None:
    for room in ("k1", "k2"):
        house.put(RoomRecord(room, "default", room, 5))
    house.put(device(room="k1"))
    house.runtime.put_rule(
        {
            "id": "r",
            "name": "r",
            "scope": {"per": "room"},
            "trigger": {"type": "sensor", "config": {"sensor": "t"}},
            "actions": [{"type": "emit_event", "config": {"event": "e"}}],
        }
    )
    house.runtime.take("d1", {"t": 1})
    house.put(device(room="k2"), new=False)
    house.runtime.take("d1", {"t": 2})

    with reading(database) as connection:
        subjects = select(tables.executions.c.subject).order_by(tables.executions.c.at_us)
        assert list(connection.scalars(subjects)) == ["k1", "k2"]
