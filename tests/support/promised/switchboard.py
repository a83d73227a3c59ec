"""Rules that do nothing but what an event of the test says, so that a test decides what is set when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from whenthen import Event
from whenthen.clock import SECOND_US
from whenthen.extend.host import load_registry
from whenthen.model.step import Step, Tick
from whenthen.proving.played import play
from whenthen.proving.promises.monitor import Breach, broken
from whenthen.proving.promises.promise import read_promise

REGISTRY = load_registry()
BEGIN_US = 1_767_600_000 * SECOND_US

_COMMANDS = {
    "pump on": {"type": "device_command", "config": {"command": "turn_on_pump"}},
    "pump off": {"type": "device_command", "config": {"command": "turn_off_pump"}},
    "led red": {"type": "led", "config": {"color": "red", "intensity": 100}},
    "led green": {"type": "led", "config": {"color": "green"}},
    "led off": {"type": "led", "config": {"color": "off"}},
    "pump on later": {"type": "device_command", "config": {"command": "turn_on_pump"}, "after_seconds": 30},
    "log": {"type": "log", "config": {"message": "{device_id}"}},
}

RULES: list[dict[str, Any]] = [
    {
        "id": name.replace(" ", "-"),
        "name": name,
        "scope": {"per": "device"},
        "trigger": {"type": "event", "config": {"event": name}},
        "actions": [action],
    }
    for name, action in _COMMANDS.items()
]


def at(seconds: float, us: int = 0) -> int:
    """Return the instant so long after the begin, and *us* microseconds more."""
    return BEGIN_US + round(seconds * SECOND_US) + us


def pressed(name: str, at_us: int, device: str = "d1") -> Event:
    """Return the event that makes one of the rules act for a device."""
    return Event(name, at_us, device=device)


def judged(document: dict[str, Any], steps: Iterable[Step], directory: Any = None) -> Breach | None:
    """Play *steps*, begun a second before, and judge one promise."""
    promise, problems = read_promise(document, registry=REGISTRY)
    assert promise is not None, problems
    return broken(promise, play(RULES, [Tick(at(-1)), *steps], REGISTRY, directory))
