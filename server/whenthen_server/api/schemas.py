"""Named schemas of the API: one dictionary that checks requests and is served in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from whenthen.dsl.schema import compose
from whenthen.dsl.validate import SchemaChecker
from whenthen.extend.registry import Registry
from whenthen_schemas import load

_COMPONENTS = "#/components/schemas/"

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "Why a request failed (RFC 9457)",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "A URN of the code"},
        "title": {"type": "string", "description": "The kind of failure, for people"},
        "status": {"type": "integer", "description": "The HTTP status"},
        "code": {"type": "string", "description": "The kind of failure, for programs; it does not change"},
        "detail": {"type": "string", "description": "What happened, and what to do"},
        "id": {"type": "string", "description": "Of a fault of the server: where its log has the reason"},
        "errors": {
            "type": "array",
            "description": "Each fault of the body or the query",
            "items": {
                "type": "object",
                "required": ["pointer", "message", "hint"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer into the body, or / and a parameter"},
                    "message": {"type": "string", "description": "What is wrong there"},
                    "hint": {"type": "string", "description": "What to do, or what was probably meant"},
                    "code": {"type": "string", "description": "The kind of fault, for programs"},
                },
            },
        },
    },
}


def components(registry: Registry, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the named schemas: problems, rules with every registered type, readings, events, and *more*."""
    named: dict[str, Any] = {"Problem": dict(PROBLEM)}
    for name, schema in {
        "Rule": compose(registry),
        "Reading": load("reading"),
        "Event": load("event"),
        **(more or {}),
    }.items():
        named |= hoisted(name, schema)
    return named


def hoisted(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema and its ``$defs`` as components of their own, with the references turned accordingly.

    >>> hoisted("A", {"$defs": {"b": {"type": "null"}}, "items": {"$ref": "#/$defs/b"}})
    {'A': {'items': {'$ref': '#/components/schemas/A.b'}}, 'A.b': {'type': 'null'}}
    """
    whole = deepcopy(dict(schema))
    for key in ("$schema", "$id"):
        whole.pop(key, None)
    inner = whole.pop("$defs", {})
    found = {name: whole, **{f"{name}.{key}": value for key, value in inner.items()}}
    for part in found.values():
        _turn(part, f"{_COMPONENTS}{name}.", f"{_COMPONENTS}{name}")
    return found


def _turn(node: Any, prefix: str, whole: str) -> None:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/$defs/"):
            node["$ref"] = prefix + reference.removeprefix("#/$defs/")
        elif reference == "#":
            node["$ref"] = whole
        for inner in node.values():
            _turn(inner, prefix, whole)
    elif isinstance(node, list):
        for inner in node:
            _turn(inner, prefix, whole)


def checker(schema: Mapping[str, Any], named: Mapping[str, Any]) -> SchemaChecker:
    """Return what checks values by a schema that may refer to the named ones."""
    return SchemaChecker({**schema, "components": {"schemas": dict(named)}})
