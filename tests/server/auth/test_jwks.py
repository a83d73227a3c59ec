"""Fetching a provider's keys from a real server that is slow, broken, or lies."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from access.provider import jwk, key_server, new_rsa

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen_server.auth.jwks import JwksClient, fetch, read_keys
from whenthen_server.problems import Unavailable

KEY, NEXT = new_rsa(), new_rsa()
HOUR_US = 60 * MINUTE_US


def client(url: str, timeout_s: float = 5.0) -> JwksClient:
    return JwksClient(lambda: fetch(url, timeout_s), ("RS256",), name=url)


def test_keys_are_fetched_once_and_again_after_an_hour() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server:
        keys = client(server.url)
        for now_us in (0, SECOND_US, HOUR_US - 1):
            assert keys.find("k1", "RS256", now_us) is not None
        assert server.asked == 1

        assert keys.find("k1", "RS256", HOUR_US) is not None
        assert server.asked == 2


def test_an_unknown_id_fetches_again_but_not_more_than_twice_a_minute() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server:
        keys = client(server.url)
        keys.find("k1", "RS256", 0)
        server.document = {"keys": [jwk(KEY, "k1"), jwk(NEXT, "k2")]}
        assert keys.find("k2", "RS256", SECOND_US) is None
        assert server.asked == 1

        assert keys.find("k2", "RS256", 30 * SECOND_US) is not None
        for n in range(100):
            assert keys.find(f"x{n}", "RS256", 31 * SECOND_US) is None
        assert server.asked == 2


def test_a_key_that_is_gone_from_the_document_is_gone() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server:
        keys = client(server.url)
        keys.find("k1", "RS256", 0)
        server.document = {"keys": [jwk(NEXT, "k2")]}

        assert keys.find("k1", "RS256", HOUR_US) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"document": b"<html>"},
        {"document": b"[" * 100_000},
        {"document": b"\xff"},
        {"document": {"keys": None}},
        {"document": ["keys"]},
        {"document": {"keys": [jwk(KEY, "k1")], "filler": "x" * 300_000}},
    ],
    ids=lambda broken: str(broken)[:40],
)
def test_while_the_provider_is_broken_known_keys_stay_good_and_a_fresh_start_says_so(broken: dict[str, object]) -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server:
        keys, fresh = client(server.url), client(server.url)
        keys.find("k1", "RS256", 0)
        for name, value in broken.items():
            setattr(server, name, value)

        assert keys.find("k1", "RS256", 2 * HOUR_US) is not None
        with pytest.raises(Unavailable) as caught:
            fresh.find("k1", "RS256", 0)
        assert caught.value.headers == {"Retry-After": "30"}


def test_a_provider_that_sends_us_elsewhere_is_not_followed() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as elsewhere, key_server({}) as server:
        server.status, server.headers = 302, {"Location": elsewhere.url}

        with pytest.raises(Unavailable):
            client(server.url).find("k1", "RS256", 0)
        assert (server.asked, elsewhere.asked) == (1, 0)


def test_nobody_there_is_unavailable() -> None:
    with key_server({}) as server:
        url = server.url

    for nowhere in (url, "https://", "https://[", "http://127.0.0.1:99999/"):
        with pytest.raises(Unavailable):
            client(nowhere).find("k1", "RS256", 0)


def test_a_provider_that_hangs_holds_up_no_one_who_has_keys() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server, ThreadPoolExecutor() as pool:
        keys = client(server.url)
        keys.find("k1", "RS256", 0)
        server.hang = True
        stuck = pool.submit(keys.find, "k1", "RS256", HOUR_US)
        assert server.waiting.wait(5)

        assert keys.find("k1", "RS256", HOUR_US) is not None
        assert not stuck.done()
        server.go_on.set()
        assert stuck.result(5) is not None


def test_a_provider_that_hangs_is_given_up() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server:
        server.hang = True

        with pytest.raises(Unavailable):
            client(server.url, timeout_s=0.2).find("k1", "RS256", 0)
        server.go_on.set()


def test_without_an_id_the_only_key_is_meant() -> None:
    with key_server({"keys": [jwk(KEY, "k1")]}) as server:
        assert client(server.url).find(None, "RS256", 0) is not None
        server.document = {"keys": [jwk(KEY, "k1"), jwk(NEXT, "k2")]}
        assert client(server.url).find(None, "RS256", 0) is None


def test_only_public_keys_for_signatures_of_the_listed_algorithms_are_read() -> None:
    document = {
        "keys": [
            jwk(KEY, "good"),
            jwk(KEY, "other algorithm", alg="RS512"),
            jwk(KEY, "encryption", use="enc"),
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
            {"kty": "EC", "kid": "curve", "crv": "P-256", "x": "AA", "y": "AA"},
            {**jwk(KEY, "x"), "kid": 7},
            {"kty": "RSA", "kid": "half", "n": "AQAB"},
            None,
        ]
    }

    assert list(read_keys(json.dumps(document).encode(), ("RS256", "ES256"))) == [("good", "RS256")]
