"""Reads the URL of a request strictly: one spelling, no guessing, since two parsers that differ let attackers in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from whenthen import ActionRefusedError
from whenthen_server.services.addresses import Address

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[!$-;=?-Z_a-z~@%]*|\?[!$-;=?-Z_a-z~@%/]*)?)"
)
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST = 2_000

# Ports that browsers refuse (WHATWG Fetch, "port blocking") and those of databases, brokers and remote shells: a line
# of an HTTP request may be a command there.
BLOCKED_PORTS = frozenset(
    {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110}
    | {111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531}
    | {532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060}
    | {5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
    | {445, 873, 1433, 1521, 1883, 2375, 2379, 2380, 3306, 3389, 4369, 5432, 5672, 5900, 5901, 6379, 6380, 8883, 9042}
    | {11211, 26379, 27017}
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: *host* without brackets or a final dot, *path* with the query, *address* if it is one."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None = None

    @property
    def host_header(self) -> str:
        """What the ``Host`` field says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}"


def parse_url(url: str) -> Target:
    """Return the target of a URL, or raise ``ActionRefusedError`` with what is wrong and what to write instead.

    >>> parse_url("https://api.example.com/alerts?room=7").host_header
    'api.example.com'
    >>> parse_url("http://good@127.0.0.1/")
    Traceback (most recent call last):
    ...
    whenthen.errors.ActionRefusedError: the URL is refused: it holds a user name or password; send a header instead
    """
    if len(url) > _LONGEST:
        raise _refused(f"it is longer than {_LONGEST} characters")
    match = _URL.fullmatch(url)
    if match is None:
        raise _refused(_reason(url))
    scheme, host = match["scheme"], match["host"]
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65_536:
        raise _refused(f"there is no port {port}")
    if port in BLOCKED_PORTS:
        raise _refused(f"port {port} belongs to another protocol than HTTP")
    target = match["target"]
    path = target if target.startswith("/") else f"/{target}"
    host, address = _host(host)
    return Target(scheme, host, port, path, address)


def _host(host: str) -> tuple[str, Address | None]:
    try:
        if host.startswith("["):
            address = IPv6Address(host[1:-1])
            return str(address), address
        labels = host.removesuffix(".").split(".")
        if _NUMERIC.fullmatch(labels[-1]):
            # The resolver would read 127.1, 0x7f.1 and 2130706433 as addresses; we take the usual form alone.
            return host, IPv4Address(host)
    except AddressValueError as error:
        raise _refused(f"{host} is no address in its usual form") from error
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(f"{host} is no host name")
    return ".".join(labels), None


def _reason(url: str) -> str:
    """Return the likeliest reason why a URL is none of ours."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it holds a space, a control or a non-ASCII character; percent-encode it (in a host name: punycode)"
    if not url.startswith(("http://", "https://")):
        return "it does not begin with http:// or https://"
    if "\\" in url:
        return "it holds a backslash"
    if "@" in url.split("://", 1)[1].split("/", 1)[0]:
        return "it holds a user name or password; send a header instead"
    if "#" in url:
        return "it holds a #, which is never sent; leave it out"
    return "it is not of the form https://host[:port][/path][?query]"


def _refused(reason: str) -> ActionRefusedError:
    return ActionRefusedError(f"the URL is refused: {reason}")
