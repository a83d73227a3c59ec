"""What may happen next in a history, and after which wait: near what matters, and all that may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from whenthen.clock import SECOND_US
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.model.step import Restart, RunByHand, Step, Tick
from whenthen.proving.promises.world import World

FAULTS = ("duplicates", "late", "blinks", "restarts", "silences", "runs", "nights", "instants")
"""What may befall a history beside readings, events and time: values said twice or too late, sensors that know
nothing for a while, restarts with time in between, long silences, people who run a rule, the nights of daylight saving,
several things at one instant or a microsecond from a limit."""

_LATE_US = (5 * SECOND_US, 1, 600 * SECOND_US)
_WHOLE_READINGS = 40
"""So many combinations of all sensors' values are chosen from."""

_Choice = TypeVar("_Choice")

Move = Callable[["Teller"], Step | None]
"""Makes the next step of a history from what was told so far; ``None`` when there is nothing to say."""


class Teller:
    """Tells a history step by step: keeps the time, and what was said last."""

    def __init__(self, start_us: int) -> None:
        self.now_us = start_us
        self.last: Reading | None = None

    def after(self, wait_us: int, move: Move) -> Step | None:
        """Let time pass and return what happens then."""
        self.now_us += wait_us
        step = move(self)
        if isinstance(step, Reading):
            self.last = step
        elif isinstance(step, Restart):
            self.now_us += step.down_us
        return step


def told(start_us: int, entries: Iterable[tuple[int, Move]], rest_us: int) -> list[Step]:
    """Return a history: after each wait a move, and at its end some time that passes (microseconds)."""
    teller = Teller(start_us)
    steps = [teller.after(wait_us, move) for wait_us, move in entries]
    return [*(step for step in steps if step is not None), Tick(teller.now_us + rest_us)]


class Choices:
    """Lists what may happen, the plainest first; *weighed* lists hold what is likelier more often.

    All is listed beforehand, so that a move costs one choice: a search makes thousands of histories.
    """

    def __init__(self, world: World, faults: Collection[str]) -> None:
        unknown = set(faults) - set(FAULTS)
        if unknown:
            msg = f"there are no faults {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}"
            raise ValueError(msg)
        self._world = world
        self._faults = [fault for fault in FAULTS if fault in faults]
        self._calm = self._calm_moves()
        self._odd = self._odd_moves()
        self.devices = world.devices
        self.spans_us = world.spans_us
        self.starts_us = (*world.starts_us, *(world.nights_us if "nights" in faults else ()))

    @property
    def kinds(self) -> list[Sequence[str]]:
        """Which faults a history has: none, one kind again and again, or all of them."""
        return [(), *([fault] for fault in self._faults), self._faults]

    def waits_us(self, faults: Collection[str]) -> list[int]:
        """Return how long nothing may happen, weighed."""
        world = self._world
        near_us = world.near_waits_us if "instants" in faults else ()
        silences_us = world.silences_us if "silences" in faults else ()
        return _weighed([(2, world.waits_us), (1, (*near_us, *silences_us))])

    def moves(self, faults: Collection[str]) -> list[Move]:
        """Return what may happen, weighed: mostly readings and events, now and then one of the *faults*."""
        odd = [moves for fault, moves in self._odd.items() if fault in faults]
        return _weighed([*self._calm, *((3 / max(1, len(odd)), moves) for moves in odd)])

    def _calm_moves(self) -> list[tuple[float, Sequence[Move]]]:
        world = self._world
        readings = [Say(device, values) for values in _said(world) for device in world.devices]
        concerned = (world.devices[0], None, *world.devices[1:])
        events = [Raise(name, data, device) for name, data in world.events for device in concerned]
        return [(2, [Pass()]), (4, events), (6, readings)]

    def _odd_moves(self) -> dict[str, Sequence[Move]]:
        world = self._world
        said = [(device, values) for values in _said(world) for device in world.devices]
        offered: dict[str, Sequence[Move]] = {
            "duplicates": [SayAgain()],
            "late": [Say(device, values, late_us) for device, values in said for late_us in _LATE_US],
            "blinks": [Say(device, {sensor: None}) for device in world.devices for sensor in world.values],
            "restarts": [Stop(down_us) for down_us in world.downs_us],
            "runs": [Run(str(rule["id"])) for rule in world.rules],
        }
        return {fault: moves for fault, moves in offered.items() if fault in self._faults}


def _weighed(kinds: Iterable[tuple[float, Sequence[_Choice]]]) -> list[_Choice]:
    """Return a list in which each kind has about its share, however many members it has; the first come first."""
    given = [(share, members) for share, members in kinds if members]
    whole = max(len(members) / share for share, members in given)
    return [member for share, members in given for member in members for _ in range(_times(share * whole, members))]


def _times(wanted: float, members: Sequence[Any]) -> int:
    return max(1, round(wanted / len(members)))


def _said(world: World) -> list[Mapping[str, Any]]:
    """Return what one reading may say: one sensor's value, or all that belong to a device; most often a plain one."""
    inner = {part: whole for whole, parts in world.parts.items() for part in parts}
    choices = {name: _weighed([(3, world.plain[name]), (1, values)]) for name, values in world.values.items()}
    single = [_spread({name: value}, inner) for name, values in choices.items() for value in values]
    if len(choices) < 2:
        return single
    chance = Random(len(single))  # noqa: S311 - the same world gives the same choices
    whole = [
        _spread({name: chance.choice(values) for name, values in choices.items()}, inner)
        for _ in range(_WHOLE_READINGS)
    ]
    # All of them high, or all of them low: what adds or joins them wants to see that.
    count = max(map(len, world.plain.values()))
    alike = [
        _spread({name: plain[index % len(plain)] for name, plain in world.plain.items()}, inner)
        for index in range(count)
    ]
    return _weighed([(1, [] if inner else single), (1, alike), (1, whole)])


def _spread(values: Mapping[str, Any], inner: Mapping[str, str]) -> Mapping[str, Any]:
    """Return values with the parts of an object within it."""
    spread: dict[str, Any] = {}
    for name, value in values.items():
        if name in inner:
            spread.setdefault(inner[name], {})[name.removeprefix(f"{inner[name]}_")] = value
        else:
            spread[name] = value
    return spread


@dataclass(frozen=True, eq=False)
class Pass:
    """Nothing but time."""

    def __call__(self, teller: Teller) -> Step:
        """Return the step."""
        return Tick(teller.now_us)


@dataclass(frozen=True, eq=False)
class Say:
    """A device sends values, by its own clock *late_us* ago (microseconds) if that is given."""

    device: str
    values: Mapping[str, Any]
    late_us: int | None = None

    def __call__(self, teller: Teller) -> Step:
        """Return the step."""
        at_us = None if self.late_us is None else teller.now_us - self.late_us
        return Reading(self.device, self.values, teller.now_us, at_us)


@dataclass(frozen=True, eq=False)
class SayAgain:
    """The last reading comes once more, as a device sends it that heard no answer."""

    def __call__(self, teller: Teller) -> Step | None:
        """Return the step."""
        last = teller.last
        if last is None:
            return None
        return Reading(last.device, last.values, teller.now_us, last.at_us or last.received_us)


@dataclass(frozen=True, eq=False)
class Stop:
    """The process ends, and is there again *down_us* later."""

    down_us: int

    def __call__(self, teller: Teller) -> Step:
        """Return the step."""
        return Restart(teller.now_us, self.down_us)


@dataclass(frozen=True, eq=False)
class Run:
    """Somebody runs a rule."""

    rule_id: str

    def __call__(self, teller: Teller) -> Step:
        """Return the step."""
        return RunByHand(teller.now_us, self.rule_id)


@dataclass(frozen=True, eq=False)
class Raise:
    """An event happens, for a device or for everybody."""

    event: str
    data: Mapping[str, Any]
    device: str | None

    def __call__(self, teller: Teller) -> Step:
        """Return the step."""
        return Event(self.event, teller.now_us, self.data, self.device)
