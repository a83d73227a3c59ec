"""What became of each reading that was sent, for REST and Socket.IO alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from whenthen.runtime.items import Verdict
from whenthen_server.api.dispatch import MAX_ERRORS
from whenthen_server.api.shapes import Shaped
from whenthen_server.problems import Unprocessable


def told(found: list[Shaped], taken: Iterable[Verdict]) -> dict[str, Any]:
    """Return how many values were stored, what became of each reading, and why; *taken* are those given on, in order.

    Raises ``Unprocessable`` when nothing was stored.
    """
    stored, verdicts = _judged(found, taken)
    faults = [fault for one in found for fault in one.faults]
    if all(status == "refused" for status in verdicts):
        raise Unprocessable(
            f"Nothing was stored: {faults[0]['pointer'] or '/'}: {faults[0]['message']}.",
            code="invalid_reading",
            title="No reading is valid",
            errors=faults[:MAX_ERRORS],
        )
    body: dict[str, Any] = {"stored": stored, "counts": dict(Counter(verdicts)), "verdicts": verdicts}
    return {**body, "errors": faults[:MAX_ERRORS]} if faults else body


def _judged(found: list[Shaped], taken: Iterable[Verdict]) -> tuple[int, list[str]]:
    verdicts, stored, waiting = [], 0, iter(taken)
    for one in found:
        status = "refused"
        if one.given is not None:
            verdict = next(waiting)
            stored += verdict.stored
            for sensor, problem in verdict.problems.items():
                one.fault(one.pointer, f"{sensor}: {problem}", "look at the device")
            status = "partly_stored" if one.faults and verdict.status == "stored" else verdict.status
        verdicts.append(status)
    return stored, verdicts
