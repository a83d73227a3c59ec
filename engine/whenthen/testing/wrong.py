"""What a schema must refuse, and what is doubtful about the schema itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from whenthen.testing.configs import Schema, resolved, types_of

_KEYWORDS = frozenset(
    """
    $schema $id $anchor $dynamicAnchor $ref $dynamicRef $defs $comment $vocabulary definitions dependencies
    allOf anyOf oneOf not if then else dependentSchemas dependentRequired
    type enum const title description default deprecated readOnly writeOnly examples format
    multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern
    contentEncoding contentMediaType contentSchema
    items prefixItems unevaluatedItems contains maxContains minContains maxItems minItems uniqueItems
    properties patternProperties additionalProperties unevaluatedProperties propertyNames
    maxProperties minProperties required
    """.split()  # noqa: SIM905 - sixty names read better in lines
)
_INNER = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_INNER_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_INNER_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_SAYS_WHAT = ("type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "not", "if")
_OF_TYPE: Mapping[str, tuple[Any, ...]] = {
    "null": (None,),
    "boolean": (True, False),
    "integer": (7,),
    "number": (7.5,),
    "string": ("a text", ""),
    "array": ([], [1]),
    "object": ({}, {"a": 1}),
}


@dataclass(frozen=True, slots=True)
class WrongConfig:
    """A config that must be refused, and why."""

    config: dict[str, Any]
    why: str


def schema_faults(schema: Any) -> Iterator[str]:
    """Yield what is wrong with a schema, a sentence each; nothing for one that a rule editor can rely on."""
    if not isinstance(schema, Mapping):
        yield f"the schema is a dict, not {type(schema).__name__}"
        return
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        yield f"the schema is not valid JSON Schema 2020-12 at /{'/'.join(map(str, error.path))}: {error.message}"
        return
    if schema.get("type") != "object":
        yield f'the schema needs "type": "object", since a config is one; it has {schema.get("type")!r}'
    properties = schema.get("properties", {})
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    for name in schema.get("required", ()):
        if closed and name not in properties and not any(key in schema for key in _INNER_LISTS):
            yield f"{name!r} is required, but there is no such property, so no config is ever taken"
    yield from _misspelt(schema, "")


def open_properties(schema: Schema) -> list[str]:
    """Return the properties whose schema says nothing at all, so that they take anything without meaning to.

    One with a description is meant to be open.

    >>> open_properties({"properties": {"a": {}, "b": {"type": "number"}, "c": {"description": "any JSON"}}})
    ['a']
    """
    return [
        name
        for name, inner in schema.get("properties", {}).items()
        if isinstance(inner, Mapping) and "description" not in inner and not any(key in inner for key in _SAYS_WHAT)
    ]


def _misspelt(schema: Any, pointer: str) -> Iterator[str]:
    """Yield keywords that JSON Schema does not know: it ignores them silently, so a limit that is meant is none."""
    if not isinstance(schema, Mapping):
        return
    for key in schema:
        if key not in _KEYWORDS and not key.startswith("x-"):
            near = get_close_matches(key, _KEYWORDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; begin a keyword of your own with x-"
            yield f"JSON Schema has no keyword {key!r} (at {pointer or '/'}) and ignores it{hint}"
    for key in _INNER:
        yield from _misspelt(schema.get(key), f"{pointer}/{key}")
    for key in _INNER_LISTS:
        for index, inner in enumerate(schema.get(key, ())):
            yield from _misspelt(inner, f"{pointer}/{key}/{index}")
    for key in _INNER_MAPS:
        for name, inner in schema.get(key, {}).items():
            yield from _misspelt(inner, f"{pointer}/{key}/{name}")


def wrong_configs(schema: Schema, good: Mapping[str, Any]) -> Iterator[WrongConfig]:
    """Yield *good* with one thing wrong: an unknown field, a missing one, a value of a wrong type or off limits."""
    if schema.get("additionalProperties") is False and "patternProperties" not in schema:
        for name in ("unknown_field", "", "Über", "type "):
            yield WrongConfig({**good, name: 1}, f"there is no field {name!r}")
    for name in schema.get("required", ()):
        without = {key: value for key, value in good.items() if key != name}
        yield WrongConfig(without, f"the field {name!r} is missing")
    for name, inner in schema.get("properties", {}).items():
        for value in _misfits(_direct(inner, schema)):
            yield WrongConfig({**good, name: value}, f"{name!r} cannot be {value!r}")


def _direct(schema: Any, root: Schema) -> Any:
    return resolved(schema["$ref"], root) if isinstance(schema, Mapping) and "$ref" in schema else schema


def _misfits(schema: Any) -> Iterator[Any]:
    """Yield values that one property's own schema rules out."""
    if not isinstance(schema, Mapping):
        return
    allowed = set(types_of(schema)) | ({"integer"} if "number" in types_of(schema) else set())
    if "type" in schema:
        for name, samples in _OF_TYPE.items():
            if name not in allowed:
                yield from samples
    if "enum" in schema:
        yield from ("not one of these", None)
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "exclusiveMinimum" in schema:
        yield schema["exclusiveMinimum"]
    if "exclusiveMaximum" in schema:
        yield schema["exclusiveMaximum"]
