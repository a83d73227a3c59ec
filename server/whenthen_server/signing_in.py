"""An address that signs the owner in, at the server that a data folder belongs to."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url

from whenthen.clock import SystemClock
from whenthen.errors import WhenthenError
from whenthen_server import auth
from whenthen_server.serve import url_of
from whenthen_server.settings import Settings
from whenthen_server.store.database import open_database

URL_NAME = "server.url"


class NoOwnerError(WhenthenError):
    """A data folder in which no server has been yet."""

    code = "no_owner"


def leave_url(folder: Path, url: str) -> None:
    """Leave word in the data folder of where its server is."""
    (folder / URL_NAME).write_text(f"{url}\n", encoding="utf-8")


def login_url(settings: Settings) -> str:
    """Return an address that signs the owner in, once; raises ``NoOwnerError`` before the first start."""
    folder, file = settings.data.folder, make_url(settings.database_url)
    missing = NoOwnerError(f"no server has been started with the data folder {folder} yet; name another with --data")
    # To open an SQLite file that is not there would make one.
    if not folder.is_dir() or (file.get_backend_name() == "sqlite" and not Path(file.database or "").is_file()):
        raise missing
    database = open_database(settings.database_url)
    try:
        path = auth.login_url(database, auth.hasher_of(settings), SystemClock())
    except LookupError:
        raise missing from None
    finally:
        database.dispose()
    left = folder / URL_NAME
    url = left.read_text(encoding="utf-8").strip() if left.is_file() else ""
    return (url or url_of(settings.server.host, settings.server.port)) + path
