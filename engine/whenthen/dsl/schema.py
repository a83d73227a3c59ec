"""The whole rule schema, composed from what plugins registered: each type discriminated by ``type``."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from whenthen.extend.registry import Registry
from whenthen_schemas import load

_KINDS = ("trigger", "condition", "action")


def compose(registry: Registry) -> dict[str, Any]:
    """Return one self-contained JSON Schema 2020-12 of rules, by which an editor completes every registered type."""
    rule: dict[str, Any] = deepcopy(load("rule"))
    rule["$id"] = "urn:whenthen:rule"
    for kind in _KINDS:
        frame = rule["$defs"][kind]
        table = registry.table(kind)
        frame["properties"]["type"] = {"enum": sorted(table), "description": f"The {kind}'s type"}
        frame["allOf"] = [_case(kind, name) for name in sorted(table)]
        for name, registered in table.items():
            rule["$defs"][f"{kind}.{name}"] = _config_schema(registered, f"#/$defs/{kind}.{name}")
    rule["$defs"]["action"]["properties"]["if"] = {"$ref": "#/$defs/condition"}
    rule["oneOf"] = [{"required": ["trigger"]}, {"required": ["triggers"]}]
    return rule


def compose_scenario(registry: Registry) -> dict[str, Any]:
    """Return one self-contained JSON Schema 2020-12 of scenarios, whose rules are those of ``compose``."""
    scenario: dict[str, Any] = deepcopy(load("scenario"))
    scenario["$id"] = "urn:whenthen:scenario"
    rule = {key: value for key, value in compose(registry).items() if key not in ("$schema", "$id")}
    scenario["$defs"]["rule"] = _moved(rule, "#/$defs/rule")
    return scenario


def _case(kind: str, name: str) -> dict[str, Any]:
    config = {"properties": {"config": {"$ref": f"#/$defs/{kind}.{name}"}}}
    return {"if": {"required": ["type"], "properties": {"type": {"const": name}}}, "then": config}


def _config_schema(registered: Any, place_of_it: str) -> dict[str, Any]:
    """Return a type's own schema; inner conditions are conditions of any registered type.

    *place_of_it* is where the schema comes to stand: what it refers to within itself is found there.
    """
    own = {key: value for key, value in registered.schema.items() if key not in ("$schema", "$id")}
    schema: dict[str, Any] = _moved(own, place_of_it)
    nested = getattr(registered, "nested", None)
    place = schema.get("properties", {}).get(nested) if nested else None
    if isinstance(place, dict):
        _refer(place)
    if nested is not None and "operator" in schema.get("required", ()):
        schema["required"] = [name for name in schema["required"] if name != "operator"]
    return schema


def _moved(part: Any, root: str) -> Any:
    """Return a copy of *part* whose references from the root (``#``, ``#/…``) start at *root*."""
    if isinstance(part, Mapping):
        return {
            key: f"{root}{value[1:]}"
            if key == "$ref" and isinstance(value, str) and (value == "#" or value.startswith("#/"))
            else _moved(value, root)
            for key, value in part.items()
        }
    return [_moved(item, root) for item in part] if isinstance(part, list | tuple) else part


def _refer(place: dict[str, Any]) -> None:
    inner: Mapping[str, Any] = {"$ref": "#/$defs/condition"}
    if place.get("type") == "array":
        place["items"] = dict(inner)
    else:
        place.clear()
        place.update(inner)
