"""Members, roles, grants and keys: nobody gives what they have not, and what is taken is gone at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from access.site import OWNER, ROOM, Site
from sqlalchemy import func, select

from whenthen_server.auth.caller import ANONYMOUS, Caller, Place, Role, RoomGrant
from whenthen_server.auth.gate import Gate
from whenthen_server.auth.members import Person
from whenthen_server.auth.people import People
from whenthen_server.problems import ApiError, Conflict, Forbidden, NotFound, Unauthorized, Unprocessable
from whenthen_server.store.credentials import end_keys_of
from whenthen_server.store.database import reading, writing
from whenthen_server.store.members import forget_farm, forget_room
from whenthen_server.store.people import memberships, users


def told(attempt: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        attempt()
    return caught.value


def rows(site: Site) -> int:
    with reading(site.engine) as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (users, memberships)
        )


def test_an_owner_adds_a_member_who_then_has_that_role_in_that_farm_only(site: Site) -> None:
    caller = site.member("farm-a", "operator", "  Ada ")

    assert (caller.kind, caller.name, caller.roles) == ("person", "Ada", {"farm-a": Role.OPERATOR})
    assert [user.name for user in site.people.members(OWNER, "farm-a")] == ["Ada"]
    assert site.people.members(OWNER, "farm-b") == []
    assert [user.name for user in site.people.members(OWNER, "*")] == ["Ada", "Owner"]


def test_a_changed_role_counts_from_the_next_request_on(site: Site) -> None:
    path = site.people.invite(OWNER, "farm-a", site.people.add_member(OWNER, "farm-a", "owner", Person("Ada")).id)
    session = site.gate.log_in(path.partition("=")[2], site.clock.now())
    user = site.cookie(session.text).id
    site.people.set_role(OWNER, "farm-a", user, "viewer")
    site.people.grant_room(OWNER, ("farm-a", "room-1"), user, "manager")

    assert site.cookie(session.text).roles == {"farm-a": Role.VIEWER}
    assert site.cookie(session.text).rooms == {"room-1": RoomGrant("farm-a", Role.MANAGER)}
    site.people.revoke_room(OWNER, ("farm-a", "room-1"), user)
    assert site.cookie(session.text).rooms == {}
    site.people.remove_member(OWNER, "farm-a", user)
    assert site.cookie(session.text).roles == {}


def test_removing_a_member_takes_the_farms_rooms_too_and_leaves_other_farms(site: Site) -> None:
    user = site.people.add_member(OWNER, "farm-a", "viewer", Person("Ada")).id
    site.people.grant_room(OWNER, ("farm-a", "room-1"), user, "viewer")
    site.people.grant_room(OWNER, ("farm-b", "room-9"), user, "viewer")
    site.people.remove_member(OWNER, "farm-a", user)

    assert site.people.member(OWNER, "*", user).roles == {}
    assert site.people.member(OWNER, "*", user).rooms == {"room-9": ("farm-b", "viewer")}


def test_a_farm_sees_of_its_members_only_what_they_are_to_it(site: Site) -> None:
    boss = site.member("farm-a", "owner")
    user = site.people.add_member(OWNER, "farm-a", "viewer", Person("Ada")).id
    site.people.set_role(OWNER, "farm-b", user, "owner")
    site.people.grant_room(OWNER, ("farm-b", "room-9"), user, "viewer")

    seen = site.people.member(boss, "farm-a", user)
    assert (seen.roles, seen.rooms) == ({"farm-a": "viewer"}, {})
    assert [each.roles for each in site.people.members(boss, "farm-a") if each.id == user] == [{"farm-a": "viewer"}]


def test_only_owners_change_members_and_others_learn_what_they_may_know(site: Site) -> None:
    people, boss = site.people, site.member("farm-a", "owner")
    manager, viewer, stranger = (
        site.member("farm-a", "manager"),
        site.member("farm-a", "viewer"),
        site.member("farm-b", "owner"),
    )
    key = site.bearer(people.create_api_key(boss, "script", "owner").text)
    before = rows(site)
    for actor, expected in [
        (ANONYMOUS, Unauthorized),
        (manager, Forbidden),
        (viewer, Forbidden),
        (key, Forbidden),
        (stranger, NotFound),
    ]:
        assert type(told(partial(people.add_member, actor, "farm-a", "viewer", Person("X")))) is expected
        changes: list[Callable[[], object]] = [
            partial(people.set_role, actor, "farm-a", boss.id, "viewer"),
            partial(people.remove_member, actor, "farm-a", boss.id),
            partial(people.grant_room, actor, ("farm-a", "room-1"), viewer.id, "manager"),
            partial(people.revoke_room, actor, ("farm-a", "room-1"), viewer.id),
            partial(people.invite, actor, "farm-a", viewer.id),
            partial(people.shut_out, actor, viewer.id),
        ]
        for change in changes:
            assert isinstance(told(change), Unauthorized | Forbidden | NotFound), change

    assert rows(site) == before
    assert site.people.member(OWNER, "farm-a", boss.id).roles == {"farm-a": "owner"}


def test_a_foreign_member_and_one_who_is_not_there_are_answered_alike(site: Site) -> None:
    boss, foreign = site.member("farm-a", "owner"), site.member("farm-b", "viewer").id
    gone = site.member("farm-a", "viewer").id
    site.people.shut_out(OWNER, gone)
    attempts: list[Callable[[str], object]] = [
        lambda user: site.people.member(boss, "farm-a", user),
        lambda user: site.people.set_role(boss, "farm-a", user, "viewer"),
        lambda user: site.people.remove_member(boss, "farm-a", user),
        lambda user: site.people.grant_room(boss, ("farm-a", "room-1"), user, "viewer"),
        lambda user: site.people.revoke_room(boss, ("farm-a", "room-1"), user),
        lambda user: site.people.invite(boss, "farm-a", user),
    ]
    for attempt in attempts:
        said = [told(partial(attempt, user)) for user in (foreign, gone, "user_nobody", "user_owner", "'; --", "")]

        assert {type(each) for each in said} == {NotFound}
        assert len({str(each.document()) for each in said}) == 1


def test_an_owner_of_a_farm_gives_no_role_in_the_installation(site: Site) -> None:
    boss = site.member("farm-a", "owner")

    assert isinstance(told(lambda: site.people.add_member(boss, "*", "viewer", Person("X"))), NotFound)
    assert isinstance(told(lambda: site.people.set_role(boss, "*", boss.id, "owner")), NotFound)
    assert isinstance(told(lambda: site.people.shut_out(boss, boss.id)), NotFound)


def test_an_owner_of_a_farm_cannot_log_in_as_a_member_who_is_more_than_the_farm(site: Site) -> None:
    boss, user = site.member("farm-a", "owner"), site.people.add_member(OWNER, "farm-a", "viewer", Person("Ada")).id
    site.people.invite(boss, "farm-a", user)
    site.people.grant_room(OWNER, ("farm-b", "room-9"), user, "viewer")
    assert isinstance(told(lambda: site.people.invite(boss, "farm-a", user)), Forbidden)
    site.people.revoke_room(OWNER, ("farm-b", "room-9"), user)
    site.people.set_role(OWNER, "*", user, "viewer")

    assert isinstance(told(lambda: site.people.invite(boss, "farm-a", user)), Forbidden)


def test_the_last_owner_stays(site: Site) -> None:
    people = site.people
    attempts: list[Callable[[], object]] = [
        lambda: people.set_role(OWNER, "*", "user_owner", "manager"),
        lambda: people.remove_member(OWNER, "*", "user_owner"),
        lambda: people.shut_out(OWNER, "user_owner"),
    ]
    for attempt in attempts:
        assert isinstance(told(attempt), Conflict)
    people.set_role(OWNER, "*", "user_owner", "owner")
    other = people.add_member(OWNER, "*", "owner", Person("Another")).id
    people.shut_out(OWNER, "user_owner")

    assert [user.id for user in people.members(OWNER, "*")] == [other]


def test_of_two_owners_who_remove_each_other_at_once_one_stays(site: Site) -> None:
    other = site.people.add_member(OWNER, "*", "owner", Person("Another")).id
    start, said = threading.Barrier(2), []

    def remove(user: str) -> None:
        start.wait()
        try:
            site.people.remove_member(OWNER, "*", user)
        except Conflict as error:
            said.append(error)

    threads = [threading.Thread(target=remove, args=(user,)) for user in ("user_owner", other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(said) == 1
    assert len(site.people.members(OWNER, "*")) == 2
    assert sum(user.roles.get("*") == "owner" for user in site.people.members(OWNER, "*")) == 1


def test_who_is_shut_out_has_nothing_left(site: Site) -> None:
    user = site.people.add_member(OWNER, "farm-a", "manager", Person("Ada")).id
    unused = site.people.invite(OWNER, "farm-a", user).partition("=")[2]
    session = site.gate.log_in(site.people.invite(OWNER, "farm-a", user).partition("=")[2], site.clock.now())
    key = site.people.create_api_key(site.cookie(session.text), "script", "viewer")
    site.bearer(key.text)
    site.people.shut_out(OWNER, user)

    assert site.cookie(session.text) is ANONYMOUS
    assert isinstance(told(lambda: site.bearer(key.text, "1")), Unauthorized)
    assert isinstance(told(lambda: site.gate.log_in(unused, site.clock.now(), "2")), Unauthorized)
    assert user not in [each.id for each in site.people.members(OWNER, "*")]


def test_somebody_known_by_an_identity_is_not_made_twice_and_not_let_in_again(site: Site) -> None:
    ada = Person("Ada", "ada@example.org", ("https://id.example", "42"))
    first, second = (
        site.people.add_member(OWNER, "farm-a", "viewer", ada),
        site.people.add_member(OWNER, "farm-b", "manager", ada),
    )
    assert first.id == second.id
    assert site.people.member(OWNER, "*", first.id).roles == {"farm-a": "viewer", "farm-b": "manager"}
    site.people.shut_out(OWNER, first.id)

    assert isinstance(told(lambda: site.people.add_member(OWNER, "farm-a", "viewer", ada)), Conflict)


WRONG = [
    ("admin", Person("Ada"), "/role"),
    ("OWNER", Person("Ada"), "/role"),
    ("none", Person("Ada"), "/role"),
    ("", Person("Ada"), "/role"),
    ("viewer", Person(""), "/name"),
    ("viewer", Person("  "), "/name"),
    ("viewer", Person("x" * 201), "/name"),
    ("viewer", Person("a\nb"), "/name"),
    ("viewer", Person("a\0b"), "/name"),
    ("viewer", Person("Ada", "ada"), "/email"),
    ("viewer", Person("Ada", "ada@x\r\nBcc: eve"), "/email"),
]


def test_what_is_wrong_with_a_member_is_said_and_nothing_stored(site: Site) -> None:
    before = rows(site)
    for role, person, pointer in WRONG:
        error = told(partial(site.people.add_member, OWNER, "farm-a", role, person))

        assert isinstance(error, Unprocessable)
        assert [fault["pointer"] for fault in error.errors] == [pointer]
    assert rows(site) == before


def test_nobody_owns_a_room(site: Site) -> None:
    user = site.people.add_member(OWNER, "farm-a", "viewer", Person("Ada")).id

    assert isinstance(told(lambda: site.people.grant_room(OWNER, ("farm-a", "r"), user, "owner")), Unprocessable)


def test_an_api_key_is_never_more_than_its_maker_and_makes_no_other(site: Site) -> None:
    viewer = site.member("farm-a", "viewer")
    key = site.bearer(site.people.create_api_key(viewer, "mine", "viewer").text)

    assert told(lambda: site.people.create_api_key(viewer, "x", "operator")).errors[0]["pointer"] == "/role"
    assert isinstance(told(lambda: site.people.create_api_key(viewer, "x", "viewer", farm="farm-b")), NotFound)
    assert isinstance(told(lambda: site.people.create_api_key(key, "x", "viewer")), Forbidden)
    assert isinstance(told(lambda: site.people.create_api_key(ANONYMOUS, "x", "viewer")), Unauthorized)
    past = told(lambda: site.people.create_api_key(viewer, "x", "viewer", expires_us=site.now_us))
    assert past.errors[0]["pointer"] == "/expires_at"
    groups_only = Caller("person", "user_x", "x", {"farm-a": Role.OWNER}, user="user_x")
    assert isinstance(told(lambda: site.people.create_api_key(groups_only, "x", "viewer")), Forbidden)


def test_an_api_key_ends_by_itself(site: Site) -> None:
    key = site.people.create_api_key(OWNER, "script", "viewer", expires_us=site.now_us + 60_000_000)
    site.clock.turn(seconds=59)
    assert site.bearer(key.text).kind == "api_key"
    site.clock.turn(seconds=1)

    assert isinstance(told(lambda: site.bearer(key.text)), Unauthorized)
    assert site.people.api_keys(OWNER) == []


def test_keys_and_sessions_are_ones_own(site: Site) -> None:
    ada, eve = site.member("farm-a", "viewer", "Ada"), site.member("farm-a", "owner", "Eve")
    key = site.people.create_api_key(ada, "script", "viewer")
    attempts: list[Callable[[str], object]] = [
        lambda key_id: site.people.end_api_key(eve, key_id),
        lambda key_id: site.people.end_session(eve, key_id),
    ]
    for attempt, theirs in zip(attempts, (key.id, ada.session or ""), strict=True):
        foreign, absent = told(partial(attempt, theirs)), told(partial(attempt, "0123456789abcdef"))
        assert type(foreign) is type(absent) is NotFound
        assert foreign.document() == absent.document()
    assert isinstance(told(lambda: site.people.api_keys(eve, ada.id)), NotFound)

    assert [each.name for each in site.people.api_keys(ada)] == ["script"]
    assert [each.id for each in site.people.api_keys(OWNER, ada.id)] == [key.id]
    assert [each.id for each in site.people.sessions(ada)] == [ada.session]
    site.people.end_api_key(ada, key.id)
    assert site.people.api_keys(ada) == []
    assert isinstance(told(lambda: site.people.end_api_key(ada, key.id)), NotFound)


def test_logging_out_ends_one_session_and_logging_out_everywhere_ends_all(site: Site) -> None:
    user = site.people.add_member(OWNER, "farm-a", "viewer", Person("Ada")).id
    texts = [
        site.gate.log_in(site.people.invite(OWNER, "farm-a", user).partition("=")[2], site.clock.now()).text
        for _ in range(3)
    ]
    first = site.cookie(texts[0])
    site.people.end_session(first, first.session or "")
    assert [site.cookie(text).kind for text in texts] == ["anonymous", "person", "person"]
    site.people.end_sessions(site.cookie(texts[1]))

    assert [site.cookie(text).kind for text in texts] == ["anonymous"] * 3
    assert site.people.sessions(OWNER, user) == []


def test_a_new_device_key_ends_the_old_one_unless_both_are_wanted(site: Site) -> None:
    first = site.people.create_device_key(OWNER, ROOM)
    second = site.people.create_device_key(OWNER, ROOM)
    third = site.people.create_device_key(OWNER, ROOM, keep_old=True)

    assert [key.id for key in site.people.device_keys(OWNER, ROOM)] == sorted([second.id, third.id])
    assert isinstance(told(lambda: site.device(first.text)), Unauthorized)
    assert site.device(second.text) == site.device(third.text)


def test_the_key_of_another_device_is_not_there(site: Site) -> None:
    other = Place("farm-a", "room-1", "dev-2")
    key = site.people.create_device_key(OWNER, other)
    foreign = told(lambda: site.people.end_device_key(OWNER, ROOM, key.id))
    absent = told(lambda: site.people.end_device_key(OWNER, ROOM, "0123456789abcdef"))

    assert foreign.document() == absent.document()
    assert site.device(key.text).device_id == "dev-2"
    assert isinstance(told(lambda: site.people.create_device_key(OWNER, Place("farm-a", "room-1"))), NotFound)


def test_a_device_is_no_one_to_hand_out_keys(site: Site) -> None:
    device = site.device(site.people.create_device_key(OWNER, ROOM).text)

    assert isinstance(told(lambda: site.people.create_device_key(device, ROOM)), Forbidden)
    assert isinstance(told(lambda: site.people.device_keys(device, Place("farm-a", "room-1", "dev-2"))), NotFound)


def test_nobody_heaps_up_keys_without_end(site: Site) -> None:
    for _ in range(100):
        site.people.create_device_key(OWNER, ROOM, keep_old=True)

    assert isinstance(told(lambda: site.people.create_device_key(OWNER, ROOM, keep_old=True)), Conflict)
    site.people.create_device_key(OWNER, ROOM)


def test_what_was_done_is_told_to_the_audit_after_it_was_done(site: Site) -> None:
    seen: list[int] = []

    def audit(*_: object) -> None:
        seen.append(rows(site))

    people = People(site.engine, site.hasher, site.clock, changed=site.gate.forget, audit=audit)
    before = rows(site)
    user = people.add_member(OWNER, "farm-a", "viewer", Person("Ada")).id
    told(lambda: people.set_role(OWNER, "farm-a", "user_nobody", "viewer"))
    told(lambda: people.set_role(OWNER, "farm-a", user, "admin"))

    assert seen == [before + 2]
    site.people.set_role(OWNER, "farm-a", user, "owner")
    assert site.audited == [("person:user_owner", "member.update", {"farm": "farm-a", "user": user, "role": "owner"})]


def test_a_new_farm_room_or_device_of_an_old_id_inherits_nobody(site: Site) -> None:
    ada = site.member("farm-a", "owner", "Ada")
    site.people.grant_room(OWNER, ("farm-b", "room-9"), ada.id, "manager")
    site.people.grant_room(OWNER, ("farm-a", "room-1"), ada.id, "manager")
    key = site.people.create_api_key(OWNER, "script", "owner", farm="farm-a")
    device = site.people.create_device_key(OWNER, ROOM)
    with writing(site.engine) as connection:
        forget_farm(connection, "farm-a", site.now_us)
        forget_room(connection, "room-9")
        end_keys_of(connection, "dev", "dev-1", site.now_us)
    site.gate.forget()

    left = site.people.member(OWNER, "*", ada.id)
    assert (left.roles, left.rooms) == ({}, {})
    assert isinstance(told(lambda: site.bearer(key.text)), Unauthorized)
    assert isinstance(told(lambda: site.device(device.text)), Unauthorized)


def test_renaming_is_for_oneself(site: Site) -> None:
    ada = site.member("farm-a", "viewer", "Ada")
    site.people.rename(ada, "Ada L.")

    assert site.people.member(OWNER, "farm-a", ada.id).name == "Ada L."
    key = site.bearer(site.people.create_api_key(ada, "script", "viewer").text)
    assert isinstance(told(lambda: site.people.rename(key, "x")), Forbidden)


def test_a_gate_that_is_not_told_of_a_change_knows_it_after_five_seconds(site: Site) -> None:
    key = site.people.create_api_key(OWNER, "script", "viewer")
    other = Gate(site.engine, site.hasher)
    headers = {"Authorization": f"Bearer {key.text}"}
    assert other.authenticate(headers, {}, site.clock.now()).roles == {"*": Role.VIEWER}
    site.people.end_api_key(OWNER, key.id)
    site.clock.turn(seconds=4)
    assert other.authenticate(headers, {}, site.clock.now()).kind == "api_key"
    site.clock.turn(seconds=1)

    assert isinstance(told(lambda: other.authenticate(headers, {}, site.clock.now())), Unauthorized)
