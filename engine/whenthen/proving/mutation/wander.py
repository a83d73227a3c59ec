"""One step after the other through what a timeline may be made of, drawn to where something changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.dsl.compiled import CompiledRule
from whenthen.model.event import Event
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading, Scalar
from whenthen.model.step import Restart, RunByHand, Step, Switch, Tick
from whenthen.proving.mutation.alphabet import Alphabet
from whenthen.proving.mutation.alter import other_text
from whenthen.proving.mutation.scene import Scene

START_US = 1_767_600_010_000_000
"""A Monday, 2026-01-05T08:00:10Z: not at a minute's beginning, when schedules run."""

HOUR_US = 60 * MINUTE_US
Key = tuple[str, str]


class Wanderer:
    """Chooses steps: mostly one sensor moves while the others stay, now and then what led to a firing comes again.

    *led* are the readings before a firing, the newest last; those of an earlier timeline may be given.
    """

    def __init__(
        self, alphabet: Alphabet, scene: Scene, rule: CompiledRule, random: Random, led: Sequence[Reading] = ()
    ) -> None:
        self._alphabet = alphabet
        self._scene = scene
        self._rule_id = rule.id
        self._random = random
        self._values: dict[Key, Scalar | None] = {}
        self._cooldown_us = rule.cooldown_us
        self._cool_us = 0
        self._sent_last: list[Reading] = []
        self.led = led
        self._again: list[tuple[int, Reading]] = []
        self._enabled = True
        if alphabet.marks_us:
            self.start_us = random.choice(alphabet.marks_us) - 10 * SECOND_US
        else:
            self.start_us = START_US + (random.randrange(24) * HOUR_US if alphabet.daily else 0)
        self.now_us = self.start_us

    def learn(self, step: Step, firings: Iterable[Firing]) -> None:
        """Remember the readings that led the rule to fire, and when its cooldown ends."""
        for firing in firings:
            if firing.kind == "fired":
                self._cool_us = firing.at_us + self._cooldown_us
                if not isinstance(step, RunByHand):
                    self.led = list(self._sent_last)

    def step(self, dues_us: Sequence[int]) -> Step:
        """Return the next step; *dues_us* are instants at which timers are due."""
        if self._again:
            wait_us, reading = self._again.pop(0)
            self.now_us += wait_us
            return self._said(reading.device, reading.values)
        self.now_us = self._instant(dues_us)
        chance = self._random.random()
        alphabet = self._alphabet
        if self.led and chance > (0.65 if self.now_us < self._cool_us else 0.86):
            return self._encore()
        if alphabet.events and chance < (0.5 if alphabet.values else 0.7):
            return self._event()
        seldom = self._seldom(chance)
        if seldom is not None:
            return seldom
        return self._reading() if alphabet.values and chance <= 0.75 else Tick(self.now_us)

    def _seldom(self, chance: float) -> Step | None:
        """Return what happens seldom: a run by hand, a restart, a switch."""
        alphabet = self._alphabet
        if alphabet.runs and chance < 0.1:
            return RunByHand(self.now_us, self._rule_id, force=self._random.random() < 0.2)
        if alphabet.restarts and 0.1 <= chance < 0.13:
            restart = Restart(self.now_us, self._random.choice((alphabet.unit_us, *alphabet.waits_us)))
            self.now_us += restart.down_us
            return restart
        if not self._enabled or chance > 0.845:
            self._enabled = not self._enabled
            return Switch(self.now_us, self._rule_id, self._enabled)
        return None

    def _instant(self, dues_us: Sequence[int]) -> int:
        """Return a later instant: about when something is due, one of the rule's own times later, or soon."""
        alphabet, random = self._alphabet, self._random
        chance = random.random()
        unit_us = alphabet.unit_us
        marks = [mark for mark in alphabet.marks_us if mark > self.now_us]
        later = self.now_us + unit_us
        if marks and chance < 0.2:
            later = random.choice(marks) + random.choice((-unit_us, 0, unit_us))
        elif dues_us and chance < 0.4:
            later = random.choice((dues_us[0], random.choice(dues_us))) + random.choice((-unit_us, 0, 0, unit_us))
        elif chance < 0.6 and self.now_us < self._cool_us:
            later = self._cool_us + random.choice((-1, -1, 1)) * self._little()
        elif chance < 0.8:
            later = self.now_us + random.choice(alphabet.waits_us)
        return later if later > self.now_us else self.now_us + unit_us

    def _little(self) -> int:
        """Return nothing, the unit, or one of the rule's shorter times."""
        waits = self._alphabet.waits_us
        return self._random.choice((0, self._alphabet.unit_us, self._random.choice(waits[: len(waits) // 2 + 1])))

    def _reading(self) -> Reading:
        """Return one sensor's new value, or all values of one device: the same again, at rest but for one, or any."""
        random = self._random
        keys = list(self._alphabet.values)
        device = random.choice([device for device, _ in keys])
        mine = [key for key in keys if key[0] == device]
        chance = random.random()
        if chance < 0.2:
            changed = {key: self._values[key] for key in mine if key in self._values}
        elif chance < 0.4 or len(mine) == 1:
            changed = {key: self._value(key) for key in mine}
        elif chance < 0.5:
            changed = {key: self._calm(key) for key in mine}
            key = random.choice(mine)
            changed[key] = self._value(key)
        else:
            key = random.choice(mine)
            changed = {key: self._value(key)}
        if not changed:
            changed = {key: self._value(key) for key in mine}
        self._values |= changed
        return self._said(device, self._sent(device, {sensor: value for (_, sensor), value in changed.items()}))

    def _encore(self) -> Reading:
        """Do again what led to the firing: the last reading before it, or the last few, as far apart as they were."""
        targets = [self._cool_us - wait_us for wait_us in (0, *self._alphabet.waits_us)]
        ahead = [target_us for target_us in targets if target_us > self.now_us]
        if ahead and self._random.random() < 0.6:
            self.now_us = self._random.choice(ahead)
        played = self.led[-self._random.randint(1, len(self.led)) :]
        gaps = [later.received_us - earlier.received_us for earlier, later in pairwise(played)]
        self._again = list(zip(gaps, played[1:], strict=True))
        first = played[0]
        return self._said(first.device, first.values)

    def _said(self, device: str, values: Mapping[str, Any]) -> Reading:
        reading = Reading(device, values, self.now_us)
        self._sent_last = [*self._sent_last[-2:], reading]
        return reading

    def _value(self, key: Key) -> Scalar | None:
        values = self._alphabet.values[key]
        return None if self._random.random() < 0.06 else self._random.choice(values[:-1])

    def _calm(self, key: Key) -> Scalar | None:
        """Return zero if the sensor may be zero, else what it was or may be."""
        values = self._alphabet.values[key]
        return 0 if 0 in values else self._values.get(key, values[0])

    def _sent(self, device: str, values: dict[str, Scalar | None]) -> Mapping[str, Any]:
        """Return values as a device sends them: parts of an object together."""
        sent: dict[str, Any] = dict(values)
        for whole, parts in self._alphabet.objects.items():
            if not any(part in values for part in parts):
                continue
            known = {part: self._values.get((device, part)) for part in parts}
            for part in parts:
                sent.pop(part, None)
            missing = {part: None for part, value in known.items() if value is None}
            inner = {part.removeprefix(f"{whole}_"): value for part, value in known.items() if value is not None}
            sent |= missing | ({whole: inner} if inner else {})
        return sent

    def _event(self) -> Event:
        """Return one of the rule's events: as it wants it, or with other data; about a device, or about everybody."""
        random = self._random
        wanted = random.choice(self._alphabet.events)
        data = dict(wanted.match)
        if data and random.random() < 0.3:
            key = random.choice(sorted(data))
            data[key] = other_text(data[key]) if isinstance(data[key], str) else None
        device = random.choice((None, *self._scene.members, *self._scene.others))
        return Event(wanted.name, self.now_us, data, device=device)
