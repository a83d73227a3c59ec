"""Credentials that are not good; the reason stays inside."""

from __future__ import annotations

from whenthen.errors import WhenthenError


class RefusedError(WhenthenError):
    """What was shown proves nothing. *name* is the id of the key or person that it belongs to, ``""`` if we know none.

    It never reaches a caller: ``Gate`` turns every one of them into the same ``Unauthorized``.
    """

    code = "refused_credentials"

    def __init__(self, name: str = "") -> None:
        self.name = name
        super().__init__("the credentials are not good")
