"""Guards that do not hold: a sensitive action reached without them, and conditions that another rule always spoils."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, product

from whenthen.analysis import history
from whenthen.analysis.calendar import runs, week_of
from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.findings import Finding
from whenthen.analysis.graph import echoes
from whenthen.analysis.history import Part
from whenthen.analysis.placing import Cast
from whenthen.analysis.region import ANY, Key
from whenthen.analysis.stageplay import Play
from whenthen.analysis.trial import Context, histories, witness_of
from whenthen.analysis.ways import Reader
from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.extend.action import ControlRule, RunRule
from whenthen.model.reading import Scalar
from whenthen.model.step import Step, Tick

_MOST_TRIED = 32
_BEFORE_US = 60 * MINUTE_US
"""A rule that spoils another's conditions does so at most this long before."""
_RUNS_LOOKED_AT = 10

Pair = tuple[Facts, Facts]


# A way round a guard


def bypasses(context: Context, first: Facts, second: Facts) -> Iterator[Finding]:
    """Yield the finding that one of two rules does something sensitive without the guard of the other."""
    for guarded, around in ((first, second), (second, first)):
        effect = _shared_effect(guarded, around)
        if effect is not None and _ignores(around, guarded):
            found = _bypass(context, guarded, around, effect)
            if found is not None:
                yield found
                return


def _shared_effect(guarded: Facts, around: Facts) -> str | None:
    """Return the sensitive thing that both rules do, or that one runs the other for, whatever its conditions say."""
    own = {*_sensitive(guarded)}
    forced = {one.rule for one in around.causes if isinstance(one, RunRule) and one.force}
    if {guarded.id, guarded.rule.name} & forced:
        return min(own, default=None)
    return min(own & {*_sensitive(around)}, default=None)


def _sensitive(facts: Facts) -> Iterator[str]:
    for write in facts.writes:
        if write.sensitive:
            yield f"{write.channel} {write.value}"
    for call in facts.calls:
        if call.sensitive:
            yield call.command


def _ignores(around: Facts, guarded: Facts) -> bool:
    """Tell whether a rule leaves a sensor of the other's conditions unread."""
    return bool({key[1] for key in guarded.reads} - {key[1] for key in around.reads})


def _bypass(context: Context, guarded: Facts, around: Facts, effect: str) -> Finding | None:
    cast = context.placing.cast((around, guarded))
    if cast is None:
        return None
    device = cast.own[0].id
    reader = Reader(guarded.rule.variables, guarded.place.zone, week_of(context.now_us))
    barred = [case.placed(device) for case in reader.every(guarded.rule.conditions, False) if not case.unsure]
    open_ways = [case.placed(device) for case in around.fires if not case.unsure]

    def observe(play: Play) -> bool:
        return _done_unguarded(play, guarded, around, effect)

    says = f"{effect} is done while the conditions of {guarded.rule.name!r} are known to be false"
    for way, bar in islice(product(open_ways, barred), _MOST_TRIED):
        joint = way.meet(bar)
        answer = context.solved(joint)
        part = Part(around, joint, cast.own[0])
        at = history.instants([part], context.now_us, 0) if answer.truth else None
        if at is None:
            continue
        for steps in histories([part], answer.point, at):
            play = context.theatre.play((around, guarded), steps, cast)
            if observe(play):
                message = f"{around.rule.name!r} does {effect} although the guard of {guarded.rule.name!r} says no"
                mend = f"give {around.rule.name!r} the conditions of {guarded.rule.name!r}, or merge the two"
                witness = witness_of(says, steps, play, cast, (around, guarded))
                rules = (guarded.id, around.id)
                return Finding(
                    "condition_bypass", "certain", rules, message, mend, witness, "/conditions", effect, "replayed"
                )
    return None


def _done_unguarded(play: Play, guarded: Facts, around: Facts, effect: str) -> bool:
    for scene in play.scenes:
        if scene.truths.get(guarded.id) is False and any(
            firing.kind == "fired" and firing.rule_id in (guarded.id, around.id) and _does(firing.actions, effect)
            for firing in scene.firings
        ):
            return True
    return False


def _does(actions: Sequence[object], effect: str) -> bool:
    for call in actions:
        if getattr(call, "runs", False):
            sets = {f"{channel} {value}" for _, channel, value in getattr(call, "sets", ())}
            if effect in sets or getattr(call, "config", {}).get("command") == effect:
                return True
    return False


# A condition that is always spoilt


def blocks(context: Context, blocked: Facts, blocker: Facts, others: Collection[Facts] = ()) -> Finding | None:
    """Return the finding that whenever one rule is due, another has made its conditions false or switched it off.

    There is none when one of the *others* puts that right in time.
    """
    if not _only_scheduled(blocked) or not _only_scheduled(blocker) or not _holds_with(blocked, blocker):
        return None
    cast = context.placing.cast((blocked, blocker))
    if cast is None:
        return None
    due = _due_before(context, blocked, blocker)
    if due is None:
        return None
    if any(isinstance(one, ControlRule) and one.operation == "disable" and one.rule in (blocked.id, blocked.rule.name)
           for one in blocker.causes):  # fmt: skip
        freed = any(_switches_on(other, blocked) and _runs_between(other, due) for other in others)
        return None if freed else _blocked(context, (blocked, blocker), cast, due, None)
    spoilt = _spoilt(blocked, blocker)
    if spoilt is None or any(_resets(other, spoilt[1]) and _runs_between(other, due) for other in others):
        return None
    return _blocked(context, (blocked, blocker), cast, due, spoilt)


def _spoilt(blocked: Facts, blocker: Facts) -> tuple[Key, Write, Scalar] | None:
    """Return the sensor whose value keeps a rule's conditions from holding once the other has set something."""
    for write in blocker.writes:
        reports: dict[str, list[Scalar]] = defaultdict(list)
        for sensor, value in echoes(write) if write.known and not write.delayed else ():
            reports[sensor].append(value)
        for sensor, values in reports.items():
            key: Key = (write.device, sensor, None)
            allowed = [case.box.get(key, ANY) for case in blocked.fires]
            if key in blocked.reads and not any(one.holds(value) for one in allowed for value in values):
                return key, write, values[0]
    return None


def _switches_on(other: Facts, blocked: Facts) -> bool:
    """Tell whether a rule enables one that was switched off."""
    names = (blocked.id, blocked.rule.name)
    return any(
        isinstance(one, ControlRule) and one.operation != "disable" and one.rule in names for one in other.causes
    )


def _resets(other: Facts, write: Write) -> bool:
    """Tell whether a rule sets a channel otherwise than it was written."""
    return any(one.actuator == write.actuator and one.value != write.value for one in other.writes)


def _runs_between(other: Facts, times: tuple[int, int]) -> bool:
    """Tell whether a schedule starts a rule after the first instant and before the second."""
    after_us, before_us = times
    return bool(other.fires) and next((at for at in _runs(other, after_us + 1)), before_us) < before_us


def _only_scheduled(facts: Facts) -> bool:
    return facts.scheduled and not facts.listens and not facts.rule.event_triggers


def _holds_with(blocked: Facts, blocker: Facts) -> bool:
    """Tell whether the blocker fires on every one of its schedules, or at least whenever the other would."""
    if blocker.rule.cooldown_us or blocker.rule.max_executions is not None or blocker.rule.edge:
        return False
    return any(case.plain and not case.box for case in blocker.fires) or all(
        any(case.within(wide) for wide in blocker.fires) for case in blocked.fires
    )


def _due_before(context: Context, blocked: Facts, blocker: Facts) -> tuple[int, int] | None:
    """Return the first instants of both, if one of the blocker's lies shortly before each of the blocked."""
    dues = [*islice(_runs(blocked, context.now_us + _BEFORE_US), _RUNS_LOOKED_AT)]
    times = [*islice(_runs(blocker, context.now_us), 40 * _RUNS_LOOKED_AT)]
    pairs = [(due, max((at for at in times if due - _BEFORE_US <= at < due), default=None)) for due in dues]
    if not pairs or any(at is None for _, at in pairs):
        return None
    due, at = pairs[0]
    return None if at is None else (at, due)


def _runs(facts: Facts, from_us: int) -> Iterator[int]:
    for trigger in facts.rule.triggers:
        if trigger.scheduled:
            yield from runs(trigger, facts.place, facts.fires[0].week, from_us, facts.rule.valid_until_us)


def _blocked(
    context: Context, pair: Pair, cast: Cast, times: tuple[int, int], reported: tuple[Key, Write, object] | None
) -> Finding | None:
    """Play it with the blocker and without: only then is it the blocker's doing."""
    blocked, blocker = pair
    at_us, due_us = times
    for case in blocked.fires:
        placed = case.placed(cast.own[0].id)
        answer = context.solved(placed)
        if not answer.truth:
            continue
        hold_us = max(placed.hold_us, due_us - at_us + MINUTE_US)
        steps: list[Step] = [*history.readings_of(answer.point, due_us - hold_us), Tick(due_us - hold_us)]
        told: list[Step] = []
        if reported is not None:
            (device, sensor, _), _, value = reported
            told = history.readings_of({(device or cast.own[0].id, sensor, None): value}, at_us + SECOND_US)  # type: ignore[dict-item]
        end: list[Step] = [Tick(due_us), Tick(due_us + SECOND_US)]
        alone = Cast(cast.own[:1], cast.directory)
        free = context.theatre.play([blocked], history.in_order([*steps, *end]), alone)
        spoilt = history.in_order([*steps, Tick(at_us), *told, *end])
        play = context.theatre.play(pair, spoilt, cast)
        if _fired_at(free, blocked, due_us) and play.fired(blocker.id) and not _fired_at(play, blocked, due_us):
            what = "switches it off" if reported is None else f"sets {reported[1].channel} to {reported[1].value}"
            says = (
                f"{blocker.rule.name!r} {what} before {blocked.rule.name!r} is due, which does not fire; alone it does"
            )
            message = (
                f"{blocked.rule.name!r} never gets its turn: {blocker.rule.name!r} {what} shortly before each time"
            )
            mend = f"move one of the schedules, or guard {blocker.rule.name!r}"
            witness = witness_of(says, spoilt, play, cast, pair)
            subject = "" if reported is None else reported[1].channel
            rules = (blocked.id, blocker.id)
            return Finding(
                "condition_block", "certain", rules, message, mend, witness, "/conditions", subject, "replayed"
            )
    return None


def _fired_at(play: Play, facts: Facts, at_us: int) -> bool:
    return any(firing.at_us == at_us for firing in play.fired(facts.id))
