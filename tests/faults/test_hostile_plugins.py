"""Plugins that mean harm or know no better: each has its written outcome, and everyone else goes on."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from distributions import WARM, Site
from hostile_plugins import ALL, ON_READING, Hostile

from whenthen import Firing, InvalidRuleError, Notice, Reading
from whenthen.engine import Engine
from whenthen.extend.host import load_registry
from whenthen.extend.isolation import Limits
from whenthen.extend.registry import PluginRecord, Registry

S = 1_000_000
HEALTHY = {
    "by-comparison": {"type": "comparison", "config": {"sensor": "temperature", "operator": ">", "value": 20}},
    "by-another-plugin": {"type": "warm"},
    "by-expression": {"type": "expression", "config": {"expression": "abs(temperature) > 20"}},
}


def rule(name: str, *conditions: Any, **more: Any) -> dict[str, Any]:
    actions = [{"type": "log", "config": {"message": name}}]
    return {"id": name, "name": name, "trigger": ON_READING, "conditions": [*conditions], "actions": actions, **more}


def load(site: Site, hostile: Hostile) -> Registry:
    site.install("greenhouse", WARM.format(name="warm"))
    site.install("hostile", hostile.code)
    limits = Limits(hostile.deadline_seconds, strikes=hostile.strikes, load_seconds=hostile.load_seconds)
    return load_registry(isolated=["hostile"] if hostile.isolated else [], limits=limits)


def record(registry: Registry) -> PluginRecord:
    return next(plugin for plugin in registry.plugins if plugin.name == "hostile")


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), text, re.DOTALL) is not None


def assert_told(patterns: tuple[str, ...], notices: list[Notice]) -> None:
    said = list(dict.fromkeys(notice.message for notice in notices))
    assert len(said) == len(patterns), said
    assert all(matches(pattern, text) for pattern, text in zip(patterns, said, strict=True)), said
    assert {notice.plugin for notice in notices} <= {"hostile"}


def fired(firings: list[Firing]) -> Counter[str]:
    return Counter(firing.rule_id for firing in firings)


@pytest.mark.parametrize("hostile", ALL, ids=str)
def test_each_has_its_outcome_and_the_others_go_on(
    hostile: Hostile, site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WHENTHEN_SECRET", "hunter2")
    registry = load(site, hostile)
    [problem] = record(registry).problems or [""]
    assert matches(hostile.problem or "", problem), problem

    engine = Engine(registry)
    for name, condition in HEALTHY.items():
        engine.put_rule(rule(name, condition))
    uses = rule("hostile", {"type": "hostile"}, **hostile.rule) if hostile.problem is None else None
    refusal = put(engine, uses)
    assert matches(hostile.refused or "", refusal), refusal

    firings = [
        firing
        for second in (1, 2, 3)
        for firing in engine.handle(Reading("d", {"temperature": 24.0 + second}, second * S))
    ]
    state = json.loads(json.dumps(engine.changed_state()))
    notices = engine.take_notices()

    expected = dict.fromkeys(HEALTHY, 3) | ({"hostile": hostile.fires} if hostile.fires else {})
    assert dict(fired(firings)) == expected
    assert_told(hostile.told, notices)
    assert sum(notice.count for notice in notices) == sum(
        engine.counts[f"{kind}_failed"] for kind in ("condition", "action", "trigger", "function")
    )

    after = Engine.restore(registry, None, [rule(name, condition) for name, condition in HEALTHY.items()], state)
    assert dict(fired(after.handle(Reading("d", {"temperature": 30.0}, 9 * S)))) == dict.fromkeys(HEALTHY, 1)
    assert capfd.readouterr().out == ""


def put(engine: Engine, document: dict[str, Any] | None) -> str:
    """Put a rule, if there is one, and return why it is refused."""
    if document is not None:
        try:
            engine.put_rule(document)
        except InvalidRuleError as error:
            return str(error)
    return ""


def test_there_are_at_least_fifty_and_each_is_told_apart() -> None:
    names = [hostile.name for hostile in ALL]

    assert len(names) >= 50
    assert len(set(names)) == len(names)
    assert all(hostile.outcome.endswith(".") for hostile in ALL)


def test_one_that_takes_the_name_of_the_built_in_plugin_is_skipped(site: Site) -> None:
    site.install("usurper", WARM.format(name="warm"), points="[whenthen]\nbuiltin = usurper\n")
    registry = load_registry()

    assert [plugin.status for plugin in registry.plugins if plugin.package == "usurper"] == ["skipped"]
    assert "warm" not in registry.conditions


def test_a_condition_that_raises_a_million_times_waits_as_one_notice(site: Site) -> None:
    site.install("hostile", next(hostile.code for hostile in ALL if hostile.name == "raises-at-evaluate"))
    engine = Engine(load_registry())
    engine.put_rule(rule("r", {"type": "hostile"}))
    for at_us in range(1, 1_001):
        engine.handle(Reading("d", {"temperature": float(at_us)}, at_us))

    [notice] = engine.take_notices()
    assert (notice.count, notice.at_us, notice.rule_id, notice.subject) == (1_000, 1, "r", "d")
    assert engine.take_notices() == []


def test_one_that_raises_ever_new_words_is_told_ten_times_and_then_in_one(site: Site) -> None:
    code = next(hostile.code for hostile in ALL if hostile.name == "raises-at-evaluate")
    site.install("hostile", code.replace("'bad'", "view.now_us"))
    engine = Engine(load_registry())
    engine.put_rule(rule("r", {"type": "hostile"}))
    for at_us in range(1, 1_001):
        engine.handle(Reading("d", {"temperature": float(at_us)}, at_us))

    notices = engine.take_notices()
    assert len(notices) == 11
    assert notices[-1].message == "plugin hostile fails in ever new words"
    assert sum(notice.count for notice in notices) == 1_000


def test_a_keyboard_interrupt_is_the_persons_and_passes(site: Site) -> None:
    site.install(
        "hostile",
        next(h.code for h in ALL if h.name == "exits-at-evaluate").replace("sys.exit(9)", "raise KeyboardInterrupt"),
    )
    engine = Engine(load_registry())
    engine.put_rule(rule("r", {"type": "hostile"}))

    with pytest.raises(KeyboardInterrupt):
        engine.handle(Reading("d", {"temperature": 25.0}, S))
