"""An application over stand-ins, with a made-up resource, and a client that is the owner."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from standin.parts import StandIn
from standin.rooms import SCHEMAS, Rooms

from whenthen_server.api.resources import own_routes
from whenthen_server.app import create_app
from whenthen_server.settings import load_settings

AppOf = Callable[..., Flask]


@pytest.fixture(scope="session")
def plugins() -> StandIn:
    """Load the plugins once: they take longest."""
    return StandIn()


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
def app_of(plugins: StandIn, rooms: Rooms) -> AppOf:
    """Return what makes an application with settings given as environment variables."""

    def made(**environ: str) -> Flask:
        parts = StandIn(load_settings(None, environ), plugins.registry)
        app = create_app(parts, [*own_routes(parts), *rooms.routes()], SCHEMAS)
        app.extensions["parts"] = parts
        return app

    return made


@pytest.fixture
def app(app_of: AppOf) -> Flask:
    return app_of()


@pytest.fixture
def parts(app: Flask) -> StandIn:
    found: StandIn = app.extensions["parts"]
    return found


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    return client_of(app, "owner")


@pytest.fixture
def guest(app: Flask) -> FlaskClient:
    return client_of(app, "guest")


def client_of(app: Flask, who: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {who}"
    return client
