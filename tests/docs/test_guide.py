"""The guide's examples are sound: each kind is there, registers, keeps its contract and works in a rule."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from whenthen import Advisor, Question, Reading, seconds_us
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen.extend.registry import KINDS
from whenthen.testing import ActionContract, ConditionContract, FunctionContract, TriggerContract

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "guide.md"
_BLOCK = re.compile(r"^```(python|jsonc)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
RULES = [json.loads(text) for language, text in BLOCKS if language == "jsonc"]


def _module(number: int, text: str) -> ModuleType:
    module = ModuleType(f"guide_{number}")
    exec(compile(text, f"{PAGE.name}, example {number}", "exec"), module.__dict__)  # noqa: S102 - our own page
    return module


PLUGINS = [_module(number, text) for number, (language, text) in enumerate(BLOCKS) if language == "python"]
REGISTRY = load_registry(extra=[(module.__name__, module) for module in PLUGINS])


def brought(kind: str) -> list[Any]:
    """Return what the page's examples registered of a kind."""
    table = REGISTRY.table(kind)
    return [thing for name, thing in table.items() if str(REGISTRY.owner(kind, name)).startswith("guide_")]


# One class for each example, as its author would write it by hand.
for _contract, _kind in (
    (ConditionContract, "condition"),
    (ActionContract, "action"),
    (TriggerContract, "trigger"),
    (FunctionContract, "function"),
):
    for _thing in brought(_kind):
        _name = f"Test{getattr(_thing, '__name__', '') or _thing.name.title().replace('_', '')}"
        globals()[_name] = type(_name, (_contract,), {_kind: _thing, "__module__": __name__})


def test_every_example_registers_without_a_word() -> None:
    found = {record.name: record.problems for record in REGISTRY.plugins if record.name.startswith("guide_")}

    assert len(found) == len(PLUGINS) == len(KINDS)
    assert [problems for problems in found.values() if problems] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_shown(kind: str) -> None:
    assert brought(kind)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["name"]))
def test_every_rule_of_the_page_loads_with_its_plugins(rule: dict[str, Any]) -> None:
    Engine(REGISTRY).put_rule({"id": "a-rule", **rule})


def test_the_door_that_was_left_open_is_told_with_the_first_temperature_after_a_minute() -> None:
    engine = Engine(REGISTRY)
    engine.put_rule({"id": "door", **RULES[0]})
    engine.handle(Reading("store", {"cold_store_door": "open", "temperature": 2.0}, 0))
    fired = [engine.handle(Reading("store", {"temperature": 2.5}, seconds_us(at))) for at in (30, 59, 61, 90)]

    assert [len(firings) for firings in fired] == [0, 0, 1, 0]


def test_what_the_advisor_recommends_is_a_rule() -> None:
    advisors: list[type[Advisor]] = brought("advisor")
    (advice,) = advisors[0]({}).advise(Question("?", None, {"humidity": 41.5}), None)

    for rule in advice.rules:
        Engine(REGISTRY).put_rule({"id": "advised", **rule})
    assert advice.rules
