"""Two rules at one actuator or one quantity: opposing settings, the same thing done twice, effects that fight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whenthen.analysis.clears import cleared_away
from whenthen.analysis.facts import Call, Facts, Write
from whenthen.analysis.findings import Finding, Kind
from whenthen.analysis.placing import Cast
from whenthen.analysis.region import boxes_touch
from whenthen.analysis.stageplay import Play
from whenthen.analysis.trial import Context, try_together
from whenthen.model.firing import ActionCall, Firing

Pair = tuple[Facts, Facts]


def judged(context: Context, kind: Kind, name: str, pair: Pair) -> Finding | None:
    """Return the finding that a pair comes to, if any."""
    if kind == "action_conflict":
        return _conflict(context, name, pair)
    if kind == "action_duplicate":
        return _duplicate(context, name, pair)
    return _environment(context, name, pair)


def _may_meet(first: Facts, second: Facts) -> bool:
    """Tell quickly whether any of their ways go together, as if they were about one device."""
    if _by_other_events(first, second):
        return False
    return any(boxes_touch(one.box, other.box) for one in first.fires for other in second.fires)


def _by_other_events(first: Facts, second: Facts) -> bool:
    """Tell whether nothing but events starts the two, and their data must differ: on and off, open and close."""
    if any(len(one.rule.event_triggers) < len(one.rule.triggers) for one in (first, second)):
        return False
    return all(
        one.name == other.name and any(one.match[key] != other.match[key] for key in one.match.keys() & other.match)
        for one in first.rule.event_triggers
        for other in second.rule.event_triggers
    )


# Opposing settings


def _conflict(context: Context, channel: str, pair: Pair) -> Finding | None:
    return _at_odds(context, channel, pair) or _at_one_s_end(context, channel, pair)


def _at_one_s_end(context: Context, channel: str, pair: Pair) -> Finding | None:
    ends = [write for facts in pair for write in _of_channel(facts.clears, channel)]
    if not ends or not _may_meet(*pair):
        return None
    cast = _common_cast(context, pair, apart_too=any(write.device is not None for write in ends))
    return None if cast is None else cleared_away(context, channel, pair, cast)


def _at_odds(context: Context, channel: str, pair: Pair) -> Finding | None:
    first, second = pair
    opposing = [
        (one, other)
        for one in _of_channel(first.writes, channel)
        for other in _of_channel(second.writes, channel)
        if (one.value != other.value or not (one.known and other.known)) and one.may_meet(other)
    ]
    if not opposing or not _may_meet(*pair):
        return None
    one, other = opposing[0]
    cast = _common_cast(context, pair, apart_too=one.device is not None)
    if cast is None:
        return None

    def observe(play: Play) -> bool:
        return overridden(play, pair, channel, context.within_us)

    names = _names(pair)
    says = f"both fire within {_seconds(context.within_us)}, and {channel} is set to {one.shown} and to {other.shown}"
    shown = try_together(context, pair, cast, observe, says)
    if shown is None:
        return None
    message = f"{names} can hold at once and set {channel} to {one.shown} and to {other.shown}"
    mend = _conflict_mend(first, second, channel)
    return Finding(
        "action_conflict",
        shown.grade,
        (first.id, second.id),
        message,
        mend,
        shown.witness,
        one.pointer,
        channel,
        shown.proof,
    )


def overridden(play: Play, pair: Pair, channel: str, within_us: int) -> bool:
    """Tell whether one of two rules undid what the other, no less important and still holding, had just set."""
    rank = {one.id: one.rule.priority for one in pair}
    newest: dict[str, tuple[str, object, int]] = {}
    for scene in play.scenes:
        for firing in scene.firings:
            if firing.rule_id not in rank or firing.kind != "fired":
                continue
            for call in firing.actions:
                if _tied(call, firing, rank, channel):
                    return True
                if not call.runs:
                    continue
                for device, name, value in call.sets:
                    if name != channel:
                        continue
                    before = newest.get(device)
                    if before is not None and _undone(before, firing, value, within_us, rank, scene.truths):
                        return True
                    newest[device] = (firing.rule_id, value, firing.at_us)
    return False


def _tied(call: ActionCall, firing: Firing, rank: Mapping[str, int], channel: str) -> bool:
    winner = call.superseded_by
    same = winner in rank and winner != firing.rule_id and rank.get(winner or "") == rank[firing.rule_id]
    return same and any(name == channel for _, name, _ in call.sets)


def _undone(  # noqa: PLR0913, PLR0917 - two settings and what makes the later one bad
    before: tuple[str, object, int],
    firing: Firing,
    value: object,
    within_us: int,
    rank: Mapping[str, int],
    truths: Mapping[str, bool | None],
) -> bool:
    rule_id, old, at_us = before
    return (
        rule_id != firing.rule_id
        and old != value
        and firing.at_us - at_us <= within_us
        and rank[rule_id] >= rank[firing.rule_id]
        and truths.get(rule_id) is True
    )


def _conflict_mend(first: Facts, second: Facts, channel: str) -> str:
    if first.rule.priority != second.rule.priority:
        low = min(first, second, key=lambda one: one.rule.priority)
        other = second if low is first else first
        return (
            f"priority decides only within one tick: guard {_name(low)} with the opposite of the conditions of "
            f"{_name(other)}, or let readings of the same sensors start both"
        )
    return (
        f"give the rule that matters more at {channel} the higher priority, "
        "or guard one of them with the opposite of the other's conditions"
    )


# The same thing twice


def _duplicate(context: Context, same: str, pair: Pair) -> Finding | None:
    first, second = pair
    if not _may_meet(*pair):
        return None
    call = next(call for call in first.calls if call.same == same)
    cast = _common_cast(context, pair, apart_too=call.elsewhere)
    if cast is None:
        return None

    def observe(play: Play) -> bool:
        return _done_twice(play, pair, call, context.within_us)

    says = f"both fire within {_seconds(context.within_us)}, and {call.type} is done twice"
    shown = try_together(context, pair, cast, observe, says)
    if shown is None:
        return None
    message = f"{_names(pair)} can hold at once and both do the same {call.type}, which is done twice then"
    mend = "merge them into one rule whose conditions are joined with OR, or give them a mutual cooldown"
    rules = (first.id, second.id)
    return Finding(
        "action_duplicate", shown.grade, rules, message, mend, shown.witness, call.pointer, same, shown.proof
    )


def _done_twice(play: Play, pair: Pair, call: Call, within_us: int) -> bool:
    done: dict[str, list[tuple[int, str]]] = {}
    for firing in play.firings:
        if firing.kind == "fired" and firing.rule_id in {one.id for one in pair}:
            for one in firing.actions:
                if one.type == call.type and one.runs:
                    done.setdefault(firing.rule_id, []).append((firing.at_us, repr((one.config, one.targets))))
    first, second = (done.get(one.id, []) for one in pair)
    return any(what == other and abs(at - when) <= within_us for at, what in first for when, other in second)


# Effects that fight


def _environment(context: Context, quantity: str, pair: Pair) -> Finding | None:
    first, second = pair
    fighting = [
        (one, other)
        for one in first.writes
        for other in second.writes
        if one.physical.moves.get(quantity, 0) * other.physical.moves.get(quantity, 0) < 0
        and one.actuator != other.actuator
    ]
    if not fighting or not _may_meet(*pair):
        return None
    one, other = fighting[0]
    cast = _common_cast(context, pair, apart_too=_same_room(first, second))
    if cast is None:
        return None

    def observe(play: Play) -> bool:
        return both_set(play, [(first.id, one.channel), (second.id, other.channel)], context.within_us)

    up, down = (one, other) if one.physical.moves[quantity] > 0 else (other, one)
    what = f"{up.channel} {up.shown} raises {quantity} while {down.channel} {down.shown} lowers it"
    shown = try_together(context, pair, cast, observe, f"both fire within {_seconds(context.within_us)}: {what}")
    if shown is None:
        return None
    message = f"{_names(pair)} can hold at once and work against each other: {what}"
    mend = f"guard one of them with the opposite of the other's conditions, or move their limits of {quantity} apart"
    rules = (first.id, second.id)
    return Finding(
        "environment_conflict", shown.grade, rules, message, mend, shown.witness, one.pointer, quantity, shown.proof
    )


def both_set(play: Play, wanted: Sequence[tuple[str, str]], within_us: int) -> bool:
    """Tell whether each of the rules set its channel, all within a time, while all of them held at the last."""
    at: dict[tuple[str, str], int] = {}
    for scene in play.scenes:
        for firing in scene.firings:
            for call in firing.actions:
                for _, channel, _ in call.sets if call.runs and firing.kind == "fired" else ():
                    at[firing.rule_id, channel] = firing.at_us
        seen = [at.get(one) for one in wanted]
        times = [one for one in seen if one is not None]
        if len(times) == len(wanted) and max(times) - min(times) <= within_us:
            return all(scene.truths.get(rule_id, True) is not False for rule_id, _ in wanted)
    return False


# Shared


def _of_channel(writes: Sequence[Write], channel: str) -> list[Write]:
    return [write for write in writes if write.channel == channel]


def _common_cast(context: Context, pair: Pair, *, apart_too: bool) -> Cast | None:
    """Return one device for both rules or, where they act on one thing in any case, a device for each."""
    cast = context.placing.cast(pair)
    return context.placing.cast(pair, apart=True) if cast is None and apart_too else cast


def _same_room(first: Facts, second: Facts) -> bool:
    one, other = first.rule.scope, second.rule.scope
    return (one.room is not None and one.room == other.room) or (one.room is None and one.farm == other.farm != None)  # noqa: E711


def _name(facts: Facts) -> str:
    return repr(facts.rule.name)


def _names(pair: Pair) -> str:
    return " and ".join(_name(one) for one in pair)


def _seconds(us: int) -> str:
    return f"{us / 1_000_000:g} s"
