"""Whether a condition holds: true, false or ``None`` for unknown, as ``docs/rules.md`` says, straight from its JSON."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

from reference.timetable import next_change, time_holds, wall

Json = dict[str, Any]
Scalar = float | str | bool | None
Truth = bool | None

FUNCTIONS = {"abs": abs, "min": min, "max": max, "clamp": lambda value, low, high: max(low, min(high, value))}
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def us(seconds: float) -> int:
    return round(seconds * 1_000_000)


@dataclass
class Series:
    """The newest reading of one sensor of one device."""

    value: Scalar
    at: int
    heard: int
    stale: bool = False


@dataclass
class Look:
    """One look at one rule for one subject: what it can see, what it remembers, and when who wants to look again."""

    rule: Json
    series: dict[tuple[str, str], Series]
    members: list[str]
    zone: ZoneInfo
    memory: dict[str, Json]
    now: int
    by_reading: bool = False
    evaluating: bool = False
    completed: bool = False
    variables: dict[str, Scalar] = field(default_factory=dict)
    wakes: set[tuple[str, int]] = field(default_factory=set)

    def devices(self, ref: Json) -> list[str]:
        return [ref["device"]] if "device" in ref else self.members

    def read(self, ref: Json) -> Scalar:
        """Return what a sensor (or a variable) of the subject says now."""
        if ref["sensor"] in self.variables and "device" not in ref:
            return self.variables[ref["sensor"]]
        found = []
        for device in self.devices(ref):
            newest = self.series.get((device, ref["sensor"]))
            if newest is not None and not self.too_old(ref, newest) and newest.value is not None:
                found.append((newest.at, device, newest.value))
        if "aggregate" not in ref:
            return max(found)[2] if found else None
        numbers: list[Any] = [value for _, _, value in found if kind(value) == "number"]
        joined: dict[str, Callable[[list[Any]], float]] = {"mean": fmean, "min": min, "max": max}
        return joined[ref["aggregate"]](numbers) if numbers else None

    def too_old(self, ref: Json, newest: Series) -> bool:
        if "max_age_seconds" not in ref:
            return False
        expires = newest.at + us(ref["max_age_seconds"])
        if self.now < expires:
            self.wakes.add((f"age of {ref}", expires))
        return self.now >= expires


def kind(value: Scalar) -> str:
    return {bool: "boolean", str: "text", type(None): "unknown"}.get(type(value), "number")


def compare(sign: str, a: Scalar, b: Scalar) -> Truth:
    if kind(a) != kind(b) or kind(a) == "unknown" or (kind(a) != "number" and sign not in ("==", "!=")):
        return None
    return SIGNS[sign](a, b)


def all_of(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def negated(truth: Truth) -> Truth:
    return None if truth is None else not truth


def refs(condition: Json, variables: Json) -> Iterator[Json]:
    """Yield the sensors that a condition reads; a variable stands for the sensors behind it."""
    config = condition["config"]
    if condition["type"] == "expression":
        yield from names_below(config["expression"], variables)
    elif "sensor" in config:
        for ref in (config, config.get("value")):
            if isinstance(ref, dict) and ref["sensor"] in variables and "device" not in ref:
                yield from names_below(ref["sensor"], variables)
            elif isinstance(ref, dict):
                yield ref
    inner = config.get("condition", config.get("conditions", []))
    for child in inner if isinstance(inner, list) else [inner]:
        yield from refs(child, variables)


@cache
def names_in(expression: str) -> set[str]:
    tree = ast.parse(expression, mode="eval")
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called


def names_below(expression: str, variables: Json) -> Iterator[Json]:
    for name in names_in(expression):
        yield from names_below(variables[name], variables) if name in variables else [{"sensor": name}]


def holds(condition: Json, look: Look, path: str) -> Truth:
    """Return a condition's truth; *path* is where it stands in the rule, under which it remembers."""
    config = {**condition["config"], **({"operator": condition["operator"]} if "operator" in condition else {})}
    judges: dict[str, Callable[[Json, Look, str], Truth]] = {
        "comparison": comparison,
        "range": within,
        "change": change,
        "composite": composite,
        "duration": duration,
        "time": local_time,
        "expression": expression,
    }
    return judges[condition["type"]](config, look, path)


def comparison(config: Json, look: Look, path: str) -> Truth:
    value, limit, sign = look.read(config), config["value"], config["operator"]
    if isinstance(limit, dict):
        return compare(sign, value, look.read(limit))
    hysteresis = config.get("hysteresis", 0)
    if not hysteresis or kind(value) != "number":
        return compare(sign, value, limit)
    memory = look.memory.setdefault(path, {"held": False})
    if memory["held"]:
        memory["held"] = (
            compare(">=", value, limit - hysteresis) if ">" in sign else compare("<=", value, limit + hysteresis)
        )
    else:
        memory["held"] = compare(sign, value, limit)
    return bool(memory["held"])


def within(config: Json, look: Look, _path: str) -> Truth:
    value = look.read(config)
    bounds = [compare(sign, value, config[name]) for name, sign in (("min", ">="), ("max", "<=")) if name in config]
    return all_of(bounds)


def change(config: Json, look: Look, path: str) -> Truth:
    truths = []
    for device in look.devices(config):
        newest = look.series.get((device, config["sensor"]))
        if newest is not None:
            seen = look.memory.setdefault(path, {}).setdefault(device, [])
            truth = changed(config, seen, newest)
            truths.append(None if look.too_old(config, newest) else truth)
    if True in truths:
        return True
    return False if truths and None not in truths else None


def changed(config: Json, seen: list[tuple[int, Any]], newest: Series) -> Truth:
    """Return the truth for one device; *seen* are its readings since the condition began to look."""
    if newest.value is None or ("by" in config and kind(newest.value) != "number"):
        return None
    if seen and seen[-1][0] == newest.at:
        seen.pop()
    seen.append((newest.at, newest.value))
    if "by" not in config:
        if len(seen) < 2:
            return False
        before, value = seen[-2][1], seen[-1][1]
        ends = [("from", before), ("to", value)]
        return not same(before, value) and all(same(config[name], end) for name, end in ends if name in config)
    window = [value for at, value in seen if at >= newest.at - us(config["within_seconds"])]
    rise, fall = window[-1] - min(window), max(window) - window[-1]
    moves = {"up": [rise], "down": [fall], "any": [rise, fall]}[config.get("direction", "any")]
    return len(window) > 1 and max(moves) >= config["by"]


def same(a: Scalar, b: Scalar) -> bool:
    return kind(a) == kind(b) and a == b


def composite(config: Json, look: Look, path: str) -> Truth:
    truths = [holds(inner, look, f"{path}/{number}") for number, inner in enumerate(config["conditions"])]
    if config["operator"] == "AND":
        return all_of(truths)
    if config["operator"] == "OR":
        return negated(all_of([negated(truth) for truth in truths]))
    return negated(truths[0])


def local_time(config: Json, look: Look, path: str) -> Truth:
    zone = ZoneInfo(config["timezone"]) if "timezone" in config else look.zone
    boundary = next_change(config, zone, look.now)
    if boundary is not None:
        look.wakes.add((path, boundary))
    return time_holds(config, wall(look.now, zone))


def duration(config: Json, look: Look, path: str) -> Truth:
    """Move the memory: ``since`` (start), ``gap`` (since when unknown), ``done``, ``waits`` (for a reading)."""
    memory = look.memory.setdefault(path, {})
    inner = holds(config["condition"], look, path + "/condition")
    if inner is not True:
        if inner is False:
            memory.clear()
        elif "since" in memory:
            memory.setdefault("gap", look.now)
        return inner
    if "waits" in memory and not look.by_reading:
        return False
    memory.pop("waits", None)
    if "gap" in memory:
        bridge(memory, look.rule, memory["length"], look.now - memory.pop("gap"))
    memory["length"] = us(config["duration_seconds"])
    due = memory.setdefault("since", look.now) + memory["length"]
    if look.now < due:
        look.wakes.add((path, due))
        return False
    if "done" not in memory:
        complete(config, memory, look, path)
    return True


def complete(config: Json, memory: Json, look: Look, path: str) -> None:
    """Let a completion count as a trigger (ruling 6), at the timers of this instant if nothing evaluates now."""
    wanted = [(ref["sensor"], ref.get("device")) for ref in refs(config["condition"], look.rule.get("variables", {}))]
    fires = path.startswith("/conditions") and any(pair in trigger_sensors(look.rule) for pair in wanted)
    if look.evaluating:
        memory["done"] = True
        look.completed = look.completed or fires
    elif fires:
        look.wakes.add((path, look.now))


def bridge(memory: Json, rule: Json, length: int, gap: int) -> bool:
    """Go on after a gap as ``on_gap`` says; tell whether the time before it counts."""
    longest = us(rule["max_gap_seconds"]) if "max_gap_seconds" in rule else min(length // 10, 60_000_000)
    policy = rule.get("on_gap", "verify")
    if policy == "hold":
        return True
    if policy == "verify" and gap <= longest:
        memory["since"] += gap
        return True
    memory.clear()
    return False


def trigger_sensors(rule: Json) -> dict[tuple[str, str | None], int]:
    """Return (sensor, named device) and the interval in microseconds of everything that ``sensor`` triggers name."""
    found: dict[tuple[str, str | None], int] = {}
    for trigger in triggers(rule):
        config = trigger.get("config", {})
        if trigger["type"] == "sensor":
            for sensor in config.get("sensors", [config.get("sensor")]):
                interval = us(config.get("interval", 0))
                pair = sensor, config.get("device")
                found[pair] = min(interval, found.get(pair, interval))
    return found


def triggers(rule: Json) -> list[Json]:
    return [*rule.get("triggers", []), *([rule["trigger"]] if "trigger" in rule else [])]


def expression(config: Json, look: Look, _path: str) -> Truth:
    result = value_of(config["expression"], look)
    return result if isinstance(result, bool) else None


class NoNumber:
    """A text or boolean where the generated expressions want a number: nothing can be done with it."""

    def refuse(self, *_: object) -> bool:
        raise TypeError

    __eq__ = __ne__ = __bool__ = refuse
    __hash__ = None  # type: ignore[assignment]


def value_of(text: str, look: Look) -> Scalar:
    """Return an expression's value, unknown if any name in it is or if it fails."""
    names = {name: look.read({"sensor": name}) for name in names_in(text)}
    if None in names.values():
        return None
    numbers = {name: value if kind(value) == "number" else NoNumber() for name, value in names.items()}
    try:
        return eval(text, {"__builtins__": FUNCTIONS}, numbers)  # type: ignore[no-any-return]  # noqa: S307 - our own texts
    except (TypeError, ZeroDivisionError):
        return None
