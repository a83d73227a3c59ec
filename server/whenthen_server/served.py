"""What a server serves, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, and what it wants to be told.

    *ready* is called with the URL when requests are answered, *stopping* when the end begins, *close* with the seconds
    that are left when the last request is answered.
    """

    wsgi: Callable[..., Any]
    ready: Callable[[str], None]
    stopping: Callable[[], None]
    close: Callable[[float], None]
