"""Who sends a request: good credentials in each way they can come, and every kind of bad ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from access.site import OWNER, ROOM, Site
from sqlalchemy import select, text, update

from whenthen.clock import DAY_US, MINUTE_US
from whenthen_server.auth.caller import ANONYMOUS, Caller, Role
from whenthen_server.auth.gate import Gate
from whenthen_server.auth.keys import Hasher, new_key
from whenthen_server.problems import ApiError, TooManyRequests, Unauthorized
from whenthen_server.store import people as tables
from whenthen_server.store.credentials import end_keys_of, forget_dead
from whenthen_server.store.database import reading, writing
from whenthen_server.store.people import device_keys, sessions


def refused(attempt: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        attempt()
    return caught.value


def test_who_brings_nothing_is_nobody(site: Site) -> None:
    assert site.gate.authenticate({}, {}, site.clock.now()) is ANONYMOUS


def test_a_device_key_is_taken_in_its_own_header_and_as_a_bearer(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)

    assert site.device(key.text) == site.bearer(key.text) == Caller("device", "dev-1", "dev-1", device_id="dev-1")


def test_a_key_says_its_kind_and_shows_its_secret_only_when_asked(site: Site) -> None:
    device, program = site.people.create_device_key(OWNER, ROOM), site.people.create_api_key(OWNER, "script", "viewer")

    assert device.text.startswith(f"wt_dev_{device.id}_")
    assert program.text.startswith(f"wt_api_{program.id}_")
    assert device.secret not in repr(device)


def test_no_table_holds_a_secret(site: Site) -> None:
    device, program = site.people.create_device_key(OWNER, ROOM), site.people.create_api_key(OWNER, "script", "viewer")
    login = site.people.invite(OWNER, "*", "user_owner").partition("=")[2]
    session = site.gate.log_in(login, site.clock.now())
    with reading(site.engine) as connection:
        stored = "".join(
            str(row)
            for table in (tables.users, tables.api_keys, tables.device_keys, tables.sessions, tables.login_tokens)
            for row in connection.execute(select(table))
        )

    for secret in (device.secret, program.secret, session.secret, login[-43:]):
        assert secret not in stored
        assert secret not in str(site.audited)
    assert device.id in stored


def test_an_api_key_may_what_its_maker_may_at_this_moment_but_no_more_than_its_own_role(site: Site) -> None:
    maker = site.member("farm-a", "manager")
    key = site.people.create_api_key(maker, "script", "operator")
    before = site.bearer(key.text)
    site.people.set_role(OWNER, "farm-a", maker.id, "viewer")

    assert (before.kind, before.name, before.roles) == ("api_key", "script", {"farm-a": Role.OPERATOR})
    assert site.bearer(key.text).roles == {"farm-a": Role.VIEWER}


def test_an_api_key_for_one_farm_opens_no_other(site: Site) -> None:
    key = site.people.create_api_key(OWNER, "script", "owner", farm="farm-a")
    maker = site.member("farm-a", "viewer")
    site.people.grant_room(OWNER, ("farm-b", "room-9"), maker.id, "manager")
    maker = site.log_in(maker.id)
    narrow = site.people.create_api_key(maker, "script", "viewer", farm="farm-a")
    wide = site.people.create_api_key(maker, "script", "operator")

    assert site.bearer(key.text).roles == {"farm-a": Role.OWNER}
    assert site.bearer(narrow.text).rooms == {}
    assert site.bearer(wide.text).rooms["room-9"].role is Role.OPERATOR


WRONG = [
    "",
    " ",
    "null",
    "wt_dev_",
    "wt_dev_0123456789abcdef_short",
    "wt_adm_0123456789abcdef_" + "A" * 43,
    "wt_dev_0123456789ABCDEF_" + "A" * 43,
    "wt_dev_0123456789abcdef_" + "A" * 43,
    "wt_dev_0123456789abcdef_" + "A" * 42 + "\u00e9",
    "wt_dev_0123456789abcdef_" + "A" * 43 + "\n",
    "a.b.c",
    "..",
    "\u0660" * 80,
    "A" * 1_000_000,
]


def test_wrong_credentials_are_refused_without_a_reason(site: Site) -> None:
    said = set()
    for n, wrong in enumerate(WRONG):
        for attempt in (site.bearer, site.device):
            error = refused(partial(attempt, wrong, f"{attempt.__name__} {n}"))
            assert type(error) is Unauthorized, wrong
            said.add(str(error.document()))

    assert len(said) == 1


def test_every_way_in_which_a_key_can_be_bad_sounds_the_same(site: Site) -> None:
    good = site.people.create_device_key(OWNER, ROOM)
    other = site.people.create_device_key(OWNER, ROOM, keep_old=True)
    ended = site.people.create_device_key(OWNER, ROOM, keep_old=True)
    site.people.end_device_key(OWNER, ROOM, ended.id)
    expired = site.people.create_device_key(OWNER, ROOM, keep_old=True)
    with writing(site.engine) as connection:
        connection.execute(update(device_keys).where(device_keys.c.id == expired.id).values(expires_us=site.now_us))
    bad = [f"wt_dev_{good.id}_{other.secret}", ended.text, expired.text, new_key("dev").text]

    assert site.device(good.text).device_id == "dev-1"
    assert len({str(refused(partial(site.device, key, key)).document()) for key in bad}) == 1


def test_a_key_is_not_taken_as_another_kind(site: Site) -> None:
    program = site.people.create_api_key(OWNER, "script", "viewer")
    invitation = site.people.invite(OWNER, "*", "user_owner").partition("=")[2]
    session = site.gate.log_in(site.people.invite(OWNER, "*", "user_owner").partition("=")[2], site.clock.now())

    assert isinstance(refused(lambda: site.device(program.text, "1")), Unauthorized)
    assert isinstance(refused(lambda: site.bearer(session.text, "2")), Unauthorized)
    assert isinstance(refused(lambda: site.bearer(invitation, "3")), Unauthorized)
    assert isinstance(refused(lambda: site.gate.log_in(session.text, site.clock.now(), "4")), Unauthorized)
    assert site.cookie(program.text) is ANONYMOUS
    assert site.cookie(invitation) is ANONYMOUS


def test_two_headers_at_once_are_refused_and_a_header_outranks_the_cookie(site: Site) -> None:
    device, program = site.people.create_device_key(OWNER, ROOM), site.people.create_api_key(OWNER, "script", "viewer")
    session = site.gate.log_in(site.people.invite(OWNER, "*", "user_owner").partition("=")[2], site.clock.now())
    both = {"Authorization": f"Bearer {program.text}", "X-Device-Key": device.text}
    cookies = {"whenthen": session.text}

    assert isinstance(refused(lambda: site.gate.authenticate(both, {}, site.clock.now(), "1")), Unauthorized)
    assert site.gate.authenticate({"X-Device-Key": device.text}, cookies, site.clock.now()).kind == "device"
    bad = {"Authorization": "Bearer nonsense"}
    assert isinstance(refused(lambda: site.gate.authenticate(bad, cookies, site.clock.now(), "2")), Unauthorized)


def test_another_scheme_is_none_of_ours(site: Site) -> None:
    assert site.gate.authenticate({"Authorization": "Basic dXNlcjpwYXNz"}, {}, site.clock.now()) is ANONYMOUS
    key = site.people.create_api_key(OWNER, "script", "viewer")
    assert site.gate.authenticate({"Authorization": f"bEaReR {key.text}"}, {}, site.clock.now()).kind == "api_key"


def test_a_row_put_into_the_database_by_a_stranger_opens_nothing(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)
    forged = new_key("dev")
    with writing(site.engine) as connection:
        connection.execute(
            update(device_keys)
            .where(device_keys.c.id == key.id)
            .values(id=forged.id, hash=Hasher(b"another signing key of 32 bytes!").hash(forged))
        )

    assert isinstance(refused(lambda: site.device(forged.text)), Unauthorized)


def test_an_ended_key_is_refused_at_once_and_in_another_process_within_seconds(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)
    elsewhere = Gate(site.engine, site.hasher)
    headers = {"X-Device-Key": key.text}
    elsewhere.authenticate(headers, {}, site.clock.now())
    assert site.device(key.text).kind == "device"
    site.people.end_device_key(OWNER, ROOM, key.id)

    assert isinstance(refused(lambda: site.device(key.text)), Unauthorized)
    site.clock.turn(seconds=5)
    assert isinstance(refused(lambda: elsewhere.authenticate(headers, {}, site.clock.now())), Unauthorized)


def test_a_key_that_ends_while_it_is_being_looked_up_is_not_remembered(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)
    slow = Gate(site.engine, site.hasher)
    load = slow._load

    def overtaken(wanted: object) -> object:
        found = load(wanted)  # type: ignore[arg-type]
        with writing(site.engine) as connection:
            end_keys_of(connection, "dev", "dev-1", site.now_us)
        slow.forget()
        return found

    slow._load = overtaken  # type: ignore[method-assign, assignment]
    slow.authenticate({"X-Device-Key": key.text}, {}, site.clock.now())
    slow._load = load  # type: ignore[method-assign]

    assert isinstance(
        refused(lambda: slow.authenticate({"X-Device-Key": key.text}, {}, site.clock.now())), Unauthorized
    )


def test_five_failures_a_minute_then_a_wait_that_doubles(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)
    wrong = f"wt_dev_{key.id}_{'A' * 43}"

    def round_of_five() -> TooManyRequests:
        assert [type(refused(lambda: site.device(wrong))) for _ in range(5)] == [Unauthorized] * 5
        error = refused(lambda: site.device(key.text))
        assert isinstance(error, TooManyRequests), "even the right key has to wait now"
        return error

    assert round_of_five().headers["Retry-After"] == "60"
    site.clock.turn(seconds=59)
    assert isinstance(refused(lambda: site.device(wrong)), TooManyRequests)
    site.clock.turn(seconds=1)
    assert round_of_five().headers["Retry-After"] == "120"
    site.clock.turn(seconds=120)
    assert site.device(key.text).kind == "device"


def test_one_device_with_a_wrong_key_does_not_shut_out_its_neighbours(site: Site) -> None:
    old, good = site.people.create_device_key(OWNER, ROOM), site.people.create_device_key(OWNER, ROOM)
    for _ in range(20):
        refused(lambda: site.device(old.text))

    assert isinstance(refused(lambda: site.device(old.text)), TooManyRequests)
    assert site.device(good.text).kind == "device"
    assert site.device(good.text, "10.0.0.99").kind == "device"


def test_a_stranger_who_guesses_at_a_key_does_not_shut_out_its_device(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)
    for _ in range(20):
        refused(lambda: site.device(f"wt_dev_{key.id}_{'A' * 43}", "6.6.6.6"))

    assert site.device(key.text, "10.0.0.1").kind == "device"


def test_whoever_tries_keys_that_do_not_exist_is_slowed_down_by_address(site: Site) -> None:
    good = site.people.create_device_key(OWNER, ROOM)
    answers = [type(refused(lambda: site.device(new_key("dev").text, "6.6.6.6"))) for _ in range(7)]

    assert answers == [Unauthorized] * 5 + [TooManyRequests] * 2
    assert site.device(good.text, "6.6.6.6").kind == "device"


def test_an_invitation_opens_one_session_once_and_within_a_quarter_of_an_hour(site: Site) -> None:
    def token() -> str:
        return site.people.invite(OWNER, "*", "user_owner").partition("=")[2]

    used, late, in_time = token(), token(), token()
    session = site.gate.log_in(used, site.clock.now())

    assert site.cookie(session.text).session == session.id
    assert isinstance(refused(lambda: site.gate.log_in(used, site.clock.now(), "1")), Unauthorized)
    site.clock.turn(seconds=15 * 60 - 1)
    site.gate.log_in(in_time, site.clock.now())
    site.clock.turn(seconds=1)
    assert isinstance(refused(lambda: site.gate.log_in(late, site.clock.now(), "2")), Unauthorized)


def test_of_many_that_use_an_invitation_at_once_one_gets_in(site: Site) -> None:
    token = site.people.invite(OWNER, "*", "user_owner").partition("=")[2]
    start, won = threading.Barrier(8), []

    def race(address: str) -> None:
        start.wait()
        try:
            won.append(site.gate.log_in(token, site.clock.now(), address))
        except Unauthorized:
            return

    racers = [threading.Thread(target=race, args=(f"10.0.1.{n}",)) for n in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    assert len(won) == 1


def test_guessing_at_invitations_is_throttled(site: Site) -> None:
    answers = [
        type(refused(partial(site.gate.log_in, wrong, site.clock.now(), "6.6.6.6")))
        for wrong in ["", "x", new_key("log").text, new_key("ses").text, "\0", "y"]
    ]

    assert answers == [Unauthorized] * 5 + [TooManyRequests]


def test_a_session_ends_when_idle_for_a_week_and_after_a_month_at_the_latest(site: Site) -> None:
    idle, busy = (
        site.gate.log_in(site.people.invite(OWNER, "*", "user_owner").partition("=")[2], site.clock.now())
        for _ in range(2)
    )
    for _ in range(4):
        site.clock.turn(seconds=6 * 86_400)
        assert site.cookie(busy.text).kind == "person"

    assert site.cookie(idle.text) is ANONYMOUS
    site.clock.turn(seconds=6 * 86_400 - 1)
    assert site.cookie(busy.text).kind == "person"
    site.clock.turn(seconds=1)
    assert site.cookie(busy.text) is ANONYMOUS


def test_use_is_written_once_a_minute_and_before_the_end(site: Site) -> None:
    key = site.people.create_device_key(OWNER, ROOM)

    def written() -> int | None:
        with reading(site.engine) as connection:
            used_us: int | None = connection.execute(select(device_keys.c.last_used_us)).scalar_one()
            return used_us

    start_us = site.now_us
    site.device(key.text)
    assert written() == start_us
    site.clock.turn(seconds=59)
    site.device(key.text)
    assert written() == start_us
    site.gate.write_uses(site.clock.now())
    assert written() == start_us + 59_000_000
    site.clock.turn(seconds=60)
    site.device(key.text)
    assert written() == start_us + 119_000_000


def test_a_request_goes_through_when_its_use_cannot_be_written(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    key = site.people.create_device_key(OWNER, ROOM)
    with writing(site.engine) as connection:
        if connection.dialect.name == "postgresql":
            never = "CREATE FUNCTION never() RETURNS trigger AS $$ BEGIN RAISE 'no'; END $$ LANGUAGE plpgsql"
            connection.execute(text(never))
            when = "CREATE TRIGGER no BEFORE UPDATE ON device_keys FOR EACH ROW EXECUTE FUNCTION never()"
        else:
            when = "CREATE TRIGGER no BEFORE UPDATE ON device_keys BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.execute(text(when))

    assert site.device(key.text).kind == "device"
    assert "could not write down the use of 1 keys" in caplog.text


def test_what_is_long_dead_is_forgotten_and_what_lives_stays(site: Site) -> None:
    dead, alive = site.people.create_device_key(OWNER, ROOM), site.people.create_device_key(OWNER, ROOM)
    site.gate.log_in(site.people.invite(OWNER, "*", "user_owner").partition("=")[2], site.clock.now())
    with writing(site.engine) as connection:
        early = forget_dead(connection, site.now_us)
        late = forget_dead(connection, site.now_us + MINUTE_US)
        last = forget_dead(connection, site.now_us + 31 * DAY_US)
        left = set(connection.execute(select(device_keys.c.id)).scalars())

    assert (early, late, last) == (0, 2, 1)  # nothing yet; the ended key and the used invitation; the session
    assert left == {alive.id}
    assert dead.id not in left
    with reading(site.engine) as connection:
        assert connection.execute(select(sessions.c.id)).all() == []
