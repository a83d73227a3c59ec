"""Databases and whole servers for the tests: each test gets its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases.postgres import own_postgres
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from whenthen import ManualClock
from whenthen_server.app import create_app
from whenthen_server.settings import load_settings
from whenthen_server.store.database import open_database
from whenthen_server.wiring import House

ClientOf = Callable[[str | None], FlaskClient]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'whenthen.db'}"
    else:
        with own_postgres() as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Generator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock of ``house``; turn it, then call ``house.runtime.intake.wake()`` for timers to be looked at."""
    return ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock) -> Generator[House]:
    """Return a started server without limits to the number of requests: the clock stands, so none would be refilled."""
    unlimited = {"WHENTHEN_LIMITS_REQUESTS_PER_SECOND": "1000000", "WHENTHEN_LIMITS_REFUSED_PER_MINUTE": "100000"}
    found = House(load_settings(None, {"WHENTHEN_DATA_FOLDER": str(tmp_path / "data"), **unlimited}), clock)
    found.start()
    yield found
    found.stopping()
    found.close(10.0)


@pytest.fixture
def house_app(house: House) -> Flask:
    """Return the web application over ``house``."""
    return create_app(house)


@pytest.fixture
def client(house_app: Flask) -> ClientOf:
    """Return what makes a client that shows a key of any kind, or none."""

    def made(key: str | None) -> FlaskClient:
        one = house_app.test_client()
        if key is not None:
            one.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return one

    return made


@pytest.fixture
def owner(house: House, client: ClientOf) -> FlaskClient:
    """Return a client with the owner's API key."""
    return client((house.settings.data.folder / "owner.key").read_text(encoding="utf-8").strip())
