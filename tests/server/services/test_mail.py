"""E-mail to a real SMTP server on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from outside.certificates import certificate
from outside.servers import scripted

from whenthen import ActionRefusedError, ManualClock, OutcomeUnknownError, RetryLaterError
from whenthen_server.services.mail import Mailer, MailSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENDER = "house@farm.example"
CONFIG = {"recipients": ["grower@example.com"], "subject": "Cellar", "message": "21 °C"}


@dataclass
class Mailbox:
    """An SMTP server's face to a test: what it answers to each recipient and to the message, and what it took."""

    port: int = 0
    recipients: dict[str, str] = field(default_factory=dict)
    data: str = "250 OK"
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data.startswith("250"):
            message = message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            self.taken.append((envelope.rcpt_tos, message))
        return self.data


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (b"house", b"open sesame")
    return AuthResult(success=good, handled=False)


@contextmanager
def smtp_server(**options: Any) -> Generator[Mailbox]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, server_hostname="mail.example", **options)
    controller.start()
    try:
        mailbox.port = port
        yield mailbox
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Generator[Mailbox]:
    with smtp_server() as box:
        yield box


def mailer(box: Mailbox, **settings: Any) -> Mailer:
    plain = {"host": "127.0.0.1", "port": box.port, "sender": SENDER, "security": "none"}
    return Mailer(MailSettings(**{**plain, **settings}), ManualClock(NOW))


def test_a_message_arrives_as_the_rule_says(mailbox: Mailbox) -> None:
    config = {"recipients": ["a@example.com", "b@example.org"], "subject": "Keller: 21 °C", "message": "Wärme\n.\nEnde"}
    result = mailer(mailbox).send(config, "key 1")

    assert result == {"accepted": ["a@example.com", "b@example.org"], "refused": {}}
    recipients, message = mailbox.taken[0]
    assert recipients == ["a@example.com", "b@example.org"]
    assert message["Subject"] == "Keller: 21 °C"
    assert message["From"] == SENDER
    assert message["To"] == "a@example.com, b@example.org"
    assert message["Message-ID"] == "<key_1@farm.example>"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == ["Wärme", ".", "Ende"]


def test_a_message_without_a_subject_has_one(mailbox: Mailbox) -> None:
    mailer(mailbox).send({"recipients": ["a@example.com"], "message": ""}, "k")

    assert mailbox.taken[0][1]["Subject"] == "Message from whenthen"


@pytest.mark.parametrize(
    "subject",
    ["x\r\nBcc: all@example.com", "x\nBcc: all@example.com", "x\rBcc: a@b.c", "x\x00", "x\u2028y", "x\x0b", "\ud800"],
    ids=ascii,
)
def test_a_subject_that_could_begin_another_header_is_refused(subject: str, mailbox: Mailbox) -> None:
    with pytest.raises(ActionRefusedError, match="subject"):
        mailer(mailbox).send({**CONFIG, "subject": subject}, "k")

    assert mailbox.taken == []


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\nRCPT TO:<b@example.com>",
        "a@example.com>\r\nDATA",
        "a@example.com, b@example.com",
        "a@example.com b@example.com",
        "A <a@example.com>",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "a@b@c",
        "a.@example.com",
        ".a@example.com",
        "a@-x.com",
        "a@x..com",
        "@example.com",
        "a@",
        "a",
        "",
        "ä@example.com",
        "a@exämple.com",
        "a" * 300 + "@example.com",
        "|/bin/sh@example.com\x00",
    ],
    ids=ascii,
)
def test_a_recipient_that_is_no_plain_address_is_refused(address: str, mailbox: Mailbox) -> None:
    with pytest.raises(ActionRefusedError, match="no e-mail address"):
        mailer(mailbox).send({**CONFIG, "recipients": ["good@example.com", address]}, "k")

    assert mailbox.taken == []


def test_a_body_cannot_end_the_message_or_begin_a_command(mailbox: Mailbox) -> None:
    mailer(mailbox).send({**CONFIG, "message": "x\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"}, "k")

    assert [recipients for recipients, _ in mailbox.taken] == [["grower@example.com"]]
    assert mailbox.taken[0][1].get_content().splitlines() == ["x", ".", "MAIL FROM:<evil@example.com>"]


@pytest.mark.parametrize("text", ["\ud800", "a" * 100_001], ids=["surrogate", "long"])
def test_a_body_that_is_no_text_is_refused(text: str, mailbox: Mailbox) -> None:
    with pytest.raises(ActionRefusedError):
        mailer(mailbox).send({**CONFIG, "message": text}, "k")

    assert mailbox.taken == []


def test_some_refused_recipients_are_named_and_the_rest_get_the_message(mailbox: Mailbox) -> None:
    mailbox.recipients = {"no@example.com": "550 unknown here", "later@example.com": "451 busy"}
    recipients = ["yes@example.com", "no@example.com", "later@example.com"]
    result = mailer(mailbox).send({**CONFIG, "recipients": recipients}, "k")

    assert result["accepted"] == ["yes@example.com"]
    assert result["refused"] == {"no@example.com": "550 unknown here", "later@example.com": "451 busy"}
    assert mailbox.taken[0][0] == ["yes@example.com"]


@pytest.mark.parametrize(
    ("rcpt", "data", "verdict"),
    [
        ("550 unknown", "250 OK", ActionRefusedError),
        ("451 busy", "250 OK", RetryLaterError),
        ("250 OK", "554 spam", ActionRefusedError),
        ("250 OK", "452 full", RetryLaterError),
    ],
)
def test_what_the_server_answers_decides_whether_to_try_again(
    rcpt: str, data: str, verdict: type[Exception], mailbox: Mailbox
) -> None:
    mailbox.recipients, mailbox.data = {"grower@example.com": rcpt}, data
    with pytest.raises(verdict, match="the mail server answered"):
        mailer(mailbox).send(CONFIG, "k")

    assert mailbox.taken == []


def test_when_all_are_refused_and_one_for_now_it_is_for_later(mailbox: Mailbox) -> None:
    mailbox.recipients = {"a@example.com": "550 unknown", "b@example.com": "451 busy"}
    with pytest.raises(RetryLaterError, match="451 busy"):
        mailer(mailbox).send({**CONFIG, "recipients": ["a@example.com", "b@example.com"]}, "k")


def test_a_server_that_is_not_there_is_for_later(mailbox: Mailbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        mailbox.port = probe.getsockname()[1]
    with pytest.raises(RetryLaterError, match="cannot be reached"):
        mailer(mailbox).send(CONFIG, "k")


def dialogue(last: str) -> Any:
    """Speak SMTP up to the command *last* and hang up there; ``.`` is the end of the message."""

    def script(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            connection.sendall(b"220 hi\r\n")
            for line in lines:
                word = line.strip().upper().split(b" ")[0]
                if word == last.encode():
                    return
                connection.sendall(b"354 go on\r\n" if word == b"DATA" else b"250 OK\r\n")
                if word == b"DATA":
                    for text in lines:
                        if text == b".\r\n":
                            break
                    if last == ".":
                        return
                    connection.sendall(b"250 OK\r\n")

    return script


@pytest.mark.parametrize(
    ("last", "verdict"), [("EHLO", RetryLaterError), ("MAIL", RetryLaterError), ("RCPT", RetryLaterError)]
)
def test_a_server_that_hangs_up_before_the_message_is_for_later(last: str, verdict: type[Exception]) -> None:
    with scripted(dialogue(last)) as port, pytest.raises(verdict):
        mailer(Mailbox(port=port)).send(CONFIG, "k")


def test_a_server_that_hangs_up_with_the_message_leaves_the_outcome_unknown() -> None:
    with scripted(dialogue(".")) as port, pytest.raises(OutcomeUnknownError):
        mailer(Mailbox(port=port)).send(CONFIG, "k")


def test_a_server_that_hangs_up_after_it_took_the_message_took_it() -> None:
    with scripted(dialogue("QUIT")) as port:
        assert mailer(Mailbox(port=port)).send(CONFIG, "k")["accepted"] == ["grower@example.com"]


def test_a_server_that_says_nothing_is_left() -> None:
    def say_nothing(connection: socket.socket) -> None:
        while connection.recv(1_000):
            pass

    with scripted(say_nothing) as port, pytest.raises(RetryLaterError):
        mailer(Mailbox(port=port), timeout_seconds=0.1).send(CONFIG, "k")


# TLS and passwords


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and a client's that trusts it."""
    public, server = certificate(tmp_path, "mail.example")
    return server, ssl.create_default_context(cafile=str(public))


@pytest.mark.parametrize("password", ["open sesame", "wrong"])
def test_after_starttls_the_password_is_given_and_decides(
    password: str, authority: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, client = authority
    options = {"tls_context": server, "authenticator": authenticate, "auth_required": True}
    with smtp_server(**options) as box:
        settings = MailSettings("127.0.0.1", SENDER, box.port, "starttls", "house", password)
        sending = Mailer(settings, ManualClock(NOW), client)
        if password == "wrong":  # noqa: S105 - the wrong one
            with pytest.raises(ActionRefusedError, match="535") as caught:
                sending.send(CONFIG, "k")
            assert "wrong" not in str(caught.value)
        else:
            sending.send(CONFIG, "k")

        assert len(box.taken) == (password == "open sesame")  # noqa: S105 - a test's


def test_tls_from_the_first_byte_works(authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = authority
    with smtp_server(ssl_context=server) as box:
        Mailer(MailSettings("127.0.0.1", SENDER, box.port, "tls"), ManualClock(NOW), client).send(CONFIG, "k")

        assert len(box.taken) == 1


def test_a_server_whose_certificate_nobody_knows_gets_nothing(
    authority: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with smtp_server(tls_context=authority[0]) as box:
        with pytest.raises(ActionRefusedError, match=r"mail\.security"):
            mailer(box, security="starttls").send(CONFIG, "k")

        assert box.taken == []


def test_a_server_that_offers_no_tls_gets_nothing_when_tls_is_asked_for(mailbox: Mailbox) -> None:
    with pytest.raises(ActionRefusedError, match=r"mail\.security"):
        mailer(mailbox, security="starttls").send(CONFIG, "k")

    assert mailbox.taken == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"sender": "nobody"}, r"mail\.sender"),
        ({"sender": "a@b.c\r\nBcc: x@y.z"}, r"mail\.sender"),
        ({"user": "house"}, "belong together"),
        ({"security": "none", "user": "house", "password": "x"}, "in the clear"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        MailSettings(**{"host": "mail.example", "sender": SENDER, **settings})  # type: ignore[arg-type]


def test_the_password_is_in_no_representation() -> None:
    assert "sesame" not in repr(MailSettings("h", SENDER, user="house", password="sesame"))  # noqa: S106 - a test's
