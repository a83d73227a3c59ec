"""Text messages and notifications through apprise, whose URLs come from settings; imported only where one is set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen import ActionRefusedError, OutcomeUnknownError
from whenthen_server.services.lines import LONGEST, one_line

RECIPIENTS = "{recipients}"
_NUMBER = re.compile(r"\+?[0-9]{5,15}")
_SPACING = str.maketrans("", "", " -()./")
_KINDS = {"info": "info", "warning": "warning", "critical": "failure"}
_TIMEOUT_SECONDS = 10
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class PushSettings:
    """Apprise URLs, which hold secrets: *notify* for notifications, *sms* with ``{recipients}`` where numbers belong.

    >>> PushSettings(sms=("twilio://SID:TOKEN@+15550100/{recipients}",))
    PushSettings()
    """

    notify: tuple[str, ...] = field(default=(), repr=False)
    sms: tuple[str, ...] = field(default=(), repr=False)


class Pusher:
    """Sends through the services that settings name.

    Raises ``ValueError`` that names a URL by its place, never by its text, when apprise cannot use it or is missing.
    """

    def __init__(self, settings: PushSettings) -> None:
        self._settings = settings
        for name, urls in (("notify", settings.notify), ("sms", settings.sms)):
            for place, url in enumerate(urls):
                where = f"messages.{name}[{place}]"
                if name == "sms" and RECIPIENTS not in url:
                    raise ValueError(f"{where} does not say where {RECIPIENTS} belong")
                if _apprise(where)(url.replace(RECIPIENTS, "+15550100")) is None:
                    raise ValueError(f"{where} is no URL that apprise knows")

    @property
    def notifies(self) -> bool:
        """Tell whether there is a service for notifications."""
        return bool(self._settings.notify)

    def notify(self, config: Mapping[str, Any]) -> dict[str, int]:
        """Send a notification to every service; returns how many took it (``sent``) and did not (``failed``)."""
        kind = _KINDS.get(str(config.get("level", "info")), "info")
        sent = _send(self._settings.notify, str(config["message"]), str(config.get("title", "")), kind)
        return {"sent": sent, "failed": len(self._settings.notify) - sent}

    def sms(self, config: Mapping[str, Any]) -> dict[str, int]:
        """Send a text message; returns ``sent``, the number of recipients.

        Raises ``ActionRefusedError`` for a telephone number that is none or when settings name no service, and
        ``OutcomeUnknownError`` when no service says that it took the message: it may have, for some recipients.
        """
        if not self._settings.sms:
            raise ActionRefusedError("settings name no service for text messages (messages.sms)")
        numbers = [_number(str(recipient)) for recipient in config["recipients"]]
        for url in self._settings.sms:
            # The second service is for the days on which the first one does not work.
            if _send([url.replace(RECIPIENTS, "/".join(numbers))], str(config["message"]), "", "info"):
                return {"sent": len(numbers)}
        raise OutcomeUnknownError("no service for text messages said that it took the message")


def _number(text: str) -> str:
    number = text.translate(_SPACING)
    if not _NUMBER.fullmatch(number):
        raise ActionRefusedError(f"{text[:40]!r} is no telephone number: + and 5 to 15 digits")
    return number


def _send(urls: Iterable[str], body: str, title: str, kind: str) -> int:
    make = _apprise("messages")
    # Some services put the title into a header, and none knows what half a surrogate pair is.
    body, title = body[:LONGEST].encode("utf-8", "replace").decode(), one_line(title)[:_LONGEST_TITLE]
    sent = 0
    for url in urls:
        service = make(url)
        # The result is an object; its truth says whether the service took the message.
        sent += bool(service is not None and service.notify(body=body or title, title=title, notify_type=kind))
    return sent


def _apprise(where: str) -> Any:
    """Return what makes a service of a URL, with apprise's own liberties taken away."""
    try:
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - an extra, and 0.15 s
    except ImportError as error:
        raise ValueError(f"{where} needs apprise: install whenthen[notify]") from error
    asset = AppriseAsset(
        app_id="whenthen",
        async_mode=False,
        http_redirects=False,
        interpret_escapes=False,
        pem_autogen=False,
        pgp_autogen=False,
        secure_logging=True,
        service_timeout=_TIMEOUT_SECONDS,
        storage_mode="memory",
    )

    def make(url: str) -> Any:
        service = Apprise(asset=asset)
        return service if service.add(url) else None

    return make
