"""Histories that make rules fire: values given early enough, kept for long enough, triggers at the right instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from whenthen.analysis.calendar import WEEK_US, runs, week_of
from whenthen.analysis.case import Case
from whenthen.analysis.facts import Facts
from whenthen.analysis.region import ANY, Domain, Key, Span, meet_boxes, meet_spans
from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.extend.trigger import Trigger
from whenthen.model.event import Event
from whenthen.model.reading import Reading, Scalar
from whenthen.model.step import RunByHand, Step, Tick
from whenthen.ports import Device

Values = Mapping[Key, Scalar]

_NOON_US = 12 * 60 * MINUTE_US
_MOST_REPEATS = 200
_MOST_RUNS = 400


@dataclass(frozen=True, slots=True)
class Part:
    """A rule, the way in which it is to fire (its sensors placed), and its device."""

    facts: Facts
    case: Case
    device: Device

    @property
    def by_sensor(self) -> bool:
        """Whether readings start the rule."""
        return bool(self.facts.rule.sensor_triggers)

    @property
    def schedules(self) -> list[Trigger]:
        """The triggers with a schedule, if nothing easier starts the rule."""
        if self.by_sensor or self.facts.rule.event_triggers:
            return []
        return [trigger for trigger in self.facts.rule.triggers if trigger.scheduled]

    @property
    def trigger_keys(self) -> list[Key]:
        """The sensors whose readings start the rule."""
        return [(wanted.device or self.device.id, wanted.sensor, None) for wanted in self.facts.rule.sensor_triggers]


def instants(parts: Sequence[Part], base_us: int, near_us: int) -> list[int] | None:
    """Return for each part the instant at which it is to fire, no two further apart than *near_us*.

    The first such instants from *base_us* on, within validity, the week's hours and the schedules; ``None``: never.
    """
    low_us = max([base_us, *(part.facts.rule.valid_from_us or 0 for part in parts)])
    ends = [part.facts.rule.valid_until_us for part in parts if part.facts.rule.valid_until_us is not None]
    high_us = min(ends, default=None)
    week = _common_week(parts)
    timed = [(number, part.schedules) for number, part in enumerate(parts) if part.schedules]
    if not timed:
        at_us = first_instant(week, low_us, high_us)
        return None if at_us is None else [at_us] * len(parts)
    number, triggers = timed[0]
    for at_us in _all_runs(parts[number], triggers, week, low_us, high_us):
        found = {other: _near(parts[other], others, at_us, near_us) for other, others in timed[1:]}
        if all(one is not None for one in found.values()):
            return [found.get(other) or at_us for other in range(len(parts))]
    return None


def _common_week(parts: Iterable[Part]) -> tuple[Span, ...] | None:
    weeks = [part.case.week for part in parts if part.case.week is not None]
    common = weeks[0] if weeks else None
    for week in weeks[1:]:
        common = meet_spans(common or (), week)
    return common


def first_instant(week: tuple[Span, ...] | None, low_us: int, high_us: int | None = None) -> int | None:
    """Return an instant from *low_us* on and before *high_us* that lies in a part of the week, or at noon."""
    if week is None:
        noon_us = week_of(low_us) + _NOON_US
        at_us = noon_us if noon_us >= low_us and (high_us is None or noon_us < high_us) else low_us
        return at_us if high_us is None or at_us < high_us else None
    for number in range(3):
        start_us = week_of(low_us) + number * WEEK_US
        for span in week:
            first = max(start_us + round(span.low), low_us)
            last = start_us + round(span.high)
            last = last if high_us is None else min(last, high_us - 1)
            if first <= last:
                return min(first + MINUTE_US, last) if last - first > 2 * MINUTE_US else first
    return None


def _all_runs(
    part: Part, triggers: Sequence[Trigger], week: tuple[Span, ...] | None, low_us: int, high_us: int | None
) -> Iterator[int]:
    for trigger in triggers:
        yield from islice(runs(trigger, part.facts.place, week, low_us, high_us), _MOST_RUNS)


def _near(part: Part, triggers: Sequence[Trigger], at_us: int, near_us: int) -> int | None:
    for trigger in triggers:
        schedule = trigger.schedule(part.facts.place)
        found = None if schedule is None else schedule.next_after(at_us - near_us - 1)
        if found is not None and found <= at_us + near_us:
            return found
    return None


def together(parts: Sequence[Part], values: Values, at: Sequence[int], *, early: bool = False) -> list[Step]:
    """Return a history in which each part's conditions come to hold for its trigger's instant, *at*.

    Values come as late as durations allow, so that no rule fires before its time; *early* gives them all at once.
    """
    holds = [part.case.hold_us for part in parts]
    longest = max(holds)
    last_us = max(at)
    steps: list[Step] = []
    levels = [longest] if early else sorted({*holds}, reverse=True)
    main_us = min(at) - longest
    steps += _before(parts, values, main_us)
    given: dict[Key, Scalar] = {}
    for level in levels:
        active = [part for part, hold in zip(parts, holds, strict=True) if early or hold >= level]
        waiting = [part for part in parts if part not in active]
        now = {key: value for key, value in _level(active, waiting, values).items() if given.get(key) != value}
        given |= now
        if level == 0:
            now |= _trigger_values(parts, given)
        steps += _readings(now, min(at) - level)
        steps += _kept_fresh(parts, given, min(at) - level, min(at))
    if longest or early:
        steps += _final(parts, given, min(at), after_zero=0 in levels)
    steps += _starts(parts, at)
    return [*in_order(steps), Tick(last_us + SECOND_US)]


def apart(parts: Sequence[Part], values: Values, at: Sequence[int]) -> list[Step] | None:
    """Return a history in which the parts' triggers come one after the other, in the order given and once more.

    ``None`` where one reading starts them both in any case.
    """
    chosen: list[Key | None] = []
    for part in parts:
        others = {key for other in parts if other is not part for key in other.trigger_keys}
        own = [key for key in part.trigger_keys if key not in others]
        if part.trigger_keys and not own:
            return None
        chosen.append(own[0] if own else None)
    if any(part.schedules for part in parts):
        return None
    longest = max(part.case.hold_us for part in parts)
    start_us = min(at)
    steps = _before(parts, values, start_us - longest)
    late = {key for key in chosen if key is not None} if not longest else set()
    steps += _readings({key: value for key, value in values.items() if key not in late}, start_us - longest)
    steps += _kept_fresh(parts, values, start_us - longest, start_us)
    for number, (part, key) in enumerate(list(zip(parts, chosen, strict=True)) * 2):
        when_us = start_us + (number + 1) * SECOND_US
        if key is None:
            steps += list(_starts([part], [when_us]))
        else:
            steps += _readings({key: values.get(key, 1.0)}, when_us)
    return [*in_order(steps), Tick(start_us + 10 * SECOND_US)]


def _level(active: Sequence[Part], waiting: Sequence[Part], values: Values) -> dict[Key, Scalar]:
    """Return values that are right for the *active* parts and, where there is a choice, not yet for those *waiting*."""
    wanted = meet_boxes(*(part.case.box for part in active))
    terms = {key for part in (*active, *waiting) for term in part.case.terms for _, key in term.names}
    found: dict[Key, Scalar] = {}
    for key in [*wanted, *(key for part in active for key in part.case.keys if key not in wanted)]:
        later = [part.case.box[key] for part in waiting if key in part.case.box]
        choice = _not_yet(wanted.get(key, ANY), later) if key not in terms else None
        if key in values or choice is not None:
            found[key] = values[key] if choice is None else choice
    return found


def _not_yet(now: Domain, later: Sequence[Domain]) -> Scalar | None:
    if not later:
        return None
    return next((value for value in now.samples() if not any(domain.holds(value) for domain in later)), None)


def _before(parts: Sequence[Part], values: Values, main_us: int) -> list[Step]:
    past: dict[Key, Scalar] = {}
    gap_us = 30 * SECOND_US
    for part in parts:
        past |= {key: domain.sample() for key, domain in part.case.before.items()}
        for move in part.case.moves:
            now = values.get(move.key)
            if isinstance(now, int | float):
                past[move.key] = now + move.by * (1 if move.direction == "down" else -1)
                gap_us = min(gap_us, max(move.within_us // 2, 1))
    return _readings(past, main_us - gap_us)


def _trigger_values(parts: Sequence[Part], given: Values) -> dict[Key, Scalar]:
    """Return a value for each trigger's sensor that has none yet."""
    keys = [key for part in parts for key in part.trigger_keys]
    return {key: 1.0 for key in keys if key not in given}


def _final(parts: Sequence[Part], given: Values, at_us: int, *, after_zero: bool) -> list[Step]:
    """Return readings of the triggers' sensors at the last instant, but not of those that must stay still."""
    still = {move.key for part in parts for move in part.case.moves} | {k for part in parts for k in part.case.before}
    keys = [key for part in parts for key in part.trigger_keys if key not in still]
    if after_zero:
        keys = [key for part in parts if part.case.hold_us for key in part.trigger_keys if key not in still]
    return _readings({key: given.get(key, 1.0) for key in keys}, at_us)


def _kept_fresh(parts: Sequence[Part], given: Values, from_us: int, until_us: int) -> list[Step]:
    """Repeat values that would become too old before their time."""
    ages = [ref.max_age_us for part in parts for ref in part.facts.rule.reads if ref.max_age_us is not None]
    if not ages or until_us <= from_us:
        return []
    step_us = max(min(ages) // 2, (until_us - from_us) // _MOST_REPEATS, 1)
    return [step for at_us in range(from_us + step_us, until_us, step_us) for step in _readings(given, at_us)]


def _starts(parts: Sequence[Part], at: Sequence[int]) -> Iterator[Step]:
    """Yield what starts each part that no reading starts."""
    for part, at_us in zip(parts, at, strict=True):
        rule = part.facts.rule
        if part.by_sensor:
            continue
        if rule.event_triggers:
            event = rule.event_triggers[0]
            yield Event(event.name, at_us, dict(event.match), device=part.device.id)
        elif part.schedules:
            yield Tick(at_us)
        else:
            yield RunByHand(at_us, rule.id, device=None if rule.global_subject else part.device.id)


def _readings(values: Values, at_us: int) -> list[Step]:
    by_device: dict[str, dict[str, Scalar]] = {}
    for (device, sensor, _), value in values.items():
        by_device.setdefault(device or "", {})[sensor] = value
    return [Reading(device, found, at_us) for device, found in sorted(by_device.items())]


readings_of = _readings
"""Readings of values at an instant, one a device."""


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Return steps sorted by time; readings come before what else happens at their instant, values joined."""

    def place(step: Step) -> tuple[int, int]:
        at_us = step.received_us if isinstance(step, Reading) else step.at_us
        return at_us, 0 if isinstance(step, Reading) else 2 if isinstance(step, Tick) else 1

    made: list[Step] = []
    for step in sorted(steps, key=place):
        last = made[-1] if made else None
        if isinstance(step, Reading) and isinstance(last, Reading) and _at_once(last, step):
            made[-1] = Reading(step.device, {**last.values, **step.values}, step.received_us)
        else:
            made.append(step)
    return made


def _at_once(one: Reading, other: Reading) -> bool:
    return (one.device, one.received_us) == (other.device, other.received_us)
