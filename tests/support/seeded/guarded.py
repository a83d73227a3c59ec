"""Guards that are gone round or spoilt, limits that are shared, and rules that only look like that."""

from __future__ import annotations

from typing import Any

from seeded.parts import Maker, Rule, Seed, at, command, compare, composite, on_event, turn


def _sensitive(m: Maker) -> Rule:
    return m.random.choice(
        (command(f"unlock_{m.name()}"), command("open_door"), command("open_gate"), command("turn_off_alarm"))
    )


def condition_bypass(m: Maker) -> Seed:
    effect, button, home, scope = _sensitive(m), m.sensor(), m.sensor(), m.scope()
    guard = [compare(button, "==", True), m.wrapped(compare(home, "==", "home"), duration=False)]
    guarded = m.rule(guard, [effect], [button, home], scope=scope)
    kind = m.random.randrange(3)
    if kind == 0:
        around = m.rule([], [effect], [], trigger=on_event(m.name()))
    elif kind == 1:
        sensor = m.sensor()
        around = m.rule([m.wrapped(compare(sensor, ">", m.limit()))], [effect], [sensor])
    else:
        force = {"type": "run_rule", "config": {"rule": guarded["id"], "force": True}}
        around = m.rule([], [force], [], trigger=on_event(m.name()))
    return m.seed([guarded, around], guarded, around)


def no_bypass(m: Maker) -> Seed:
    effect, button, home = _sensitive(m), m.sensor(), m.sensor()
    guard = [compare(button, "==", True), compare(home, "==", "home")]
    kind = m.random.randrange(3)
    guarded = m.rule(guard, [effect], [button, home])
    if kind == 0:
        around = m.rule([composite("AND", *guard)], [effect], [button, home])
    elif kind == 1:
        around = m.rule([], [turn("fan")], [], trigger=on_event(m.name()))
    else:
        guarded = m.rule(guard, [effect], [button, home], scope={"room": "r1"})
        around = m.rule([], [effect], [], trigger=on_event(m.name()), scope={"room": "r2"})
    return m.seed([guarded, around])


def condition_block(m: Maker) -> Seed:
    channel, scope = m.channel(), m.scope()
    hour, minute = m.random.randrange(2, 23), m.random.randrange(5, 59)
    before = minute - m.random.randrange(1, 5)
    if m.random.random() < 0.5:
        blocked = m.rule(
            [m.wrapped(compare(channel, "==", "off"), duration=False)], [turn(m.channel())], [], scope=scope
        )
        blocker = m.rule([], [turn(channel)], [], scope=scope)
    else:
        blocked = m.rule([], [turn(m.channel())], [], scope=scope)
        switch = {"type": "rule_control", "config": {"rule": blocked["id"], "operation": "disable"}}
        blocker = m.rule([], [switch], [], scope=scope)
    blocked["trigger"], blocker["trigger"] = at(f"{hour:02}:{minute:02}"), at(f"{hour:02}:{before:02}")
    return m.seed([blocked, blocker], blocked, blocker)


def no_block(m: Maker) -> Seed:
    channel = m.channel()
    hour, minute = m.random.randrange(2, 20), m.random.randrange(5, 55)
    kind = m.random.randrange(3)
    blocked = m.rule([compare(channel, "==", "off")], [turn(m.channel())], [], trigger=at(f"{hour:02}:{minute:02}"))
    state, when, days = [("off", hour, None), ("on", hour + 3, None), ("on", hour, ["Mon"])][kind]
    blocker = m.rule([], [turn(channel, state)], [], trigger=at(f"{when:02}:{minute - 3:02}"))
    if days:
        blocker["trigger"]["config"]["days"] = days
    return m.seed([blocked, blocker])


def group_conflict(m: Maker) -> Seed:
    return _group(m, 3, m.random.uniform(2.1, 2.9))


def no_group_conflict(m: Maker) -> Seed:
    if m.random.random() < 0.5:
        return _group(m, 3, 3.0)
    return _group(m, 3, 2.5, apart=True)


def _group(m: Maker, count: int, limit: float, *, apart: bool = False) -> Seed:
    sensor, channels = m.sensor(), [m.channel() for _ in range(count)]
    amount = m.random.choice((1.0, 1.5, 2.0))
    loads = [{"channel": channel, "value": "on", "amount": amount} for channel in channels]
    effects: dict[str, Any] = {"groups": [{"name": "mains", "limit": amount * limit, "unit": "kW", "loads": loads}]}
    rules = []
    for number, channel in enumerate(channels):
        own = m.sensor()
        condition = compare(sensor, "==", f"mode-{number}") if apart else compare(own, "<", m.limit())
        rules.append(m.rule([condition if apart else m.wrapped(condition)], [turn(channel)], [own, sensor]))
    return m.seed(rules, *([] if apart else rules), effects=effects)


GUARDED = {
    "condition_bypass": (condition_bypass, no_bypass),
    "condition_block": (condition_block, no_block),
    "group_conflict": (group_conflict, no_group_conflict),
}
"""By class: what makes rules with the defect, and what makes rules that nearly have it."""
