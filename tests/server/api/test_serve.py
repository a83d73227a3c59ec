"""A real server in a process of its own: it says when it is ready, bounds what is sent, and ends in order."""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from whenthen_server.gunicorn_server import settle_memory
from whenthen_server.serve import ServeError, serve
from whenthen_server.settings import load_settings

SUPPORT = Path(__file__).parents[2] / "support"
OWNER = {"Authorization": "Bearer owner"}
LONG_SECONDS = 30


class Running:
    """A server process and where it listens."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.address = (str(urlsplit(url).hostname), int(urlsplit(url).port or 0))

    @contextlib.contextmanager
    def connect(self) -> Generator[http.client.HTTPConnection]:
        with contextlib.closing(http.client.HTTPConnection(*self.address, timeout=LONG_SECONDS)) as connection:
            yield connection

    def stop(self, how: int = signal.SIGTERM) -> str:
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=LONG_SECONDS)
        return said


Start = Callable[..., Running]


@contextlib.contextmanager
def starting(folder: Path) -> Generator[Start]:
    """Give what starts servers in a folder, and end them all."""
    started: list[subprocess.Popen[str]] = []

    def begun(*settings: str) -> Running:
        command = [sys.executable, "-m", "standin.main", "WHENTHEN_SERVER_PORT=0", f"WHENTHEN_DATA_FOLDER={folder}"]
        home = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        process = subprocess.Popen(
            [*command, *settings], cwd=SUPPORT, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return Running(process, process.stdout.readline().strip())

    yield begun
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    with starting(tmp_path) as begun:
        yield begun


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with starting(tmp_path_factory.mktemp("shared")) as begun:
        yield begun()


@pytest.mark.parametrize("kind", ["gunicorn", "werkzeug"])
def test_it_answers_when_it_says_so_and_ends_in_order(start: Start, tmp_path: Path, kind: str) -> None:
    running = start(f"WHENTHEN_SERVER_KIND={kind}")
    with running.connect() as connection:
        connection.request("GET", "/api/me", headers=OWNER)
        answer = connection.getresponse()
        assert (answer.status, b"person-1" in answer.read()) == (200, True)
    said = running.stop().split("\n")
    assert running.process.returncode == 0
    assert said[0] == "stopping"
    assert said[1].startswith("closed with")
    assert [path.name for path in tmp_path.iterdir()] == ["whenthen.log"]  # no control socket, no more files
    assert "GET /api/me 200" in (tmp_path / "whenthen.log").read_text(encoding="utf-8")


def test_a_connection_carries_many_requests(start: Start) -> None:
    with start().connect() as connection:
        for _ in range(5):
            connection.request("POST", "/api/rooms", b'{"name": "a"}', {**OWNER, "Content-Type": "application/json"})
            answer = connection.getresponse()

            assert (answer.status, answer.read()[:12]) == (201, b'{"name":"a",')
            assert answer.getheader("Connection") != "close"


@pytest.mark.parametrize("how", [{}, {"Transfer-Encoding": "chunked"}], ids=["length", "chunked"])
def test_who_sends_far_too_much_hears_why(shared: Running, how: dict[str, str]) -> None:
    # Seen to fail with ``_drain`` that reads nothing: the connection is gone while the client still sends.
    headers = {**OWNER, "Content-Type": "application/json", **how}
    with shared.connect() as connection:
        body = b"x" * 20_000_000
        connection.request("POST", "/api/rooms", [body] if how else body, headers, encode_chunked=bool(how))
        answer = connection.getresponse()

        assert (answer.status, answer.getheader("Content-Type")) == (413, "application/problem+json")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n", 414, "request_uri_too_long"),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 90_000 + b"\r\n", 431, "request_header_fields_too_large"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\n", 400, "bad_request"),
        (b"nonsense\r\n", 400, "bad_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_http_gets_a_problem_document_too(shared: Running, sent: bytes, status: int, code: str) -> None:
    with socket.create_connection(shared.address, timeout=LONG_SECONDS) as client:
        client.sendall(sent + b"\r\n")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        problem = json.loads(answer.read())

    assert (answer.status, answer.getheader("Content-Type")) == (status, "application/problem+json")
    assert (problem["status"], problem["code"]) == (status, code)


def test_a_body_without_a_length_is_bounded_too(start: Start) -> None:
    running = start("WHENTHEN_LIMITS_BODY_BYTES=2000")
    headers = {**OWNER, "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    for chunks, status in (([b'{"name": "', b"x" * 3000, b'"}'], 413), ([b'{"name":', b'"x"}'], 201)):
        with running.connect() as connection:
            connection.request("POST", "/api/rooms", iter(chunks), headers, encode_chunked=True)

            assert connection.getresponse().status == status


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/me HTTP/1.1\r\nHost: evil.example\r\n",
        b"GET http://evil.example/api/me HTTP/1.1\r\nHost: evil.example\r\n",
        b"GET /api/me HTTP/1.1\r\n",
        b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
        b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"GET /api/me\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n",
    ],
)
def test_requests_that_are_not_as_they_should_be_are_refused(shared: Running, request_line: bytes) -> None:
    with socket.create_connection(shared.address, timeout=LONG_SECONDS) as raw:
        raw.sendall(request_line + b"Authorization: Bearer owner\r\nConnection: close\r\n\r\n")
        answer = raw.makefile("rb").read()

    assert b"person-1" not in answer
    assert answer == b"" or answer.split()[1][:1] == b"4"
    assert shared.process.poll() is None


@contextlib.contextmanager
def under_way(running: Running) -> Generator[socket.socket]:
    """Open a connection with a request whose body is still to come."""
    with socket.create_connection(running.address, timeout=LONG_SECONDS) as raw:
        head = b"POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\n"
        raw.sendall(head + b"Content-Type: application/json\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n")
        assert b" 100 " in raw.recv(100)  # the server reads the body now
        yield raw


def test_nothing_outlives_a_killed_server(start: Start) -> None:
    # Without the lifeline the worker would wait for the body for all of the grace.
    running = start("WHENTHEN_SERVER_GRACEFUL_SECONDS=300")
    with under_way(running) as raw:
        running.process.kill()
        running.process.wait(LONG_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            assert raw.recv(100) == b""

    # The kernel lets go of a dead process's sockets one after the other.
    assert any(is_free(running.address) for _ in range(10_000))


def is_free(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=LONG_SECONDS).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False
    return False


def test_a_request_under_way_is_answered_before_the_end(start: Start) -> None:
    running = start("WHENTHEN_SERVER_GRACEFUL_SECONDS=20")
    with under_way(running) as raw:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.stdout is not None
        assert running.process.stdout.readline() == "stopping\n"
        raw.sendall(b'{"name": "a"}')
        answer = raw.makefile("rb").read()

    assert b" 201 " in answer.split(b"\r\n")[0]
    assert "closed with" in running.process.communicate(timeout=LONG_SECONDS)[0]


def test_werkzeug_serves_nobody_beyond_loopback() -> None:
    settings = load_settings(None, {"WHENTHEN_SERVER_KIND": "werkzeug", "WHENTHEN_SERVER_HOST": "0.0.0.0"})  # noqa: S104

    with pytest.raises(ServeError, match=r"loopback only"):
        serve(settings, lambda: pytest.fail("nothing may be loaded"))


def test_a_start_that_fails_says_so_once_in_one_sentence(start: Start) -> None:
    running = start("WHENTHEN_SERVER_HOST=127.0.0.1", "WHENTHEN_SERVER_KIND=gunicorn")
    second = start(f"WHENTHEN_SERVER_PORT={running.address[1]}")
    said = second.process.communicate(timeout=LONG_SECONDS)[1]

    assert second.process.returncode != 0
    assert said.count("\n") == 1
    assert "in use" in said


def test_what_was_loaded_is_left_alone_by_the_collector_of_cycles() -> None:
    before = gc.get_threshold()
    try:
        settle_memory()

        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
