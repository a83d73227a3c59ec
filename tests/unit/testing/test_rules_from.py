"""Rules made from what is registered: an engine takes each of them, and a stranger's types are among them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from whenthen import Condition, Truth, View, hookimpl
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen.testing import rules_from


class Nearby(Condition):
    """Says yes."""

    type = "stranger.nearby"
    schema = {  # noqa: RUF012 - as an author writes it
        "type": "object",
        "required": ["metres"],
        "additionalProperties": False,
        "properties": {"metres": {"type": "number", "minimum": 0}},
    }

    def evaluate(self, view: View) -> Truth:
        return True


class Stranger:
    @hookimpl
    def whenthen_conditions(self) -> list[type[Condition]]:
        return [Nearby]


REGISTRY = load_registry(extra=[("stranger", Stranger())])


def test_an_engine_takes_every_rule_and_all_kinds_come_up() -> None:
    seen: set[str] = set()

    @settings(max_examples=120, database=None)
    @given(rules_from(REGISTRY))
    def draw(rule: dict[str, Any]) -> None:
        Engine(REGISTRY).put_rule(rule)
        seen.update(item["type"] for part in ("triggers", "conditions", "actions") for item in rule[part])

    draw()

    assert {"sensor", "time", "event", "manual"} <= seen
    assert {"comparison", "duration", "led", "device_command"} <= seen
    assert "stranger.nearby" in seen
