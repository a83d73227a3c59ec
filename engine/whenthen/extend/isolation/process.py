"""One worker process seen from outside: started with little, asked with a deadline, ended with all its children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from whenthen.errors import PluginDiedError, PluginTimeoutError
from whenthen.extend.isolation.limits import MAX_LINE_BYTES
from whenthen.extend.isolation.wire import line_of, message_of

Serve = Callable[[list[Any]], Mapping[str, Any]]
"""Does what a worker asks of a service, and returns the message that answers it."""

_BOOT = """\
import sys
sys.path[:], sys.argv[1:] = sys.argv[1:], []
from whenthen.extend.isolation.worker import main
main()
"""
"""The same path as ours, so that what can be imported here can be there."""

_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
_PIECE_BYTES = 65_536


class Worker:
    """A child process that answers one question at a time."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        environment["MALLOC_ARENA_MAX"] = "1"  # else each thread takes 64 MB of addresses that it does not use
        path = [str(Path(entry).absolute()) for entry in sys.path]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter with our own module
            [sys.executable, "-I", "-c", _BOOT, *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - we asked for both pipes
        assert self._process.stdout is not None  # noqa: S101
        self._in = self._process.stdin
        self._out = self._process.stdout
        os.set_blocking(self._in.fileno(), False)
        os.set_blocking(self._out.fileno(), False)
        self._read = bytearray()
        self._asked = 0
        # Called when nobody holds the worker any more, and at the interpreter's exit.
        self.end = weakref.finalize(self, _end, self._process)

    @property
    def pid(self) -> int:
        """The process's id, which is its group's."""
        return self._process.pid

    def ask(self, question: Mapping[str, Any], seconds: float, serve: Serve | None = None) -> dict[str, Any]:
        """Return the answer to one question.

        Raises ``PluginTimeoutError`` when there is none in time, ``PluginDiedError`` when there will be none; the
        worker is of no use after either. What *serve* does in between takes nothing off the time.
        """
        self._asked += 1
        deadline = time.monotonic() + seconds
        late = PluginTimeoutError(f"did not answer within {seconds:g} s")
        self._send({**question, "id": self._asked}, deadline, late)
        while True:
            answer = self._receive(deadline, late)
            if "service" in answer and serve is not None:
                began = time.monotonic()
                reply = serve(answer["service"])
                deadline += time.monotonic() - began
                self._send(reply, deadline, late)
            elif answer.get("id") != self._asked:
                raise PluginDiedError("wrote among its answers what nobody asked for")
            else:
                return answer

    def _send(self, message: Mapping[str, Any], deadline: float, late: PluginTimeoutError) -> None:
        rest = memoryview(line_of(message))
        if len(rest) > MAX_LINE_BYTES:
            raise ValueError(f"a question of {len(rest):,} bytes is too long; {MAX_LINE_BYTES:,} are allowed")
        try:
            while rest:
                _wait(self._in.fileno(), select.POLLOUT, deadline, late)
                rest = rest[os.write(self._in.fileno(), rest[:_PIECE_BYTES]) :]
        except OSError:
            raise PluginDiedError(self._death()) from None

    def _receive(self, deadline: float, late: PluginTimeoutError) -> dict[str, Any]:
        while (end := self._read.find(b"\n")) < 0:
            if len(self._read) > MAX_LINE_BYTES:
                raise PluginDiedError(f"answered more than {MAX_LINE_BYTES:,} bytes")
            _wait(self._out.fileno(), select.POLLIN, deadline, late)
            piece = os.read(self._out.fileno(), _PIECE_BYTES)
            if not piece:
                raise PluginDiedError(self._death())
            self._read += piece
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        try:
            return message_of(line)
        except ValueError:
            raise PluginDiedError("wrote among its answers what is no answer") from None

    def _death(self) -> str:
        """Return how the process ended, in words."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code >= 0:
            return f"ended its process with exit code {code}"
        name = signal.Signals(-code).name
        why = {signal.SIGXCPU: ", having used up its processor time", signal.SIGKILL: ", perhaps for want of memory"}
        return f"was ended by {name}{why.get(signal.Signals(-code), '')}"


def _wait(fd: int, event: int, deadline: float, late: PluginTimeoutError) -> None:
    poll = select.poll()
    poll.register(fd, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise late


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a worker and everything that it started."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()
