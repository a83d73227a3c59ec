"""The first start: nothing to set up, nothing to guess, nothing that two installations share."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from access.site import START, install
from sqlalchemy import Engine, delete, select

from whenthen.clock import ManualClock
from whenthen_server.auth.caller import Role
from whenthen_server.auth.firststart import first_start, login_url
from whenthen_server.auth.folder import UnsafeFolderError, prepare_folder, read_secret, signing_key, write_secret
from whenthen_server.auth.gate import Gate
from whenthen_server.auth.keys import Hasher
from whenthen_server.problems import Unauthorized
from whenthen_server.store.database import open_database, reading, writing
from whenthen_server.store.people import api_keys, users


@pytest.fixture
def fresh(database: Engine) -> Engine:
    """Tables without anybody in them."""
    install(database)
    with writing(database) as connection:
        connection.execute(delete(users))
    return database


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def gate(folder: Path, engine: Engine) -> Gate:
    return Gate(engine, Hasher(signing_key(folder)))


def token(path: str) -> str:
    assert re.fullmatch(r"/login\?token=wt_log_[0-9a-f]{16}_[\w-]{43}", path)
    return path.partition("=")[2]


def test_the_address_of_the_first_start_logs_its_owner_in_once(fresh: Engine, tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", ManualClock(START)
    path = first_start(folder, fresh, clock)
    door = gate(folder, fresh)
    session = door.log_in(token(path), clock.now())
    owner = door.authenticate({}, {"whenthen": session.text}, clock.now())

    assert (owner.kind, owner.roles) == ("person", {"*": Role.OWNER})
    with pytest.raises(Unauthorized):
        door.log_in(token(path), clock.now())


def test_the_owners_key_in_the_folder_works_and_all_files_are_closed_to_others(fresh: Engine, tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", ManualClock(START)
    old = os.umask(0)
    try:
        first_start(folder, fresh, clock)
    finally:
        os.umask(old)
    key = read_secret(folder / "owner.key")
    caller = gate(folder, fresh).authenticate({"Authorization": f"Bearer {key}"}, {}, clock.now())

    assert (caller.kind, caller.roles) == ("api_key", {"*": Role.OWNER})
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {"signing.key": 0o600, "owner.key": 0o600}
    assert len(signing_key(folder)) == 32


def test_a_later_start_makes_nothing_but_another_address(fresh: Engine, tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", ManualClock(START)
    first = first_start(folder, fresh, clock)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    second, third = first_start(folder, fresh, clock), login_url(fresh, Hasher(signing_key(folder)), clock)

    assert len({first, second, third}) == 3
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with reading(fresh) as connection:
        assert len(connection.execute(select(users.c.id)).all()) == 1
    for path in (third, second, first):
        gate(folder, fresh).log_in(token(path), clock.now())


def test_two_fresh_installations_share_no_secret(tmp_path: Path) -> None:
    secrets: list[set[str]] = []
    for name in ("one", "two"):
        engine = open_database(f"sqlite:///{tmp_path / name}.db")
        install(engine)
        with writing(engine) as connection:
            connection.execute(delete(users))
        folder, clock = tmp_path / name, ManualClock(START)
        path = first_start(folder, engine, clock)
        with reading(engine) as connection:
            stored = {str(value) for row in connection.execute(select(api_keys.c.id, api_keys.c.hash)) for value in row}
        secrets.append({read_secret(file) for file in folder.iterdir()} | stored | set(token(path).rsplit("_", 2)[1:]))
        engine.dispose()

    assert [len(each) for each in secrets] == [6, 6]
    assert secrets[0].isdisjoint(secrets[1])


def test_an_address_of_one_installation_opens_no_other(tmp_path: Path, fresh: Engine) -> None:
    clock = ManualClock(START)
    path = first_start(tmp_path / "one", fresh, clock)

    with pytest.raises(Unauthorized):
        gate(tmp_path / "another", _prepared(tmp_path / "another", fresh)).log_in(token(path), clock.now())


def _prepared(folder: Path, engine: Engine) -> Engine:
    prepare_folder(folder)
    return engine


def test_of_two_first_starts_at_once_one_makes_the_owner_and_both_get_an_address(fresh: Engine, tmp_path: Path) -> None:
    folder, clock, paths = tmp_path / "data", ManualClock(START), []
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()
        paths.append(first_start(folder, fresh, clock))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    door = gate(folder, fresh)

    assert len(paths) == 4
    for path in paths:
        door.log_in(token(path), clock.now())
    headers = {"Authorization": f"Bearer {read_secret(folder / 'owner.key')}"}
    assert door.authenticate(headers, {}, clock.now()).kind == "api_key"
    assert sorted(path.name for path in folder.iterdir()) == ["owner.key", "signing.key"]


def test_without_an_owner_there_is_no_address(fresh: Engine) -> None:
    with pytest.raises(LookupError, match="start the server once"):
        login_url(fresh, Hasher(b"k" * 32), ManualClock(START))


def test_a_folder_that_others_can_read_is_repaired_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "something").touch()
    tmp_path.chmod(0o755)
    prepare_folder(tmp_path)

    assert mode(tmp_path) == 0o700
    assert "was open to others" in caplog.text


def test_an_empty_folder_is_repaired_however_open_it_was(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    prepare_folder(tmp_path)

    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("open_to", [0o720, 0o702, 0o777])
def test_a_folder_with_something_in_it_that_others_could_write_to_is_refused(tmp_path: Path, open_to: int) -> None:
    (tmp_path / "something").touch()
    tmp_path.chmod(open_to)

    with pytest.raises(UnsafeFolderError, match="chmod 700"):
        prepare_folder(tmp_path)
    assert mode(tmp_path) == open_to


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o620, 0o777])
def test_a_key_file_that_others_can_get_at_is_refused(tmp_path: Path, open_to: int) -> None:
    signing_key(tmp_path)
    (tmp_path / "signing.key").chmod(open_to)

    with pytest.raises(UnsafeFolderError, match="chmod 600"):
        signing_key(tmp_path)


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 31, "00" * 33, "\u00e4" * 64, "0" * 100_000])
def test_a_key_file_that_holds_no_key_is_refused_rather_than_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "signing.key"
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")

    with pytest.raises(UnsafeFolderError, match="holds no signing key"):
        signing_key(tmp_path)
    assert path.read_text(encoding="utf-8") == content


def test_a_link_a_folder_and_a_pipe_are_no_key_files(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    signing_key(tmp_path / "elsewhere")
    places = {name: tmp_path / name for name in ("link", "dangling", "folder", "pipe")}
    for place in places.values():
        place.mkdir()
    (places["link"] / "signing.key").symlink_to(tmp_path / "elsewhere" / "signing.key")
    (places["dangling"] / "signing.key").symlink_to(tmp_path / "nowhere")
    (places["folder"] / "signing.key").mkdir()
    os.mkfifo(places["pipe"] / "signing.key", mode=0o600)

    for place in places.values():
        with pytest.raises(UnsafeFolderError, match="plain file"):
            signing_key(place)
    assert not (tmp_path / "nowhere").exists()


def test_a_secret_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "owner.key"
    write_secret(path, "one")
    write_secret(path, "two")

    assert read_secret(path) == "two"
    assert list(tmp_path.iterdir()) == [path]
