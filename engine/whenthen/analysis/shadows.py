"""A rule in the shadow of another: whenever it fires, the other does too, and leaves it nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from whenthen.analysis.facts import Facts, Write
from whenthen.analysis.findings import Finding
from whenthen.analysis.stageplay import Play
from whenthen.analysis.trial import Context, try_together
from whenthen.dsl.compiled import Scope


def shadows(context: Context, first: Facts, second: Facts) -> Iterator[Finding]:
    """Yield the findings that one of two rules lies in the other's shadow."""
    for rule, over in ((first, second), (second, first)):
        found = _shadow(context, rule, over)
        if found is not None:
            yield found
            return


def _shadow(context: Context, rule: Facts, over: Facts) -> Finding | None:
    if not _always_with(rule, over):
        return None
    whenever = f"whenever {rule.rule.name!r} fires, {over.rule.name!r} fires in the same tick"
    if over.rule.priority > rule.rule.priority and _all_taken(rule, over):
        says = f"{whenever}, has the higher priority and sets the same otherwise"
        mend = f"remove {rule.rule.name!r}, raise its priority, or narrow the conditions of {over.rule.name!r}"
        return _found(context, rule, over, _superseded(rule, over), says, mend)
    if _all_done(rule, over):
        mend = f"remove {rule.rule.name!r}, or change what it does"
        return _found(context, rule, over, _doubled(rule, over), f"{whenever} and does the same", mend)
    return None


def _found(  # noqa: PLR0913, PLR0917 - the parts of a finding
    context: Context, rule: Facts, over: Facts, observe: Callable[[Play], bool], says: str, mend: str
) -> Finding | None:
    cast = context.placing.cast((rule, over))
    shown = None if cast is None else try_together(context, (rule, over), cast, observe, says)
    if shown is None:
        return None
    message = f"{rule.rule.name!r} never has an effect of its own: {says}"
    rules = (rule.id, over.id)
    return Finding("shadowed", shown.grade, rules, message, mend, shown.witness, "", "", shown.proof)


def _always_with(rule: Facts, over: Facts) -> bool:
    """Tell whether *over* certainly fires in each tick in which *rule* does."""
    one, other = rule.rule, over.rule
    return (
        rule.listens <= over.listens
        and _scope_within(one.scope, other.scope)
        and not (other.edge or other.cooldown_us or other.max_executions is not None)
        and (other.valid_from_us is None or (one.valid_from_us or 0) >= other.valid_from_us)
        and (other.valid_until_us is None or (one.valid_until_us or 1 << 63) <= other.valid_until_us)
        and not any(wanted.interval_us for wanted in other.sensor_triggers)
        and one.global_subject == other.global_subject
        and _set_off_by(one) <= _set_off_by(other)
        and all(any(case.within(wider) for wider in over.fires) for case in rule.fires)
    )


def _scope_within(inner: Scope, outer: Scope) -> bool:
    pairs = ((getattr(inner, name), getattr(outer, name)) for name in ("farm", "room", "device", "device_type"))
    return inner.per == outer.per and all(wider is None or wider == narrow for narrow, wider in pairs)


def _set_off_by(rule: Any) -> set[str]:
    """Return the rule's triggers other than readings, as text."""
    return {f"{one.type} {sorted(one.config.items())}" for one in rule.triggers if not one.sensors()}


def _all_taken(rule: Facts, over: Facts) -> bool:
    """Tell whether each action of *rule* sets something that *over* sets otherwise."""
    unguarded = {call.pointer for call in over.calls if not call.guarded}
    writes = [write for write in over.writes if write.pointer in unguarded and write.known and not write.delayed]
    return all(
        any(_opposes(one, other) for one in rule.writes if one.pointer == call.pointer for other in writes)
        for call in rule.calls
    )


def _opposes(one: Write, other: Write) -> bool:
    same = one.actuator == other.actuator
    return same and one.known and not one.delayed and one.value != other.value


def _all_done(rule: Facts, over: Facts) -> bool:
    """Tell whether *over* does everything that *rule* does, and once is as good as twice."""
    done = {call.same for call in over.calls if not call.guarded}
    ends = {(write.device, write.channel, repr(write.value)) for write in over.clears}
    return all(call.same in done and call.repeatable for call in rule.calls) and all(
        (write.device, write.channel, repr(write.value)) in ends for write in rule.clears
    ) and bool(rule.rule.clear_actions) == bool(over.rule.clear_actions)  # fmt: skip


def _superseded(rule: Facts, over: Facts) -> Callable[[Play], bool]:
    def observe(play: Play) -> bool:
        own = [one for one in play.firings if one.rule_id == rule.id and one.kind == "fired"]
        return bool(own) and all(call.superseded_by == over.id for one in own for call in one.actions)

    return observe


def _doubled(rule: Facts, over: Facts) -> Callable[[Play], bool]:
    def observe(play: Play) -> bool:
        own = {one.at_us for one in play.fired(rule.id)}
        return bool(own) and own <= {one.at_us for one in play.fired(over.id)}

    return observe
