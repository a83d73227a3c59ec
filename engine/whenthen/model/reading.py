"""One reading: what a device measured, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whenthen.clock import to_us

Scalar = float | int | str | bool
"""What a sensor's value is once it has been accepted.

>>> isinstance(21.5, Scalar)
True
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """Values of one device's sensors at one instant, not yet checked.

    *values* maps a sensor's name to a number, string, boolean, ``None`` (the sensor knows nothing now) or an object of
    numbers. *received_us* is our clock, *at_us* the device's, both in microseconds since the epoch.

    >>> from datetime import UTC, datetime
    >>> Reading.of("dev-1", {"temperature": 21.5}, datetime(2026, 1, 1, tzinfo=UTC)).received_us
    1767225600000000
    """

    device: str
    values: Mapping[str, Any]
    received_us: int
    at_us: int | None = None

    @classmethod
    def of(cls, device: str, values: Mapping[str, Any], received_at: datetime, at: datetime | None = None) -> Reading:
        """Return a reading from aware datetimes."""
        return cls(device, values, to_us(received_at), None if at is None else to_us(at))
