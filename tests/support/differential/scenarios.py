"""Worlds, rules and histories made from a seed: what any user, sensor or clock may do, near where it matters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

Json = dict[str, Any]
S = 1_000_000
SENSORS = ("t", "h", "co2")
DEVICES = ("d1", "d2", "d3")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
NUMBERS = (0.0, 17.0, 18.0, 18.5, 19.0, 19.5, 20.0, 20.5, 21.0, 22.0, 25.0, -1.0, 19, 20)
OPERATORS = (">", ">=", "<", "<=", "==", "!=")
EVENTS = ("button_pressed", "sensor_stale", "sensor_recovered", "rule_fired", "opened", "e1")
AMENDABLE = ("actions", "clear_actions", "priority", "cooldown_seconds", "max_executions", "name", "fire", "enabled")
STARTS = tuple(
    int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * S
    for text in ("2026-03-29T00:40", "2026-10-25T00:10", "2026-03-08T06:20", "2026-11-01T05:00", "2026-06-01T05:55",
                 "2026-04-04T14:40", "2026-10-03T15:10", "2026-01-01T00:00")
)  # fmt: skip
"""Shortly before both daylight-saving nights of each zone, and two common days."""


class Scenario:
    """A world and a history of *steps* steps; the same *random* gives the same."""

    def __init__(self, random: Random) -> None:
        self.r = random
        self.now = random.choice(STARTS)
        self.patience = {name: self._pick(900.0, 900.0, 60.0) for name in DEVICES}
        self.world = self._world()
        self.ids = [f"r{number}" for number in range(random.randint(1, 5))]
        self.documents: dict[str, Json] = {}
        self.hurried = random.random() < 0.1  # then schedules run every few seconds, and no time is leapt over

    def steps(self, count: int) -> Iterator[Json]:
        """Yield the history."""
        yield from self.begin()
        for _ in range(count):
            yield from self._step()

    def begin(self) -> Iterator[Json]:
        """Set the clock and write the rules."""
        yield {"do": "advance", "now": self.now}
        for rule_id in self.ids:
            yield self._put(rule_id)

    def _chance(self, share: float) -> bool:
        return self.r.random() < share

    def _pick(self, *options: Any) -> Any:
        return self.r.choice(options)

    def _world(self) -> Json:
        zone = self.r.choice(ZONES)
        if self._chance(0.3):
            return {"devices": None, "farms": {}, "zone": zone}
        farms = {"f1": self.r.choice((None, *ZONES)), "f2": self.r.choice(ZONES)}
        devices = {name: self._device(name) for name in DEVICES[: self.r.randint(1, 3)]}
        return {"devices": devices, "farms": farms, "zone": zone}

    def _device(self, name: str) -> Json:
        room, farm = self._pick((None, None), (None, "f1"), ("k1", "f1"), ("k1", "f1"), ("k2", "f1"), ("k3", "f2"))
        return {"type": self._pick(None, "fan", "lamp"), "room": room, "farm": farm,
                "stale_after_seconds": self.patience[name]}  # fmt: skip

    # Steps

    def _step(self) -> Iterator[Json]:
        steps = (self.reading, self.time, self.event, self.run, self.switch, self.edit, self.restart, self.rehouse)
        yield from self.r.choices(steps, (71, 10, 4, 4, 3, 3, 2, 3))[0]()

    def time(self) -> Iterator[Json]:
        """Let time pass."""
        yield {"do": "advance", "now": self._later()}

    def event(self) -> Iterator[Json]:
        """Let something happen."""
        data = self._pick({}, {"sensor": "t"}, {"n": 1}, {"n": 2, "on": True})
        name, at = self.r.choice(EVENTS), self._later(short=True)
        yield {"do": "event", "name": name, "at": at, "data": data, "concern": self._concern()}

    def run(self) -> Iterator[Json]:
        """Have a person run a rule."""
        yield {"do": "run", "rule": self.r.choice(self.ids), "concern": self._concern(), "force": self._chance(0.4)}

    def switch(self) -> Iterator[Json]:
        """Switch a rule on or off."""
        yield {"do": "switch", "rule": self.r.choice(self.ids), "enabled": self._chance(0.6)}

    def restart(self) -> Iterator[Json]:
        """Stop, and start again at once or later."""
        yield {"do": "restart"}
        yield {"do": "advance", "now": self._later()}

    def rehouse(self) -> Iterator[Json]:
        """Have devices come, move or go, several at a time now and then."""
        if self.world["devices"] is None:
            return
        names = self.r.sample(DEVICES, self._pick(1, 1, 1, 2, 3))
        yield {
            "do": "rehouse",
            "devices": {name: self._pick(None, self._device(name), self._device(name)) for name in names},
        }

    def _later(self, *, short: bool = False) -> int:
        long = (60, 61, 300) if self.hurried else (60, 61, 300, 900, 1800, 3600, 7200, 40_000, 86_400)
        seconds = self._pick(0, 0, 1, 1, 2, 3, 5, 10) if short or self._chance(0.6) else self.r.choice(long)
        self.now += seconds * S + (self._pick(0, 0, 1, 500_000) if self._chance(0.05) else 0)
        return self.now

    def reading(self) -> Iterator[Json]:
        """Have a device send values: new, late, repeated, ahead of the clock, or not to be taken at all."""
        received = self._later(short=self._chance(0.95))
        device = self.r.choice((*DEVICES, "d1", "d1"))
        values = {self.r.choice(SENSORS): self._value()}
        if self._chance(0.2):
            values[self.r.choice(SENSORS)] = self._value()
        if self._chance(0.03):
            values = {"acc": {"x": self._value(), "y": 1.0}}
        at = received + self._pick(0, 0, -1, -3, -20, 200, 301, 300) * S if self._chance(0.3) else None
        yield {"do": "reading", "device": device, "values": values, "received": received, "at": at}

    def _value(self) -> Any:
        if self._chance(0.93):
            return self.r.choice(NUMBERS)
        return self._pick(None, None, "on", "off", True, False, -0.0, float("nan"), float("inf"), 1 << 60, "")

    def _concern(self) -> list[str] | None:
        named: list[list[str] | None] = [
            ["device", self.r.choice(DEVICES)],
            ["room", "k1"],
            ["farm", "f1"],
            ["device", "no"],
        ]
        return self.r.choice([None, None, *named])

    def _put(self, rule_id: str) -> Json:
        self.documents[rule_id] = self._rule(rule_id)
        return {"do": "put", "rule": self.documents[rule_id]}

    def edit(self) -> Iterator[Json]:
        """Write a rule anew, change one field of it, or remove it."""
        rule_id = self.r.choice(self.ids)
        if self._chance(0.2):
            yield {"do": "remove", "rule": rule_id}
        elif self._chance(0.5):
            yield self._put(rule_id)
        else:
            other = self._rule(rule_id)
            name = self.r.choice(AMENDABLE)
            edited = {key: value for key, value in self.documents[rule_id].items() if key != name}
            self.documents[rule_id] = edited | ({name: other[name]} if name in other else {})
            yield {"do": "put", "rule": self.documents[rule_id]}

    # Rules

    def _rule(self, rule_id: str) -> Json:
        rule: Json = {"id": rule_id, "name": self._pick(rule_id, f"n-{rule_id}"), "actions": self._actions()}
        triggers = [self._trigger() for _ in range(self._pick(1, 1, 1, 2, 3))]
        rule |= {"trigger": triggers[0]} if len(triggers) == 1 else {"triggers": triggers}
        optional: dict[str, Any] = {
            "conditions": lambda: [self._condition(2) for _ in range(self._pick(0, 1, 1, 2, 3))],
            "clear_actions": self._actions,
            "fire": lambda: self._pick("edge", "every"),
            "cooldown_seconds": lambda: self._pick(0, 5, 10, 60, 0.5),
            "max_executions": lambda: self._pick(1, 3, 10),
            "priority": lambda: self._pick(0, 1, 5, -1),
            "scope": self._scope,
            "variables": self._variables,
            "on_gap": lambda: self._pick("verify", "hold", "reset"),
            "max_gap_seconds": lambda: self._pick(0, 1, 5, 600),
            "misfire": lambda: self._pick("skip", "once", "all"),
            "misfire_grace_seconds": lambda: self._pick(0, 60, 3600, 100_000),
            "valid_from": self._instant,
            "valid_until": lambda: self._instant(3700),
            "enabled": lambda: self._pick(True, False),
        }
        usual = {"conditions": 0.95, "clear_actions": 0.4, "fire": 0.6, "scope": 0.4}
        rare = {"valid_from": 0.04, "valid_until": 0.06, "enabled": 0.06, "max_executions": 0.1, "variables": 0.15}
        for name, make in optional.items():
            if self._chance({**usual, **rare}.get(name, 0.25)):
                rule[name] = make()
        if rule.get("valid_from", "") >= rule.get("valid_until", "~"):
            del rule["valid_from"]
        return rule

    def _instant(self, later_seconds: int = 0) -> str:
        at = self.now // S + self._pick(-60, 0, 5, 30, 120, 3600) + (later_seconds if self._chance(0.5) else 0)
        return datetime.fromtimestamp(at, UTC).isoformat()

    def _scope(self) -> Json:
        options: Json = {"farm": "f1", "room": "k1", "device": self.r.choice(DEVICES), "device_type": "fan",
                         "per": self._pick("device", "room", "farm")}  # fmt: skip
        names = self._pick((), ("per",), ("per",), ("farm",), ("room", "per"), ("device",), ("device_type", "per"))
        return {name: options[name] for name in names}

    def _variables(self) -> Json:
        made = {"v": self._pick("t + 1", "t - h", "max(t, h)", "t > 19", "t / h", "clamp(t, 18, 20)")}
        return {**made, "w": "v + co2"} if self._chance(0.3) else made

    def _trigger(self) -> Json:
        kind = self._pick("sensor", "sensor", "sensor", "sensor", "time", "event", "manual")
        config: Json = {}
        if kind == "sensor":
            config = self._pick(
                {"sensor": self.r.choice(SENSORS)}, {"sensors": ["t", "h"]}, {"sensor": "t"}, {"sensor": "acc"}
            )
            config |= {"interval": self._pick(1, 5, 30)} if self._chance(0.25) else {}
            config |= {"device": self.r.choice(DEVICES)} if self._chance(0.1) else {}
        elif kind == "event":
            config = {"event": self.r.choice(EVENTS)}
            config |= {"match": self._pick({"n": 1}, {"sensor": "t"}, {"on": True})} if self._chance(0.3) else {}
        elif kind == "time":
            config = self._schedule()
        return {"type": kind, "config": config} if config or kind != "manual" else {"type": kind}

    def _schedule(self) -> Json:
        minute = self.r.randrange(60)
        config: Json = self._pick(
            {"every_seconds": self._pick(1, 7, 0.5) if self.hurried else self._pick(60, 1800, 3600)},
            {"cron": self._pick("*/10 * * * *", f"{minute} 2 * * *", "30 1,2 * * 0", "0 */2 1 * 1", "15 1-3 * * *")},
            {"at": f"{self.r.randrange(4):02}:{minute:02}"},
            {"at": "02:30", "days": self._pick(["sun"], ["Saturday", "SUN"], ["mon"])},
        )
        return (
            {**config, "timezone": self.r.choice(ZONES)}
            if "every_seconds" not in config and self._chance(0.3)
            else config
        )

    def _ref(self) -> Json:
        ref: Json = {"sensor": self.r.choice((*SENSORS, "t", "t", "v") if self._chance(0.2) else (*SENSORS, "t", "t"))}
        ref |= {"device": self.r.choice(DEVICES)} if self._chance(0.12) else {}
        return ref | ({"max_age_seconds": self._pick(1, 5, 60)} if self._chance(0.15) else {})

    def _condition(self, depth: int) -> Json:
        kinds = ("comparison", "comparison", "comparison", "range", "change", "time", "expression")
        kind = self.r.choice((*kinds, "composite", "duration", "duration") if depth else kinds)
        return getattr(self, f"_{kind}")(depth - 1)  # type: ignore[no-any-return]

    def _comparison(self, _depth: int) -> Json:
        config = {**self._ref(), "operator": self.r.choice(OPERATORS), "value": self.r.choice(NUMBERS)}
        if self._chance(0.2) and config["operator"] not in ("==", "!="):
            config["hysteresis"] = self._pick(0, 0.5, 1, 2)
        elif self._chance(0.12):
            equal = config["operator"] in ("==", "!=")
            config["value"] = self._pick("on", True) if equal and self._chance(0.5) else self._ref()
        if self._chance(0.12):
            config["aggregate"] = self._pick("mean", "min", "max")
        return {"type": "comparison", "config": config}

    def _range(self, _depth: int) -> Json:
        low, high = sorted((self.r.choice(NUMBERS), self.r.choice(NUMBERS)))
        bounds = {"min": low, "max": high}
        kept = self._pick(("min", "max"), ("min", "max"), ("min",), ("max",))
        return {"type": "range", "config": {**self._ref(), **{name: bounds[name] for name in kept}}}

    def _change(self, _depth: int) -> Json:
        ref = {name: value for name, value in self._ref().items() if value != "v"}
        if self._chance(0.6):
            how = {"by": self._pick(0.5, 1, 3), "within_seconds": self._pick(3, 10, 60)}
            how |= {"direction": self._pick("up", "down", "any")} if self._chance(0.7) else {}
        else:
            how = self._pick({"to": 20.0}, {"from": 19}, {"from": 18.0, "to": 20.5}, {"to": "on"})
        return {"type": "change", "config": {"sensor": "t", **ref, **how}}

    def _time(self, _depth: int) -> Json:
        minute = self.r.randrange(60)
        ends = (["01:30", "02:30"], ["23:00", "01:30"], [f"02:{minute:02}", "03:00"], ["06:00", "05:59"])
        config: Json = self._pick(
            {"time_range": self.r.choice(ends)}, {"time": f"02:{minute:02}"}, {"days": ["sun", "Mon"]}
        )
        config |= {"days": ["sat", "sun"]} if self._chance(0.2) else {}
        return {
            "type": "time",
            "config": {**config, **({"timezone": self.r.choice(ZONES)} if self._chance(0.2) else {})},
        }

    def _expression(self, _depth: int) -> Json:
        number = self.r.choice(NUMBERS)
        text = self._pick(f"t > {number}", f"t > {number} and h < 20", f"not (t + h > {number})", "t / h > 1",
                          "abs(t - h) < 1 or co2 == 19", f"t > 18 if h > 19 else co2 > {number}",
                          "t - h > 0.5")  # fmt: skip
        return {"type": "expression", "config": {"expression": text}}

    def _composite(self, depth: int) -> Json:
        operator = self._pick("AND", "OR", "NOT")
        parts = [self._condition(depth) for _ in range(1 if operator == "NOT" else self.r.randint(1, 3))]
        if self._chance(0.5):
            return {"type": "composite", "operator": operator, "config": {"conditions": parts}}
        return {"type": "composite", "config": {"operator": operator, "conditions": parts}}

    def _duration(self, depth: int) -> Json:
        seconds = self._pick(1, 5, 10, 30, 300, 0.5)
        return {"type": "duration", "config": {"condition": self._condition(depth), "duration_seconds": seconds}}

    # Actions

    def _actions(self) -> list[Json]:
        return [self._action() for _ in range(self._pick(1, 1, 2, 3))]

    def _action(self) -> Json:
        action = getattr(self, f"_do_{self._pick('led', 'led', 'command', 'log', 'run', 'emit', 'control', 'sound')}")()
        if self._chance(0.12):
            action["if"] = self._condition(1)
        if self._chance(0.1):
            action["after_seconds"] = self._pick(0, 1, 5, 60)
        return action  # type: ignore[no-any-return]

    def _target(self) -> Json:
        return self._pick({}, {}, {}, {"device": self.r.choice(DEVICES)}, {"device_type": "fan"})  # type: ignore[no-any-return]

    def _do_led(self) -> Json:
        config = {"color": self._pick("red", "green", "off"), **self._target()}
        return {"type": "led", "config": {**config, **({"intensity": "{h}"} if self._chance(0.2) else {})}}

    def _do_sound(self) -> Json:
        return {"type": "sound", "config": {"sound_id": self._pick(1, 2), **self._target()}}

    def _do_command(self) -> Json:
        command = self._pick("turn_on_fan", "turn_off_fan", "open_vent", "close_vent", "set_fan", "reboot")
        value = {"value": self._pick("{t}", 3, "on")} if command == "set_fan" else {}
        return {"type": "device_command", "config": {"command": command, **value, **self._target()}}

    def _do_log(self) -> Json:
        texts = (
            "{t}",
            "t {t:.1f} {{x}}",
            "{nobody}",
            "{rule_name} {device_id} {timestamp}",
            "v {v} w {w:.2f}",
            "{room_id}/{h}",
        )
        if self._chance(0.2):
            return {"type": "log", "config": {"file": "f.csv", "format": "{t},{h},{device_id}", "append": True}}
        return {"type": "log", "config": {"message": self.r.choice(texts)}}

    def _do_run(self) -> Json:
        force = {"force": True} if self._chance(0.3) else {}
        return {"type": "run_rule", "config": {"rule": self._rule_named(), **force}}

    def _do_emit(self) -> Json:
        data = self._pick({}, {"data": {"n": 1}}, {"data": {"n": "{t}"}})
        return {"type": "emit_event", "config": {"event": self._pick("e1", "opened"), **data}}

    def _do_control(self) -> Json:
        operation = self._pick("enable", "disable", "toggle", "enable")
        return {"type": "rule_control", "config": {"rule": self._rule_named(), "operation": operation}}

    def _rule_named(self) -> str:
        return self._pick(*self.ids, *[f"n-{name}" for name in self.ids[:1]], "nobody")  # type: ignore[no-any-return]
