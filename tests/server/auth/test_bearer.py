"""Tokens of identity providers: good ones, and the corpus of bad ones, checked against a real key server."""

from __future__ import annotations

import hmac
import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from access.provider import RS512, KeyServer, b64, jwk, key_server, new_rsa, sign
from access.site import OWNER, ROOM, START, Site, install
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask, request

from whenthen.clock import to_us
from whenthen_server.auth.bearer import BearerTokens
from whenthen_server.auth.caller import ANONYMOUS, Role
from whenthen_server.auth.gate import Gate
from whenthen_server.auth.jwks import JwksUrlError
from whenthen_server.auth.members import Person
from whenthen_server.auth.persons import identity_id
from whenthen_server.auth.policy import demand
from whenthen_server.auth.provider import Provider, cognito
from whenthen_server.problems import Unauthorized
from whenthen_server.store.database import open_database

ISSUER = "https://id.example/realm"
NOW = to_us(START) // 1_000_000
KEY, ATTACKER, SMALL = new_rsa(), new_rsa(), new_rsa(1024)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEADER = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "42",
    "aud": "whenthen",
    "iat": NOW,
    "exp": NOW + 3600,
    "jti": "t1",
    "name": "Ada",
    "groups": ["growers", "unknown"],
    "role": "owner",
}


def token(header: dict[str, Any] | None = None, **claims: Any) -> str:
    return sign(KEY, HEADER | (header or {}), CLAIMS | claims)


def without(name: str) -> str:
    return sign(KEY, HEADER, {claim: value for claim, value in CLAIMS.items() if claim != name})


def used_as(use: Any) -> str:
    return sign(KEY, HEADER, CLAIMS | {"token_use": use})


def claiming(**claims: Any) -> str:
    return sign(KEY, HEADER, {name: value for name, value in CLAIMS.items() if name != "aud"} | claims)


def raw(name: str, text: str) -> str:
    """Return a token in which a claim stands as it is written, JSON or not."""
    return sign(KEY, HEADER, json.dumps(CLAIMS | {name: "@@"}).replace('"@@"', text))


def unsigned(alg: Any) -> str:
    return f"{b64(json.dumps(HEADER | {'alg': alg}).encode())}.{b64(json.dumps(CLAIMS).encode())}."


def with_hmac(key: bytes, alg: str = "HS256") -> str:
    signed = f"{b64(json.dumps(HEADER | {'alg': alg}).encode())}.{b64(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{b64(hmac.digest(key, signed.encode(), 'sha256'))}"


def attackers(**header: Any) -> str:
    return sign(ATTACKER, HEADER | header, CLAIMS)


def flipped(token: str) -> str:
    """Return another spelling of the same bytes: the last character has bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


GOOD = token()
CORPUS = {
    "alg none": unsigned("none"),
    "alg none, signed": token({"alg": "none"}),
    "alg nOnE": unsigned("nOnE"),
    "alg missing": sign(KEY, {"kid": "k1", "typ": "JWT"}, CLAIMS),
    "alg list": token({"alg": ["RS256"]}),
    "alg null": token({"alg": None}),
    "alg HS512": with_hmac(b"secret", "HS512"),
    "alg RS512, really": sign(KEY, HEADER | {"alg": "RS512"}, CLAIMS, RS512),
    "HS256 with the public key": with_hmac(PEM),
    "HS256 with an empty key": with_hmac(b""),
    "signature stripped": GOOD.rsplit(".", 1)[0],
    "signature empty": GOOD.rsplit(".", 1)[0] + ".",
    "signature of another": ".".join([*GOOD.split(".")[:2], token(sub="43").split(".")[2]]),
    "wrong key": attackers(),
    "wrong key, its own id": attackers(kid="k2"),
    "weak key": sign(SMALL, HEADER | {"kid": "small"}, CLAIMS),
    "key for encryption": sign(ATTACKER, HEADER | {"kid": "enc"}, CLAIMS),
    "secret key in the document": sign(KEY, HEADER | {"kid": "oct"}, CLAIMS),
    "kid missing, many keys": sign(KEY, {"alg": "RS256"}, CLAIMS),
    "kid traversal": attackers(kid="../../../../dev/null"),
    "kid SQL": attackers(kid="x' UNION SELECT 'secret"),
    "kid number": token({"kid": 1}),
    "kid null": token({"kid": None}),
    "kid empty": token({"kid": ""}),
    "kid long": token({"kid": "k" * 300}),
    "jku": attackers(jku="http://127.0.0.1:1/jwks.json"),
    "x5u": attackers(x5u="http://127.0.0.1:1/x"),
    "x5c": attackers(x5c=["MIIB"]),
    "jwk": attackers(jwk=jwk(ATTACKER, "k1")),
    "jku, rightly signed": token({"jku": "http://127.0.0.1:1/jwks.json"}),
    "jwk, rightly signed": token({"jwk": jwk(KEY, "k1")}),
    "crit unknown": token({"crit": ["unheard"], "unheard": 1}),
    "crit empty": token({"crit": []}),
    "b64 false": token({"b64": False, "crit": ["b64"]}),
    "zip": token({"zip": "DEF"}),
    "typ of another": token({"typ": "logout+jwt"}),
    "typ list": token({"typ": ["JWT"]}),
    "header duplicate": sign(KEY, '{"alg":"none","alg":"RS256","kid":"k1"}', CLAIMS),
    "header list": sign(KEY, "[]", CLAIMS),
    "no exp": without("exp"),
    "no iss": without("iss"),
    "no sub": without("sub"),
    "no iat": without("iat"),
    "no aud": without("aud"),
    "expired": token(exp=NOW - 31, iat=NOW - 3600),
    "exp null": token(exp=None),
    "exp true": token(exp=True),
    "exp text": token(exp=str(NOW + 3600)),
    "exp 1e400": raw("exp", "1e400"),
    "exp -1e400": raw("exp", "-1e400"),
    "exp 10**30": token(exp=10**30),
    "exp 5000 digits": raw("exp", "9" * 5000),
    "exp NaN": raw("exp", "NaN"),
    "exp Infinity": raw("exp", "Infinity"),
    "exp list": token(exp=[NOW + 3600]),
    "lives for years": token(exp=NOW + 10 * 365 * 86_400),
    "lives a second too long": token(exp=NOW + 86_401),
    "exp before iat": token(iat=NOW + 20, exp=NOW + 10),
    "nbf future": token(nbf=NOW + 31),
    "nbf text": token(nbf="0"),
    "nbf true": token(nbf=True),
    "nbf null": token(nbf=None),
    "iat future": token(iat=NOW + 31),
    "iat true": token(iat=True),
    "iat future, nbf past": token(iat=NOW + 31, nbf=NOW - 5),
    "iat negative": token(iat=-1),
    "sub number": token(sub=42),
    "sub list": token(sub=["42"]),
    "sub empty": token(sub=""),
    "sub long": token(sub="4" * 300),
    "sub control": token(sub="4\n2"),
    "sub half a surrogate": raw("sub", '"\\ud800"'),
    "iss wrong": token(iss="https://evil.example/realm"),
    "iss partial": token(iss="https://id.example"),
    "iss longer": token(iss=f"{ISSUER}/"),
    "iss list": token(iss=[ISSUER]),
    "aud wrong": token(aud="another"),
    "aud partial": token(aud="when"),
    "aud list of others": token(aud=["another", ["whenthen"], None]),
    "aud null": token(aud=None),
    "aud map": token(aud={"whenthen": 1}),
    "aud empty": token(aud=[]),
    "client_id instead": claiming(client_id="whenthen"),
    "refresh token": token(typ="Refresh"),
    "refresh token, Cognito": used_as("refresh"),
    "ID token": token(at_hash="x"),
    "ID token, Keycloak": token(typ="ID"),
    "ID token, Cognito": used_as("id"),
    "token_use list": used_as(["access"]),
    "typ list among the claims": token(typ=["Bearer"]),
    "jti number": token(jti=1),
    "jti null": token(jti=None),
    "duplicate role": sign(KEY, HEADER, json.dumps(CLAIMS)[:-1] + ',"role":"viewer"}'),
    "duplicate, deep inside": raw("address", '{"a": 1, "a": 2}'),
    "trailing =": f"{GOOD}=",
    "trailing ==": f"{GOOD}==",
    "padding inside": GOOD.replace(".", "=.", 1),
    "flipped last bits": flipped(GOOD),
    "space around": f" {GOOD} ",
    "newline": f"{GOOD}\n",
    "plain base64": GOOD.replace("-", "+").replace("_", "/"),
    "four parts": f"{GOOD}.e30",
    "five parts": "a.b.c.d.e",
    "payload list": sign(KEY, HEADER, [CLAIMS]),
    "payload text": sign(KEY, HEADER, '"x"'),
    "payload number": sign(KEY, HEADER, "1"),
    "payload no JSON": sign(KEY, HEADER, "{"),
    "payload no UTF-8": sign(KEY, HEADER, '{"sub": "\ud800"}'),
    "payload with a byte order mark": sign(KEY, HEADER, "\ufeff" + json.dumps(CLAIMS)),
    "nested 100,000 deep": sign(KEY, HEADER, "[" * 100_000 + "]" * 100_000),
    "nested as deep as fits": raw("address", "[" * 2_000 + "]" * 2_000),
    "one megabyte": token(filler="x" * 1_000_000),
    "a little too long": token(filler="x" * 8_192),
    "encrypted": "eyJhbGciOiJSU0EtT0FFUCJ9.AA.AA.AA.AA",
}
FINE = {
    "the plain one": GOOD,
    "aud list": token(aud=["another", "whenthen"]),
    "expired within the leeway": token(exp=NOW - 29, iat=NOW - 3600),
    "issued within the leeway": token(iat=NOW + 29),
    "fractions of a second": token(iat=NOW - 0.5, exp=NOW + 3600.25),
    "at+jwt": token({"typ": "at+jwt"}),
    "no typ": sign(KEY, {"alg": "RS256", "kid": "k1"}, CLAIMS),
    "Keycloak's typ": token(typ="Bearer"),
    "no jti": without("jti"),
    "lives a day": token(exp=NOW + 86_400),
}


@pytest.fixture(scope="module")
def keys() -> Generator[KeyServer]:
    document = {
        "keys": [
            jwk(KEY, "k1"),
            jwk(SMALL, "small"),
            jwk(ATTACKER, "enc", use="enc"),
            {"kty": "oct", "kid": "oct", "alg": "RS256", "k": b64(b"secret")},
            {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
            "nonsense",
        ]
    }
    with key_server(document) as server:
        yield server


def provider(keys: KeyServer) -> Provider:
    return Provider(
        issuer=ISSUER,
        jwks_url=keys.url,
        clients=frozenset({"whenthen"}),
        roles={"growers": ("farm-a", Role.OPERATOR), "heads": ("farm-a", Role.MANAGER), "root": ("*", Role.OWNER)},
    )


def gate(site: Site, *providers: Provider) -> Site:
    site.gate = Gate(site.engine, site.hasher, tokens=BearerTokens(providers))
    return site


@pytest.fixture(scope="module")
def corpus_site(tmp_path_factory: pytest.TempPathFactory, keys: KeyServer) -> Generator[Site]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('corpus') / 'w.db'}")
    yield gate(install(engine), provider(keys))
    engine.dispose()


@pytest.mark.parametrize("name", FINE)
def test_good_tokens_are_taken(corpus_site: Site, name: str) -> None:
    caller = corpus_site.bearer(FINE[name], name)

    assert (caller.kind, caller.name, caller.roles) == ("person", "Ada", {"farm-a": Role.OPERATOR})
    assert caller.id == caller.user == identity_id(ISSUER, "42")


@pytest.mark.parametrize("name", CORPUS)
def test_bad_tokens_are_refused_all_alike(corpus_site: Site, name: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        corpus_site.bearer(CORPUS[name], name)

    assert caught.value.document()["detail"] == "These credentials are not good, or not any more."
    assert caught.value.errors == []


def test_the_key_server_is_not_asked_once_per_bad_token(corpus_site: Site, keys: KeyServer) -> None:
    before = keys.asked
    for n in range(50):
        with pytest.raises(Unauthorized):
            corpus_site.bearer(attackers(kid=f"unknown-{n}"), f"address-{n}")

    assert keys.asked - before <= 1


def test_a_device_key_is_no_token_and_signs_none(site: Site, keys: KeyServer) -> None:
    gate(site, provider(keys))
    key = site.people.create_device_key(OWNER, ROOM)

    with pytest.raises(Unauthorized):
        site.bearer(with_hmac(key.text.encode()))
    with pytest.raises(Unauthorized):
        site.bearer(f"{key.text}.{key.text}.{key.text}")


def test_a_token_in_the_query_string_is_nobody(corpus_site: Site) -> None:
    app = Flask("test")
    for name in ("access_token", "token", "Authorization", "authorization", "X-Device-Key", "whenthen"):
        with app.test_request_context(f"/api/me?{name}={GOOD}", data={name: GOOD}, method="POST"):
            caller = corpus_site.gate.authenticate(request.headers, request.cookies, START)

        assert caller is ANONYMOUS
        with pytest.raises(Unauthorized):
            demand(caller, "me", "read")
    with app.test_request_context("/api/me", headers={"authorization": f"Bearer {GOOD}"}):
        assert corpus_site.gate.authenticate(request.headers, request.cookies, START).name == "Ada"


def test_without_providers_every_token_is_refused(site: Site) -> None:
    with pytest.raises(Unauthorized):
        site.bearer(GOOD)


def test_the_token_of_one_provider_is_not_good_for_another(site: Site, keys: KeyServer) -> None:
    with key_server({"keys": [jwk(ATTACKER, "k1")]}) as others:
        other = replace(provider(others), issuer="https://other.example")
        gate(site, provider(keys), other)

        assert site.bearer(sign(ATTACKER, HEADER, CLAIMS | {"iss": other.issuer})).name == "Ada"
        with pytest.raises(Unauthorized):
            site.bearer(sign(ATTACKER, HEADER, CLAIMS))


def test_a_revoked_token_is_refused_and_its_neighbour_is_not(site: Site, keys: KeyServer) -> None:
    gate(site, provider(keys))
    assert site.bearer(GOOD).kind == "person"
    site.people.revoke_token(OWNER, ISSUER, "t1", to_us(START) + 3_600_000_000)
    site.people.revoke_token(OWNER, ISSUER, "t1", to_us(START) + 3_600_000_000)

    with pytest.raises(Unauthorized):
        site.bearer(GOOD)
    with pytest.raises(Unauthorized):
        site.bearer(token(name="Not the same text"))
    assert site.bearer(token(jti="t2")).kind == "person"


@pytest.mark.parametrize("change", ["demoted", "removed", "shut out", "signed out"])
def test_a_token_from_before_its_owner_lost_a_right_is_refused(site: Site, keys: KeyServer, change: str) -> None:
    gate(site, provider(keys))
    user = site.people.add_member(OWNER, "farm-b", "manager", Person("Ada", identity=(ISSUER, "42")))
    assert site.bearer(GOOD).roles == {"farm-a": Role.OPERATOR, "farm-b": Role.MANAGER}
    site.clock.turn(seconds=1)
    match change:
        case "demoted":
            site.people.set_role(OWNER, "farm-b", user.id, "viewer")
        case "removed":
            site.people.remove_member(OWNER, "farm-b", user.id)
        case "shut out":
            site.people.shut_out(OWNER, user.id)
        case _:
            site.people.end_sessions(OWNER, user.id)
    site.clock.turn(seconds=1)

    with pytest.raises(Unauthorized):
        site.bearer(GOOD)
    later = token(iat=NOW + 2)
    if change == "shut out":
        with pytest.raises(Unauthorized):
            site.bearer(later)
    else:
        left = {"demoted": Role.VIEWER, "signed out": Role.MANAGER}.get(change)
        assert site.bearer(later).roles.get("farm-b") == left


def test_a_promotion_leaves_tokens_good(site: Site, keys: KeyServer) -> None:
    gate(site, provider(keys))
    user = site.people.add_member(OWNER, "farm-b", "viewer", Person("Ada", identity=(ISSUER, "42")))
    site.clock.turn(seconds=1)
    site.people.set_role(OWNER, "farm-b", user.id, "owner")

    assert site.bearer(GOOD).roles["farm-b"] is Role.OWNER


def test_groups_become_roles_the_highest_counts_and_a_claim_called_role_says_nothing(corpus_site: Site) -> None:
    def roles(**claims: Any) -> Any:
        return corpus_site.bearer(token(**claims), "groups").roles

    assert roles(groups=["growers", "heads", "growers"]) == {"farm-a": Role.MANAGER}
    assert roles(groups="root growers") == {"*": Role.OWNER, "farm-a": Role.OPERATOR}
    assert roles(groups=["nobody", 1, None, ["root"], {"root": 1}]) == {}
    assert roles(groups={"root": "root"}) == {}
    assert roles(groups=None) == {}


def test_claims_may_lie_inside_others(corpus_site: Site, keys: KeyServer) -> None:
    keycloak = replace(provider(keys), groups_claim=("realm_access", "roles"), name_claim=("preferred_username",))
    tokens = BearerTokens([keycloak])
    grant = tokens.check(token(realm_access={"roles": ["heads"]}, preferred_username="ada"), to_us(START))

    assert (grant.name, grant.roles) == ("ada", {"farm-a": Role.MANAGER})
    assert tokens.check(token(realm_access=["heads"]), to_us(START)).roles == {}
    assert corpus_site.bearer(token(name="x\x1b[31m"), "escape").name == "42"


COGNITO = {
    "sub": "aaaa-bbbb",
    "cognito:groups": ["growers"],
    "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCd",
    "client_id": "app",
    "origin_jti": "o",
    "event_id": "e",
    "token_use": "access",
    "scope": "aws.cognito.signin.user.admin",
    "auth_time": NOW,
    "exp": NOW + 3600,
    "iat": NOW,
    "jti": "j",
    "username": "ada",
}


def test_cognitos_access_tokens_are_taken_and_nothing_else_of_cognito(site: Site, keys: KeyServer) -> None:
    pool = cognito("eu-central-1", "eu-central-1_AbCd", frozenset({"app"}), {"growers": ("farm-a", Role.OPERATOR)})
    assert pool.jwks_url == f"{pool.issuer}/.well-known/jwks.json"
    gate(site, replace(pool, jwks_url=keys.url))
    header = {"kid": "k1", "alg": "RS256"}
    caller = site.bearer(sign(KEY, header, COGNITO))
    bad: list[dict[str, Any]] = [
        {"token_use": "id", "aud": "app"},
        {"token_use": "refresh"},
        {"token_use": None},
        {"client_id": "another"},
        {"client_id": "another", "aud": "app"},
        {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Evil"},
    ]

    assert (caller.name, caller.roles) == ("ada", {"farm-a": Role.OPERATOR})
    for n, change in enumerate(bad):
        with pytest.raises(Unauthorized):
            site.bearer(sign(KEY, header, COGNITO | change), f"bad {n}")


@pytest.mark.parametrize(
    "change",
    [
        {"algorithms": ("HS256",)},
        {"algorithms": ("RS256", "none")},
        {"algorithms": ()},
        {"clients": frozenset()},
        {"clients": frozenset({""})},
        {"issuer": ""},
        {"jwks_url": "http://id.example/jwks"},
        {"jwks_url": "file:///etc/passwd"},
        {"jwks_url": "https://"},
    ],
    ids=str,
)
def test_a_provider_that_would_leave_the_door_open_is_refused(change: dict[str, Any], keys: KeyServer) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(provider(keys), **change)


def test_keys_in_the_clear_are_fetched_from_elsewhere_only_when_told_so(keys: KeyServer) -> None:
    with pytest.raises(JwksUrlError, match="https"):
        replace(provider(keys), jwks_url="http://keycloak:8080/jwks")
    assert replace(provider(keys), jwks_url="http://keycloak:8080/jwks", allow_http=True).allow_http
