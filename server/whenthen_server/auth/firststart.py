"""The first start: an owner, a signing key, and an address to open in a browser, with nothing to set up."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from whenthen.clock import Clock, to_us
from whenthen_server.auth.folder import prepare_folder, signing_key, write_secret
from whenthen_server.auth.keys import Hasher, Key, new_key
from whenthen_server.auth.sessions import LOGIN_PATH, login_token
from whenthen_server.store.credentials import StoredKey, add_key
from whenthen_server.store.database import reading, writing
from whenthen_server.store.members import User, add_user, owners, set_role
from whenthen_server.store.people import EVERYWHERE

OWNER = "user_owner"
OWNER_KEY_FILE = "owner.key"


def first_start(folder: Path, engine: Engine, clock: Clock, hasher: Hasher | None = None) -> str:
    """Make sure that there are a safe folder, a signing key and an owner; return the path of an address to log in.

    The path holds a token that works once, for 15 minutes. On a later start nothing is made but such a token. No
    signing key is made when there is a *hasher* with a secret of its own. The owner's API key is left in ``owner.key``
    in the folder, mode 0600, for programs on the same machine. Raises ``UnsafeFolderError``.
    """
    prepare_folder(folder)
    hasher = hasher or Hasher(signing_key(folder))
    with reading(engine) as connection:
        has_owner = bool(owners(connection))
    if not has_owner:
        _make_owner(folder, engine, hasher, to_us(clock.now()))
    return login_url(engine, hasher, clock)


def login_url(engine: Engine, hasher: Hasher, clock: Clock, user: str | None = None) -> str:
    """Return the path of another address to log in, for a user (default: the first owner).

    Raises ``LookupError`` when there is no owner yet.
    """
    with writing(engine) as connection:
        chosen = user or next(iter(owners(connection)), None)
        if chosen is None:
            raise LookupError("there is no owner yet; start the server once")
        return LOGIN_PATH + login_token(connection, hasher, chosen, to_us(clock.now())).text


def _make_owner(folder: Path, engine: Engine, hasher: Hasher, now_us: int) -> None:
    key = new_key("api")
    try:
        with writing(engine) as connection:
            add_user(connection, User(OWNER, "Owner", now_us))
            set_role(connection, OWNER, EVERYWHERE, "owner", now_us)
            add_key(connection, "api", _stored(key, hasher, now_us))
            # Before the commit: a crash in between leaves a file without an owner, which the next start replaces.
            write_secret(folder / OWNER_KEY_FILE, key.text)
    except IntegrityError:
        # Another process was faster, or the only owner was shut out; either way nobody gets in unasked.
        with reading(engine) as connection:
            if not owners(connection):
                raise


def _stored(key: Key, hasher: Hasher, now_us: int) -> StoredKey:
    return StoredKey(key.id, hasher.hash(key), OWNER, now_us, name=OWNER_KEY_FILE, farm=EVERYWHERE, role="owner")
