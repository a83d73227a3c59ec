"""What every actuator is set to over time, as far as rules set it."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from heapq import merge
from typing import Any, NamedTuple

from whenthen.model.firing import Firing


class Change(NamedTuple):
    """A *channel* of a device that a rule set at *at_us* (microseconds since the epoch)."""

    at_us: int
    device: str
    channel: str
    value: Any
    rule_id: str


class Actuators:
    """Keeps what firings set: of each action that runs, when it runs, what its type declares that it sets.

    >>> from whenthen.model.firing import ActionCall, Setting
    >>> fan_on = ActionCall("device_command", {}, "idempotent", after_us=5, sets=(Setting("dev-1", "fan", "on"),))
    >>> actuators = Actuators([Firing(0, "r1", "Warm", "dev-1", "fired", (fan_on,))])
    >>> actuators.value("dev-1", "fan", at_us=4), actuators.value("dev-1", "fan")
    (None, 'on')
    """

    def __init__(self, firings: Iterable[Firing] = ()) -> None:
        self._channels: dict[tuple[str, str], list[Change]] = {}
        for firing in firings:
            self.take(firing)

    def take(self, firing: Firing) -> None:
        """Note what a firing sets; firings come in order of time."""
        for call in firing.actions:
            for device, channel, value in call.sets if call.runs else ():
                change = Change(firing.at_us + call.after_us, device, channel, value, firing.rule_id)
                # What an earlier firing set with a delay may come later; at one instant the later firing comes last.
                insort(self._channels.setdefault((device, channel), []), change, key=_at)

    def changes(self, device: str | None = None, channel: str | None = None) -> tuple[Change, ...]:
        """Return every setting in order of time, of one device or channel if that is named."""
        wanted = (
            changes
            for (whose, which), changes in self._channels.items()
            if device in (None, whose) and channel in (None, which)
        )
        return tuple(merge(*wanted, key=_at))

    def last(self, device: str, channel: str, at_us: int | None = None) -> Change | None:
        """Return the newest setting up to and at an instant, at the end when none is given; ``None`` for none."""
        changes = self._channels.get((device, channel), [])
        count = len(changes) if at_us is None else bisect_right(changes, at_us, key=_at)
        return changes[count - 1] if count else None

    def value(self, device: str, channel: str, at_us: int | None = None) -> Any:
        """Return what a channel is set to at an instant, at the end when none is given; ``None``: nobody set it."""
        found = self.last(device, channel, at_us)
        return None if found is None else found.value


def _at(change: Change) -> int:
    return change.at_us
