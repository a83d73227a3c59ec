from __future__ import annotations

from ipaddress import ip_address

import pytest

from whenthen_server.services.addresses import Allowed, kind_of

REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104 - an address to refuse, not one to bind
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "carrier-grade NAT",
    "127.0.0.1": "loopback",
    "127.127.127.127": "loopback",
    "168.63.129.16": "cloud platform",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "reserved",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.0.1": "private",
    "198.18.0.1": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:9.9.9.9": "IPv4-mapped",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b:1::7f00:1": "local NAT64",
    "100::1": "reserved",
    "2001:0:7f00:1::": "Teredo",
    "2001:2::1": "reserved",
    "2001:10::1": "reserved",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "3ffe::1": "reserved",
    "3fff::1": "documentation",
    "4000::1": "reserved",
    "5f00::1": "reserved",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fe80::1%1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
}
PUBLIC = ("9.9.9.9", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2a00:1450::1", "64:ff9b::909:909")


@pytest.mark.parametrize(("text", "kind"), REFUSED.items())
def test_an_address_that_is_not_public_is_called_by_its_kind(text: str, kind: str) -> None:
    assert kind_of(ip_address(text)) == kind


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_let_through(text: str) -> None:
    assert kind_of(ip_address(text)) is None
    assert Allowed().refusal("anywhere.example", ip_address(text)) is None


@pytest.mark.parametrize("text", ["192.168.0.1", "64:ff9b::c0a8:1", "::ffff:192.168.0.1", "2002:c0a8:1::"])
def test_a_network_that_is_allowed_opens_its_own_addresses_and_no_form_that_hides_them(text: str) -> None:
    allowed = Allowed(["192.168.0.0/24"])

    assert (allowed.refusal("x", ip_address(text)) is None) == (text == "192.168.0.1")


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "::", "ff02::1"])  # noqa: S104 - to refuse
def test_no_entry_opens_the_unspecified_address_or_multicast(text: str) -> None:
    assert Allowed(["0.0.0.0/0", "::/0"]).refusal("x", ip_address(text)) is not None


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("192.168.0.1", True),
        ("127.0.0.1", True),
        ("fd00::7", True),
        ("100.64.0.1", True),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("168.63.129.16", False),
        ("240.0.0.1", False),
        ("::ffff:192.168.0.1", False),
    ],
)
def test_a_name_that_is_allowed_opens_the_local_network_but_no_metadata_address(text: str, *, opened: bool) -> None:
    refusal = Allowed(["NAS.lan."]).refusal("nas.LAN", ip_address(text))

    assert (refusal is None) == opened


@pytest.mark.parametrize("entry", ["", "192.168.1", "10.0.0.1/8", "a b", "http://nas.lan", "*", "*.lan", "nas.lan:80"])
def test_an_entry_that_is_no_network_and_no_name_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a network"):
        Allowed([entry])
