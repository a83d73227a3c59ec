"""The one function that makes outbound HTTP requests: resolve once, check every address, connect to that very address.

No redirect is followed, no proxy is read from the environment, nothing is retried here: the verdict is an error that
tells the dispatcher whether a later attempt makes sense.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPException
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

from whenthen import ActionRefusedError, RetryLaterError, SystemClock, to_us
from whenthen.clock import Clock
from whenthen_server.services.addresses import Address, Allowed
from whenthen_server.services.resolve import Resolve, Resolver, system_resolve
from whenthen_server.services.signature import Secrets
from whenthen_server.services.urls import Target, parse_url
from whenthen_server.services.verdicts import answered
from whenthen_server.services.wire import Deadline, Request, Response, connect, exchange

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

BODY_LIMIT = 64 * 1024
"""The most bytes of a request's body, and the most that is read of an answer's."""

SHOWN_CHARACTERS = 2_000
"""How much of an answer becomes part of the action's result."""

_LONGEST_TIMEOUT_SECONDS = 120.0
_MOST_ADDRESSES = 4
_MOST_HEADERS = 32
_LONGEST_HEADER = 4_096
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_TEXT = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")

_OURS = re.compile(
    r"host|content-length|transfer-encoding|accept-encoding|connection|keep-alive|upgrade|te|trailer|expect|"
    r"idempotency-key|proxy-.*|webhook-.*",
    re.IGNORECASE,
)
"""Header fields that a rule may not set: they belong to the connection, or say who sent the message."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How requests are made. *allow*: private targets (CIDR, address or host name); *own_ports*: where we listen.

    *secrets* are Standard Webhooks secrets by name; *ca_file* holds further certificate authorities, as PEM.
    Raises ``ValueError`` for a time limit that is none.
    """

    allow: tuple[str, ...] = ()
    timeout_seconds: float = 15.0
    connect_seconds: float = 3.0
    own_ports: frozenset[int] = frozenset()
    ca_file: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not (0 < self.timeout_seconds <= _LONGEST_TIMEOUT_SECONDS and self.connect_seconds > 0):
            raise ValueError(f"outbound.timeout is {self.timeout_seconds}; give seconds, at most 120")


class HttpService:
    """Makes guarded requests; safe to call from many threads.

    Raises ``ValueError`` for a setting that cannot be used. *resolve* is there for tests.
    """

    def __init__(self, settings: HttpSettings, clock: Clock | None = None, resolve: Resolve = system_resolve) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._allowed = Allowed(settings.allow)
        self._secrets = Secrets(settings.secrets)
        self._resolver = Resolver(resolve)
        self._tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self._tls.load_verify_locations(cafile=settings.ca_file)

    def request(
        self, config: Mapping[str, Any], *, key: str | None = None, deadline_us: int | None = None
    ) -> dict[str, Any]:
        """Carry out a ``webhook`` action and return ``status``, ``body`` (its first 2,000 characters), ``truncated``.

        *key* becomes ``Idempotency-Key`` and ``webhook-id``, the same at every attempt; *deadline_us* ends the request
        before the time limit of the settings does. Raises ``RetryLaterError`` (no answer, 408, 425, 429, 5xx) and
        ``ActionRefusedError`` (refused before it was sent, any other answer but 2xx).
        """
        body = _json_body(config)
        headers = _given_headers(config.get("headers", {}))
        if body is not None:
            headers.setdefault("content-type", "application/json")
        now = self._clock.now()
        message_id = _message_id(key)
        headers["idempotency-key"] = message_id
        headers["webhook-id"] = message_id
        headers["webhook-timestamp"] = str(int(now.timestamp()))
        if "secret" in config:
            headers["webhook-signature"] = self._secrets.signature(config["secret"], message_id, now, body or b"")
        seconds = None if deadline_us is None else (deadline_us - to_us(now)) / 1e6
        url, method = str(config["url"]), config.get("method", "POST")
        response = self.fetch(method, url, headers=headers, body=body, timeout_seconds=seconds)
        answered(response, now)
        text = response.body.decode("utf-8", "replace")
        cut = response.truncated or len(text) > SHOWN_CHARACTERS
        return {"status": response.status, "body": text[:SHOWN_CHARACTERS], "truncated": cut}

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float | None = None,
    ) -> Response:
        """Make one request and return its answer, whatever its status.

        Raises ``ActionRefusedError`` when the URL, the address or the body is not allowed, ``RetryLaterError`` when
        there was no answer in time.
        """
        target = parse_url(url)
        if method not in METHODS:
            raise ActionRefusedError(f"there is no method {method!r}; take one of {', '.join(METHODS)}")
        if body is not None and len(body) > BODY_LIMIT:
            raise ActionRefusedError(f"the body has {len(body)} bytes; {BODY_LIMIT} are the most")
        limit = self._settings.timeout_seconds
        deadline = Deadline(limit if timeout_seconds is None else min(limit, timeout_seconds))
        fields = {
            "host": target.host_header,
            "connection": "close",
            "accept-encoding": "identity",
            "user-agent": "whenthen",
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        if body is not None or method in ("POST", "PUT", "PATCH"):
            fields["content-length"] = str(len(body or b""))
        try:
            addresses = self._checked_addresses(target, deadline)
            sock = connect(addresses, target.port, self._settings.connect_seconds, deadline)
            request = Request(target, method, fields, body)
            return exchange(sock, request, deadline=deadline, tls=self._tls, body_limit=BODY_LIMIT)
        except ssl.SSLCertVerificationError as error:
            hint = "a private authority goes into outbound.ca_file"
            raise ActionRefusedError(
                f"{target}: its certificate is not valid ({error.verify_message}); {hint}"
            ) from error
        except TimeoutError as error:
            raise RetryLaterError(f"{target} did not answer in time") from error
        except (OSError, HTTPException) as error:
            raise RetryLaterError(f"{target} cannot be reached: {str(error) or type(error).__name__}") from error

    def _checked_addresses(self, target: Target, deadline: Deadline) -> list[Address]:
        """Return where the target is, each address checked: one that is refused refuses them all."""
        if target.address is not None:
            addresses = [target.address]
        else:
            found = self._resolver.addresses(target.host, target.port, deadline.left())
            addresses = [ip_address(text) for text in found]
        for address in addresses:
            refusal = self._allowed.refusal(target.host, address)
            if refusal is not None:
                where = f"{target.host} is" if target.address else f"{target.host} leads to"
                hint = "a target in your own network must be listed in outbound.allow"
                raise ActionRefusedError(f"{where} a {refusal} address, {address}; {hint}")
            if target.port in self._settings.own_ports and is_our_own(address):
                raise ActionRefusedError(f"{target} is this server itself")
        return addresses[:_MOST_ADDRESSES]


def is_our_own(address: Address) -> bool:
    """Tell whether an address belongs to this machine: only such a one can be bound.

    >>> is_our_own(ip_address("127.0.0.1")), is_our_own(ip_address("192.0.2.1"))
    (True, False)
    """
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _json_body(config: Mapping[str, Any]) -> bytes | None:
    if "data" not in config:
        return None
    try:
        return json.dumps(config["data"], ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:  # lone surrogates among them
        raise ActionRefusedError(f"the data cannot be written as JSON: {error}") from error


def _given_headers(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a rule's header fields, names in lower case, or refuse them."""
    if len(given) > _MOST_HEADERS:
        raise ActionRefusedError(f"there are {len(given)} headers; {_MOST_HEADERS} are the most")
    headers: dict[str, str] = {}
    for name, value in given.items():
        if not _TOKEN.fullmatch(name):
            raise ActionRefusedError(f"{name!r} is no name of a header")
        if _OURS.fullmatch(name):
            raise ActionRefusedError(f"the header {name} cannot be set by a rule")
        text = str(value)
        if not _TEXT.fullmatch(text) or len(text) > _LONGEST_HEADER:
            raise ActionRefusedError(f"the header {name} holds a control or non-Latin character, or is too long")
        headers[name.lower()] = text
    return headers


def _message_id(key: str | None) -> str:
    """Return the key as it is where a header can carry it, hashed where not, or a new one where there is none."""
    if key is None:
        return f"msg_{uuid.uuid4().hex}"
    return key if _KEY.fullmatch(key) else sha256(key.encode()).hexdigest()
