"""Lists that are cut to what somebody may see, in the database."""

from __future__ import annotations

from sqlalchemy import Engine

from whenthen_server.store import audit, notifications
from whenthen_server.store.database import reading, writing
from whenthen_server.store.schema import metadata


def test_deeds_are_cut_to_farms_and_paged(database: Engine) -> None:
    metadata.create_all(database)
    for number, farm in enumerate(["north", "south", "north", None, "north"]):
        audit.note(database, "person:ada", "device.create", {"farm": farm} if farm else {}, number)

    with reading(database) as connection:
        every, _ = audit.listed(connection, limit=10)
        first, position = audit.listed(connection, limit=2, farms=["north"])
        rest, end = audit.listed(connection, limit=2, before=position, farms=["north"])
        nothing, _ = audit.listed(connection, limit=2, farms=[])

    assert [one.at_us for one in every] == [4, 3, 2, 1, 0]
    assert ([one.at_us for one in first], [one.at_us for one in rest], end) == ([4, 2], [0], None)
    assert nothing == []


def test_notifications_are_cut_to_farms_and_rooms(database: Engine) -> None:
    metadata.create_all(database)
    places = [("north", None), ("north", "hall"), ("south", "hall"), ("south", "cellar"), ("south", None)]
    rows = [
        {"id": f"n{number}", "farm_id": farm, "room_id": room, "at_us": number, "level": "info", "message": "m"}
        for number, (farm, room) in enumerate(places)
    ]
    with writing(database) as connection:
        for row in rows:
            connection.execute(notifications.notifications.insert(), row)

    def ids(farms: list[str] | None, rooms: list[tuple[str, str]] | None = None) -> list[str]:
        with reading(database) as connection:
            found, _ = notifications.listed(connection, farms, rooms=rooms or [], unread=True, limit=10)
        return [one.id for one in found]

    assert ids(None) == ["n4", "n3", "n2", "n1", "n0"]
    assert ids(["north"]) == ["n1", "n0"]
    assert ids(["north"], [("south", "hall")]) == ["n2", "n1", "n0"]
    assert ids([], [("south", "hall")]) == ["n2"]
    assert ids([]) == []
