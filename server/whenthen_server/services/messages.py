"""Messages to people: ``email``, ``sms`` and ``notify``, each by the way that settings opened, and no other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from whenthen import ActionRefusedError, OutcomeUnknownError
from whenthen_server.services.mail import Mailer
from whenthen_server.services.push import Pusher, PushSettings

InApp = Callable[[Mapping[str, Any]], None]
"""Takes a notification: ``key``, ``title``, ``message``, ``level``, ``recipients`` (``None``: everyone), ``origin``."""


class Messages:
    """Sends messages; safe to call from many threads.

    *in_app* keeps a notification for the people of the farm; where it, *mailer* or a service of *pusher* is missing,
    the action that needs it is refused and says which setting it lacks.
    """

    def __init__(self, mailer: Mailer | None = None, pusher: Pusher | None = None, in_app: InApp | None = None) -> None:
        self._mailer = mailer
        self._pusher = pusher or Pusher(PushSettings())
        self._in_app = in_app

    def send(
        self, kind: str, config: Mapping[str, Any], *, key: str | None = None, origin: Any = None
    ) -> dict[str, Any]:
        """Carry out the action *kind* and return what became of it.

        *key* is the call's idempotency key; *origin*, whatever the dispatcher says about who caused the call, goes to
        *in_app* as it is. Raises ``ActionRefusedError``, ``RetryLaterError`` or ``OutcomeUnknownError``.
        """
        key = key or uuid.uuid4().hex
        if kind == "email":
            if self._mailer is None:
                raise ActionRefusedError("settings name no mail server (mail.host, mail.sender)")
            return self._mailer.send(config, key)
        if not f"{config['message']}{config.get('title', '')}".strip():
            raise ActionRefusedError("the message is empty")
        if kind == "sms":
            return dict(self._pusher.sms(config))
        if kind == "notify":
            return self._notify(config, key, origin)
        raise ActionRefusedError(f"there is no message of the kind {kind!r}")

    def _notify(self, config: Mapping[str, Any], key: str, origin: Any) -> dict[str, Any]:
        if self._in_app is None and not self._pusher.notifies:
            raise ActionRefusedError("there is nobody to notify: settings name no service (messages.notify)")
        if self._in_app is not None:
            recipients = config.get("recipients")
            self._in_app(
                {
                    "key": key,
                    "title": str(config.get("title", "")),
                    "message": str(config["message"]),
                    "level": str(config.get("level", "info")),
                    "recipients": None if recipients is None else [str(name) for name in recipients],
                    "origin": origin,
                }
            )
        pushed = self._pusher.notify(config)
        if self._in_app is None and not pushed["sent"]:
            raise OutcomeUnknownError("no service for notifications said that it took the message")
        return {"in_app": self._in_app is not None, **pushed}
