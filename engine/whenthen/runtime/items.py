"""What the writer can be asked to do: take readings and events, change and run rules, note how an action went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from whenthen.engine import MAX_AHEAD_US, RunResult
from whenthen.errors import RefusedReadingError
from whenthen.flow.state import accepted, flattened
from whenthen.model.event import Event
from whenthen.model.reading import Reading
from whenthen.runtime.records import ActionRow, Outcome, Sample
from whenthen.runtime.writer import Core


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one reading: how many values were stored, and why others were not, by sensor."""

    status: Literal["stored", "partly_stored", "duplicate", "refused"]
    stored: int
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """One reading as it came: *at_us* is the device's own clock, if it has one."""

    device: str
    values: Mapping[str, Any]
    at_us: int | None = None


@dataclass(frozen=True, slots=True)
class TakeReadings:
    """Take readings, one tick each, a microsecond apart: at one instant a sensor has one value, the last.

    Each gets its own verdict.
    """

    writes: ClassVar[bool] = False
    readings: Sequence[Given]

    @property
    def instants(self) -> int:
        """How many instants of their own they need."""
        return max(1, len(self.readings))

    def apply(self, core: Core) -> list[Verdict]:
        """Store what may be stored and let the engine see it."""
        verdicts = []
        for given in self.readings:
            verdicts.append(_take(given, core))
            core.received_us += 1
        core.turn.verdicts.update(verdict.status for verdict in verdicts)
        return verdicts


def _take(given: Given, core: Core) -> Verdict:
    received_us = core.received_us
    if given.at_us is not None and given.at_us - received_us > MAX_AHEAD_US:
        return Verdict("refused", 0, {"*": "its clock is more than 5 minutes ahead"})
    at_us = received_us if given.at_us is None else min(given.at_us, received_us)
    problems: dict[str, str] = {}
    samples = []
    unheard = []
    for sensor, value in flattened(given.values).items():
        try:
            good = accepted(value)
        except RefusedReadingError as error:
            problems[sensor] = str(error)
            continue
        newest = core.engine.newest(given.device, sensor)
        if newest is None:
            unheard.append(sensor)
        if newest is None or newest != (good, at_us) or type(newest[0]) is not type(good):
            samples.append(Sample(given.device, sensor, good, at_us, received_us))
    values = given.values
    surplus = frozenset(unheard[max(0, core.max_sensors - core.engine.heard(given.device)) :] if unheard else ())
    if surplus:
        problems |= dict.fromkeys(surplus, f"the device has {core.max_sensors} sensors, and may have no more")
        samples = [sample for sample in samples if sample.sensor not in surplus]
        values = _without(surplus, values)
    core.turn.samples += samples
    firings = core.engine.handle(Reading(given.device, values, received_us, given.at_us))
    if firings:
        core.fired(firings, f"reading of {given.device}")
    if problems:
        return Verdict("partly_stored" if samples else "refused", len(samples), problems)
    return Verdict("stored" if samples else "duplicate", len(samples))


def _without(sensors: Collection[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those of some sensors, which may be parts of objects."""
    parted = {
        name: {part: inner for part, inner in value.items() if f"{name}_{part}" not in sensors}
        if isinstance(value, Mapping)
        else value
        for name, value in values.items()
        if name not in sensors
    }
    return {name: value for name, value in parted.items() if value != {}}


@dataclass(frozen=True, slots=True)
class TakeEvent:
    """Let something have happened, now."""

    writes: ClassVar[bool] = False
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
    room: str | None = None
    farm: str | None = None

    def apply(self, core: Core) -> int:
        """Return how many rules fired."""
        event = Event(self.name, core.received_us, self.data, self.device, self.room, self.farm)
        firings = core.engine.handle(event)
        core.fired(firings, f"event {self.name}")
        return len(firings)


@dataclass(frozen=True, slots=True)
class PutRule:
    """Save a rule, new or edited; with *version*, only if that is the present one."""

    writes: ClassVar[bool] = True
    document: Mapping[str, Any]
    who: str
    version: int | None = None

    def apply(self, core: Core) -> int:
        """Return the rule's new version."""
        # Stored first: a conflict must leave the engine alone, and what the engine refuses is undone by the savepoint.
        version = core.transaction.put_rule(self.document, self.who, core.received_us, self.version)
        core.fired(core.engine.advance(core.received_us - 1), "time")
        core.fired(core.engine.put_rule(self.document), "edit")
        core.announce("rule_changed", self.document["id"])
        return version


@dataclass(frozen=True, slots=True)
class RemoveRule:
    """Delete a rule."""

    writes: ClassVar[bool] = True
    rule_id: str
    who: str
    version: int | None = None

    def apply(self, core: Core) -> None:
        """Clear what is active, and forget the rule."""
        core.transaction.remove_rule(self.rule_id, self.who, core.received_us, self.version)
        core.fired(core.engine.remove_rule(self.rule_id), "removal")
        core.announce("rule_changed", self.rule_id)


@dataclass(frozen=True, slots=True)
class SwitchRule:
    """Switch a rule on or off; its document stays as it is."""

    writes: ClassVar[bool] = False
    rule_id: str
    enabled: bool

    def apply(self, core: Core) -> None:
        """Switch it; one that is switched off clears what is active."""
        core.fired(core.engine.advance(core.received_us - 1), "time")
        core.fired(core.engine.set_enabled(self.rule_id, self.enabled), "switch")
        core.announce("rule_changed", self.rule_id)


@dataclass(frozen=True, slots=True)
class RunRule:
    """Run a rule by hand."""

    writes: ClassVar[bool] = False
    rule_id: str
    device: str | None = None
    room: str | None = None
    farm: str | None = None
    force: bool = False

    def apply(self, core: Core) -> RunResult:
        """Return the firings, and by subject what blocked the others."""
        core.fired(core.engine.advance(core.received_us - 1), "time")
        result = core.engine.run_rule(
            self.rule_id, device=self.device, room=self.room, farm=self.farm, force=self.force
        )
        core.fired(result.firings, "run by hand")
        return result


@dataclass(frozen=True, slots=True)
class ActionEnded:
    """Note how an attempt at an action went."""

    writes: ClassVar[bool] = False
    key: str
    attempt: int
    outcome: Outcome

    def apply(self, core: Core) -> None:
        """Move the outbox on; a failure for good is an event that rules may listen to."""
        changed = core.outbox.ended(self.key, self.attempt, self.outcome, core.received_us)
        core.turn.changed += changed
        for row in changed:
            if row.state in ("failed", "dead", "unknown"):
                core.announce("rule_failed", row)
                if not row.cause.startswith(_FAILURE):  # a rule about failures that fails itself ends there
                    _raise_failure(row, core)


_FAILURE = "event rule_failed"


def _raise_failure(row: ActionRow, core: Core) -> None:
    data = {"rule_id": row.rule_id, "rule": row.rule, "subject": row.subject, "action": row.call.type}
    event = Event("rule_failed", core.received_us, {**data, "error": row.error or ""})
    core.fired(core.engine.handle(event), _FAILURE)
