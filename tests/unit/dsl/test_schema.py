"""The schema of rules as an editor sees it: a stranger's type like one of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from whenthen import Condition, Truth, View, hookimpl
from whenthen.dsl.schema import compose, compose_scenario
from whenthen.extend.host import load_registry


class Near(Condition):
    """Its schema refers to parts of itself, and holds an inner condition."""

    type = "stranger.near"
    nested = "inner"
    schema = {  # noqa: RUF012 - as an author writes it
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:example:near",
        "type": "object",
        "required": ["limit"],
        "additionalProperties": False,
        "$defs": {"limit": {"type": "number", "description": "°C"}},
        "properties": {"limit": {"$ref": "#/$defs/limit"}, "inner": {"type": "object"}, "again": {"$ref": "#"}},
    }

    def evaluate(self, view: View) -> Truth:
        return True


class Stranger:
    @hookimpl
    def whenthen_conditions(self) -> list[type[Condition]]:
        return [Near]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return compose(load_registry(extra=[("stranger", Stranger())]))


def rule(config: Any) -> dict[str, Any]:
    condition = {"type": "stranger.near", "config": config}
    return {"name": "A", "trigger": {"type": "manual"}, "conditions": [condition], "actions": [{"type": "sound"}]}


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        ({"limit": 3}, True),
        ({"limit": "3"}, False),
        ({}, False),
        ({"limit": 3, "again": {"limit": 4}}, True),
        ({"limit": 3, "again": {"limit": "4"}}, False),
        ({"limit": 3, "inner": {"type": "range", "config": {"sensor": "co2", "max": 3}}}, True),
        ({"limit": 3, "inner": {"type": "rnge", "config": {}}}, False),
    ],
)
def test_a_strangers_schema_keeps_its_meaning_within_the_schema_of_rules(
    schema: dict[str, Any], config: Any, valid: bool
) -> None:
    document = rule(config) | {"actions": [{"type": "sound", "config": {"sound_id": 1}}]}

    assert jsonschema_rs.is_valid(schema, document) is valid


def test_a_strangers_schema_stands_beside_ours(schema: dict[str, Any]) -> None:
    assert "stranger.near" in schema["$defs"]["condition"]["properties"]["type"]["enum"]
    assert schema["$defs"]["condition.stranger.near"]["$defs"]["limit"]["description"] == "°C"
    assert "$id" not in schema["$defs"]["condition.stranger.near"]


def test_a_types_own_schema_is_not_changed_by_joining() -> None:
    before = repr(Near.schema)
    compose(load_registry(extra=[("stranger", Stranger())]))

    assert repr(Near.schema) == before


def test_a_scenarios_schema_holds_that_of_rules() -> None:
    checker = jsonschema_rs.validator_for(compose_scenario(load_registry()))
    files = sorted((Path(__file__).parents[3] / "examples" / "scenarios").rglob("*.scenario.json"))
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    [inline] = [document for document in documents if isinstance(document["rules"][0], dict)]
    wrong = json.loads(json.dumps(inline).replace('{"event": ', '{"evnt": '))

    assert len(documents) > 20
    assert all(map(checker.is_valid, documents))
    assert not checker.is_valid(wrong)
