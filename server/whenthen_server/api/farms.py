"""Farms: what belongs together, in one time zone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from whenthen.clock import to_us
from whenthen_server.api.ids import new_id
from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.one_place import OnePlace, Words
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import (
    LISTED,
    NAME,
    add,
    answer_of,
    by_id,
    change_of,
    checked_name,
    new_of,
    page_of,
    path_farm,
    refused,
    within,
)
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Place, reach
from whenthen_server.store.places import FarmRecord

_FIELDS: dict[str, Any] = {
    "name": NAME,
    "timezone": {
        "type": ["string", "null"],
        "maxLength": 100,
        "description": "IANA name, in which the rules of the farm tell the time; UTC without one",
        "examples": ["Europe/Berlin"],
    },
    "latitude": {"type": ["number", "null"], "minimum": -90, "maximum": 90, "description": "Degrees, for the sun"},
    "longitude": {"type": ["number", "null"], "minimum": -180, "maximum": 180, "description": "Degrees"},
}
_EXAMPLE = {"id": "north", "name": "North", "timezone": "Europe/Berlin", "latitude": 52.5, "longitude": 13.4}
_FARM = {"$ref": "#/components/schemas/Farm"}

SCHEMAS: dict[str, Any] = {
    "Farm": {
        "type": "object",
        "required": ["id", "name", "timezone", "latitude", "longitude", "created_at"],
        "properties": {"id": {"type": "string"}, **_FIELDS, "created_at": TOLD},
    },
    "NewFarm": new_of(_FIELDS, _EXAMPLE),
    "FarmChange": change_of(_FIELDS),
}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes below ``/api/farms`` that are about farms themselves."""
    return [_listed(rooms), _made(rooms), *_ONE.routes(rooms, {"$ref": "#/components/schemas/FarmChange"})]


@route(
    "GET",
    "/api/farms",
    resource="farm",
    verb="list",
    summary="The farms of which you may see a part",
    query=LISTED,
    answer=answer_of("farms", "Farm"),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    seen = reach(request.caller, "farm", "list")
    mine = (one for one in list(rooms.places.farms.values()) if within(seen, Place(farm=one.id)))
    found, after = by_id(mine, request.query)
    return Answer(page_of("farms", [_shown(rooms, one) for one in found], after))


@route(
    "POST",
    "/api/farms",
    resource="farm",
    verb="create",
    summary="Make a farm",
    body={"$ref": "#/components/schemas/NewFarm"},
    answer=_FARM,
    status=201,
)
def _made(rooms: Rooms, request: Request) -> Answer:
    given = _checked(request.body)
    farm = FarmRecord(**{"id": new_id("farm"), "created_us": to_us(rooms.clock.now()), **given})
    _demand_whole_place(farm.latitude, farm.longitude)
    add(rooms, request, farm)
    return Answer(_shown(rooms, farm), headers={"Location": f"/api/farms/{farm.id}"})


def _changes(_rooms: Rooms, request: Request, farm: FarmRecord) -> Mapping[str, Any]:
    changes = _checked(request.body)
    _demand_whole_place(changes.get("latitude", farm.latitude), changes.get("longitude", farm.longitude))
    return changes


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    given = checked_name(body)
    zone = given.get("timezone")
    if zone is not None and zone not in _zones():
        raise refused("/timezone", "there is no such time zone", "write an IANA name such as Europe/Berlin")
    return given


def _demand_whole_place(latitude: float | None, longitude: float | None) -> None:
    if (latitude is None) is not (longitude is None):
        name = "latitude" if latitude is None else "longitude"
        raise refused(f"/{name}", "a place has a latitude and a longitude", "give both, or neither")


def _shown(_rooms: Rooms, farm: FarmRecord) -> dict[str, Any]:
    return {
        "id": farm.id,
        "name": farm.name,
        "timezone": farm.timezone,
        "latitude": farm.latitude,
        "longitude": farm.longitude,
        "created_at": iso(farm.created_us),
    }


_ONE = OnePlace(
    "farm",
    "/api/farms/<farm_id>",
    Words("One farm", "Change a farm", "Remove a farm that holds no room any more"),
    answer=_FARM,
    place=path_farm,
    kept=lambda rooms: rooms.places.farms,
    changes=_changes,
    shown=_shown,
)
