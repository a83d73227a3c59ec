"""Pairs and chains of rules that harm each other, and pairs that only look as if they did."""

from __future__ import annotations

from typing import Any

from seeded.parts import Maker, Rule, Seed, at, command, compare, emit, note, on_event, turn


def _meeting(m: Maker) -> tuple[Rule, Rule, list[str], list[str]]:
    """Return two conditions that can hold at once, and the sensors of each."""
    sensor, low = m.sensor(), m.limit()
    if m.random.random() < 0.5:
        other = m.sensor()
        return compare(sensor, ">", low), compare(other, "<", m.limit()), [sensor], [other]
    return compare(sensor, ">", low), compare(sensor, "<", low + m.step()), [sensor], [sensor]


def _parting(m: Maker) -> tuple[Rule, Rule, list[str]]:
    """Return two conditions that never hold at once, and their sensor."""
    sensor, low = m.sensor(), m.limit()
    return compare(sensor, "<", low), compare(sensor, ">=", low + m.random.choice((0, m.step()))), [sensor]


def _opposed(m: Maker) -> tuple[Rule, Rule]:
    channel = m.channel()
    more = m.random.choice(({}, {"device": m.name(("dev",))}))
    kind = m.random.randrange(3)
    if kind == 0:
        return turn(channel, **more), turn(channel, "off", **more)
    if kind == 1:
        return command(f"set_{channel}", value=m.random.randrange(50), **more), command(
            f"set_{channel}", value=99, **more
        )
    return command(f"open_{channel}", **more), command(f"close_{channel}", **more)


def action_conflict(m: Maker) -> Seed:
    one, other, sensors, others = _meeting(m)
    first, second = _opposed(m)
    scope = m.scope()
    rules = [
        m.rule([m.wrapped(one)], [first], sensors, scope=scope),
        m.rule([m.wrapped(other)], [second], others, scope=m.random.choice((None, scope))),
    ]
    if m.random.random() < 0.2:
        hour = m.random.randrange(24)
        rules[1] = m.rule([], [second], [], trigger=at(f"{hour:02}:30"), scope=scope)
    elif m.random.random() < 0.3 and sensors != others:  # the end of one takes from the other
        rules[0] |= {"actions": [second], "clear_actions": [first]}
    return m.seed(rules, *rules)


def no_conflict(m: Maker) -> Seed:
    kind = m.random.randrange(5)
    first, second = _opposed(m)
    one, other, sensors, others = _meeting(m)
    more: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    if kind == 0:
        one, other, sensors = _parting(m)
        others = sensors
        one, other = m.wrapped(one), m.wrapped(other)
    elif kind == 1:
        more = ({"scope": {"room": "r1"}}, {"scope": {"room": "r2"}})
        channel = m.channel()
        first, second = turn(channel), turn(channel, "off")
    elif kind == 2:
        second = first
    elif kind == 3:
        others = sensors = list(dict.fromkeys([*sensors, *others]))
        more = ({"priority": 1}, {"priority": 7})
    else:
        channel = m.channel()
        first, second = turn(channel, device="d1"), turn(channel, "off", device="d2")
    return m.seed([m.rule([one], [first], sensors, **more[0]), m.rule([other], [second], others, **more[1])])


def _twice(m: Maker) -> Rule:
    return m.random.choice(
        (
            note(m.name()),
            command(f"pulse_{m.name()}"),
            {"type": "sound", "config": {"sound_id": m.random.randrange(1, 9)}},
        )
    )


def action_duplicate(m: Maker) -> Seed:
    one, other, sensors, others = _meeting(m)
    action, scope = _twice(m), m.scope()
    rules = [
        m.rule([m.wrapped(one)], [action, turn(m.channel())], sensors, scope=scope),
        m.rule([m.wrapped(other)], [action], others, scope=m.random.choice((None, scope))),
    ]
    return m.seed(rules, *rules)


def no_duplicate(m: Maker) -> Seed:
    one, other, sensors, others = _meeting(m)
    first = second = _twice(m)
    more: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    kind = m.random.randrange(4)
    if kind == 0:
        one, other, sensors = _parting(m)
        others = sensors
    elif kind == 1:
        first = second = turn(m.channel())
    elif kind == 2:
        second = note("something else")
    else:
        more = ({"scope": {"device": "d1"}}, {"scope": {"device": "d2"}})
    return m.seed([m.rule([one], [first], sensors, **more[0]), m.rule([other], [second], others, **more[1])])


def action_revert(m: Maker) -> Seed:
    sensor, channel, event = m.sensor(), m.channel(), m.name()
    start = m.wrapped(compare(sensor, ">", m.limit()))
    scope = m.scope()
    kind = m.random.randrange(4)
    if kind == 0:
        first = m.rule([start], [turn(channel)], [sensor], scope=scope)
        back = m.rule([compare(channel, "==", "on")], [turn(channel, "off")], [channel])
    elif kind == 1:
        first = m.rule([start], [turn(channel), emit(event)], [sensor], scope=scope)
        back = m.rule([], [turn(channel, "off")], [], trigger=on_event(event))
    elif kind == 2:
        back = m.rule([], [turn(channel, "off")], [], trigger={"type": "manual"})
        first = m.rule(
            [start], [turn(channel), {"type": "run_rule", "config": {"rule": back["id"]}}], [sensor], scope=scope
        )
    else:
        first = m.rule([start], [turn("light")], [sensor], scope=scope)
        back = m.rule([compare("lux", ">", m.limit())], [turn("light", "off")], ["lux"])
    return m.seed([first, back], first, back)


def no_revert(m: Maker) -> Seed:
    channel, event, mode = m.channel(), m.name(), m.sensor()
    kind = m.random.randrange(3)
    sensor = m.sensor()
    start = compare(sensor, ">", m.limit())
    if kind == 0:
        day, night = compare(mode, "==", "day"), compare(mode, "==", "night")
        first = m.rule([start, day], [turn(channel), emit(event)], [sensor, mode])
        back = m.rule([night], [turn(channel, "off")], [], trigger=on_event(event))
    elif kind == 1:
        first = m.rule([start], [turn(channel), emit(event)], [sensor])
        back = m.rule([], [turn(channel)], [], trigger=on_event(event))
    else:
        first = m.rule([start], [turn(channel), emit(event, kind="a")], [sensor])
        back = m.rule([], [turn(channel, "off")], [], trigger=on_event(event, kind="b"))
    return m.seed([first, back])


def action_loop(m: Maker) -> Seed:
    kind = m.random.randrange(4)
    low = m.limit()
    high = low + m.random.choice((0, m.step()))
    if kind == 0:
        events = [m.name() for _ in range(m.random.randrange(2, 5))]
        rules = [
            m.rule([], [emit(events[(number + 1) % len(events)])], [], trigger=on_event(event))
            for number, event in enumerate(events)
        ]
    elif kind == 1:
        rules = [
            m.rule([m.wrapped(compare("humidity", "<", low))], [turn("mist")], ["humidity"]),
            m.rule([m.wrapped(compare("humidity", ">", high))], [turn("fan")], ["humidity"]),
        ]
    elif kind == 2:
        channel = m.channel()
        rules = [
            m.rule([compare(channel, "==", "off")], [turn(channel)], [channel]),
            m.rule([compare(channel, "==", "on")], [turn(channel, "off")], [channel]),
        ]
    else:
        manual = {"type": "manual"}
        second = m.rule([], [], [], trigger=manual)
        first = m.rule([], [{"type": "run_rule", "config": {"rule": second["id"]}}], [], trigger=manual)
        second["actions"] = [{"type": "run_rule", "config": {"rule": first["name"]}}]
        rules = [first, second]
    return m.seed(rules, *rules)


def no_loop(m: Maker) -> Seed:
    kind = m.random.randrange(4)
    first, second = m.name(), m.name()
    low = m.limit()
    if kind == 0:
        rules = [
            m.rule([], [emit(second)], [], trigger=on_event(first), cooldown_seconds=60),
            m.rule([], [emit(first)], [], trigger=on_event(second)),
        ]
    elif kind == 1:
        mode = m.sensor()
        rules = [
            m.rule([compare(mode, "==", "a")], [emit(second)], [], trigger=on_event(first)),
            m.rule([compare(mode, "==", "b")], [emit(first)], [], trigger=on_event(second)),
        ]
    elif kind == 2:
        rules = [
            m.rule([compare("humidity", "<", low)], [turn("mist")], ["humidity"]),
            m.rule([compare("humidity", ">", low + 5)], [turn("mist", "off")], ["humidity"]),
        ]
    else:
        rules = [
            m.rule([], [emit(second, to="x")], [], trigger=on_event(first)),
            m.rule([], [emit(first)], [], trigger=on_event(second, to="y")),
        ]
    return m.seed(rules)


def environment_conflict(m: Maker) -> Seed:
    low, scope = m.limit(), m.scope()
    warm = m.random.choice((turn("heater"), turn("heating"), command("set_heater", value=50)))
    cool = m.random.choice((command("open_window"), turn("cooler"), command("open_vent")))
    if m.random.random() < 0.5:
        sensors = ["temperature"], ["co2"]
        conditions = compare("temperature", "<", low), compare("co2", ">", m.limit())
    else:
        sensors = ["temperature"], ["temperature"]
        conditions = compare("temperature", "<", low), compare("temperature", ">", low - m.step())
    rules = [
        m.rule([m.wrapped(conditions[0])], [warm], sensors[0], scope=scope),
        m.rule([m.wrapped(conditions[1])], [cool], sensors[1], scope=m.random.choice((None, scope))),
    ]
    return m.seed(rules, *rules)


def no_environment_conflict(m: Maker) -> Seed:
    low = m.limit()
    cold, hot = compare("temperature", "<", low), compare("temperature", ">", low + m.step())
    stale = compare("co2", ">", m.limit())
    kind = m.random.randrange(4)
    scopes: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    if kind == 0:
        rules = (cold, turn("heater"), hot, turn("cooler"))
    elif kind == 1:
        rules = (cold, turn("heater"), stale, turn("heating"))
    elif kind == 2:
        rules = (cold, turn("heater"), stale, command("open_window"))
        scopes = ({"scope": {"room": "r1"}}, {"scope": {"room": "r2"}})
    else:
        rules = (cold, turn("heater"), stale, command("close_window"))
    one, first, other, second = rules
    return m.seed(
        [
            m.rule([one], [first], ["temperature", "co2"], **scopes[0]),
            m.rule([other], [second], ["temperature", "co2"], **scopes[1]),
        ]
    )


PAIRS = {
    "action_conflict": (action_conflict, no_conflict),
    "action_duplicate": (action_duplicate, no_duplicate),
    "action_revert": (action_revert, no_revert),
    "action_loop": (action_loop, no_loop),
    "environment_conflict": (environment_conflict, no_environment_conflict),
}
"""By class: what makes rules that harm each other so, and what makes rules that nearly do."""
