"""Rules in looser shapes than ours, turned into ours where that takes no guessing.

``{"condition": {"sensor": "temperature", "operator": ">", "value": 30}, "action": {"command": "turn_on_fan"}}`` says
all that a rule needs, only not in our words. What could mean two things is refused, with a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from whenthen.dsl.expression import Expression
from whenthen.errors import ExpressionError, InvalidRuleError, Problem

Document = dict[str, Any]

_OPERATORS = {"gt": ">", "gte": ">=", "ge": ">=", "lt": "<", "lte": "<=", "le": "<=", "eq": "==", "=": "==", "ne": "!="}
_SINGLE = {"condition": "conditions", "if": "conditions", "action": "actions", "then": "actions"}
_COMPARED = ("sensor", "operator", "value", "threshold")
_FRAME = {
    "conditions": frozenset({"type", "config"}),
    "actions": frozenset(
        {
            "type", "config", "if", "stop_on_failure", "retry_on_failure", "max_retries", "timeout_seconds",
            "after_seconds", "expires_after_seconds",
        }
    ),
}  # fmt: skip
_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_AMBIGUOUS = {
    "device_id": "write scope.device for the device that is watched, and device in the action for the one that acts",
    "device": "write scope.device for the device that is watched, and device in the action for the one that acts",
}


@dataclass(slots=True)
class Translation:
    """A rule in our shape; *origins* leads from a pointer into it to where that stood in what was given."""

    document: Any
    origins: dict[str, str] = field(default_factory=dict)

    def original(self, problem: Problem) -> Problem:
        """Return a problem as it is seen in what was given."""
        for pointer in sorted(self.origins, key=len, reverse=True):
            if problem.pointer == pointer or problem.pointer.startswith(f"{pointer}/"):
                moved = self.origins[pointer] + problem.pointer.removeprefix(pointer)
                return Problem(problem.code, moved, problem.message, problem.hint, problem.severity)
        return problem


def tightened(given: Any) -> Translation:
    """Return a rule in our shape; one that is in it already, and what is no rule at all, come back as they are.

    Raises ``InvalidRuleError`` for what could mean two things.

    >>> loose = {"name": "a", "condition": "temperature > 30", "action": "turn_on_fan"}
    >>> tightened(loose).document["trigger"]
    {'type': 'sensor', 'config': {'sensor': 'temperature'}}
    """
    if not isinstance(given, dict):
        return Translation(given)
    problems = [
        Problem("ambiguous", f"/{name}", f"{name} could be the watched or the acting device", hint)
        for name, hint in _AMBIGUOUS.items()
        if name in given
    ]
    for one, many in _SINGLE.items():
        if one in given and (many in given or any(other in given for other in _SINGLE if _is_twin(one, other))):
            problems.append(Problem("ambiguous", f"/{one}", f"{one} is given beside {many}", f"put all in {many}"))
    if problems:
        raise InvalidRuleError(tuple(problems), str(given.get("name", "")))
    found = Translation(dict(given))
    _gather(found)
    for part in ("conditions", "actions"):
        listed = found.document.get(part)
        if isinstance(listed, list):
            found.document[part] = [_item(part, index, item, found) for index, item in enumerate(listed)]
    _derive_trigger(found)
    return found


def _is_twin(one: str, other: str) -> bool:
    return one != other and _SINGLE[one] == _SINGLE[other]


def _gather(found: Translation) -> None:
    """Put what stands alone into the lists where it belongs."""
    document = found.document
    for one, many in _SINGLE.items():
        if one in document:
            value = document.pop(one)
            if isinstance(value, list):
                document[many] = value
                found.origins[f"/{many}"] = f"/{one}"
            else:
                document[many] = [value]
                found.origins[f"/{many}/0"] = f"/{one}"
    if "sensor" in document and "operator" in document and "conditions" not in document:
        document["conditions"] = [{name: document.pop(name) for name in _COMPARED if name in document}]
        found.origins["/conditions/0"] = ""
    if "command" in document and "actions" not in document:
        document["actions"] = [{name: document.pop(name) for name in ("command", "params") if name in document}]
        found.origins["/actions/0"] = ""


def _item(part: str, index: int, item: Any, found: Translation) -> Any:
    """Return a condition or action with what its type asks for in ``config``."""
    pointer = f"/{part}/{index}"
    origin = found.origins.get(pointer, found.origins.get(f"/{part}", f"/{part}") + f"/{index}")
    if isinstance(item, str):
        found.origins |= dict.fromkeys((f"{pointer}/config/expression", f"{pointer}/config/command"), origin)
        return _from_text(part, item)
    if not isinstance(item, dict):
        return item
    loose = {name: value for name, value in item.items() if name not in _FRAME[part]}
    if item.get("type") == "composite" or (not loose and "type" in item) or "config" in item:
        return item  # "operator" beside "type" is our own shape of a composite
    kind = item.get("type") or _kind(part, loose)
    if kind is None:
        return item
    found.origins[f"{pointer}/config"] = origin
    kept = {name: value for name, value in item.items() if name in _FRAME[part]}
    return {**kept, "type": kind, "config": _config(kind, loose)}


def _kind(part: str, loose: Mapping[str, Any]) -> str | None:
    """Return the type of an item that does not say it, if what it says leaves no other."""
    if part == "actions":
        return "device_command" if "command" in loose else None
    if "sensor" in loose and "operator" in loose:
        return "comparison"
    return "expression" if loose.keys() == {"expression"} else None


def _config(kind: str, loose: Mapping[str, Any]) -> Document:
    config = dict(loose)
    if kind == "comparison":
        operator = config.get("operator")
        if isinstance(operator, str):
            config["operator"] = _OPERATORS.get(operator.lower(), operator)
        if "threshold" in config and "value" not in config:
            config["value"] = config.pop("threshold")
    if kind == "device_command" and "parameters" in config and "params" not in config:
        config["params"] = config.pop("parameters")
    if "device_id" in config and "device" not in config:
        config["device"] = config.pop("device_id")
    return config


def _from_text(part: str, text: str) -> Any:
    """Return what a text says: a condition as an expression, an action as a command."""
    if part == "conditions":
        return {"type": "expression", "config": {"expression": text}}
    if _COMMAND.fullmatch(text):
        return {"type": "device_command", "config": {"command": text}}
    return text


def _derive_trigger(found: Translation) -> None:
    """Have a rule without a trigger start on the sensors that its conditions read: nothing else can move it."""
    document = found.document
    if "trigger" in document or "triggers" in document or not isinstance(document.get("conditions"), list):
        return
    try:
        wanted = list(dict.fromkeys(sensor for item in document["conditions"] for sensor in _sensors(item)))
    except ExpressionError:
        # The compiler tells what is wrong with it; that no trigger follows from it is no fault of its own.
        document["trigger"] = {"type": "manual", "config": {}}
        return
    triggers = [
        {"type": "sensor", "config": {"sensor": sensor} if device is None else {"sensor": sensor, "device": device}}
        for sensor, device in wanted
    ]
    if len(triggers) == 1:
        document["trigger"] = triggers[0]
    elif triggers:
        document["triggers"] = triggers


def _sensors(item: Any) -> Iterator[tuple[str, str | None]]:
    config = item.get("config") if isinstance(item, dict) else None
    if not isinstance(config, dict):
        return
    if item.get("type") == "expression":
        yield from ((name, None) for name in sorted(Expression.parse(str(config.get("expression"))).names))
    elif isinstance(config.get("sensor"), str):
        device = config.get("device")
        yield config["sensor"], device if isinstance(device, str) else None
    for inner in (config.get("condition"), *_list(config.get("conditions"))):
        yield from _sensors(inner)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
