"""One event: something that happened, and whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from whenthen.clock import to_us

SYSTEM_EVENTS = frozenset(
    {
        "device_connected",
        "device_disconnected",
        "rule_failed",
        "rule_fired",
        "sensor_recovered",
        "sensor_stale",
        "system_started",
    }
)
"""Events that whenthen raises itself: neither people nor rules may, so that a rule that listens can believe them."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at *at_us* (microseconds since the epoch).

    *device*, *room* or *farm* name whom it concerns: at most one is needed; none means everybody.

    >>> Event("door_opened", 0, {"door": "cellar"}, room="room-7").data["door"]
    'cellar'
    """

    name: str
    at_us: int
    data: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
    room: str | None = None
    farm: str | None = None

    @classmethod
    def of(  # noqa: PLR0913 - one argument a field
        cls,
        name: str,
        at: datetime,
        data: Mapping[str, Any] | None = None,
        *,
        device: str | None = None,
        room: str | None = None,
        farm: str | None = None,
    ) -> Event:
        """Return an event from an aware datetime."""
        return cls(name, to_us(at), data or {}, device, room, farm)
