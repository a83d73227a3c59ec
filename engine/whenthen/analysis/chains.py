"""Rules that set each other off: loops, and settings undone by what they themselves cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product

from whenthen.analysis import history
from whenthen.analysis.case import Case
from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.findings import Finding
from whenthen.analysis.graph import Edge, Graph
from whenthen.analysis.history import Part
from whenthen.analysis.placing import Cast
from whenthen.analysis.region import Key
from whenthen.analysis.stageplay import Play
from whenthen.analysis.trial import Context, witness_of
from whenthen.clock import MINUTE_US, SECOND_US
from whenthen.model.firing import Firing
from whenthen.model.reading import Scalar
from whenthen.model.step import Step, Tick

LONGEST = 4
"""So many rules in a loop, or in a chain, are looked at."""
_MOST_CHAINS = 200
_MOST_TRIED = 64

Chain = tuple[Edge, ...]


def loops(context: Context, graph: Graph, starts: Sequence[Facts]) -> Iterator[Finding]:
    """Yield the loops in which each of *starts* takes part; each loop once."""
    seen: set[tuple[str, ...]] = set()
    for facts in starts:
        for chain in islice(_cycles(graph, facts), _MOST_CHAINS):
            rules = _turned(tuple(edge.source for edge in chain))
            if rules not in seen:
                found = _loop(context, graph, chain, rules)
                if found is not None:
                    seen.add(rules)
                    yield found


def _cycles(graph: Graph, start: Facts) -> Iterator[Chain]:
    def further(chain: Chain, here: str) -> Iterator[Chain]:
        for edge in graph.edges(graph.facts[here]):
            if edge.target == start.id:
                yield (*chain, edge)
            elif len(chain) + 1 < LONGEST and all(edge.target != one.target for one in chain):
                yield from further((*chain, edge), edge.target)

    yield from further((), start.id)


def _turned(rules: tuple[str, ...]) -> tuple[str, ...]:
    first = rules.index(min(rules))
    return rules[first:] + rules[:first]


def _loop(context: Context, graph: Graph, chain: Chain, rules: tuple[str, ...]) -> Finding | None:
    facts = [graph.facts[edge.source] for edge in chain]
    names = " → ".join(repr(one.rule.name) for one in [*facts, facts[0]])

    def observe(play: Play) -> bool:
        return all(len(play.fired(one.id)) > 1 for one in facts)

    found = _tried(context, facts, chain, observe, rounds=2)
    if found is None:
        return None
    steps, play, cast = found
    slow = any(edge.means == "world" and not edge.at_once for edge in chain)
    says = "each of the rules fires again and again, set off by the one before it"
    mend = (
        "move the limits further apart (hysteresis), or guard one rule with the opposite of another's conditions"
        if slow
        else "guard one of the rules so that what the others cause does not start it, or give it a cooldown"
    )
    witness = witness_of(says, steps, play, cast, facts)
    means = ", ".join(dict.fromkeys(_means(edge) for edge in chain))
    message = f"{names}: they set each other off without end, by {means}"
    return Finding("action_loop", "certain", rules, message, mend, witness, "/actions", "", "replayed")


def _means(edge: Edge) -> str:
    if edge.sensor is None:
        return {"event": "an event", "run": "a run"}[edge.means]
    return f"what {edge.sensor[1]} reports" if edge.means == "echo" else f"its effect on {edge.sensor[1]}"


# Undone by what it causes


def reverts(context: Context, graph: Graph, starts: Sequence[Facts]) -> Iterator[Finding]:
    """Yield settings of *starts* that another rule undoes, set off by them at once."""
    for facts in starts:
        done: set[tuple[str, str]] = set()
        for chain in islice(_paths(graph, facts), _MOST_CHAINS):
            last = graph.facts[chain[-1].target]
            for one, other in _opposed(facts, last):
                if (last.id, one.channel) not in done:
                    found = _revert(context, graph, chain, one, other)
                    if found is not None:
                        done.add((last.id, one.channel))
                        yield found


def _paths(graph: Graph, start: Facts) -> Iterator[Chain]:
    def further(chain: Chain, here: str) -> Iterator[Chain]:
        for edge in graph.edges(graph.facts[here]):
            if not edge.at_once or edge.target == start.id or any(edge.target == one.target for one in chain):
                continue
            yield (*chain, edge)
            if len(chain) + 2 < LONGEST:
                yield from further((*chain, edge), edge.target)

    yield from further((), start.id)


def _opposed(first: Facts, last: Facts) -> Iterator[tuple[Write, Write]]:
    for one in first.writes:
        for other in last.writes:
            differ = one.channel == other.channel and one.known and other.known and one.value != other.value
            if differ and (one.device is None or other.device is None or one.device == other.device):
                yield one, other


def _revert(context: Context, graph: Graph, chain: Chain, one: Write, other: Write) -> Finding | None:
    facts = [graph.facts[chain[0].source], *(graph.facts[edge.target] for edge in chain)]
    first, last = facts[0], facts[-1]

    def observe(play: Play) -> bool:
        return _undone(play, first.id, last.id, one.channel, context.within_us)

    found = _tried(context, facts, chain, observe, rounds=1)
    if found is None:
        return None
    steps, play, cast = found
    by = ", ".join(dict.fromkeys(_means(edge) for edge in chain))
    message = (
        f"{first.rule.name!r} sets {one.channel} to {one.value} and thereby sets off {last.rule.name!r} (by {by}), "
        f"which sets it to {other.value}"
    )
    says = f"{one.channel} is set, and set back within {context.within_us / SECOND_US:g} s"
    mend = f"guard {last.rule.name!r} so that what {first.rule.name!r} does cannot start it, or give both one cooldown"
    witness = witness_of(says, steps, play, cast, facts)
    rules = (first.id, last.id)
    return Finding("action_revert", "certain", rules, message, mend, witness, one.pointer, one.channel, "replayed")


def _undone(play: Play, first: str, last: str, channel: str, within_us: int) -> bool:
    set_at: dict[str, tuple[int, object]] = {}
    for firing in play.firings:
        for device, value in _settings(firing, channel):
            if firing.rule_id == first:
                set_at[device] = (firing.at_us, value)
            elif firing.rule_id == last and device in set_at:
                at_us, old = set_at[device]
                if old != value and firing.at_us - at_us <= within_us:
                    return True
    return False


def _settings(firing: Firing, channel: str) -> Iterator[tuple[str, object]]:
    if firing.kind == "fired":
        for call in firing.actions:
            if call.runs:
                yield from ((device, value) for device, name, value in call.sets if name == channel)


# Histories of chains


def _tried(
    context: Context, facts: Sequence[Facts], chain: Chain, observe: object, *, rounds: int
) -> tuple[list[Step], Play, Cast] | None:
    """Return a history along the chain in which *observe* sees what it looks for."""
    assert callable(observe)  # noqa: S101 - for the type checker
    cast = context.placing.cast(facts)
    if cast is None:
        return None
    device = cast.own[0].id
    placed = [[case.placed(device) for case in one.fires if not case.unsure] for one in facts]
    for cases in islice(product(*placed), _MOST_TRIED):
        steps = _along(context, facts, cases, chain, cast, rounds)
        if steps is not None:
            play = context.theatre.play(facts, steps, cast)
            if observe(play):
                return steps, play, cast
    return None


def _along(  # noqa: PLR0913, PLR0917 - the parts of a chain
    context: Context, facts: Sequence[Facts], cases: Sequence[Case], chain: Chain, cast: Cast, rounds: int
) -> list[Step] | None:
    device = cast.own[0]
    moved = [None if edge.sensor is None else (edge.sensor[0] or device.id, edge.sensor[1], None) for edge in chain]
    fixed = _fixed([_without(case, {key for key in moved if key is not None}) for case in cases])
    course = next(_courses(cases, chain, moved, circular=rounds > 1), None) if fixed.possible else None
    answer = None if course is None else context.solved(fixed)
    if course is None or answer is None or not answer.truth:
        return None
    first = Part(facts[0], cases[0], device)
    at = history.instants([replace(first, case=replace(cases[0], week=fixed.week))], context.now_us, 0)
    if at is None:
        return None
    return _written(first, facts, cases, chain, {**answer.point, **course[0]}, course, at[0], rounds)


def _without(case: Case, keys: set[Key]) -> Case:
    return replace(
        case,
        box={key: domain for key, domain in case.box.items() if key not in keys},
        before={key: domain for key, domain in case.before.items() if key not in keys},
    )


def _fixed(cases: Sequence[Case]) -> Case:
    joint = cases[0]
    for case in cases[1:]:
        joint = joint.meet(case)
    return joint


def _courses(
    cases: Sequence[Case], chain: Chain, moved: Sequence[Key | None], *, circular: bool
) -> Iterator[list[dict[Key, Scalar]]]:
    """Yield, for each rule of the chain, values of the moved sensors that let it fire and follow from those before."""
    keys = list(dict.fromkeys(key for key in moved if key is not None))
    for key in keys:
        signs = {edge.sign for edge, one in zip(chain, moved, strict=True) if one == key}
        if circular and signs in ({1}, {-1}):
            return  # what only rises does not come back
    options = [[dict(zip(keys, found, strict=True)) for found in _choices(cases, case, keys)] for case in cases]

    def further(course: list[dict[Key, Scalar]]) -> Iterator[list[dict[Key, Scalar]]]:
        number = len(course)
        if number == len(cases):
            if not circular or _follows(course[-1], course[0], chain[-1], moved[-1]):
                yield course
            return
        for option in options[number]:
            if number == 0 or _follows(course[-1], option, chain[number - 1], moved[number - 1]):
                yield from further([*course, option])

    yield from further([])


def _choices(cases: Sequence[Case], case: Case, keys: Sequence[Key]) -> Iterator[tuple[Scalar, ...]]:
    return islice(product(*(_values(cases, case, key) for key in keys)), 16)


def _values(cases: Sequence[Case], case: Case, key: Key) -> list[Scalar]:
    """Return a few values that a rule allows, those first that start none of the others."""
    others = [other.box[key] for other in cases if other is not case and key in other.box]
    if key in case.box:
        found = [*islice(case.box[key].samples(), 4)]
    else:
        found = [value for domain in others for value in (*islice(domain.outside(), 2), *islice(domain.samples(), 2))]
    return sorted(found, key=lambda value: sum(domain.holds(value) for domain in others))[:6] or [0.0]


def _follows(before: Mapping[Key, Scalar], after: Mapping[Key, Scalar], edge: Edge, key: Key | None) -> bool:
    if key is None:
        return True
    if edge.means == "echo":
        return type(after[key]) is type(edge.value) and after[key] == edge.value
    old, new = before[key], after[key]
    if isinstance(old, str | bool) or isinstance(new, str | bool):
        return False
    return (new - old) * edge.sign > 0


def _written(  # noqa: PLR0913, PLR0917 - the parts of a history
    first: Part,
    facts: Sequence[Facts],
    cases: Sequence[Case],
    chain: Chain,
    values: Mapping[Key, Scalar],
    course: Sequence[Mapping[Key, Scalar]],
    at_us: int,
    rounds: int,
) -> list[Step]:
    steps = history.together([first], values, [at_us])
    for case in cases[1:]:
        early = {key: value for key, value in values.items() if key in case.box and key not in first.case.box}
        steps = [*history.readings_of(early, at_us - first.case.hold_us), *steps]
    now_us = at_us
    for number in range(len(chain) * rounds):
        edge, target = chain[number % len(chain)], (number + 1) % len(facts)
        hold_us, cooldown_us = cases[target].hold_us, facts[target].rule.cooldown_us
        now_us += max(MINUTE_US, cooldown_us) if edge.means == "world" and not edge.at_once else SECOND_US
        if edge.sensor is not None:
            device = edge.sensor[0] or first.device.id
            steps += history.readings_of(
                {(device, edge.sensor[1], None): course[target][device, edge.sensor[1], None]}, now_us
            )
        steps.append(Tick(now_us + hold_us))
        now_us += hold_us
    return [*history.in_order(steps), Tick(now_us + SECOND_US)]
