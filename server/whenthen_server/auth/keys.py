"""Keys: random text that says what it is for, kept as a keyed hash."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

KeyKind = Literal["dev", "api", "ses", "log"]
"""A device's key, an API key, a session (in a cookie), a login token (single use)."""

_FORM = re.compile(r"wt_(dev|api|ses|log)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """A key in full: a public *id* of 64 bits and a *secret* of 256. Printing it shows the id only.

    >>> read_key("wt_dev_0123456789abcdef_" + "A" * 43)
    Key(kind='dev', id='0123456789abcdef')
    """

    kind: KeyKind
    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The key as its holder keeps it: ``wt_<kind>_<id>_<secret>``."""
        return f"wt_{self.kind}_{self.id}_{self.secret}"


def new_key(kind: KeyKind) -> Key:
    """Return a key that nobody has seen."""
    return Key(kind, secrets.token_hex(8), secrets.token_urlsafe(32))


def read_key(text: str) -> Key | None:
    """Return the key that a text is, or ``None`` when it has not the form of one."""
    match = _FORM.fullmatch(text)
    return Key(match[1], match[2], match[3]) if match else None  # type: ignore[arg-type] # the pattern lists the kinds


@dataclass(frozen=True, slots=True)
class Hasher:
    """Turns keys into what is stored, with the installation's signing key (32 bytes).

    The secret has 256 random bits, so one round suffices; the signing key is there so that somebody who can write into
    the database, but cannot read the data folder, cannot put a key of their own into it. It is BLAKE2b with a key
    (RFC 7693): a third of the time of HMAC with SHA-256, and each request has one.
    """

    signing_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 32 <= len(self.signing_key) <= 64:
            raise ValueError("a signing key has 32 to 64 bytes")

    def hash(self, key: Key) -> str:
        """Return the hash of the whole key, 64 hexadecimal digits."""
        return blake2b(key.text.encode(), digest_size=32, key=self.signing_key, person=b"whenthen key").hexdigest()

    def fits(self, key: Key, stored: str) -> bool:
        """Return whether a hash is that of *key*, in a time that tells nothing about where they differ."""
        return hmac.compare_digest(self.hash(key), stored)
