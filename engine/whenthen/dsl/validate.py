"""All mistakes of a rule at once: where, what is wrong, and what was probably meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from sys import float_info
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from whenthen.errors import Problem
from whenthen.extend.registry import Registry
from whenthen_schemas import load

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_CONDITION_DEPTH = 50
MAX_DOCUMENT_DEPTH = 200
MAX_DOCUMENT_CHARACTERS = 1_000_000

_TYPE_NAMES = {
    "number": "a number",
    "integer": "a whole number",
    "string": "a text",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


class SchemaChecker:
    """One schema: a quick yes from jsonschema-rs, and jsonschema's words when the answer is no.

    >>> [str(problem) for problem in SchemaChecker({"type": "integer"}).problems("x", "/n")]
    ['/n: must be a whole number, not "x"']
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)
        self._quick = jsonschema_rs.Draft202012Validator(self._schema)

    def problems(self, value: Any, pointer: str) -> list[Problem]:
        """Return all that is wrong with *value*, which stands at *pointer* of its document, in order of place."""
        if self._quick.is_valid(value):
            return []
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - 4 MB that a house of sound rules never needs

        slow = Draft202012Validator(self._schema)
        errors = sorted(slow.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        return list(dict.fromkeys(problem for error in errors for problem in _told(error, pointer)))


class Validator:
    """Checks rule documents against what a registry offers.

    >>> from whenthen.extend.host import load_registry
    >>> [str(problem) for problem in Validator(load_registry()).problems({"nmae": "x", "actions": []})][:1]
    ["/: the field 'name' is missing (is 'nmae' meant to be it?)"]
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._frame = SchemaChecker(_frame_schema())
        self._configs: dict[tuple[str, str], SchemaChecker] = {}

    def problems(self, document: Any) -> list[Problem]:
        """Return every problem of a document that its schemas can tell, in order of place; none for a sound one."""
        if not isinstance(document, dict):
            return [Problem("bad_type", "", f"a rule is an object, not {_named(document)}", "write {…}")]
        refusal = too_large(document)
        if refusal is not None:
            return [refusal]
        problems = self._frame.problems(document, "")
        problems += _triggers_given(document)
        problems += _validity(document)
        for kind, pointer, item in typed_items(document):
            self._typed(kind, pointer, item, problems)
        return problems

    def condition_problems(self, item: Any, pointer: str) -> list[Problem]:
        """Return every problem of a condition that stands at *pointer*, as far as schemas can tell."""
        problems: list[Problem] = []
        self._typed("condition", pointer, item, problems, 1)
        return problems

    def _typed(self, kind: str, pointer: str, item: Any, problems: list[Problem], depth: int = 0) -> None:
        """Check a trigger, condition or action by its type's own schema, and the conditions inside it."""
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            problems += _untyped(kind, pointer, item, inner=depth > 0)
            return
        if depth > MAX_CONDITION_DEPTH:
            message = f"conditions are nested more than {MAX_CONDITION_DEPTH} deep"
            problems.append(Problem("too_deep", pointer, message, "flatten them"))
            return
        table = self._registry.table(kind)
        registered = table.get(item["type"])
        if registered is None:
            problems.append(_unknown_type(kind, pointer, item["type"], table))
            return
        if depth > 0:
            problems += _condition_fields(pointer, item)
        config = item.get("config", {})
        if not isinstance(config, dict):
            return
        if "operator" in item and getattr(registered, "nested", None) == "conditions":
            config = {"operator": item["operator"], **config}
        problems += self._config(kind, item["type"]).problems(config, f"{pointer}/config")
        if kind == "action" and "if" in item:
            self._typed("condition", f"{pointer}/if", item["if"], problems, 1)
        for place, inner in _inner(registered, config):
            self._typed("condition", f"{pointer}/config{place}", inner, problems, depth + 1)

    def _config(self, kind: str, name: str) -> SchemaChecker:
        checker = self._configs.get((kind, name))
        if checker is None:
            schema = _without_inner(self._registry.table(kind)[name])
            checker = self._configs[kind, name] = SchemaChecker(schema)
        return checker


def _frame_schema() -> dict[str, Any]:
    """Return the rule's own schema; what stands inside a trigger, condition or action is checked by its type."""
    schema: dict[str, Any] = deepcopy(load("rule"))
    schema["$defs"]["action"]["properties"]["if"] = {}
    return schema


def _without_inner(registered: Any) -> dict[str, Any]:
    """Return a type's schema with inner conditions left open: they are checked one by one."""
    schema: dict[str, Any] = deepcopy(dict(registered.schema))
    nested = getattr(registered, "nested", None)
    place = schema.get("properties", {}).get(nested) if nested else None
    if isinstance(place, dict):
        if place.get("type") == "array":
            place["items"] = {}
        else:
            schema["properties"][nested] = {}
    return schema


def typed_items(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (kind, pointer, item) for every trigger, condition and action at the top."""
    if "trigger" in document:
        yield "trigger", "/trigger", document["trigger"]
    for field, kind in (
        ("triggers", "trigger"),
        ("conditions", "condition"),
        ("actions", "action"),
        ("clear_actions", "action"),
    ):
        items = document.get(field)
        if isinstance(items, list):
            for index, item in enumerate(items):
                yield kind, f"/{field}/{index}", item


def _inner(registered: Any, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (pointer within the config, inner condition), as far as the schema says nothing against it itself."""
    nested = getattr(registered, "nested", None)
    if nested is None or nested not in config:
        return
    inner, place = config[nested], registered.schema.get("properties", {}).get(nested)
    wanted = place.get("type") if isinstance(place, dict) else None
    if isinstance(inner, list) and wanted != "object":
        for index, item in enumerate(inner):
            yield f"/{nested}/{index}", item
    elif wanted != "array":
        yield f"/{nested}", inner


def _untyped(kind: str, pointer: str, item: Any, *, inner: bool) -> list[Problem]:
    """Say of an inner condition what the rule's own schema says of an outer one."""
    if not inner:
        return []
    if not isinstance(item, dict):
        return [Problem("bad_type", pointer, f"a {kind} is an object, not {_named(item)}", 'write {"type": …}')]
    if "type" not in item:
        return [Problem("missing_field", pointer, "the field 'type' is missing", "it is required")]
    return [Problem("bad_type", f"{pointer}/type", f"must be a text, not {_named(item['type'])}")]


def _condition_fields(pointer: str, item: Mapping[str, Any]) -> Iterator[Problem]:
    known = ("type", "config", "operator")
    for name in item:
        if name not in known:
            yield _unknown_field(f"{pointer}/{escaped(name)}", name, known)
    if "config" in item and not isinstance(item["config"], dict):
        yield Problem("bad_type", f"{pointer}/config", f"must be an object, not {_named(item['config'])}")


def _unknown_type(kind: str, pointer: str, name: str, table: Iterable[str]) -> Problem:
    near = get_close_matches(name, list(table), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(table))}"
    return Problem("unknown_type", f"{pointer}/type", f"there is no {kind} of type {_short(name)}", hint)


def _unknown_field(pointer: str, name: str, known: Iterable[str]) -> Problem:
    near = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return Problem("unknown_field", pointer, f"there is no field {_short(name)}", hint)


def _triggers_given(document: Mapping[str, Any]) -> Iterator[Problem]:
    if ("trigger" in document) is ("triggers" in document):
        both = "trigger" in document
        message = "trigger and triggers are both given" if both else "the field 'trigger' is missing"
        yield Problem("missing_field", "", message, "give one of trigger and triggers")


def _validity(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Check ``valid_from`` and ``valid_until``: date-times with an offset, in order."""
    found: dict[str, datetime] = {}
    for name in ("valid_from", "valid_until"):
        text = document.get(name)
        if not isinstance(text, str):
            continue
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            yield Problem("bad_value", f"/{name}", f"{_short(text)} is no ISO 8601 time", "2026-01-01T00:00:00Z")
            continue
        if instant.tzinfo is None:
            yield Problem("bad_value", f"/{name}", f"{_short(text)} has no offset", "add Z or, say, +01:00")
            continue
        found[name] = instant
    if len(found) == 2 and found["valid_from"] >= found["valid_until"]:
        yield Problem("bad_value", "/valid_until", "valid_until is not after valid_from", "swap them?")


def too_large(document: Any, most_characters: int = MAX_DOCUMENT_CHARACTERS) -> Problem | None:
    """Refuse what is too long or too deep before anything walks it; numbers that are none, too.

    >>> too_large({"value": float("inf")}).pointer
    '/value'
    """
    waiting: list[tuple[Any, int, str]] = [(document, 0, "")]
    characters = 0
    while waiting:
        value, depth, pointer = waiting.pop()
        if depth > MAX_DOCUMENT_DEPTH:
            return Problem("too_deep", "", f"it is nested more than {MAX_DOCUMENT_DEPTH} deep", "flatten it")
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, float):
            if not isfinite(value):
                return Problem("bad_value", pointer, f"{value} is not a finite number", "use a finite number")
        elif isinstance(value, int) and not -float_info.max <= value <= float_info.max:
            return Problem("bad_value", pointer, "the number is too large for a double", "use one below 1.7e308")
        elif isinstance(value, dict):
            characters += sum(map(len, map(str, value)))
            waiting.extend((inner, depth + 1, f"{pointer}/{escaped(str(key))}") for key, inner in value.items())
        elif isinstance(value, list):
            characters += len(value)
            waiting.extend((inner, depth + 1, f"{pointer}/{index}") for index, inner in enumerate(value))
        if characters > most_characters:
            return Problem("too_long", "", f"it is longer than {most_characters:,} characters", "split it")
    return None


def escaped(name: str) -> str:
    """Return a name as one step of a JSON Pointer.

    >>> escaped("a/b~c")
    'a~1b~0c'
    """
    return name.replace("~", "~0").replace("/", "~1")


def _pointer(error: ValidationError) -> str:
    return "".join(f"/{escaped(str(step))}" for step in error.absolute_path)


def _told(error: ValidationError, prefix: str) -> Iterator[Problem]:  # noqa: C901, PLR0912 - one table of cases
    """Yield a schema's error in plain words."""
    pointer = prefix + _pointer(error)
    value, wanted = error.instance, error.validator_value
    match error.validator:
        case "additionalProperties":
            known = tuple(error.schema.get("properties", {}))
            for name in value:
                if name not in known:
                    yield _unknown_field(f"{pointer}/{escaped(name)}", name, known)
        case "required":
            for name in wanted:
                if name not in value:
                    yield from _missing(error, pointer, name)
        case "type":
            kinds = " or ".join(_TYPE_NAMES[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))
            yield Problem("bad_type", pointer, f"must be {kinds}, not {_short(value)}")
        case "enum":
            options = [str(option) for option in wanted]
            near = get_close_matches(str(value), options, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(options)}"
            yield Problem("bad_value", pointer, f"{_short(value)} is not possible here", hint)
        case "dependentRequired":
            yield from _companions(error, pointer)
        case "anyOf" | "oneOf":
            yield Problem("bad_value", pointer, f"{_short(value)} is not possible here", _alternatives(error))
        case "not" if "enum" in wanted:
            kept = wanted.get("description", "one of those that are not taken")
            yield Problem("bad_value", pointer, f"{_short(value)} is {kept}", "choose another one")
        case "pattern":
            hint = (
                "such as " + " or ".join(error.schema["examples"])
                if "examples" in error.schema
                else f"pattern {wanted}"
            )
            yield Problem("bad_value", pointer, f"{_short(value)} is not written as it must be", hint)
        case _:
            yield Problem("bad_value", pointer, _bound(error), "")


def _missing(error: ValidationError, pointer: str, name: str) -> Iterator[Problem]:
    near = get_close_matches(name, [key for key in error.instance if key not in error.schema.get("properties", {})], 1)
    hint = f"is {near[0]!r} meant to be it?" if near else "it is required"
    yield Problem("missing_field", pointer, f"the field {name!r} is missing", hint)


def _companions(error: ValidationError, pointer: str) -> Iterator[Problem]:
    for name, needed in error.validator_value.items():
        for other in needed if name in error.instance else ():
            if other not in error.instance:
                yield Problem("missing_field", pointer, f"the field {other!r} is missing", f"{name!r} needs it")


def _alternatives(error: ValidationError) -> str:
    described = error.schema.get("description")
    needed = [" and ".join(option["required"]) for option in error.validator_value if "required" in option]
    if needed and not isinstance(error.instance, str | int | float):
        return "give " + " or ".join(needed)
    return str(described or "see the schema")


_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} entries",
    "maxItems": "must have at most {} entries",
    "minProperties": "must have at least {} entries",
    "maxProperties": "must have at most {} entries",
    "const": "must be {}",
    "uniqueItems": "must not repeat an entry",
}


def _bound(error: ValidationError) -> str:
    form = _BOUNDS.get(str(error.validator))
    if form is None:
        return re.sub(r"\s+", " ", error.message)[:200]
    counted = str(error.validator).endswith(("Length", "Items", "Properties"))
    if counted and not error.instance and error.validator_value == 1:
        return "must not be empty"
    found = len(error.instance) if counted else error.instance
    return f"{form.format(_short(error.validator_value))}, not {_short(found)}"


def _named(value: Any) -> str:
    kinds: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number"}
    kinds |= {float: "number", type(None): "null"}
    return _TYPE_NAMES[kinds.get(type(value), "object")]


def _short(value: Any) -> str:
    """Return a value as it is written in JSON, cut to one short line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
