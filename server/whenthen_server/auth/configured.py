"""What the settings say about keys, sessions and identity providers, checked and made into what the gate needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import Engine

from whenthen.clock import MINUTE_US
from whenthen_server.auth.caller import Role
from whenthen_server.auth.folder import signing_key
from whenthen_server.auth.keys import Hasher
from whenthen_server.auth.provider import Provider, cognito
from whenthen_server.auth.sessions import Sessions
from whenthen_server.settings import Settings, SettingsError

_HOUR_US = 60 * MINUTE_US


def hasher_of(settings: Settings) -> Hasher:
    """Return what hashes keys and sessions: with the secret that was given, or the data folder's signing key.

    Raises ``UnsafeFolderError`` for a signing key that others can read.
    """
    secret = settings.security.secret_key
    return Hasher(signing_key(settings.data.folder) if secret is None else sha256(secret.encode()).digest())


def sessions_of(settings: Settings, engine: Engine, hasher: Hasher) -> Sessions:
    """Return what opens sessions that live as long as was said."""
    security = settings.security
    lifetime_us, idle_us = round(security.session_hours * _HOUR_US), round(security.session_idle_hours * _HOUR_US)
    return Sessions(engine, hasher, lifetime_us, idle_us)


def providers_of(settings: Settings) -> tuple[Provider, ...]:
    """Return the providers whose tokens are taken; raises ``SettingsError`` with all that does not fit together."""
    wrong = [*_missing(settings)]
    if wrong:
        raise SettingsError(tuple(wrong))
    found = []
    try:
        if settings.openid.issuer is not None:
            found.append(_openid(settings))
    except ValueError as error:
        name = "openid.issuer" if settings.openid.jwks_url is None else "openid.jwks_url"
        raise SettingsError((f"{name}: {error}",)) from error
    if settings.cognito.user_pool_id is not None:
        found.append(_cognito(settings))
    if len({provider.issuer for provider in found}) < len(found):
        raise SettingsError(("openid.issuer: it is the user pool of cognito, too; leave out one of the two",))
    return tuple(found)


def _missing(settings: Settings) -> Iterator[str]:
    openid, pool = settings.openid, settings.cognito
    if openid.issuer is None and (openid.jwks_url or openid.audiences or openid.roles):
        yield "openid.issuer: is missing; without it the other settings of openid do nothing"
    if openid.issuer is not None and not openid.audiences:
        yield "openid.audiences: is missing; name the audiences (or client ids) whose tokens are for this server"
    if pool.user_pool_id is None and (pool.client_id or pool.roles):
        yield "cognito.user_pool_id: is missing; without it the other settings of cognito do nothing"
    if pool.user_pool_id is not None and pool.client_id is None:
        yield "cognito.client_id: is missing; name the app client whose tokens are for this server"
    if pool.user_pool_id is not None and pool.region not in (None, _region(pool.user_pool_id)):
        yield f"cognito.region: {pool.region!r} is not the region of the user pool {pool.user_pool_id!r}"


def _openid(settings: Settings) -> Provider:
    openid = settings.openid
    return Provider(
        issuer=openid.issuer or "",
        jwks_url=openid.jwks_url,
        clients=frozenset(openid.audiences),
        algorithms=openid.algorithms,
        client_claim=openid.client_claim,
        require=openid.require,
        groups_claim=_path(openid.roles_claim),
        name_claim=_path(openid.name_claim),
        roles=_roles(openid.roles),
    )


def _cognito(settings: Settings) -> Provider:
    pool: Any = settings.cognito
    return cognito(_region(pool.user_pool_id), pool.user_pool_id, frozenset({pool.client_id}), _roles(pool.roles))


def _region(user_pool_id: str) -> str:
    return user_pool_id.partition("_")[0]


def _path(claim: str) -> tuple[str, ...]:
    """Return the way to a claim; one whose name is an address (Auth0 has such) has its dots in its name.

    >>> _path("realm_access.roles"), _path("https://farm.example/groups")
    (('realm_access', 'roles'), ('https://farm.example/groups',))
    """
    return (claim,) if "/" in claim else tuple(claim.split("."))


def _roles(given: Mapping[str, str]) -> dict[str, tuple[str, Role]]:
    """Return farm and role by group; the schema has seen to their form.

    >>> _roles({"growers": "operator@north"})
    {'growers': ('north', <Role.OPERATOR: 2>)}
    """
    parted = {group: text.partition("@") for group, text in given.items()}
    return {group: (farm, Role.read(word)) for group, (word, _, farm) in parted.items()}
