"""From a settings file to an answer: providers, secrets and session times that were set are those that count."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from access.provider import KeyServer, jwk, key_server, new_rsa, sign
from flask.testing import FlaskClient

from whenthen.clock import Clock, ManualClock, SystemClock
from whenthen_server import auth
from whenthen_server.app import create_app
from whenthen_server.auth import Role, cognito, providers_of
from whenthen_server.settings import SettingsError, load_settings
from whenthen_server.signing_in import login_url
from whenthen_server.wiring import House

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = int(START.timestamp())
KEY, ATTACKER = new_rsa(), new_rsa()
HEADER = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
UNLIMITED = {"WHENTHEN_LIMITS_REFUSED_PER_MINUTE": "100000"}
SECRET = "long enough to be no mistake, and random, too"  # noqa: S105 - of no installation


@contextmanager
def opened(folder: Path, settings: Mapping[str, str], clock: Clock | None = None) -> Generator[House]:
    given = {"WHENTHEN_DATA_FOLDER": str(folder), **UNLIMITED, **settings}
    house = House(load_settings(None, given), clock or ManualClock(START))
    house.start()
    try:
        yield house
    finally:
        house.stopping()
        house.close(10.0)


@pytest.fixture
def provider() -> Generator[KeyServer]:
    """Return an OpenID provider: any path answers with what is its discovery document and its keys at once."""
    with key_server({}) as server:
        issuer = server.url.removesuffix("/jwks.json")
        server.document = {"issuer": issuer, "jwks_uri": server.url, "keys": [jwk(KEY, "k1")]}
        yield server


def issuer_of(provider: KeyServer) -> str:
    return str(provider.document["issuer"])


def cognito_like(provider: KeyServer) -> dict[str, str]:
    """Return settings for a provider whose tokens are like those of AWS Cognito."""
    return {
        "WHENTHEN_OPENID_ISSUER": issuer_of(provider),
        "WHENTHEN_OPENID_JWKS_URL": provider.url,
        "WHENTHEN_OPENID_AUDIENCES": "app-1,app-2",
        "WHENTHEN_OPENID_CLIENT_CLAIM": "client_id",
        "WHENTHEN_OPENID_REQUIRE": "token_use=access",
        "WHENTHEN_OPENID_ROLES_CLAIM": "cognito:groups",
        "WHENTHEN_OPENID_NAME_CLAIM": "username",
        "WHENTHEN_OPENID_ROLES": "growers=operator@default,admins=owner@*",
    }


def token(provider: KeyServer, key: Any = KEY, **claims: Any) -> str:
    whole = {
        "iss": issuer_of(provider),
        "sub": "4f6c",
        "client_id": "app-2",
        "token_use": "access",
        "username": "ada",
        "cognito:groups": ["growers"],
        "iat": NOW,
        "exp": NOW + 3600,
        **claims,
    }
    return sign(key, HEADER, {name: value for name, value in whole.items() if value is not None})


def asking(client: FlaskClient, text: str, method: str = "GET", path: str = "/api/me", **more: Any) -> Any:
    return client.open(path, method=method, headers={"Authorization": f"Bearer {text}"}, **more)


def test_a_token_of_the_provider_that_was_set_opens_what_its_groups_may(provider: KeyServer, tmp_path: Path) -> None:
    with opened(tmp_path, cognito_like(provider)) as house:
        client = create_app(house).test_client()
        me = asking(client, token(provider)).json
        grower = [
            asking(client, token(provider), "POST", "/api/events", json={"event": "bell", "farm": "default"}),
            asking(client, token(provider), "POST", "/api/devices", json={"name": "d"}),
        ]
        admin = asking(
            client, token(provider, **{"cognito:groups": ["admins"]}), "POST", "/api/farms", json={"name": "f"}
        )
        stranger = asking(client, token(provider, **{"cognito:groups": ["others"]}), "GET", "/api/devices")

    assert (me["name"], me["kind"]) == ("ada", "person")
    assert [answer.status_code for answer in grower] == [200, 403]
    assert admin.status_code == 201
    assert stranger.status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 31, "iat": NOW - 3600},
        {"client_id": "app-3"},
        {"client_id": None, "aud": "app-1"},
        {"token_use": "id"},
        {"token_use": None},
        {"iss": "https://id.example"},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_server_opens_nothing(
    claims: dict[str, Any], provider: KeyServer, tmp_path: Path
) -> None:
    with opened(tmp_path, cognito_like(provider)) as house:
        answer = asking(create_app(house).test_client(), token(provider, **claims))

    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")


def test_a_token_that_somebody_else_signed_opens_nothing(provider: KeyServer, tmp_path: Path) -> None:
    with opened(tmp_path, cognito_like(provider)) as house:
        assert asking(create_app(house).test_client(), token(provider, key=ATTACKER)).status_code == 401


def test_without_an_address_of_keys_the_issuer_is_asked_for_it(provider: KeyServer, tmp_path: Path) -> None:
    settings = {name: text for name, text in cognito_like(provider).items() if not name.endswith("JWKS_URL")}
    with opened(tmp_path / "one", settings) as house:
        assert asking(create_app(house).test_client(), token(provider)).status_code == 200
    assert provider.asked == 2

    signed = token(provider)
    provider.document = {**provider.document, "issuer": "https://somebody.else"}
    with opened(tmp_path / "two", settings) as house:
        answer = asking(create_app(house).test_client(), signed)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_a_user_pool_of_cognito_needs_only_its_id_client_and_groups() -> None:
    given = {
        "COGNITO_USER_POOL_ID": "eu-central-1_AbCd",
        "COGNITO_CLIENT_ID": "app",
        "COGNITO_REGION": "eu-central-1",
        "WHENTHEN_COGNITO_ROLES": "admins=owner@*",
    }

    wanted = cognito("eu-central-1", "eu-central-1_AbCd", frozenset({"app"}), {"admins": ("*", Role.OWNER)})
    assert providers_of(load_settings(None, given)) == (wanted,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"OPENID_ISSUER": "https://id.example"}, "openid.audiences: is missing"),
        ({"OPENID_AUDIENCES": "app"}, "openid.issuer: is missing"),
        ({"OPENID_ISSUER": "http://id.example", "OPENID_AUDIENCES": "app"}, "openid.issuer: 'http://id.example' is no"),
        (
            {
                "OPENID_ISSUER": "https://id.example",
                "OPENID_AUDIENCES": "app",
                "OPENID_JWKS_URL": "http://id.example/keys",
            },
            "openid.jwks_url: 'http://id.example/keys' is no https address",
        ),
        ({"OPENID_ALGORITHMS": "HS256"}, "openid.algorithms"),
        ({"OPENID_ROLES": "admins=boss@*"}, "openid.roles"),
        ({"OPENID_ROLES": "admins=owner"}, "openid.roles"),
        ({"COGNITO_USER_POOL_ID": "your-user-pool-id", "COGNITO_CLIENT_ID": "app"}, "cognito.user_pool_id"),
        ({"COGNITO_USER_POOL_ID": "eu-central-1_AbCd"}, "cognito.client_id: is missing"),
        ({"COGNITO_CLIENT_ID": "app"}, "cognito.user_pool_id: is missing"),
        (
            {
                "COGNITO_USER_POOL_ID": "eu-central-1_AbCd",
                "COGNITO_CLIENT_ID": "app",
                "COGNITO_REGION": "us-east-1",
            },
            "cognito.region: 'us-east-1' is not the region",
        ),
        (
            {
                "COGNITO_USER_POOL_ID": "eu-central-1_AbCd",
                "COGNITO_CLIENT_ID": "app",
                "OPENID_ISSUER": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCd",
                "OPENID_AUDIENCES": "app",
            },
            "openid.issuer: it is the user pool of cognito, too",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_settings_that_do_not_fit_together_stop_the_start_by_name(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as told:
        providers_of(load_settings(None, {f"WHENTHEN_{name}": text for name, text in given.items()}))

    assert said in str(told.value)


def test_a_secret_key_stands_in_for_the_file_and_another_one_voids_all_keys(tmp_path: Path) -> None:
    with opened(tmp_path, {"SECRET_KEY": SECRET}) as house:
        key = (tmp_path / "owner.key").read_text(encoding="utf-8").strip()
        assert asking(create_app(house).test_client(), key).status_code == 200
    assert not (tmp_path / "signing.key").exists()

    settings = load_settings(None, {"WHENTHEN_DATA_FOLDER": str(tmp_path), "SECRET_KEY": SECRET[::-1]})
    path = login_url(settings)
    with opened(tmp_path, {"SECRET_KEY": SECRET[::-1]}, SystemClock()) as house:
        client = create_app(house).test_client()
        assert asking(client, key).status_code == 401
        assert client.get(path).status_code == 200


def test_a_session_lives_as_long_as_was_set(tmp_path: Path) -> None:
    clock = ManualClock(START)
    times = {"WHENTHEN_SECURITY_SESSION_HOURS": "2", "WHENTHEN_SECURITY_SESSION_IDLE_HOURS": "1"}
    with opened(tmp_path, times, clock) as house:
        client = create_app(house).test_client()
        answer = client.get(house.login_path)
        assert "Max-Age=7200" in answer.headers["Set-Cookie"]

        statuses = []
        for minutes in (59, 59, 3):
            clock.turn(seconds=60 * minutes)
            statuses.append(client.get("/api/me").status_code)
        assert statuses == [200, 200, 401]

        client.get(auth.login_url(house.database, house.hasher, house.clock))
        clock.turn(seconds=60 * 61)
        assert client.get("/api/me").status_code == 401
