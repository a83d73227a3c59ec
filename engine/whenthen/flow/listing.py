"""Which rules a new sensor, a new device or an event can concern."""

from __future__ import annotations

from collections.abc import Iterator

from whenthen.dsl.compiled import CompiledRule
from whenthen.extend.trigger import EventTrigger
from whenthen.flow.causes import Happening
from whenthen.flow.rulestate import RuleState
from whenthen.flow.silence import SILENCE_EVENTS
from whenthen.flow.state import same_value


class Listing:
    """Rules by what they watch; ``listeners`` has those with event triggers by the event's name."""

    def __init__(self) -> None:
        self.listeners: dict[str, list[tuple[RuleState, EventTrigger]]] = {}
        self._by_sensor: dict[str, list[RuleState]] = {}
        self._by_device: dict[str, list[RuleState]] = {}
        self._for_everyone: list[RuleState] = []

    def add(self, state: RuleState) -> None:
        """List a rule."""
        rule = state.rule
        if rule.scope.device is not None:
            self._by_device.setdefault(rule.scope.device, []).append(state)
        elif not rule.global_subject:
            own = _own_sensors(rule)
            for sensor in own:
                self._by_sensor.setdefault(sensor, []).append(state)
            if not own or rule.time_dependent or _names_devices(rule):
                self._for_everyone.append(state)
        for wanted in rule.event_triggers:
            self.listeners.setdefault(wanted.name, []).append((state, wanted))

    def remove(self, state: RuleState) -> None:
        """List a rule no longer."""
        for table in (self._by_device, self._by_sensor):
            for key in [key for key, states in table.items() if state in states]:
                table[key] = [other for other in table[key] if other is not state]
                if not table[key]:
                    del table[key]
        self._for_everyone = [other for other in self._for_everyone if other is not state]
        for name in {wanted.name for wanted in state.rule.event_triggers}:
            self.listeners[name] = [pair for pair in self.listeners[name] if pair[0] is not state]
            if not self.listeners[name]:
                del self.listeners[name]

    def concerned(self, device: str, sensor: str, *, first: bool) -> list[RuleState]:
        """Return the rules for which a device's new sensor may make a subject; *first*: nothing of it was heard yet."""
        everyone = self._for_everyone if first else ()
        return [*self._by_device.get(device, ()), *self._by_sensor.get(sensor, ()), *everyone]

    def meant(self, cause: Happening) -> Iterator[RuleState]:
        """Yield the rules of which an event trigger matches."""
        for state, wanted in list(self.listeners.get(cause.name, ())):
            if state.enabled and _matches(wanted, cause):
                yield state

    @property
    def silence_matters(self) -> bool:
        """Whether a rule listens for sensors that fall silent, or are heard again."""
        return any(name in self.listeners for name in SILENCE_EVENTS)


def _own_sensors(rule: CompiledRule) -> set[str]:
    """Return the sensors of the subject that a rule reads or is triggered by."""
    read = {ref.sensor for ref in rule.reads if ref.device is None}
    return read | {wanted.sensor for wanted in rule.sensor_triggers if wanted.device is None}


def _names_devices(rule: CompiledRule) -> bool:
    return any(ref.device for ref in rule.reads) or any(wanted.device for wanted in rule.sensor_triggers)


def _matches(wanted: EventTrigger, cause: Happening) -> bool:
    return all(name in cause.data and same_value(cause.data[name], value) for name, value in wanted.match.items())
