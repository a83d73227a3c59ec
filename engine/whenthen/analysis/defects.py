"""What is wrong with one rule by itself: it can never fire, always holds, is over, or misses a trigger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations as choose
from itertools import islice

from whenthen.analysis import history
from whenthen.analysis.calendar import WEEK_US, runs, week_of
from whenthen.analysis.case import Case, together
from whenthen.analysis.facts import Facts
from whenthen.analysis.findings import Finding, Grade, Proof, Witness
from whenthen.analysis.region import ANY, Key
from whenthen.analysis.trial import Context, combinations, witness_of
from whenthen.analysis.ways import Reader
from whenthen.clock import MINUTE_US, SECOND_US, from_us
from whenthen.dsl.compiled import Node
from whenthen.model.reading import Scalar
from whenthen.model.step import Step, Tick

_MOST_TRIED = 6
_WEEKS = 53
_MOST_RARE_RUNS = 64


def defects(context: Context, facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with a rule alone; one that never fires, or no more, has no other faults."""
    dead = _expired(context, facts) or _never(context, facts)
    if dead is not None:
        yield dead
        return
    reader = context.reader(facts)
    for node in facts.rule.conditions:
        yield from _always(context, facts, reader, node)
    yield from _missed_triggers(context, facts)
    yield from _swallowed(context, facts)


# Over


def _expired(context: Context, facts: Facts) -> Finding | None:
    until_us = facts.rule.valid_until_us
    if until_us is None or until_us > context.now_us:
        return None
    start_us = facts.rule.valid_from_us
    if start_us is not None and start_us >= until_us:
        return _never_found(facts, "valid_until is not later than valid_from", "intervals", pointer="/valid_until")
    when = from_us(until_us).isoformat()
    says = f"valid until {when}; from then on nothing fires"
    cast = context.placing.cast([facts])
    steps: list[Step] = [Tick(until_us), Tick(context.now_us)]
    witness = Witness(says, rules=(facts.id,))
    if cast is not None:
        play = context.theatre.play([facts], steps, cast)
        if play.blocked[facts.id] in ("expired", "no_subject") and not play.fired(facts.id):
            witness = witness_of(says, steps, play, cast, [facts])
    mend = "remove the rule, or move valid_until"
    message = f"{facts.rule.name!r} is over since {when}"
    return Finding("expired", "certain", (facts.id,), message, mend, witness, "/valid_until", "", "replayed")


# Never


def _never(context: Context, facts: Facts) -> Finding | None:
    rule = facts.rule
    if rule.valid_from_us is not None and rule.valid_until_us is not None and rule.valid_from_us >= rule.valid_until_us:
        return _never_found(facts, "valid_until is not later than valid_from", "intervals", pointer="/valid_until")
    if not facts.fires:
        if any(_reading(facts, week_us) for week_us in _weeks(context, 4, apart=13)):
            return None  # not now, but once the clocks have changed
        node, why = _contradiction(context, facts)
        return _never_found(facts, why, "intervals", pointer=node)
    answers = [context.solved(case).truth if case.terms else True for case in facts.fires]
    if True not in answers:
        sure = None not in answers
        why = "no values make its expressions true" if sure else "no values were found that make its expressions true"
        return _never_found(facts, why, "solver" if sure else "none", pointer="/conditions")
    return _untimely(context, facts)


def _untimely(context: Context, facts: Facts) -> Finding | None:
    """Return the finding that no schedule of a rule ever meets the times at which its conditions allow it."""
    cast = context.placing.cast([facts])
    if cast is None:
        return None
    for parts, _ in islice(combinations([facts], cast), 32):
        if not parts[0].schedules or any(trigger.schedule(facts.place) is None for trigger in parts[0].schedules):
            return None
        if history.instants(parts, context.now_us, 0) is not None:
            return None
    if not facts.scheduled or _comes_someday(context, facts):
        return None
    times = " and ".join(trigger.describe() for trigger in facts.rule.triggers)
    why = f"it looks at {times}, and at no such time do its conditions allow it"
    return _never_found(facts, why, "intervals", pointer="/conditions")


def _comes_someday(context: Context, facts: Facts) -> bool:
    """Look closer than at the week that stands for all: at each week's own hours, and at runs that are years away.

    A window in one zone and a schedule in another meet in half of the year; a leap day is a Saturday now and then.
    """
    until_us = facts.rule.valid_until_us
    low_us = max(context.now_us, facts.rule.valid_from_us or 0)
    for trigger in facts.rule.triggers:
        schedule = trigger.schedule(facts.place) if trigger.scheduled else None
        if schedule is None:
            continue
        for week_us in _weeks(context, _WEEKS):
            ends = [week_us + WEEK_US] if until_us is None else [week_us + WEEK_US, until_us]
            for case in _reading(facts, week_us):
                if any(runs(trigger, facts.place, case.week, max(week_us, low_us), min(ends), weeks=1)):
                    return True
        at_us = schedule.next_after(low_us - 1)
        for _ in range(_MOST_RARE_RUNS):
            if at_us is None or (until_us is not None and at_us >= until_us):
                break
            since_us = at_us - week_of(at_us)
            for case in _reading(facts, week_of(at_us)):
                if case.week is None or any(span.low <= since_us <= span.high for span in case.week):
                    return True
            at_us = schedule.next_after(at_us)
    return False


def _weeks(context: Context, count: int, apart: int = 1) -> Iterator[int]:
    """Yield the starts of weeks, from this one on."""
    return (week_of(context.now_us) + number * apart * WEEK_US for number in range(count))


def _reading(facts: Facts, week_us: int) -> tuple[Case, ...]:
    """Return the ways in which a rule's conditions hold in a certain week."""
    return Reader(facts.rule.variables, facts.place.zone, week_us).every(facts.rule.conditions)


def _contradiction(context: Context, facts: Facts) -> tuple[str, str]:
    """Return where, and between which parts, the contradiction lies."""
    reader = context.reader(facts)
    ways = [(node, reader.of(node, True)) for node in facts.rule.conditions]
    for node, found in ways:
        if not found:
            return _deepest(reader, node), f"{_told(node)} can never be true"
    for (node, found), (other, others) in choose(ways, 2):
        if not together([found, others]):
            return other.path, f"{_told(node)} and {_told(other)} exclude each other"
    return "/conditions", "its conditions exclude each other"


def _deepest(reader: Reader, node: Node) -> str:
    """Return the pointer of the innermost condition that by itself can never be true."""
    for child in node.children:
        joins = node.condition.type in ("composite", "duration") and node.condition.config.get("operator") != "NOT"
        if joins and not reader.of(child, True):
            return _deepest(reader, child)
    return node.path


def _never_found(facts: Facts, why: str, proof: Proof, *, pointer: str) -> Finding:
    message = f"{facts.rule.name!r} can never fire: {why}"
    mend = "change one of the parts that exclude each other, or remove the rule"
    grade: Grade = "possible" if proof == "none" else "certain"
    witness = Witness(why, rules=(facts.id,))
    return Finding("never_fires", grade, (facts.id,), message, mend, witness, pointer, "", proof)


# Always


def _always(context: Context, facts: Facts, reader: Reader, node: Node) -> Iterator[Finding]:
    false_ways = reader.of(node, False)
    answers = [context.solved(case).truth if case.terms else True for case in false_ways]
    if True in answers:
        for child in node.children:
            yield from _always(context, facts, reader, child)
        return
    proof: Proof = "intervals" if not answers else "none" if None in answers else "solver"
    says = f"{_told(node)} holds for values at both ends and in between"
    witness = _seen_everywhere(context, facts, reader, node, says)
    message = f"in {facts.rule.name!r}, {_told(node)} is true whatever its sensors say"
    mend = "leave it out, or correct its limits"
    if witness is not None and proof != "none":
        proof = "replayed"
    grade: Grade = "possible" if proof == "none" else "certain"
    yield Finding(
        "always_true",
        grade,
        (facts.id,),
        message,
        mend,
        witness or Witness(says, rules=(facts.id,)),
        node.path,
        "",
        proof,
    )


def _seen_everywhere(context: Context, facts: Facts, reader: Reader, node: Node, says: str) -> Witness | None:
    """Return a history in which a condition's sensors take many values and it holds each time."""
    cast = context.placing.cast([facts])
    if cast is None:
        return None
    device = cast.own[0].id
    keys = {key for case in reader.of(node, True) for key in case.placed(device).keys}
    if not keys:
        return None
    ways = [case.placed(device) for case in reader.of(node, True)]
    choices: dict[Key, list[Scalar]] = {}
    for key in sorted(keys, key=repr):
        domains = [way.box[key] for way in ways if key in way.box]
        values = [value for domain in domains for value in domain.samples()]
        ends = [-1_000_000.0, 1_000_000.0] if any(domain.spans for domain in domains) or not domains else []
        choices[key] = list(dict.fromkeys([*ends, *values]))[:8]
    start_us = context.now_us + MINUTE_US
    longest = max(way.hold_us for way in ways)
    steps: list[Step] = []
    for number in range(max(len(values) for values in choices.values())):
        given = {key: values[min(number, len(values) - 1)] for key, values in choices.items()}
        steps += history.readings_of(given, start_us + number * (longest + MINUTE_US))
        steps += [Tick(start_us + number * (longest + MINUTE_US) + longest)] if longest else []
    truths = context.theatre.truths_at(facts, steps, cast, node.path)
    looked = truths[1::2] if longest else truths
    if len(cast.own) != 1 or not all(truth is True for truth in looked):
        return None
    return witness_of(says, steps, context.theatre.play([facts], steps, cast), cast, [facts])


# A trigger that misses a sensor


def _missed_triggers(context: Context, facts: Facts) -> Iterator[Finding]:
    if not facts.listens or facts.scheduled or facts.rule.event_triggers:
        return
    for key in facts.reads:
        if not facts.hears(key):
            found = _missed(context, facts, key)
            if found is not None:
                yield found


def _missed(context: Context, facts: Facts, key: Key) -> Finding | None:
    cast = context.placing.cast([facts])
    if cast is None:
        return None
    placed: Key = (key[0] or cast.own[0].id, key[1], None)
    says = f"{key[1]} changes, the conditions hold from then on, and nothing fires"
    unsure = False
    for parts, case in islice(combinations([facts], cast), _MOST_TRIED):
        answer = context.solved(case)
        at = history.instants(parts, context.now_us, 0)
        unsure = unsure or bool(case.unsure) or answer.truth is None
        if placed not in case.keys or not answer.truth or at is None:
            continue
        for steps in _late_changes(parts[0], case, placed, answer.point, at[0]):
            play = context.theatre.play([facts], steps, cast, closely=True)
            if not play.fired(facts.id) and play.scenes[-1].truths[facts.id] is True and _came(play.scenes, facts):
                return _missed_found(facts, key, witness_of(says, steps, play, cast, [facts]), sure=True)
    if unsure:
        return _missed_found(facts, key, Witness(says, rules=(facts.id,)), sure=False)
    return None


def _came(scenes: Sequence[object], facts: Facts) -> bool:
    """Tell whether the conditions did not hold at first."""
    first = scenes[0]
    return getattr(first, "truths", {}).get(facts.id) is not True


def _late_changes(part: history.Part, case: Case, key: Key, point: history.Values, at_us: int) -> Iterator[list[Step]]:
    """Yield histories in which everything is right but one sensor, which then comes right."""
    hold_us = case.hold_us
    right = point.get(key)
    domain = case.box.get(key, ANY)
    wrong = [*domain.outside()]
    if isinstance(right, int | float) and not isinstance(right, bool):
        wrong += [right + 1_000.0, right - 1_000.0]
    others = {**dict.fromkeys(part.trigger_keys, 1.0), **{name: value for name, value in point.items() if name != key}}
    for value in wrong[:_MOST_TRIED]:
        if right is None:
            continue
        first_us = at_us - hold_us
        steps = history.readings_of({**others, key: value}, first_us)
        steps += history.readings_of({key: right}, first_us + SECOND_US)
        yield [*history.in_order(steps), Tick(first_us + SECOND_US + hold_us + SECOND_US)]


def _missed_found(facts: Facts, key: Key, witness: Witness, *, sure: bool) -> Finding:
    device, sensor, _ = key
    of = f" of {device}" if device else ""
    message = f"{facts.rule.name!r} reads {sensor}{of}, but no reading of it starts the rule"
    mend = f"add {sensor} to the sensors of the trigger, or a schedule that looks now and then"
    grade: Grade = "certain" if sure else "possible"
    proof: Proof = "replayed" if sure else "none"
    return Finding(
        "missed_trigger",
        grade,
        (facts.id,),
        message,
        mend,
        witness,
        "/trigger",
        f"{device or ''}:{sensor}",
        proof,
    )


# A schedule that always falls into the rule's own cooldown


def _swallowed(context: Context, facts: Facts) -> Iterator[Finding]:
    rule = facts.rule
    timed = [(number, trigger) for number, trigger in enumerate(rule.triggers) if trigger.scheduled]
    if not rule.cooldown_us or len(timed) < 2 or len(timed) < len(rule.triggers):
        return
    cast = context.placing.cast([facts])
    if cast is None or not any(case.plain and not case.box for case in facts.fires):
        return
    week = facts.fires[0].week
    start_us = context.now_us
    times = [list(islice(runs(one, facts.place, week, start_us, None), 64)) for _, one in timed]
    horizon = min((found[-1] for found in times if found), default=start_us)
    steps: list[Step] = [
        Tick(start_us),
        *(Tick(at) for at in sorted({one for found in times for one in found if one <= horizon})),
    ]
    play = context.theatre.play([facts], steps, cast)
    fired = {firing.at_us for firing in play.fired(facts.id)}
    settled_us = max((found[0] for found in times if found), default=start_us)  # before, one may still come first
    for (number, trigger), found in zip(timed, times, strict=True):
        due = [at for at in found if settled_us < at <= horizon]
        if fired and len(due) > 1 and not fired & set(due):
            says = f"{len(due)} runs of it, and each falls into the cooldown of {rule.cooldown_us // SECOND_US} s"
            message = (
                f"in {rule.name!r}, the schedule {trigger.describe()} never fires: a run of another always comes before"
            )
            witness = witness_of(says, steps, play, cast, [facts])
            yield Finding(
                "shadowed",
                "certain",
                (facts.id,),
                message,
                "shorten the cooldown, or leave the schedule out",
                witness,
                f"/triggers/{number}",
                "",
                "replayed",
            )


def _told(node: Node) -> str:
    try:
        return f"{node.condition.describe()!r}"
    except Exception:  # noqa: BLE001 - a plugin may raise anything
        return f"the condition {node.condition.type}"
