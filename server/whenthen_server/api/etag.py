"""Entity tags: whether the caller's copy is the present one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from whenthen_server.problems import PreconditionFailed


def etag_of(*parts: str | int) -> str:
    """Return a strong tag of what makes a version unique, such as an id and a version number.

    >>> etag_of("rule-1", 3) == etag_of("rule-1", 3) != etag_of("rule-1", 4)
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()
    return f'"{digest[:32]}"'


def demand_match(headers: Mapping[str, str], etag: str) -> None:
    """Raise ``PreconditionFailed`` when the caller changes a version that is not the present one.

    A request without ``If-Match`` changes whatever is there.
    """
    wanted = headers.get("If-Match")
    if wanted is not None and not _among(etag, wanted, weak=False):
        detail = "Read it again, look at what has changed, and send your change with the new ETag in If-Match."
        raise PreconditionFailed(detail, headers={"ETag": etag})


def has_copy(headers: Mapping[str, str], etag: str) -> bool:
    """Return whether the caller's ``If-None-Match`` names the present version, so that 304 says it all."""
    known = headers.get("If-None-Match")
    return known is not None and _among(etag, known, weak=True)


def _among(etag: str, listed: str, *, weak: bool) -> bool:
    tags = [tag.strip() for tag in listed.split(",")]
    if weak:
        tags = [tag.removeprefix("W/") for tag in tags]
    return "*" in tags or etag in tags
