"""People: members of farms, their roles, and their roles in single rooms."""

from __future__ import annotations

from typing import Any

from whenthen_server.api.instants import TOLD, iso
from whenthen_server.api.parts import Rooms
from whenthen_server.api.places import LISTED, NAME, answer_of, by_id, farm_place, page_of, room_place
from whenthen_server.api.request import Request
from whenthen_server.api.route import Answer, Route, route
from whenthen_server.auth import Person, Place, hidden
from whenthen_server.store.members import User
from whenthen_server.store.people import EVERYWHERE

ROLE: dict[str, Any] = {"type": "string", "enum": ["viewer", "operator", "manager", "owner"]}
_ROLES = {"type": "object", "additionalProperties": {"type": "string"}}
_MEMBER = {"$ref": "#/components/schemas/Member"}
_IDENTITY_PART = {"type": "string", "minLength": 1, "maxLength": 500}

SCHEMAS: dict[str, Any] = {
    "Member": {
        "type": "object",
        "required": ["id", "name", "roles", "rooms"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "email": {"type": ["string", "null"]},
            "roles": {**_ROLES, "description": "Role by farm; of a farm's list, in that farm only"},
            "rooms": {**_ROLES, "description": "Role by room, beside that in the farm"},
            "created_at": TOLD,
        },
    },
    "NewMember": {
        "type": "object",
        "required": ["name", "role"],
        "properties": {
            "name": NAME,
            "role": ROLE,
            "email": {"type": "string", "maxLength": 254},
            "identity": {
                "type": "object",
                "description": "Of somebody whom an identity provider knows: the token's iss and sub",
                "required": ["issuer", "subject"],
                "properties": {"issuer": _IDENTITY_PART, "subject": _IDENTITY_PART},
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    },
    "RoleChange": {
        "type": "object",
        "required": ["role"],
        "properties": {"role": ROLE},
        "additionalProperties": False,
    },
}
_ROLE_BODY = {"$ref": "#/components/schemas/RoleChange"}


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of members, whose farm may be ``*``: every farm and the installation."""
    in_farm = (_listed, _added, _read, _changed, _removed, _invited)
    return [one(rooms) for one in (*in_farm, _granted, _revoked, _shut_out, _renamed)]


def _in_farm(rooms: Rooms, request: Request) -> Place | None:
    farm_id = request.path["farm_id"]
    return Place(farm=EVERYWHERE) if farm_id == EVERYWHERE else farm_place(rooms, farm_id)


@route(
    "GET",
    "/api/farms/<farm_id>/members",
    resource="member",
    verb="list",
    summary="Who has a role in a farm or in a room of it",
    place=_in_farm,
    query=LISTED,
    answer=answer_of("members", "Member"),
)
def _listed(rooms: Rooms, request: Request) -> Answer:
    found, after = by_id(rooms.people.members(request.caller, request.path["farm_id"]), request.query)
    return Answer(page_of("members", [_shown(one) for one in found], after))


@route(
    "POST",
    "/api/farms/<farm_id>/members",
    resource="member",
    verb="create",
    summary="Add a person to a farm",
    place=_in_farm,
    body={"$ref": "#/components/schemas/NewMember"},
    answer=_MEMBER,
    status=201,
)
def _added(rooms: Rooms, request: Request) -> Answer:
    body, farm_id = request.body, request.path["farm_id"]
    identity = (body["identity"]["issuer"], body["identity"]["subject"]) if "identity" in body else None
    person = Person(body["name"], body.get("email"), identity)
    user = rooms.people.add_member(request.caller, farm_id, body["role"], person)
    return Answer(_shown(user), headers={"Location": f"/api/farms/{farm_id}/members/{user.id}"})


@route(
    "GET",
    "/api/farms/<farm_id>/members/<user_id>",
    resource="member",
    verb="read",
    summary="One member of a farm",
    place=_in_farm,
    answer=_MEMBER,
)
def _read(rooms: Rooms, request: Request) -> Answer:
    return Answer(_shown(rooms.people.member(request.caller, request.path["farm_id"], request.path["user_id"])))


@route(
    "PATCH",
    "/api/farms/<farm_id>/members/<user_id>",
    resource="member",
    verb="update",
    summary="Give a member another role in the farm",
    place=_in_farm,
    body=_ROLE_BODY,
    answer=_MEMBER,
)
def _changed(rooms: Rooms, request: Request) -> Answer:
    farm_id, user_id = request.path["farm_id"], request.path["user_id"]
    rooms.people.set_role(request.caller, farm_id, user_id, request.body["role"])
    return Answer(_shown(rooms.people.member(request.caller, farm_id, user_id)))


@route(
    "DELETE",
    "/api/farms/<farm_id>/members/<user_id>",
    resource="member",
    verb="delete",
    summary="Take a member's roles in the farm and in all its rooms",
    place=_in_farm,
    status=204,
)
def _removed(rooms: Rooms, request: Request) -> Answer:
    rooms.people.remove_member(request.caller, request.path["farm_id"], request.path["user_id"])
    return Answer()


@route(
    "POST",
    "/api/farms/<farm_id>/members/<user_id>/invitation",
    resource="member",
    verb="create",
    summary="An address that signs a member in once, within 15 minutes: whoever holds it is that member",
    place=_in_farm,
    answer={
        "type": "object",
        "properties": {"url": {"type": "string", "description": "Shown once; pass it on by a safe way"}},
    },
    status=201,
)
def _invited(rooms: Rooms, request: Request) -> Answer:
    path = rooms.people.invite(request.caller, request.path["farm_id"], request.path["user_id"])
    return Answer({"url": f"{request.base_url}{path}"}, again={})


def _farm_of_room(rooms: Rooms, request: Request) -> Place | None:
    place = room_place(rooms, request.path["room_id"])
    return None if place is None else Place(farm=place.farm)


def _at(rooms: Rooms, request: Request) -> tuple[str, str]:
    place = _farm_of_room(rooms, request) or hidden("room")
    return str(place.farm), request.path["room_id"]


@route(
    "PUT",
    "/api/rooms/<room_id>/members/<user_id>",
    resource="member",
    verb="update",
    summary="Give somebody a role in one room",
    place=_farm_of_room,
    body=_ROLE_BODY,
    status=204,
)
def _granted(rooms: Rooms, request: Request) -> Answer:
    rooms.people.grant_room(request.caller, _at(rooms, request), request.path["user_id"], request.body["role"])
    return Answer()


@route(
    "DELETE",
    "/api/rooms/<room_id>/members/<user_id>",
    resource="member",
    verb="delete",
    summary="Take somebody's role in one room",
    place=_farm_of_room,
    status=204,
)
def _revoked(rooms: Rooms, request: Request) -> Answer:
    rooms.people.revoke_room(request.caller, _at(rooms, request), request.path["user_id"])
    return Answer()


@route(
    "DELETE",
    "/api/people/<user_id>",
    resource="member",
    verb="delete",
    summary="Shut somebody out: take all roles, keys and sessions",
    place=lambda _rooms, _request: Place(farm=EVERYWHERE),
    status=204,
)
def _shut_out(rooms: Rooms, request: Request) -> Answer:
    rooms.people.shut_out(request.caller, request.path["user_id"])
    return Answer()


@route(
    "PATCH",
    "/api/me",
    resource="me",
    verb="update",
    summary="Give yourself another name",
    body={"type": "object", "required": ["name"], "properties": {"name": NAME}, "additionalProperties": False},
    status=204,
)
def _renamed(rooms: Rooms, request: Request) -> Answer:
    rooms.people.rename(request.caller, request.body["name"])
    return Answer()


def _shown(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "roles": dict(user.roles),
        "rooms": {room: role for room, (_, role) in user.rooms.items()},
        "created_at": iso(user.created_us),
    }
