"""What actions reach the world with, made from the settings; a setting that cannot work stops the start by its name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from whenthen.runtime import Runtime
from whenthen_server.acting import in_app
from whenthen_server.services.addresses import Allowed
from whenthen_server.services.files import LogFiles
from whenthen_server.services.http import HttpService, HttpSettings
from whenthen_server.services.mail import Mailer, MailSettings
from whenthen_server.services.messages import Messages
from whenthen_server.services.push import Pusher, PushSettings
from whenthen_server.services.signature import Secrets
from whenthen_server.settings import Settings, SettingsError, about


@dataclass(frozen=True, slots=True)
class Outward:
    """The services that leave the house."""

    http: HttpService
    files: LogFiles
    mailer: Mailer | None
    pusher: Pusher

    def messages(self, runtime: Callable[[], Runtime]) -> Messages:
        """Return what carries messages, to people here and elsewhere."""
        return Messages(self.mailer, self.pusher, in_app(runtime))


def outward_of(settings: Settings) -> Outward:
    """Return the services. Raises ``SettingsError``."""
    log_folder = settings.outbound.log_folder or settings.data.folder / "files"
    with about("messages"):
        pusher = Pusher(PushSettings(notify=settings.messages.notify, sms=settings.messages.sms))
    return Outward(
        _http(settings), LogFiles(log_folder, logging.getLogger("whenthen.rules")), _mailer(settings), pusher
    )


def _http(settings: Settings) -> HttpService:
    outbound = settings.outbound
    with about("outbound.allow"):
        Allowed(outbound.allow)
    with about("outbound.secrets"):
        Secrets(outbound.secrets)
    with about("outbound.ca_file"):
        return HttpService(
            HttpSettings(
                allow=outbound.allow,
                timeout_seconds=outbound.timeout_seconds,
                connect_seconds=outbound.connect_seconds,
                own_ports=frozenset({settings.server.port}),
                ca_file=outbound.ca_file,
                secrets=outbound.secrets,
            )
        )


def _mailer(settings: Settings) -> Mailer | None:
    mail = settings.mail
    if mail.host is None and mail.sender is None and mail.user is None and mail.password is None:
        return None
    if mail.host is None:
        raise SettingsError(("mail.host: is missing; without it the other settings of mail do nothing",))
    if mail.sender is None:
        raise SettingsError(("mail.sender: is missing; with mail.host, say which address e-mails come from",))
    with about("mail"):
        return Mailer(
            MailSettings(
                host=mail.host,
                sender=mail.sender,
                port=mail.port,
                security=mail.security,
                user=mail.user,
                password=mail.password,
                timeout_seconds=mail.timeout_seconds,
            )
        )
