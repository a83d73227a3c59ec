"""The outbound function against real servers on loopback, which the tests allow as an operator would."""

from __future__ import annotations

import hmac
import json
import socket
import time
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from outside.certificates import certificate
from outside.servers import Canary, Endpoint, endpoint, scripted

from whenthen import ActionRefusedError, ManualClock, RetryLaterError, to_us
from whenthen_server.services.http import BODY_LIMIT, HttpService, HttpSettings
from whenthen_server.services.resolve import Resolver
from whenthen_server.services.signature import Secrets

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "whsec_" + b64encode(b"0123456789abcdef01234567").decode()
LOOPBACK = ("127.0.0.1/32",)


def service(**settings: Any) -> HttpService:
    return HttpService(HttpSettings(**{"allow": LOOPBACK, "timeout_seconds": 5.0, **settings}), ManualClock(NOW))


def test_a_request_arrives_as_the_rule_says_and_its_answer_is_the_result(hook: Endpoint) -> None:
    config = {"url": f"{hook.url}?room=7", "data": {"grad": "21 °C"}, "headers": {"Authorization": "Bearer x"}}
    result = service().request(config, key="abc123")

    assert result == {"status": 200, "body": "thank you", "truncated": False}
    received = hook.received[0]
    assert (received.method, received.path) == ("POST", "/hook?room=7")
    assert json.loads(received.body) == {"grad": "21 °C"}
    assert received.headers["content-type"] == "application/json"
    assert received.headers["authorization"] == "Bearer x"
    assert received.headers["host"] == f"127.0.0.1:{hook.port}"
    assert (received.headers["idempotency-key"], received.headers["webhook-id"]) == ("abc123", "abc123")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_works_without_a_body(method: str, hook: Endpoint) -> None:
    service().request({"url": hook.url, "method": method})

    assert (hook.received[0].method, hook.received[0].body) == (method, b"")


def test_a_method_that_came_through_a_placeholder_is_checked(hook: Endpoint) -> None:
    with pytest.raises(ActionRefusedError, match="no method"):
        service().request({"url": hook.url, "method": "GET / HTTP/1.1\r\nX: "})

    assert hook.received == []


def test_a_key_that_no_header_can_carry_is_hashed_and_stays_the_same(hook: Endpoint) -> None:
    for _ in range(2):
        service().request({"url": hook.url}, key="rule 7\r\nx: y")

    first, second = (received.headers["webhook-id"] for received in hook.received)
    assert first == second == sha256(b"rule 7\r\nx: y").hexdigest()


def test_without_a_key_each_request_has_one_of_its_own(hook: Endpoint) -> None:
    for _ in range(2):
        service().request({"url": hook.url})

    assert len({received.headers["webhook-id"] for received in hook.received}) == 2


# Signatures


def test_a_named_secret_signs_the_very_bytes_that_are_sent(hook: Endpoint) -> None:
    signing = service(secrets={"alerts": SECRET})
    signing.request({"url": hook.url, "data": {"°": 1}, "secret": "alerts"}, key="k1")

    received = hook.received[0]
    assert received.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"k1.{int(NOW.timestamp())}.".encode() + received.body
    expected = hmac.new(b"0123456789abcdef01234567", signed, sha256).digest()
    version, _, given = received.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert b64decode(given) == expected


def test_the_signature_agrees_with_the_one_in_the_specification_s_documents() -> None:
    secrets = Secrets({"x": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    at = datetime.fromtimestamp(1614265330, UTC)
    signature = secrets.signature("x", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_settings_do_not_hold_is_refused_before_anything_is_sent(hook: Endpoint) -> None:
    with pytest.raises(ActionRefusedError, match=r"no secret called 'alerts'"):
        service().request({"url": hook.url, "secret": "alerts"})

    assert hook.received == []


@pytest.mark.parametrize("secret", ["hunter2", "whsec_c2hvcnQ=", "whsec_not base64!", "whsec_", ""])
def test_a_weak_secret_is_named_and_never_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="the secret 'alerts'") as caught:
        service(secrets={"alerts": secret})

    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(caught.value)
    assert SECRET not in repr(HttpSettings(secrets={"alerts": SECRET}))


# Verdicts


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_done(status: int, hook: Endpoint) -> None:
    hook.status, hook.body = status, b""

    assert service().request({"url": hook.url})["status"] == status


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "7", 7),
        (503, "120", 120),
        (503, format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (503, format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        (503, "99999999999999999999", 7 * 86_400),
        (503, "soon", None),
        (503, "-5", None),
        (503, "²", None),
        (500, None, None),
        (502, None, None),
        (408, None, None),
        (425, None, None),
        (599, None, None),
    ],
)
def test_a_passing_trouble_is_for_later_and_its_wait_is_told(
    status: int, retry_after: str | None, seconds: float | None, hook: Endpoint
) -> None:
    hook.status = status
    hook.headers = {} if retry_after is None else {"Retry-After": retry_after}
    with pytest.raises(RetryLaterError, match=str(status)) as caught:
        service().request({"url": hook.url})

    assert caught.value.after_seconds == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 451, 304, 305, 299 + 1, 600, 700])
def test_any_other_answer_is_final(status: int, hook: Endpoint) -> None:
    hook.status = status
    with pytest.raises(ActionRefusedError, match=str(status)) as caught:
        service().request({"url": hook.url})

    assert not caught.value.disabled


def test_gone_means_that_the_receiver_wants_no_more(hook: Endpoint) -> None:
    hook.status = 410
    with pytest.raises(ActionRefusedError, match="410") as caught:
        service().request({"url": hook.url})

    assert caught.value.disabled


# Where it may go


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_into_the_house_is_not_followed(status: int, hook: Endpoint, trap: Canary) -> None:
    hook.status, hook.headers = status, {"Location": f"http://127.0.0.1:{trap.port}/"}
    with pytest.raises(ActionRefusedError, match="redirects are not followed"):
        service().request({"url": hook.url})

    assert (len(hook.received), trap.connections()) == (1, 0)
    # Proof that the canary could have been reached: a client that follows redirects is led to it (HTTP 303, a GET).
    hook.status = 303
    with pytest.raises(OSError, match="timed out"):
        urllib.request.build_opener().open(hook.url, timeout=0.05)
    assert trap.connections() == 1


def test_a_chain_of_redirects_ends_at_its_first_link(hook: Endpoint) -> None:
    hook.status, hook.headers = 302, {"Location": hook.url}
    with pytest.raises(ActionRefusedError):
        service().request({"url": hook.url})

    assert len(hook.received) == 1


def test_no_proxy_is_taken_from_the_environment(hook: Endpoint, trap: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    service().request({"url": hook.url})

    assert (len(hook.received), trap.connections()) == (1, 0)
    # Proof that these variables lead a client which obeys them to the canary.
    with pytest.raises(OSError, match="timed out"):
        urllib.request.build_opener().open(hook.url, timeout=0.05)
    assert trap.connections() == 1


class Rebinding:
    """A resolver that changes its mind between two questions."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return [self._answers.pop(0)]


def test_a_name_is_resolved_once_so_that_a_second_answer_changes_nothing(hook: Endpoint) -> None:
    resolve = Rebinding("127.0.0.1", "127.127.127.127")
    rebound = HttpService(HttpSettings(allow=LOOPBACK), resolve=resolve)
    with socket.create_server(("127.127.127.127", hook.port)) as inner:
        inner.setblocking(False)
        result = rebound.request({"url": f"http://rebind.example:{hook.port}/"})

        assert (result["status"], len(hook.received), resolve.asked) == (200, 1, 1)
        with pytest.raises(BlockingIOError):
            inner.accept()


def test_a_name_that_turns_to_the_house_between_attempts_is_refused(hook: Endpoint) -> None:
    resolve = Rebinding("127.0.0.1", "127.127.127.127")
    rebound = HttpService(HttpSettings(allow=LOOPBACK), resolve=resolve)
    rebound.request({"url": f"http://rebind.example:{hook.port}/"})
    with pytest.raises(ActionRefusedError, match="loopback"):
        rebound.request({"url": f"http://rebind.example:{hook.port}/"})

    assert len(hook.received) == 1


def test_one_private_address_among_public_ones_refuses_them_all() -> None:
    mixed = HttpService(HttpSettings(), resolve=lambda _host, _port: ["9.9.9.9", "2606:4700::1", "10.0.0.1"])
    with pytest.raises(ActionRefusedError, match=r"leads to a private address, 10\.0\.0\.1"):
        mixed.request({"url": "http://mixed.example/"})


def test_the_next_address_is_tried_when_the_first_does_not_answer(hook: Endpoint) -> None:
    # Nothing listens at ::1 on this port.
    two = HttpService(HttpSettings(allow=("two.example",)), resolve=lambda _host, _port: ["::1", "127.0.0.1"])
    two.request({"url": f"http://two.example:{hook.port}/"})

    assert hook.received[0].headers["host"] == f"two.example:{hook.port}"


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8", "localhost", "LOCALHOST."])
def test_an_operator_opens_a_target_by_address_network_or_name(entry: str, hook: Endpoint) -> None:
    host = "localhost" if "ocalhost" in entry.lower() else "127.0.0.1"
    opened = HttpService(HttpSettings(allow=(entry,)), resolve=lambda _host, _port: ["127.0.0.1"])

    assert opened.request({"url": f"http://{host}:{hook.port}/"})["status"] == 200


def test_our_own_port_is_refused_though_the_address_is_allowed(hook: Endpoint) -> None:
    with pytest.raises(ActionRefusedError, match="this server itself"):
        service(own_ports=frozenset({hook.port})).request({"url": hook.url})

    assert hook.received == []


# What is refused before anything is sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "keep-alive"},
        {"Webhook-Signature": "v1,x"},
        {"Idempotency-Key": "x"},
        {"Proxy-Authorization": "x"},
        {"X-A": "1\r\nX-B: 2"},
        {"X-A": "1\nX-B: 2"},
        {"X-A": "\x00"},
        {"X-A": "€"},
        {"X-A": "a" * 5_000},
        {"X A": "1"},
        {"X-A:": "1"},
        {"": "1"},
        {"X-Ä": "1"},
        {f"X-{number}": "1" for number in range(33)},
    ],
    ids=str,
)
def test_a_header_that_could_change_the_request_is_refused(headers: dict[str, str], hook: Endpoint) -> None:
    with pytest.raises(ActionRefusedError, match="header"):
        service().request({"url": hook.url, "headers": headers})

    assert hook.received == []


@pytest.mark.parametrize(
    "data", ["a" * BODY_LIMIT, float("nan"), float("inf"), "\ud800", {"x": object()}], ids=["large", *"abcd"]
)
def test_data_that_cannot_be_sent_are_refused(data: Any, hook: Endpoint) -> None:
    with pytest.raises(ActionRefusedError):
        service().request({"url": hook.url, "data": data})

    assert hook.received == []


def test_a_body_of_exactly_the_limit_is_sent(hook: Endpoint) -> None:
    service().request({"url": hook.url, "data": "a" * (BODY_LIMIT - 2)})

    assert len(hook.received[0].body) == BODY_LIMIT


# Time and size


def test_a_call_whose_time_is_over_sends_nothing(hook: Endpoint) -> None:
    with pytest.raises(RetryLaterError, match="in time"):
        service().request({"url": hook.url}, deadline_us=to_us(NOW))

    assert hook.received == []


@pytest.mark.parametrize("seconds", [0, -1, 121, float("inf"), float("nan")])
def test_a_time_limit_that_is_none_is_refused_at_the_start(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"outbound\.timeout"):
        HttpSettings(timeout_seconds=seconds)


def drip(head: bytes) -> Callable[[socket.socket], None]:
    """Say *head*, then one byte each 20 ms for ever: no single read takes long."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            Event().wait(0.02)

    return script


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\n" * 50])
def test_a_slow_drip_of_a_head_ends_at_the_deadline(head: bytes) -> None:
    with scripted(drip(head)) as port:
        began = time.monotonic()
        with pytest.raises(RetryLaterError):
            service(timeout_seconds=0.3).request({"url": f"http://127.0.0.1:{port}/"})

        assert time.monotonic() - began < 2


def test_a_slow_drip_of_a_body_ends_at_the_deadline_and_the_status_counts() -> None:
    with scripted(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")) as port:
        began = time.monotonic()
        result = service(timeout_seconds=0.3).request({"url": f"http://127.0.0.1:{port}/"})

        assert (result["status"], result["truncated"]) == (200, True)
        assert time.monotonic() - began < 2


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def test_a_server_that_never_answers_is_left_at_the_deadline() -> None:
    with scripted(say_nothing) as port:
        began = time.monotonic()
        with pytest.raises(RetryLaterError, match="in time"):
            service(timeout_seconds=0.2).request({"url": f"http://127.0.0.1:{port}/"})

        assert time.monotonic() - began < 1


def test_a_deadline_of_the_call_is_shorter_than_the_setting() -> None:
    with scripted(drip(b"")) as port:
        began = time.monotonic()
        with pytest.raises(RetryLaterError):
            service(timeout_seconds=30.0).request(
                {"url": f"http://127.0.0.1:{port}/"}, deadline_us=to_us(NOW + timedelta(seconds=0.3))
            )

        assert time.monotonic() - began < 3


def test_of_a_huge_body_only_the_start_is_read(hook: Endpoint) -> None:
    hook.body = b"a" * 20_000_000
    response = service().fetch("GET", hook.url)
    result = service().request({"url": hook.url})

    assert (len(response.body), response.truncated) == (BODY_LIMIT, True)
    assert (len(result["body"]), result["truncated"]) == (2_000, True)


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 99999999999999\r\n"])
def test_an_endless_body_ends(head: bytes) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            connection.sendall(b"5000\r\n" + b"a" * 0x5000 + b"\r\n")

    with scripted(script) as port:
        result = service().request({"url": f"http://127.0.0.1:{port}/"})

    assert (result["status"], result["truncated"]) == (200, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x00\x00",
    ],
    ids=lambda answer: str(answer[:20]),
)
def test_an_answer_that_is_none_is_for_later(answer: bytes) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    with scripted(script) as port, pytest.raises(RetryLaterError):
        service().request({"url": f"http://127.0.0.1:{port}/"})


@pytest.mark.parametrize(
    "body", [b"5\r\nab", b"zz\r\nab\r\n", b"-5\r\nab\r\n", b"5"], ids=["cut", "no number", "negative", "half"]
)
def test_a_broken_body_leaves_the_status_standing(body: bytes) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

    with scripted(script) as port:
        result = service().request({"url": f"http://127.0.0.1:{port}/"})

    assert (result["status"], result["truncated"]) == (200, True)


def test_a_port_where_nobody_listens_is_for_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RetryLaterError, match="cannot be reached"):
        service().request({"url": f"http://127.0.0.1:{port}/"})


def test_a_resolver_that_hangs_is_left_at_the_deadline() -> None:
    released = Event()

    def hang(_host: str, _port: int) -> list[str]:
        released.wait(5)
        return ["127.0.0.1"]

    hanging = HttpService(HttpSettings(timeout_seconds=0.1), resolve=hang)
    with pytest.raises(RetryLaterError, match="resolver does not answer"):
        hanging.request({"url": "http://slow.example/"})
    released.set()


def test_a_resolver_that_hangs_for_all_is_not_asked_without_end() -> None:
    released = Event()
    resolver = Resolver(lambda _host, _port: ["127.0.0.1"] if released.wait(5) else [])
    for _ in range(32):
        with pytest.raises(RetryLaterError, match="does not answer"):
            resolver.addresses("slow.example", 80, 0.001)
    with pytest.raises(RetryLaterError, match="too many"):
        resolver.addresses("slow.example", 80, 0.001)
    released.set()


def test_a_name_that_nobody_knows_is_for_later() -> None:
    def fail(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(RetryLaterError, match="was not found"):
        HttpService(HttpSettings(), resolve=fail).request({"url": "http://nobody.example/"})


# TLS


def test_over_tls_the_name_stays_in_the_handshake_and_in_the_host_field(tmp_path: Path) -> None:
    public, context = certificate(tmp_path, "hook.example")
    shown: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: shown.append(name)
    with endpoint(context) as hook:
        settings = HttpSettings(allow=("hook.example",), ca_file=public)
        client = HttpService(settings, resolve=lambda _host, _port: ["127.0.0.1"])
        result = client.request({"url": f"https://hook.example:{hook.port}/", "data": "a" * 60_000})

        assert (result["status"], shown) == (200, ["hook.example"])
        assert hook.received[0].headers["host"] == f"hook.example:{hook.port}"
        assert len(hook.received[0].body) == 60_002


@pytest.mark.parametrize(("host", "known"), [("hook.example", False), ("other.example", True)])
def test_a_certificate_of_an_unknown_authority_or_for_another_name_is_refused(
    host: str, *, known: bool, tmp_path: Path
) -> None:
    public, context = certificate(tmp_path, "hook.example")
    with endpoint(context) as hook:
        settings = HttpSettings(allow=(host,), ca_file=public if known else None)
        client = HttpService(settings, resolve=lambda _host, _port: ["127.0.0.1"])
        with pytest.raises(ActionRefusedError, match="certificate"):
            client.request({"url": f"https://{host}:{hook.port}/"})

        assert hook.received == []


def test_a_tls_handshake_that_drips_ends_at_the_deadline() -> None:
    with scripted(drip(b"\x16\x03\x03\x40\x00")) as port:
        began = time.monotonic()
        with pytest.raises(RetryLaterError):
            service(timeout_seconds=0.3).request({"url": f"https://127.0.0.1:{port}/"})

        assert time.monotonic() - began < 2
