"""What must hold for any text whatever, and that there is no second way out of the server."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import whenthen_server
from whenthen import ActionRefusedError
from whenthen_server.services.addresses import kind_of
from whenthen_server.services.lines import one_line
from whenthen_server.services.paths import path_parts
from whenthen_server.services.urls import parse_url

PIECES = [
    "",
    ":",
    "//",
    "/",
    "/x",
    "\\",
    "@",
    "?",
    "?a=b",
    "#",
    "%2f",
    "[",
    "]",
    ".",
    "..",
    "~",
    " ",
    "\x00",
    "é",
    ":80",
]


URLS = (
    "http://a.example",
    "https://a.example:8443/a?b=c",
    "http://9.9.9.9/x",
    "http://[2a00::1]:81/",
    "http://a.b.c/d/e",
)
NAMES = ("a.csv", "a/b/c.log", "Gewächshaus 7.csv", "a-b_c")


def spoilt(good: tuple[str, ...]) -> list[str]:
    """Return each good text with each piece put in at each place: texts drawn at random are nearly always refused."""
    return [text[:place] + piece + text[place:] for text in good for place in range(len(text) + 1) for piece in PIECES]


@given(st.text().map(lambda text: f"http://{text}"))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    assert_read_alike(text)


def test_a_url_that_is_read_means_the_same_to_another_parser() -> None:
    read = [assert_read_alike(url) for url in spoilt(URLS)]

    assert sum(read) > 300  # the law is about these


def assert_read_alike(url: str) -> bool:
    """Compare with the standard library's parser; tell whether the URL was read at all."""
    try:
        target = parse_url(url)
    except ActionRefusedError:
        return False
    parts = urlsplit(url)
    assert (parts.scheme, parts.username, parts.password, parts.fragment) == (target.scheme, None, None, "")
    host = (parts.hostname or "").removesuffix(".")
    assert (str(IPv6Address(host)) if ":" in host else host) == target.host.lower()
    assert target.port == (parts.port or {"http": 80, "https": 443}[target.scheme])
    assert target.path == (parts.path or "/") + (f"?{parts.query}" if "?" in url else "")
    assert f"{target.host_header}{target.path}".isascii()
    assert f"{target.host_header}{target.path}".isprintable()
    return True


@given(st.text())
def test_any_text_is_a_path_or_refused(text: str) -> None:
    assert_stays_below(text)


def test_a_path_that_is_taken_stays_below_its_folder_on_every_system() -> None:
    taken = [assert_stays_below(name) for name in spoilt(NAMES)]

    assert sum(taken) > 100


def assert_stays_below(name: str) -> bool:
    """Compare with two systems' reading of a path; tell whether it was taken at all."""
    try:
        parts = path_parts(name)
    except ActionRefusedError:
        return False
    assert PurePosixPath(name).parts == PureWindowsPath(name).parts == parts
    assert not set(parts) & {"", ".", ".."}
    assert not any(part != part.strip(" .") for part in parts)
    return True


@given(st.text())
def test_a_line_is_one_line(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert line.replace("\t", "").isprintable()


@given(st.integers(0, 2**32 - 1))
def test_no_way_to_write_an_ipv4_address_in_ipv6_is_more_public_than_the_address(number: int) -> None:
    inner = kind_of(IPv4Address(number))

    for prefix in ("::", "::ffff:0:0", "2002::"):
        shifted = number << 80 if prefix == "2002::" else number
        assert kind_of(IPv6Address(int(IPv6Address(prefix)) | shifted)) is not None
    assert kind_of(IPv6Address(int(IPv6Address("64:ff9b::")) | number)) == inner


CLIENTS = ("http.client", "urllib.request", "urllib3", "requests", "httpx", "httpx2", "aiohttp", "ftplib", "smtplib")
"""What can make a connection that a rule asked for."""

DOORS = {
    "http.client": {"services/wire.py", "services/http.py"},
    "httpx2": {"auth/jwks.py"},  # the keys of an OpenID provider, whose address settings alone hold
    "smtplib": {"services/mail.py"},
}
"""The modules that may use each, and why where it is not plain."""


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_server_has_one_door(client: str) -> None:
    top = Path(whenthen_server.__file__).parent
    users = {
        str(path.relative_to(top))
        for path in top.rglob("*.py")
        if any(name == client or name.startswith(f"{client}.") for name in imports(path.read_text("utf-8")))
    }

    assert users <= DOORS.get(client, set())
