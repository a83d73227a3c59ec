"""Checks access tokens of identity providers: their form, their signature, and what they say, in this order.

The signature is PyJWT's work. Form and claims are ours, because PyJWT (2.15) takes a token without expiry, one that
lasts for ever, a number written as text, a key that occurs twice, and a trailing ``=``; and it reads the machine's
clock.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from whenthen.clock import SECOND_US
from whenthen_server.auth.caller import Role
from whenthen_server.auth.jwks import JwksClient
from whenthen_server.auth.provider import Provider
from whenthen_server.auth.refused import RefusedError

_MAX_CHARACTERS = 8192
_MAX_TEXT = 255
_MAX_SECONDS = 253_402_300_799  # the end of the year 9999
_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a header may hold. A token never brings its own key (jwk, jku, x5u, x5c) or its own rules (crit, b64, zip)."""
_TYPES = (None, "JWT", "jwt", "at+jwt", "application/at+jwt")  # no set: what is compared may be a list
_OF_OTHER_TOKENS = frozenset({"at_hash", "c_hash", "s_hash"})
"""Claims that only ID tokens have: those say who somebody is, to a client, and open nothing."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token says. Times in microseconds; *token_id* is its ``jti``, or ``None``."""

    issuer: str
    subject: str
    token_id: str | None
    issued_us: int
    expires_us: int
    name: str
    roles: Mapping[str, Role]


class BearerTokens:
    """Checks tokens against the providers that were configured; with none, every token is refused."""

    def __init__(self, providers: Iterable[Provider] = ()) -> None:
        self._providers = {provider.issuer: provider for provider in providers}
        self._keys = {
            provider.issuer: JwksClient(provider.load_keys, provider.algorithms, name=provider.issuer)
            for provider in self._providers.values()
        }
        self._signatures = PyJWS(options={"enforce_minimum_key_length": True, "verify_signature": True})

    def check(self, token: str, now_us: int) -> Grant:
        """Return what a token says. Raises ``RefusedError``; ``Unavailable`` when no key could be fetched."""
        header, claims = _read(token)
        provider = self._providers.get(_text(claims, "iss"))
        if provider is None:
            raise RefusedError
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in provider.algorithms:
            raise RefusedError
        key = self._keys[provider.issuer].find(_text(header, "kid") if "kid" in header else None, algorithm, now_us)
        if key is None:
            raise RefusedError
        try:
            self._signatures.decode(token, key, algorithms=[algorithm])
        except (PyJWTError, ValueError, TypeError) as error:
            raise RefusedError from error
        return _grant(provider, claims, now_us)


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token whose form is right, nothing of it proved."""
    parts = token.split(".") if len(token) <= _MAX_CHARACTERS else []
    if len(parts) != 3 or not all(parts):
        raise RefusedError
    header, claims = _object(_decode(parts[0])), _object(_decode(parts[1]))
    _decode(parts[2])
    if header.keys() - _HEADER or header.get("typ") not in _TYPES:
        raise RefusedError
    return header, claims


def _decode(part: str) -> bytes:
    """Return the bytes of a part, refusing all spellings of them but one."""
    try:
        decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise RefusedError from error
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise RefusedError
    return decoded


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError from error
    if not isinstance(value, dict):
        raise RefusedError
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise RefusedError
    return value


def _no_constant(_: str) -> NoReturn:
    raise RefusedError


def _text(values: Mapping[str, Any], name: str, subject: str = "") -> str:
    value = values.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise RefusedError(subject)
    return value


def _instant_us(claims: Mapping[str, Any], name: str, subject: str) -> int:
    """Return a time of a token. RFC 7519 allows fractions of seconds; text, truth values and infinity it does not."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        raise RefusedError(subject)
    return int(value * SECOND_US)


def _grant(provider: Provider, claims: Mapping[str, Any], now_us: int) -> Grant:
    """Return what the claims of a token with a good signature say; from here on refusals know the subject."""
    subject = _text(claims, "sub")
    expires_us, issued_us = _instant_us(claims, "exp", subject), _instant_us(claims, "iat", subject)
    from_us = _instant_us(claims, "nbf", subject) if "nbf" in claims else issued_us
    leeway_us = provider.leeway_s * SECOND_US
    if now_us >= expires_us + leeway_us or max(issued_us, from_us) > now_us + leeway_us:
        raise RefusedError(subject)
    if not 0 < expires_us - issued_us <= provider.lifetime_s * SECOND_US:
        raise RefusedError(subject)
    if not _is_for_us(provider, claims) or not _opens(provider, claims):
        raise RefusedError(subject)
    return Grant(
        issuer=provider.issuer,
        subject=subject,
        token_id=_text(claims, "jti", subject) if "jti" in claims else None,
        issued_us=issued_us,
        expires_us=expires_us,
        name=_name(_inside(claims, provider.name_claim), subject),
        roles=_roles(provider, _inside(claims, provider.groups_claim)),
    )


def _is_for_us(provider: Provider, claims: Mapping[str, Any]) -> bool:
    value = claims.get(provider.client_claim)
    audience = value if isinstance(value, list) else [value]
    return any(isinstance(client, str) and client in provider.clients for client in audience)


def _opens(provider: Provider, claims: Mapping[str, Any]) -> bool:
    """Return whether this is an access token: providers sign ID and refresh tokens with the same keys."""
    if any(claims.get(name) != value for name, value in provider.require.items()):
        return False
    if _OF_OTHER_TOKENS & claims.keys() or claims.get("token_use", "access") != "access":
        return False
    return claims.get("typ") in (None, "Bearer", *_TYPES)


def _inside(claims: Mapping[str, Any], path: Iterable[str]) -> Any:
    value: Any = claims
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if value is not claims else None


def _name(value: Any, subject: str) -> str:
    """Return a name to show: it comes from outside, so it is short and prints as one line, or it is the subject."""
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_TEXT and value.isprintable() else subject


def _roles(provider: Provider, groups: Any) -> Mapping[str, Role]:
    named = groups.split() if isinstance(groups, str) else groups if isinstance(groups, list) else []
    roles: dict[str, Role] = {}
    for group in named:
        if isinstance(group, str) and group in provider.roles:
            farm, role = provider.roles[group]
            roles[farm] = max(role, roles.get(farm, Role.NONE))
    return roles
