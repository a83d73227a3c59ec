"""A pause holds every rule back and loses nothing: state moves, and what would have cleared does so afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from whenthen import Reading
from whenthen.engine import Engine
from whenthen.extend.host import load_registry

S = 1_000_000
REGISTRY = load_registry()
WARM: dict[str, Any] = {
    "id": "warm",
    "name": "Warm",
    "trigger": {"type": "sensor", "config": {"sensor": "t"}},
    "conditions": [{"type": "comparison", "config": {"sensor": "t", "operator": ">", "value": 20}}],
    "actions": [{"type": "led", "config": {"color": "red"}}],
    "clear_actions": [{"type": "led", "config": {"color": "off"}}],
}


@pytest.fixture
def engine() -> Engine:
    engine = Engine(REGISTRY)
    engine.put_rule(WARM)
    return engine


def says(engine: Engine, value: float, at_s: int) -> list[str]:
    return [firing.kind for firing in engine.handle(Reading("d1", {"t": value}, at_s * S))]


def test_nothing_fires_in_a_pause_and_everything_after_it(engine: Engine) -> None:
    engine.paused = True
    assert says(engine, 25, 1) == []
    engine.paused = False
    assert says(engine, 26, 2) == ["fired"]


def test_what_would_have_cleared_in_a_pause_clears_after_it(engine: Engine) -> None:
    assert says(engine, 25, 1) == ["fired"]
    engine.paused = True
    assert says(engine, 15, 2) == []
    engine.paused = False
    assert says(engine, 14, 3) == ["cleared"]
    assert says(engine, 13, 4) == []


def test_a_run_and_an_explanation_name_the_pause(engine: Engine) -> None:
    says(engine, 15, 1)
    engine.paused = True

    assert engine.run_rule("warm", force=True).blocked == {"d1": "paused"}
    assert engine.explain("warm", "d1")["blocked"] == "paused"
    assert engine.explain("warm", "d1")["can_fire_from"] is None


def test_a_switch_in_a_pause_sends_no_clear_actions(engine: Engine) -> None:
    says(engine, 25, 1)
    engine.paused = True

    assert engine.set_enabled("warm", enabled=False) == []
    assert not engine.enabled("warm")
