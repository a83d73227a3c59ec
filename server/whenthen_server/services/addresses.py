"""Which IP addresses a request may go to: our own table, since Python's ``is_global`` has holes and changes.

Ranges are those of IANA's special-purpose registries (RFC 6890 and its updates) and those through which one address
hides another. IPv6 is refused unless it lies in 2000::/3, the only range given out for the public network.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4 = {
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "cloud platform",  # Azure's, which answers inside its machines only
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relay",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
_IPV6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "::ffff:0:0/96": "IPv4-mapped",
    "::/96": "IPv4-compatible",
    "64:ff9b:1::/48": "local NAT64",
    "2001::/32": "Teredo",
    "2001::/23": "reserved",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "3ffe::/16": "reserved",
    "3fff::/20": "documentation",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_TABLE: dict[int, tuple[tuple[Network, str], ...]] = {
    version: tuple((ip_network(text), kind) for text, kind in table.items())
    for version, table in ((4, _IPV4), (6, _IPV6))
}
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

LAN_KINDS = frozenset({"private", "loopback", "carrier-grade NAT"})
"""What a host *name* that the operator allows may stand for; anything else must be allowed by its network."""

_NEVER = frozenset({"unspecified", "multicast"})


def kind_of(address: Address) -> str | None:
    """Return what makes an address no public one (``loopback``, ``private``, …), or ``None`` for a public one.

    >>> kind_of(IPv4Address("127.0.0.1")), kind_of(IPv6Address("64:ff9b::7f00:1")), kind_of(IPv4Address("9.9.9.9"))
    ('loopback', 'loopback', None)
    """
    if isinstance(address, IPv6Address) and address in _NAT64:
        # On a network without IPv4 every public name resolves to such an address; what it hides is what counts.
        return kind_of(IPv4Address(int(address) & 0xFFFFFFFF))
    for network, kind in _TABLE[address.version]:
        if address in network:
            return kind
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return "reserved"
    return None


class Allowed:
    """The private targets that the operator of this install allows: networks, single addresses and host names.

    Raises ``ValueError`` for an entry that is none of these.

    >>> allowed = Allowed(["192.168.7.0/24", "nas.local"])
    >>> allowed.refusal("10.0.0.1", IPv4Address("10.0.0.1"))
    'private'
    >>> allowed.refusal("NAS.local", IPv4Address("10.0.0.1")), allowed.refusal("fan.lan", IPv4Address("192.168.7.3"))
    (None, None)
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._names: set[str] = set()
        for entry in entries:
            network = _network(entry)
            if network is not None:
                self._networks.append(network)
            elif _is_name(entry):
                self._names.add(entry.lower().removesuffix("."))
            else:
                raise ValueError(f"{entry!r} is neither a network (10.1.0.0/16), an address nor a host name")

    def refusal(self, host: str, address: Address) -> str | None:
        """Return why *address*, to which *host* resolved, must not be reached; ``None`` when it may.

        A name that is allowed opens private, loopback and carrier-grade NAT addresses only, so that whoever answers for
        the name cannot lead us to a cloud's metadata address.
        """
        kind = kind_of(address)
        if kind is None:
            return None
        if kind not in _NEVER and any(address in network for network in self._networks):
            return None
        if kind in LAN_KINDS and host.lower() in self._names:
            return None
        return kind


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _is_name(entry: str) -> bool:
    labels = entry.removesuffix(".").split(".")
    # A last label of digits would be a mistyped address, as "192.168.1" is, and never the end of a name.
    return not labels[-1].isdigit() and all(
        label.isascii() and label.replace("-", "").replace("_", "").isalnum() for label in labels
    )
