"""An engine apart from the live one, moved through time in bounded steps: for tests, backtests and looks back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from whenthen.dsl.compiled import CompiledRule
from whenthen.dsl.rule import RuleCompiler
from whenthen.engine import Engine
from whenthen.errors import WhenthenError
from whenthen.flow.persist import row_key
from whenthen.flow.timers import FAR_US
from whenthen.model.event import Event
from whenthen.model.firing import Firing
from whenthen.model.reading import Reading
from whenthen.ports import Device, Directory, StaticDirectory
from whenthen_server.store.places import Places

TIMEZONE = "UTC"


class TooManyTimersError(WhenthenError):
    """More came due than is looked at."""

    code = "too_many_timers"


class Apart:
    """One rule in an engine of its own. Nothing that it decides is carried out, kept or told.

    Timers are run one by one, at most *most_timers* of them, so that a rule that runs every second cannot keep the
    server busy for a year.
    """

    def __init__(self, compiler: RuleCompiler, directory: Directory, most_timers: int) -> None:
        self._compiler = compiler
        self._directory = directory
        self.engine = self._engine()
        self._left = most_timers

    def keeping(self, rule: CompiledRule) -> set[str]:
        """Return the paths of a rule's conditions that remember something; nothing of it stays here."""
        engine = self._engine()
        engine.put_compiled(rule)
        return engine.remembering(rule.id)

    def begin(self, document: Mapping[str, Any], at_us: int, before: Iterable[Reading] = ()) -> None:
        """Let what was measured *before* be known, then have the rule, switched on, just before an instant."""
        self.go_on(self._compiler.compile({**document, "enabled": True}), at_us, before)

    def go_on(self, rule: CompiledRule, at_us: int, before: Iterable[Reading]) -> None:
        """Begin with a rule that is compiled already, and on."""
        for reading in before:
            self.engine.handle(reading)
        self.engine.advance(at_us - 1)
        self.engine.put_compiled(rule)

    def take_up(self, rule: CompiledRule, at_us: int, before: Iterable[Reading], kept: Mapping[str, Any]) -> None:
        """Go on from an instant with what the rule, compiled and on, remembered then, as ``Engine.kept`` told it."""
        slots = {
            row_key(one.device, sensor): {"value": value, "at_us": one.received_us, "heard_us": one.received_us}
            for one in before
            for sensor, value in one.values.items()
        }
        # What a trigger put off is among what the history tells.
        rows = {subject: {**row, "pending_us": FAR_US} for subject, row in kept.items()}
        instances = {row_key(rule.id, subject): row for subject, row in rows.items()}
        state = {"now_us": at_us, "slots": slots, "instances": instances}
        registry, rules = self._compiler.registry, [rule.document]
        self.engine = Engine.restore(
            registry, self._directory, rules, state, TIMEZONE, compiler=self._compiler, gap=False
        )

    def _engine(self) -> Engine:
        return Engine(self._compiler.registry, self._directory, TIMEZONE, compiler=self._compiler)

    def give(self, item: Reading | Event) -> list[Firing]:
        """Return what a reading or event, and the timers before it, cause; raises ``TooManyTimersError``."""
        at_us = item.at_us if isinstance(item, Event) else item.received_us
        due_us = self.engine.next_due_us
        if due_us is None or due_us >= at_us:
            return self.engine.handle(item)
        firings = self.until(at_us - 1)
        return firings + self.engine.handle(item)

    def until(self, at_us: int) -> list[Firing]:
        """Return what the timers due by an instant cause; raises ``TooManyTimersError``."""
        firings: list[Firing] = []
        while (due_us := self.engine.next_due_us) is not None and due_us <= at_us:
            if self._left == 0:
                raise TooManyTimersError("more timers came due than are looked at; choose a shorter time")
            self._left -= 1
            firings += self.engine.advance(due_us)
        return firings + self.engine.advance(at_us)


def directory_of(places: Places, devices: Iterable[Device]) -> StaticDirectory:
    """Return a directory of a few devices and their farms, that does not change while it is used."""
    listed = list(devices)
    farms = [places.farm(farm_id) for farm_id in dict.fromkeys(one.farm for one in listed) if farm_id is not None]
    return StaticDirectory(listed, [farm for farm in farms if farm is not None])


def made_up(device_id: str, scope: Mapping[str, Any], places: Places) -> Device:
    """Return a device that is nowhere, as it would be if it stood where a rule's scope looks."""
    room = places.rooms.get(scope.get("room", ""))
    farm = scope.get("farm") or (room.farm_id if room is not None else None)
    return replace(Device(device_id), type=scope.get("device_type"), room=scope.get("room"), farm=farm)
