"""Signs what we send as Standard Webhooks 1.0 lays down, with secrets that settings hold and rules only name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from standardwebhooks import Webhook

from whenthen import ActionRefusedError

_PREFIX = "whsec_"
_SHORTEST_BYTES = 24  # what the specification asks for


class Secrets:
    """The signing secrets of this install, by name, each ``whsec_`` and at least 24 bytes in base64.

    Raises ``ValueError`` that names a bad one, never its value.

    >>> Secrets({"alerts": "whsec_YWJj"})
    Traceback (most recent call last):
    ...
    ValueError: the secret 'alerts' has 3 bytes; give at least 24, in base64 after whsec_
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._signers = {name: Webhook(_key(name, secret)) for name, secret in secrets.items()}

    def signature(self, name: str, message_id: str, at: datetime, body: bytes) -> str:
        """Return the value of ``webhook-signature``; *at* is aware, *body* is what is sent, UTF-8.

        Raises ``ActionRefusedError`` when settings hold no secret of that name.
        """
        signer = self._signers.get(name)
        if signer is None:
            raise ActionRefusedError(f"settings hold no secret called {name!r} (outbound.secrets)")
        return str(signer.sign(message_id, at, body.decode()))


def _key(name: str, secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        raise ValueError(f"the secret {name!r} does not begin with {_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the secret {name!r} is not base64 after {_PREFIX}") from error
    if len(key) < _SHORTEST_BYTES:
        enough = f"give at least {_SHORTEST_BYTES}, in base64 after {_PREFIX}"
        raise ValueError(f"the secret {name!r} has {len(key)} bytes; {enough}")
    return key
