"""Rules with a defect of their own, and rules that only look as if they had one."""

from __future__ import annotations

from typing import Any

from seeded.parts import Maker, Seed, at, between, compare, composite, lasting, log, note, turn

PAST, FUTURE = "2025-03-01T00:00:00Z", "2031-03-01T00:00:00Z"


def never_fires(m: Maker) -> Seed:
    sensor, low = m.sensor(), m.limit()
    high = low + m.step()
    kind = m.random.randrange(6)
    actions = [turn(m.channel())]
    if kind == 0:
        parts = [m.wrapped(compare(sensor, ">", high)), m.wrapped(compare(sensor, "<", low))]
    elif kind == 1:
        parts = [m.wrapped(compare(sensor, "==", "wet")), m.wrapped(compare(sensor, "==", "dry"))]
    elif kind == 2:
        inside = {"type": "range", "config": {"sensor": sensor, "min": low, "max": high}}
        parts = [composite("AND", inside, m.wrapped(compare(sensor, ">", high)))]
    elif kind == 3:
        parts = [
            composite(
                "OR",
                composite("AND", compare(sensor, ">", high), compare(sensor, "<=", low)),
                composite("AND", compare(sensor, "==", low), compare(sensor, "!=", low)),
            )
        ]
    elif kind == 4:
        rule = m.rule([between("09:00", "17:00")], actions, [sensor], trigger=at("20:00"))
        return m.seed([rule], rule)
    else:
        low, high = abs(low), abs(low) + m.step()
        parts = [{"type": "expression", "config": {"expression": f"{sensor} > {high:.2f} and {sensor} < {low:.2f}"}}]
    rule = m.rule(parts, actions, [sensor], scope=m.scope())
    return m.seed([rule], rule)


def may_fire(m: Maker) -> Seed:
    sensor, other, low = m.sensor(), m.sensor(), m.limit()
    high = low + m.step()
    kind = m.random.randrange(5)
    trigger: Any = None
    if kind == 0:
        parts = [m.wrapped(compare(sensor, ">", low)), m.wrapped(compare(sensor, "<", high))]
    elif kind == 1:
        parts = [compare(sensor, ">", high), compare(other, "<", low)]
    elif kind == 2:
        parts = [compare(sensor, ">=", low), compare(sensor, "<=", low)]
    elif kind == 3:
        parts, trigger = [between("09:00", "17:00")], at("16:59")
    else:
        parts = [compare(sensor, ">", high), compare(sensor, "<", low, device="elsewhere")]
    rule = m.rule(parts, [turn(m.channel())], [sensor, other], **({"trigger": trigger} if trigger else {}))
    return m.seed([rule])


def always_true(m: Maker) -> Seed:
    sensor, low = m.sensor(), m.limit()
    high = low + m.step()
    below, above = compare(sensor, "<=", high), compare(sensor, ">", low)
    true = m.random.choice(
        (
            composite("OR", below, above),
            composite("NOT", composite("AND", compare(sensor, "<", low), compare(sensor, ">", high))),
            composite("OR", compare(sensor, "==", "on"), compare(sensor, "!=", "on")),
            composite("OR", compare(sensor, "<", low), composite("NOT", compare(sensor, "<", low))),
        )
    )
    other = m.sensor()
    parts = [m.wrapped(true), compare(other, ">", m.limit())]
    rule = m.rule(parts, [note(m.name())], [sensor, other], scope=m.scope())
    return m.seed([rule], rule)


def sometimes_true(m: Maker) -> Seed:
    sensor, low = m.sensor(), m.limit()
    high = low + m.step()
    some = m.random.choice(
        (
            composite("OR", compare(sensor, "<", low), compare(sensor, ">", high)),
            composite("OR", compare(sensor, "<", low), compare(sensor, ">", low)),
            composite("OR", compare(sensor, "<=", high), compare(sensor, ">", low, device="elsewhere")),
        )
    )
    rule = m.rule([m.wrapped(some)], [note(m.name())], [sensor])
    return m.seed([rule])


def shadowed(m: Maker) -> Seed:
    sensor, low, channel = m.sensor(), m.limit(), m.channel()
    high = low + m.step()
    scope = m.scope()
    kind = m.random.randrange(3)
    if kind == 0:
        rule = m.rule([compare(sensor, ">", high)], [turn(channel)], [sensor], scope=scope, priority=1)
        over = m.rule(
            [m.wrapped(compare(sensor, ">", low), duration=False)], [turn(channel, "off")], [sensor], priority=5
        )
        return m.seed([rule, over], rule, over)
    if kind == 1:
        rule = m.rule([m.wrapped(compare(sensor, ">=", high))], [turn(channel)], [sensor], scope=scope)
        over = m.rule([compare(sensor, ">=", low)], [turn(channel), log(m.name())], [sensor])
        return m.seed([rule, over], rule, over)
    hour = m.random.randrange(1, 20)
    rule = m.rule([], [log(m.name())], [], cooldown_seconds=7200)
    del rule["trigger"]
    rule["triggers"] = [at(f"{hour:02}:00"), at(f"{hour + 1:02}:{m.random.randrange(1, 50):02}")]
    return m.seed([rule], rule)


def not_shadowed(m: Maker) -> Seed:
    sensor, low, channel = m.sensor(), m.limit(), m.channel()
    high = low + m.step()
    kind = m.random.randrange(4)
    rule = m.rule([compare(sensor, ">", high)], [turn(channel)], [sensor], priority=1)
    choices: list[dict[str, Any]] = [{"cooldown_seconds": 60}, {"fire": "edge"}, {"scope": {"room": "r1"}}, {}]
    more = choices[kind]
    trigger = [m.sensor()] if kind == 3 else [sensor]
    over = m.rule([compare(sensor, ">", low)], [turn(channel, "off")], trigger, priority=5, **more)
    return m.seed([rule, over])


def missed_trigger(m: Maker) -> Seed:
    sensor, other = m.sensor(), m.sensor()
    second = m.random.choice((compare(other, ">", m.limit()), compare(other, "==", "open"), compare(other, "==", True)))
    parts = [m.wrapped(compare(sensor, "<", m.limit()), duration=False), m.wrapped(second, duration=False)]
    if m.random.random() < 0.5:
        parts = [composite("AND", *parts)]
    rule = m.rule(parts, [turn(m.channel())], [sensor], scope=m.scope())
    return m.seed([rule], rule)


def heard_trigger(m: Maker) -> Seed:
    sensor, other = m.sensor(), m.sensor()
    parts = [compare(sensor, "<", m.limit()), compare(other, ">", m.limit())]
    kind = m.random.randrange(3)
    if kind == 0:
        rule = m.rule(parts, [turn(m.channel())], [sensor, other])
    elif kind == 1:
        rule = m.rule(parts, [turn(m.channel())], [])
        del rule["trigger"]
        config = {"type": "sensor", "config": {"sensor": sensor}}
        rule["triggers"] = [config, {"type": "time", "config": {"every_seconds": 60}}]
    else:
        rule = m.rule([lasting(composite("AND", *parts), 60)], [turn(m.channel())], [sensor])
    return m.seed([rule])


def expired(m: Maker) -> Seed:
    sensor = m.sensor()
    begin = m.random.choice((None, "2024-01-01T00:00:00Z"))
    rule = m.rule(
        [m.wrapped(compare(sensor, ">", m.limit()))], [turn(m.channel())], [sensor], valid_until=PAST, valid_from=begin
    )
    return m.seed([rule], rule)


def not_expired(m: Maker) -> Seed:
    sensor = m.sensor()
    more = m.random.choice(({"valid_until": FUTURE}, {"valid_from": PAST}, {"valid_from": FUTURE}))
    rule = m.rule([m.wrapped(compare(sensor, ">", m.limit()))], [turn(m.channel())], [sensor], **more)
    return m.seed([rule])


ALONE = {
    "never_fires": (never_fires, may_fire),
    "always_true": (always_true, sometimes_true),
    "shadowed": (shadowed, not_shadowed),
    "missed_trigger": (missed_trigger, heard_trigger),
    "expired": (expired, not_expired),
}
"""By class: what makes rules with the defect, and what makes rules that nearly have it."""
