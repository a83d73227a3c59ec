"""Asks the resolver once, and for no longer than told: ``getaddrinfo`` itself knows no time limit."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import BoundedSemaphore, Thread

from whenthen import RetryLaterError

Resolve = Callable[[str, int], list[str]]
"""(host, port) to its addresses as text; raises ``OSError`` for a name that has none."""

_LOOKUPS = 32


def system_resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the order that the system prefers, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Runs *resolve* in a thread of its own per lookup; at most 32 at once, so that a dead resolver cannot pile up."""

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._free = BoundedSemaphore(_LOOKUPS)

    def addresses(self, host: str, port: int, timeout_seconds: float) -> list[str]:
        """Return the addresses of *host*; raises ``RetryLaterError`` when none comes in time, or there is none."""
        if not self._free.acquire(blocking=False):
            raise RetryLaterError("too many host names are being looked up at once")
        answer: list[str] = []
        failure: list[OSError | UnicodeError] = []

        def look_up() -> None:
            try:
                answer.extend(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                failure.append(error)
            finally:
                self._free.release()

        thread = Thread(target=look_up, name=f"resolve {host}", daemon=True)
        thread.start()
        thread.join(timeout_seconds)
        if thread.is_alive():
            raise RetryLaterError(f"{host} was not found within {timeout_seconds:.0f} s: the resolver does not answer")
        if failure or not answer:
            raise RetryLaterError(f"{host} was not found: {failure[0] if failure else 'it has no address'}")
        return answer
