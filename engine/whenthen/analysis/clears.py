"""A rule's end that takes from another: its clear actions undo what a rule that still holds has set."""

from __future__ import annotations

from itertools import islice, product

from whenthen.analysis import history
from whenthen.analysis.case import Case
from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.findings import Finding
from whenthen.analysis.placing import Cast
from whenthen.analysis.stageplay import Play
from whenthen.analysis.trial import Context, combinations, witness_of
from whenthen.clock import SECOND_US
from whenthen.model.step import Step, Tick

_MOST_TRIED = 24
_LATER_US = 10 * SECOND_US
"""One rule ends so long after both fired, at the earliest."""


def cleared_away(context: Context, channel: str, pair: tuple[Facts, Facts], cast: Cast) -> Finding | None:
    """Return the finding that one of two rules, ending, sets a channel otherwise than the other, holding, has it."""
    for numbers in ((0, 1), (1, 0)):
        ending, keeping = (pair[number] for number in numbers)
        turned = Cast(tuple(cast.own[number] for number in numbers), cast.directory)
        found = _opposing(ending, keeping, channel)
        finding = None if found is None else _shown(context, (ending, keeping), turned, *found)
        if finding is not None:
            return finding
    return None


def _opposing(ending: Facts, keeping: Facts, channel: str) -> tuple[Write, Write] | None:
    """Return what the one's end and the other's firing set otherwise; a rule without conditions does not hold on."""
    if not keeping.rule.conditions:
        return None
    pairs = product(_certain(ending.clears, channel), _certain(keeping.writes, channel))
    return next(((one, other) for one, other in pairs if one.may_meet(other) and one.value != other.value), None)


def _certain(writes: tuple[Write, ...], channel: str) -> list[Write]:
    return [write for write in writes if write.channel == channel and write.known and not write.delayed]


def _shown(context: Context, pair: tuple[Facts, Facts], cast: Cast, end: Write, kept: Write) -> Finding | None:
    ending, keeping = pair
    names = f"{ending.rule.name!r} ends while {keeping.rule.name!r} still holds"
    what = f"{end.channel} is set to {end.shown}, where {keeping.rule.name!r} had set {kept.shown}"
    for steps in islice(_histories(context, pair, cast), _MOST_TRIED):
        play = context.theatre.play(pair, steps, cast)
        if _undone(play, ending, keeping, end.channel):
            witness = witness_of(f"{names}: {what}", steps, play, cast, pair)
            mend = (
                f"give the clear action an `if` with the opposite of the conditions of {keeping.rule.name!r}, "
                "or merge the two rules into one whose conditions are joined with OR"
            )
            rules = (ending.id, keeping.id)
            message = f"{names}, and its clear action undoes what that one wants: {what}"
            return Finding(
                "action_conflict", "certain", rules, message, mend, witness, end.pointer, end.channel, "replayed"
            )
    return None


def _histories(context: Context, pair: tuple[Facts, Facts], cast: Cast) -> list[list[Step]]:
    """Return histories in which both rules fire, and then only the second still holds."""
    ending = pair[0]
    ends = context.reader(ending).every(ending.rule.conditions, False)
    barred = [case.placed(cast.own[0].id) for case in ends if not case.unsure]
    found = []
    for (parts, joint), bar in islice(product(combinations(pair, cast), barred), _MOST_TRIED):
        first, last = context.solved(joint), parts[1].case.meet(bar)
        if not first.truth or joint.unsure or not last.possible:
            continue
        then = context.solved(last)
        at = history.instants(parts, context.now_us, context.within_us) if then.truth else None
        if at is not None:
            both = history.together(parts, first.point, at)
            moved = {key: value for key, value in then.point.items() if first.point.get(key) != value}
            found.append([*both[:-1], *_end(last, moved, max(at))])
    return found


def _end(last: Case, moved: history.Values, fired_us: int) -> list[Step]:
    """Return what makes one rule end: readings, or the clock."""
    at_us = fired_us + _LATER_US
    if last.week is not None:
        at_us = history.first_instant(last.week, at_us) or at_us
    return [*history.readings_of(moved, at_us), Tick(at_us + SECOND_US)]


def _undone(play: Play, ending: Facts, keeping: Facts, channel: str) -> bool:
    """Tell whether a clear of one rule changed what the other, still holding, had set."""
    wanted: dict[str, object] = {}
    for scene in play.scenes:
        for firing in scene.firings:
            for call in firing.actions if firing.rule_id in {ending.id, keeping.id} else ():
                for device, name, value in call.sets if call.runs else ():
                    if name != channel:
                        continue
                    if firing.rule_id == keeping.id:
                        wanted[device] = value
                    elif firing.kind == "fired":
                        wanted = {one: kept for one, kept in wanted.items() if one != device or kept == value}
                    elif wanted.get(device, value) != value and scene.truths.get(keeping.id) is True:
                        return True
    return False
