"""How much an isolated plugin may take, and how its process is held to it."""

from __future__ import annotations

import math
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 1_000_000
"""No question to a plugin and no answer of one is longer."""

_OPEN_FILES = 64
_STATM = Path("/proc/self/statm")
_GRACE_SECONDS = 1.0
"""A worker whose parent is gone, or stopped, ends itself so long after its deadline."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one isolated plugin may take.

    *deadline_seconds* is for one question (one evaluation, one action without the time of the services that it asks);
    *memory_mb* is what it may take above the interpreter's own; after *strikes* deaths or missed deadlines it is
    quarantined; *load_seconds* is for starting, importing and registering. Raises ``ValueError`` unless all are
    positive.
    """

    deadline_seconds: float = 1.0
    memory_mb: int = 256
    strikes: int = 3
    load_seconds: float = 15.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, not {value!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the limits as the worker takes them."""
        return asdict(self)


def hold_to(limits: Limits) -> None:
    """Limit this process: memory, open files, no core dump. A system without such limits still has the deadline."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - there is none on Windows

    most = limits.memory_mb * 1024 * 1024 + _size_bytes(resource.getpagesize())
    for kind, wanted in (
        (resource.RLIMIT_AS, most),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (allowed, allowed))
        except (OSError, ValueError):
            continue  # macOS refuses some; the parent's deadline holds everywhere


def _size_bytes(page_bytes: int) -> int:
    """Return the size of this process's address space; 0 where nobody says."""
    return int(_STATM.read_text(encoding="ascii").split()[0]) * page_bytes if _STATM.exists() else 0


class SelfDestruction:
    """Ends this process when a question takes too long and nobody is left to end it: by the clock, and by work done."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds + _GRACE_SECONDS

    def arm(self) -> None:
        """Begin to count for one question."""
        if sys.platform == "win32":
            return
        import resource  # noqa: PLC0415 - there is none on Windows

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        allowed = math.ceil(usage.ru_utime + usage.ru_stime + self._seconds)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        if hard == resource.RLIM_INFINITY or allowed < hard:
            # It stays between questions: a thread that spins on uses it up.
            resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))

    def disarm(self) -> None:
        """Stop counting: the question is answered, or another's time is being used."""
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)
