"""Sends e-mail over the SMTP server that settings name, step by step, so that each failure says what became of it."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Literal

from whenthen import ActionRefusedError, OutcomeUnknownError, RetryLaterError, SystemClock
from whenthen.clock import Clock
from whenthen_server.services.lines import one_line

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)"
)
_LONGEST_ADDRESS = 254
_LONGEST_SUBJECT = 200
_LONGEST_TEXT = 100_000
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The SMTP server. *security*: ``starttls`` (port 587), ``tls`` (mostly 465) or ``none``, without a password.

    Raises ``ValueError`` for settings that cannot work or would show the password on the network.
    """

    host: str
    sender: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not _is_address(self.sender):
            raise ValueError(f"mail.sender {self.sender!r} is no e-mail address")
        if (self.user is None) != (self.password is None):
            raise ValueError("mail.user and mail.password belong together")
        if self.security == "none" and self.password is not None:
            raise ValueError("mail.password would travel in the clear; set mail.security to starttls or tls")


class Mailer:
    """Sends one message per call over a connection of its own; *tls* is there for private certificate authorities."""

    def __init__(self, settings: MailSettings, clock: Clock | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._tls = tls or ssl.create_default_context()
        self._domain = settings.sender.rpartition("@")[2]

    def send(self, config: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Carry out an ``email`` action; returns ``accepted`` (addresses) and ``refused`` (address to reason).

        *key* becomes the Message-ID. Raises ``ActionRefusedError``, ``RetryLaterError`` (nothing was sent), or
        ``OutcomeUnknownError`` when the server was lost while it had the whole message.
        """
        message, recipients = self._message(config, key)
        try:
            with ExitStack() as stack:
                smtp = self._connect()
                stack.callback(smtp.close)
                refused = self._envelope(smtp, recipients)
                self._hand_over(smtp, message)
                with suppress(OSError, smtplib.SMTPException):
                    smtp.quit()
        except smtplib.SMTPResponseException as error:
            raise _verdict(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            raise ActionRefusedError(f"the mail server does not do what mail.security asks for: {error}") from error
        except OSError as error:  # smtplib's other errors among them
            raise RetryLaterError(f"the mail server cannot be reached: {error}") from error
        return {"accepted": [address for address in recipients if address not in refused], "refused": refused}

    def _message(self, config: Mapping[str, Any], key: str) -> tuple[EmailMessage, list[str]]:
        recipients = [str(address) for address in config["recipients"]]
        for address in recipients:
            if not _is_address(address):
                raise ActionRefusedError(f"{address[:_SHOWN]!r} is no e-mail address")
        text, subject = str(config["message"]), str(config.get("subject", "Message from whenthen"))
        if not subject.isprintable():
            raise ActionRefusedError("the subject holds a line break or another character that does not print")
        if len(text) > _LONGEST_TEXT or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ActionRefusedError(f"the message is no text of at most {_LONGEST_TEXT} characters")
        message = EmailMessage(policy=SMTP)
        message["From"] = self._settings.sender
        message["To"] = ", ".join(recipients)
        message["Subject"] = subject if len(subject) <= _LONGEST_SUBJECT else f"{subject[:_LONGEST_SUBJECT]}…"
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{re.sub('[^A-Za-z0-9_-]', '_', key)[:200]}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message, recipients

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        # The name that we greet with is given: the library would ask the resolver for ours, without a time limit.
        options: dict[str, Any] = {"timeout": settings.timeout_seconds, "local_hostname": self._domain}
        if settings.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, context=self._tls, **options)
        else:
            smtp = smtplib.SMTP(settings.host, settings.port, **options)
        try:
            if settings.security == "starttls":
                smtp.starttls(context=self._tls)
            smtp.ehlo_or_helo_if_needed()
            if settings.user is not None and settings.password is not None:
                smtp.login(settings.user, settings.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _envelope(self, smtp: smtplib.SMTP, recipients: list[str]) -> dict[str, str]:
        """Name sender and recipients; return those that were refused, or raise when all were."""
        code, reply = smtp.mail(self._settings.sender)
        if code != 250:
            raise _verdict(code, reply)
        replies = {address: smtp.rcpt(address) for address in recipients}
        refused = {address: answer for address, answer in replies.items() if answer[0] not in (250, 251)}
        if len(refused) == len(replies):
            raise _verdict(*min(refused.values()))  # 4xx before 5xx: another time, one of them may be taken
        return {address: _said(*answer) for address, answer in refused.items()}

    def _hand_over(self, smtp: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            code, reply = smtp.data(message.as_bytes())
        except smtplib.SMTPResponseException:
            raise
        except OSError as error:
            raise OutcomeUnknownError("the mail server was lost while it took the message") from error
        if code != 250:
            raise _verdict(code, reply)


def _is_address(text: str) -> bool:
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _said(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{code} {one_line(text)[:_SHOWN]}".strip()


def _verdict(code: int, reply: bytes | str) -> ActionRefusedError | RetryLaterError:
    message = f"the mail server answered {_said(code, reply)}"
    return ActionRefusedError(message) if 500 <= code < 600 else RetryLaterError(message)
