"""The corpus of URLs that must not lead into the house: research names them, the canary hears them."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
from outside.servers import CANARY_ADDRESSES, Canary

from whenthen import ActionRefusedError, RetryLaterError
from whenthen_server.services.addresses import Allowed
from whenthen_server.services.http import HttpService, HttpSettings
from whenthen_server.services.resolve import system_resolve
from whenthen_server.services.urls import parse_url

NAMES = {
    "metadata.google.internal": ["169.254.169.254"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "aaaa.example": ["::1"],
    "both.example": ["9.9.9.9", "127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "zoned.example": ["fe80::1%lo"],
}
"""What a resolver on the network would say for names that the tests must not ask for."""

NAMED = ("127.0.0.1.nip.io", "aaaa.example", "mapped.example")
"""Those of them that lead to the canary alone."""

# Every form that a resolver or a lenient parser takes for an address in the house. PORT stands for the canary's port.
REACHED_BY_NAIVE_CLIENTS = (
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://LOCALHOST:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://017700000001:PORT/",
    "http://127.127.127.127:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://127。0。0。1:PORT/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
    "http://[::1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://good.example@127.0.0.1:PORT/",
    "http://good.example:80@127.0.0.1:PORT/",
    "http://good%40x@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@good.example/",
    "http://127.0.0.1:PORT?@good.example/",
    "http://127.0.0.1:PORT/%2f@good.example/",
    "http://good.example\\@127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_x",
    "HTTP://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/a\r\nX-Injected: 1",
    "http://127.0.0\t.1:PORT/",
    "http://127.0.0\n.1:PORT/",
)
OTHERS = (
    "http://LOCALHOST.:PORT/",
    "http://0x7f.0x0.0x0.0x1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[fe80::1%25lo]:PORT/",
    "http://[fc00::1]:PORT/",
    "http://[fec0::1]:PORT/",
    "http://[ff02::1]:PORT/",
    "http://[::1:PORT/",
    "http://::1:PORT/",
    "http://[127.0.0.1]:PORT/",
    "http://169.254.169.254:PORT/latest/meta-data/",
    "http://[::ffff:169.254.169.254]:PORT/",
    "http://[fd00:ec2::254]:PORT/",
    "http://100.100.100.200:PORT/",
    "http://100.64.0.1:PORT/",
    "http://192.0.0.192:PORT/",
    "http://10.0.0.1:PORT/",
    "http://172.16.0.1:PORT/",
    "http://192.168.0.1:PORT/",
    "http://198.18.0.1:PORT/",
    "http://224.0.0.1:PORT/",
    "http://255.255.255.255:PORT/",
    "http://240.0.0.1:PORT/",
    "http://metadata.google.internal:PORT/",
    "http://127.0.0.1.nip.io:PORT/",
    "http://aaaa.example:PORT/",
    "http://both.example:PORT/",
    "http://mapped.example:PORT/",
    "http://nat64.example:PORT/",
    "http://zoned.example:PORT/",
    "http://127.0.0.1:PORT\\@good.example/",
    "http://127.0.0.1%2f@good.example:PORT/",
    "http://127.0.0.1%00.good.example:PORT/",
    "http://good.example:PORT@127.0.0.1/",
    "http:127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:/\\127.0.0.1:PORT/",
    "http://127.0.0.1:PORT:80/",
    "http://127.0.0.1:0PORT/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:-1/",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/ HTTP/1.1",
    "http://.127.0.0.1:PORT/",
    "http://-a.example:PORT/",
    "http://a..example:PORT/",
    "http://",
    "",
    "file:///etc/passwd",
    "unix:/run/docker.sock",
    "data:text/plain,x",
    "javascript:alert(1)",
    "http://good.example:22/",
    "http://good.example:25/",
    "http://good.example:6379/",
    "https://good.example:5432/",
    "http://good.example/" + "a" * 2_000,
)
CORPUS = REACHED_BY_NAIVE_CLIENTS + OTHERS


def resolve(host: str, port: int) -> list[str]:
    return NAMES.get(host.lower()) or system_resolve(host, port)


def service(timeout_seconds: float = 5.0) -> HttpService:
    return HttpService(HttpSettings(timeout_seconds=timeout_seconds), resolve=resolve)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(set(CORPUS)) >= 60


@pytest.mark.parametrize("form", CORPUS)
def test_no_form_reaches_the_house(form: str, trap: Canary) -> None:
    url = form.replace("PORT", str(trap.port))
    with pytest.raises(ActionRefusedError):
        service().request({"url": url, "data": {"x": 1}})

    assert trap.connections() == 0


@pytest.mark.parametrize("form", REACHED_BY_NAIVE_CLIENTS)
def test_a_naive_client_does_reach_the_canary_so_that_the_test_above_can_fail(form: str, trap: Canary) -> None:
    parts = urlsplit(form.replace("PORT", str(trap.port)))
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1):
        pass

    assert trap.connections() == 1


@pytest.mark.parametrize(
    "host",
    [*CANARY_ADDRESSES[:2], "0.0.0.0", "localhost", "LOCALHOST.", "[::1]", "[::]", "[::ffff:127.0.0.1]", *NAMED],  # noqa: S104
)
def test_with_the_check_of_addresses_off_the_canary_is_reached(
    host: str, trap: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Allowed, "refusal", lambda *_: None)  # the guard, taken out: the corpus bites
    with pytest.raises(RetryLaterError):
        service(timeout_seconds=0.2).request({"url": f"http://{host}:{trap.port}/"})

    assert trap.connections() == 1


@pytest.mark.parametrize(
    ("url", "host_header", "path"),
    [
        ("http://example.com", "example.com", "/"),
        ("http://example.com:80/a", "example.com", "/a"),
        ("https://example.com.:8443/a/b?c=d&e=%20", "example.com:8443", "/a/b?c=d&e=%20"),
        ("https://example.com?q", "example.com", "/?q"),
        ("http://[2A00:1450:0::1]:81/", "[2a00:1450::1]:81", "/"),
        ("http://9.9.9.9/a;b=(1)@x", "9.9.9.9", "/a;b=(1)@x"),
        ("https://xn--gewchshaus-y5a.example/", "xn--gewchshaus-y5a.example", "/"),
    ],
)
def test_an_ordinary_url_is_read_as_written(url: str, host_header: str, path: str) -> None:
    target = parse_url(url)

    assert (target.host_header, target.path) == (host_header, path)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://good@127.0.0.1/", "user name"),
        ("http://a.example/#x", "never sent"),
        ("http://a.example/ x", "percent-encode"),
        ("http://grün.example/", "punycode"),
        ("http://a.example\\x", "backslash"),
        ("ftp://a.example/", "http://"),
        ("http://127.1/", "usual form"),
        ("http://a.example:6379/", "another protocol"),
        ("http://a.example:70000/", "no port 70000"),
        ("http://a_.-/", "no host name"),
        ("http://a.example/[x]", "form"),
    ],
)
def test_a_refusal_says_what_to_write_instead(url: str, reason: str) -> None:
    with pytest.raises(ActionRefusedError, match=reason):
        parse_url(url)
