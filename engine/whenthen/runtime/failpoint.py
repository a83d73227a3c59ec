"""Ends the process at a named place, for tests of what a crash leaves; without its environment variable it is idle.

``WHENTHEN_FAILPOINT=send:3`` ends it as ``kill -9`` would, when ``send`` is reached for the third time. The places:
``decide`` (decided, nothing stored), ``store`` (values written, not committed), ``enqueue`` (committed, neither
acknowledged nor begun), ``send`` (an action was carried out, its end not noted), ``mark`` (its end was noted).
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "WHENTHEN_FAILPOINT"
_reached: Counter[str] = Counter()


def reached(name: str) -> None:
    """End the process if this is the place, and the time, that the environment names."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    place, _, times = wanted.partition(":")
    if place == name:
        _reached[name] += 1
        if _reached[name] >= int(times or 1):
            os.kill(os.getpid(), signal.SIGKILL)
