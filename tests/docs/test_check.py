"""Each class of findings on the page of ``whenthen check`` is found in the rules that stand below it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from whenthen.analysis.analyse import analyse
from whenthen.analysis.findings import Kind
from whenthen.analysis.physics import Target, read_effects, shipped_effects
from whenthen.extend.host import load_registry

PAGE = Path(__file__).parents[2] / "docs" / "testing" / "check.md"
_SECTION = re.compile(r"^### `(\w+)`\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(_SECTION.findall(PAGE.read_text(encoding="utf-8")))
NOW_US = 1_793_000_000_000_000
"""2026-10-26: later than the examples' last winter."""


def test_every_class_has_an_example() -> None:
    assert list(SECTIONS) == list(get_args(Kind))


@pytest.mark.parametrize("kind", SECTIONS)
def test_the_example_of_a_class_is_found_to_be_one(kind: str) -> None:
    rules, *effects = map(json.loads, _BLOCK.findall(SECTIONS[kind]))
    table = read_effects(effects[0]) if effects else shipped_effects()
    named = [{"id": f"rule-{number}", **rule} for number, rule in enumerate(rules)]
    found = [
        (one.kind, one.grade, len(one.rules)) for one in analyse(named, load_registry(), effects=table, now_us=NOW_US)
    ]

    assert found == [(kind, "certain", len(rules))]


def test_every_effect_in_the_table_on_the_page_can_be_read() -> None:
    last = json.loads(_BLOCK.findall(PAGE.read_text(encoding="utf-8"))[-1])

    assert read_effects(last).of("flap", "open", Target("attic")).moves == {"temperature": -1}
    assert read_effects(last).of("valve", "on", Target("r1", "radiator")).moves == {"temperature": 1}
