"""Every cell of callers, resources, verbs and places, against a table that was written apart from ``POLICY``."""

from __future__ import annotations

import itertools

import pytest

from whenthen_server.auth.caller import ANONYMOUS, NOWHERE, Caller, Kind, Place, Role, RoomGrant
from whenthen_server.auth.policy import POLICY, Where, demand, hidden, may, reach
from whenthen_server.problems import ApiError, Forbidden, NotFound, Unauthorized

RESOURCES = [
    "farm",
    "room",
    "device",
    "device_key",
    "reading",
    "command",
    "rule",
    "execution",
    "event",
    "member",
    "api_key",
    "notification",
    "audit",
    "plugin",
    "schema",
    "statistics",
    "backup",
    "health",
    "metrics",
    "demo",
    "me",
    "docs",
    "session",
]
VERBS = ["list", "read", "create", "update", "delete", "run", "send", "acknowledge"]


def person(kind: Kind = "person", **roles: Role) -> Caller:
    return Caller(kind, "p", "p", {"*" if farm == "all" else farm: role for farm, role in roles.items()}, user="u")


def guest(role: Role, kind: Kind = "person") -> Caller:
    return Caller(kind, "p", "p", {}, {"room-1": RoomGrant("A", role)}, user="u")


def callers(kind: Kind) -> dict[str, Caller]:
    """By letter: a guest of room 1 of farm A is small, a member of farm A large, of the installation a digit."""
    return {
        "n": person(kind),
        "v": guest(Role.VIEWER, kind),
        "o": guest(Role.OPERATOR, kind),
        "m": guest(Role.MANAGER, kind),
        "V": person(kind, A=Role.VIEWER),
        "O": person(kind, A=Role.OPERATOR),
        "M": person(kind, A=Role.MANAGER),
        "W": person(kind, A=Role.OWNER),
        "B": person(kind, B=Role.OWNER),
        "1": person(kind, all=Role.VIEWER),
        "2": person(kind, all=Role.OPERATOR),
        "3": person(kind, all=Role.MANAGER),
        "4": person(kind, all=Role.OWNER),
    }


OTHERS = {
    "a": ANONYMOUS,
    "d": Caller("device", "dev-1", "dev-1", device_id="dev-1"),
    "D": Caller("device", "dev-2", "dev-2", device_id="dev-2"),
}

PLACES = (
    Place("A", "room-1", "dev-1"),
    Place("A", "room-2", "dev-9"),
    Place("A"),
    NOWHERE,
    Place("B", "room-9", "dev-8"),
)

# Who may, at: room 1 of A (device dev-1) | room 2 of A | farm A | nowhere | a room of B.
# A row that ends in "person" is for people themselves, not for their API keys.
EXPECTED = """
farm list                vomVOMW1234   | vomVOMW1234  | vomVOMW1234  | vomVOMWB1234   | B1234
farm read                vomVOMW1234   | vomVOMW1234  | vomVOMW1234  | 1234           | B1234
farm create              34            | 34           | 34           | 34             | 34
farm update              MW34          | MW34         | MW34         | 34             | B34
farm delete              W4            | W4           | W4           | 4              | B4
room list                vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
room read                vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
room create              MW34          | MW34         | MW34         | 34             | B34
room update              mMW34         | MW34         | MW34         | 34             | B34
room delete              MW34          | MW34         | MW34         | 34             | B34
device list              vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
device read              vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
device create            mMW34         | MW34         | MW34         | 34             | B34
device update            mMW34         | MW34         | MW34         | 34             | B34
device delete            mMW34         | MW34         | MW34         | 34             | B34
device send              domOMW234     | OMW234       | OMW234       | 234            | B234
device_key list          mMW34         | MW34         | mMW34        | mMWB34         | B34
device_key read          mMW34         | MW34         | MW34         | 34             | B34
device_key create        mMW34         | MW34         | MW34         | 34             | B34
device_key delete        mMW34         | MW34         | MW34         | 34             | B34
reading list             vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
reading read             vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
reading create           domOMW234     | OMW234       | OMW234       | 234            | B234
command list             dvomVOMW1234  | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
command read             dvomVOMW1234  | VOMW1234     | VOMW1234     | 1234           | B1234
command send             omOMW234      | OMW234       | OMW234       | 234            | B234
command delete           omOMW234      | OMW234       | OMW234       | 234            | B234
command acknowledge      domOMW234     | OMW234       | OMW234       | 234            | B234
rule list                vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
rule read                vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
rule create              mMW34         | MW34         | MW34         | 34             | B34
rule update              mMW34         | MW34         | MW34         | 34             | B34
rule delete              mMW34         | MW34         | MW34         | 34             | B34
rule run                 omOMW234      | OMW234       | OMW234       | 234            | B234
execution list           vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
execution read           vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
execution run            omOMW234      | OMW234       | OMW234       | 234            | B234
event list               vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
event read               vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
event create             omOMW234      | OMW234       | OMW234       | 234            | B234
notification list        vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
notification read        vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
notification acknowledge vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
notification create      MW34          | MW34         | MW34         | 34             | B34
notification update      MW34          | MW34         | MW34         | 34             | B34
notification delete      MW34          | MW34         | MW34         | 34             | B34
statistics list          vomVOMW1234   | VOMW1234     | vomVOMW1234  | vomVOMWB1234   | B1234
statistics read          vomVOMW1234   | VOMW1234     | VOMW1234     | 1234           | B1234
member list              MW34          | MW34         | MW34         | MWB34          | B34
member read              MW34          | MW34         | MW34         | 34             | B34
member create            W4            | W4           | W4           | 4              | B4             person
member update            W4            | W4           | W4           | 4              | B4             person
member delete            W4            | W4           | W4           | 4              | B4             person
api_key list             nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 person
api_key read             4             | 4            | 4            | 4              | 4              person
api_key create           nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 person
api_key delete           4             | 4            | 4            | 4              | 4              person
session list             nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 person
session read             4             | 4            | 4            | 4              | 4              person
session delete           4             | 4            | 4            | 4              | 4              person
session create           adDnvomVOMWB1234 | adDnvomVOMWB1234 | adDnvomVOMWB1234 | adDnvomVOMWB1234 | adDnvomVOMWB1234
me read                  dDnvomVOMWB1234 | dDnvomVOMWB1234 | dDnvomVOMWB1234 | dDnvomVOMWB1234 | dDnvomVOMWB1234
me update                nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 person
audit list               MW34          | MW34         | MW34         | MWB34          | B34
audit read               MW34          | MW34         | MW34         | 34             | B34
plugin list              vomVOMWB1234  | vomVOMWB1234 | vomVOMWB1234 | vomVOMWB1234   | vomVOMWB1234
plugin read              vomVOMWB1234  | vomVOMWB1234 | vomVOMWB1234 | vomVOMWB1234   | vomVOMWB1234
schema list              vomVOMWB1234  | vomVOMWB1234 | vomVOMWB1234 | vomVOMWB1234   | vomVOMWB1234
schema read              vomVOMWB1234  | vomVOMWB1234 | vomVOMWB1234 | vomVOMWB1234   | vomVOMWB1234
docs read                nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234 | nvomVOMWB1234
backup list              4             | 4            | 4            | 4              | 4
backup read              4             | 4            | 4            | 4              | 4
backup create            4             | 4            | 4            | 4              | 4
backup delete            4             | 4            | 4            | 4              | 4
metrics read             1234          | 1234         | 1234         | 1234           | 1234
demo list                1234          | 1234         | 1234         | 1234           | 1234
demo read                1234          | 1234         | 1234         | 1234           | 1234
demo create              234           | 234          | 234          | 234            | 234
demo delete              234           | 234          | 234          | 234            | 234
health read              adDnvomVOMWB1234 | adDnvomVOMWB1234 | adDnvomVOMWB1234 | adDnvomVOMWB1234 | adDnvomVOMWB1234
"""


def expected() -> dict[tuple[str, str], tuple[list[str], bool]]:
    table = {}
    for line in EXPECTED.strip().splitlines():
        cells = [cell.split() for cell in line.split("|")]
        resource, verb, first = cells[0]
        only_person = len(cells[4]) == 2 and cells[4].pop() == "person"
        table[resource, verb] = ([first, *("".join(cell) for cell in cells[1:])], only_person)
    return table


TABLE = expected()
NOBODY: tuple[list[str], bool] = ([""] * len(PLACES), True)


def test_the_two_tables_list_the_same_pairs_of_known_words() -> None:
    assert POLICY.keys() == TABLE.keys()
    assert {resource for resource, _ in POLICY} == set(RESOURCES)
    assert {verb for _, verb in POLICY} <= set(VERBS)


@pytest.mark.parametrize(("resource", "verb"), list(itertools.product(RESOURCES, VERBS)))
def test_every_cell_is_as_expected(resource: str, verb: str) -> None:
    letters, only_person = TABLE.get((resource, verb), NOBODY)
    wrong = []
    for place, allowed in zip(PLACES, letters, strict=True):
        for letter, caller in (callers("person") | OTHERS).items():
            if may(caller, resource, verb, place) != (letter in allowed):
                wrong.append(("person", letter, place))
        for letter, caller in callers("api_key").items():
            if may(caller, resource, verb, place) != (letter in allowed and not only_person):
                wrong.append(("api_key", letter, place))

    assert wrong == []


@pytest.mark.parametrize("resource", ["api_key", "session"])
@pytest.mark.parametrize("verb", ["list", "read", "delete"])
def test_ones_own_things_are_ones_own_and_an_installations_owner_sees_those_of_others(resource: str, verb: str) -> None:
    own, other = Place(user="u"), Place(user="somebody")

    assert {letter for letter, caller in callers("person").items() if may(caller, resource, verb, own)} == set(
        callers("person")
    )
    assert [letter for letter, caller in callers("person").items() if may(caller, resource, verb, other)] == ["4"]
    assert not any(may(caller, resource, verb, own) for caller in [*OTHERS.values(), *callers("api_key").values()])


def test_a_device_without_an_id_may_nothing_of_a_device_without_an_id() -> None:
    assert not may(Caller("device"), "reading", "create", Place("A", "room-1"))


def test_a_grant_ends_when_its_room_moves_to_another_farm() -> None:
    viewer = guest(Role.VIEWER)

    assert may(viewer, "device", "read", Place("A", "room-1"))
    assert not may(viewer, "device", "read", Place("B", "room-1"))
    assert not may(viewer, "device", "read", Place(None, "room-1"))


WORLD = [Place(farm, room) for farm, room in [("A", "room-1"), ("A", "room-2"), ("B", "room-9"), ("B", "room-1")]]


PLACED = [pair for pair in sorted(POLICY) if POLICY[pair].where in {Where.ROOM, Where.FARM, Where.PART}]


@pytest.mark.parametrize("pair", PLACED, ids=" ".join)
def test_reach_is_what_may_allows(pair: tuple[str, str]) -> None:
    resource, verb = pair
    for caller in (callers("person") | callers("api_key") | OTHERS).values():
        seen = reach(caller, *pair)
        for place in WORLD:
            assert place.farm is not None
            assert place.room is not None
            reached = seen.everything or place.farm in seen.farms or (place.farm, place.room) in seen.rooms
            # A device's own thing is reached by its id; none of these places names one.
            assert reached == may(caller, resource, verb, place), (caller, place)


def told(resource: str, verb: str, caller: Caller, place: Place | None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        demand(caller, resource, verb, place)
    return caught.value


@pytest.mark.parametrize("pair", PLACED, ids=" ".join)
def test_a_foreign_thing_and_one_that_is_not_there_are_answered_alike(pair: tuple[str, str]) -> None:
    strangers = {**callers("person"), **callers("api_key"), **OTHERS}
    for letter in "nBD":
        foreign = told(*pair, strangers[letter], Place("A", "room-1", "dev-1"))
        absent = told(*pair, strangers[letter], None)

        assert type(foreign) is type(absent) is NotFound
        assert foreign.document() == absent.document()


def test_a_thing_that_is_in_no_farm_is_hidden_from_all_but_those_of_the_installation() -> None:
    for letter in "nvVWB":
        error = told("rule", "read", callers("person")[letter], NOWHERE)
        assert error.document() == told("rule", "read", callers("person")[letter], None).document()
    assert isinstance(told("rule", "delete", callers("person")["1"], NOWHERE), Forbidden)


def test_the_text_for_a_hidden_thing_names_its_kind_only() -> None:
    with pytest.raises(NotFound, match=r"^There is no such api key, or it is not yours to see\.$"):
        hidden("api_key")


def test_who_sees_a_thing_is_told_that_more_is_forbidden() -> None:
    assert isinstance(told("rule", "delete", callers("person")["V"], Place("A", "room-2")), Forbidden)
    assert isinstance(told("room", "create", callers("person")["V"], Place("A")), Forbidden)
    assert isinstance(told("backup", "create", callers("person")["W"], NOWHERE), Forbidden)
    assert isinstance(told("member", "create", callers("api_key")["W"], Place("A")), Forbidden)
    assert isinstance(told("device", "read", OTHERS["d"], Place("A", "room-1", "dev-1")), Forbidden)


def test_a_key_is_told_that_no_role_would_help() -> None:
    assert "Sign in as a person" in str(told("member", "create", callers("api_key")["W"], Place("A")))
    assert "Ask an owner" in str(told("member", "create", callers("person")["V"], Place("A")))


def test_a_guest_of_one_room_learns_nothing_of_the_next() -> None:
    assert isinstance(told("rule", "read", callers("person")["m"], Place("A", "room-2")), NotFound)
    assert isinstance(told("device", "create", callers("person")["m"], Place("A", "room-2")), NotFound)


@pytest.mark.parametrize("pair", sorted(POLICY), ids=" ".join)
def test_nobody_is_asked_to_sign_in_whatever_is_there(pair: tuple[str, str]) -> None:
    if pair in {("health", "read"), ("session", "create")}:
        demand(ANONYMOUS, *pair)
        return
    for place in (*PLACES, None):
        assert isinstance(told(*pair, ANONYMOUS, place), Unauthorized)
