"""Configs made from a plugin's own JSON Schema: the subset of 2020-12 that configs use, examples near at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\u202eabc",
    "\U0001d7d9",
    "\u2167",
    "\ufb01",
    "e\u0301",
    "🌡️",
    "NaN",
    "null",
    "{",
    "a" * 200,
)
"""Texts on which careless code stumbles: empty, direction marks, digits that are none, half a placeholder."""

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_NAMES = st.sampled_from(["a", "b", "value", "x y", "ß"])
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_NAMES, inner, max_size=2)),
    max_leaves=4,
)


def configs(schema: Schema, examples: Iterable[Mapping[str, Any]] = ()) -> SearchStrategy[dict[str, Any]]:
    """Return a strategy for configs that *schema* takes: examples, examples with something changed, and new ones.

    Every config is checked against the schema before it is handed out, so a keyword that the strategy does not know
    costs variety, never truth.
    """
    validator = Draft202012Validator(dict(schema))
    known = [dict(example) for example in (*examples, *schema.get("examples", ())) if validator.is_valid(example)]
    made: SearchStrategy[Any] = values(schema, schema)
    if known:
        given = st.sampled_from(known).map(deepcopy)
        made = st.one_of(given, _changed(schema, given), _changed(schema, given), made)
    return made.filter(lambda config: isinstance(config, dict) and validator.is_valid(config))


@st.composite
def _changed(draw: st.DrawFn, schema: Schema, given: SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Draw an example and change, add or drop one or two of its fields."""
    config = draw(given)
    properties = schema.get("properties", {})
    if not properties:
        return config
    for name in draw(st.lists(st.sampled_from(sorted(properties)), min_size=1, max_size=2, unique=True)):
        if name in config and name not in schema.get("required", ()) and draw(st.booleans()):
            del config[name]
        else:
            config[name] = draw(values(properties[name], schema))
    return config


def values(schema: Any, root: Schema) -> SearchStrategy[Any]:
    """Return a strategy for values of one schema within *root*; keywords unknown to it are left to the check after."""
    if not isinstance(schema, Mapping):
        return st.nothing() if schema is False else _ANYTHING
    if "$ref" in schema:
        return values(resolved(schema["$ref"], root), root)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            rest = {key: value for key, value in schema.items() if key != keyword}
            return st.one_of([values(_joined(rest, option), root) for option in schema[keyword]])
    if "allOf" in schema:
        joined: Mapping[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            joined = _joined(joined, part)
        return values(joined, root)
    made = _plain(schema, root)
    examples = schema.get("examples")
    if schema is root or not examples:
        return made
    return st.one_of(st.sampled_from(examples).map(deepcopy), st.sampled_from(examples).map(deepcopy), made)


def resolved(reference: str, root: Schema) -> Any:
    """Return what a reference within the schema points to; one that leads out of it is left open."""
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found if reference.startswith("#") else {}


def types_of(schema: Schema) -> tuple[str, ...]:
    """Return the JSON types that a schema allows, all seven when it does not say."""
    named = schema.get("type", _TYPES)
    return (named,) if isinstance(named, str) else tuple(named)


def _joined(outer: Schema, inner: Any) -> Schema:
    if not isinstance(inner, Mapping):
        return outer
    joined = {**outer, **inner}
    if "properties" in outer and "properties" in inner:
        joined["properties"] = {**outer["properties"], **inner["properties"]}
    if "required" in outer and "required" in inner:
        joined["required"] = [*outer["required"], *inner["required"]]
    return joined


def _plain(schema: Schema, root: Schema) -> SearchStrategy[Any]:
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "type" not in schema:
        if "properties" in schema:
            return _objects(schema, root)
        return _ANYTHING
    return st.one_of([_of_type(name, schema, root) for name in types_of(schema)])


def _of_type(name: str, schema: Schema, root: Schema) -> SearchStrategy[Any]:
    if name == "null":
        return st.none()
    if name == "boolean":
        return st.booleans()
    if name in ("integer", "number"):
        return _numbers(schema, whole=name == "integer")
    if name == "string":
        return _texts(schema)
    return _lists(schema, root) if name == "array" else _objects(schema, root)


def _numbers(schema: Schema, *, whole: bool) -> SearchStrategy[Any]:
    """Return numbers within the limits, the limits themselves among them; without limits, very large ones too."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lows = [number for number in (low, above) if number is not None]
    highs = [number for number in (high, below) if number is not None]
    least, most = max(lows, default=None), min(highs, default=None)
    edges = [number for number in (low, high) if number is not None] or [0, 1]
    if most is None:
        edges += [10**15, 10**400] if whole else [1e15, 1e308, 10**400]
    integers = st.integers(None if least is None else int(least), None if most is None else int(most))
    if whole:
        return st.one_of(st.sampled_from([int(edge) for edge in edges]), integers)
    floats = st.floats(
        None if least is None else float(least),
        None if most is None else float(most),
        exclude_min=above is not None and above == least,
        exclude_max=below is not None and below == most,
        allow_nan=False,
        allow_infinity=False,
    )
    usual = (
        st.integers(-50, 1500)
        .map(float)
        .filter(lambda number: (least is None or number >= least) and (most is None or number <= most))
    )
    room = (least is None or least <= 1500) and (most is None or most >= 0)
    return st.one_of(usual, floats, st.sampled_from(edges)) if room else st.one_of(floats, st.sampled_from(edges))


def _texts(schema: Schema) -> SearchStrategy[str]:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    if "pattern" in schema:
        made: SearchStrategy[str] = st.from_regex(str(schema["pattern"]))
    else:
        alphabet = st.characters(exclude_categories=["Cs"])
        made = st.one_of(
            st.text(alphabet, min_size=shortest, max_size=min(longest or 40, max(40, shortest))),
            st.sampled_from([*ODD_TEXTS, "temperature", "open"]),
        )
    return made.filter(lambda text: len(text) >= shortest and (longest is None or len(text) <= longest))


def _lists(schema: Schema, root: Schema) -> SearchStrategy[list[Any]]:
    fewest, most = schema.get("minItems", 0), schema.get("maxItems")
    first: Sequence[Any] = schema.get("prefixItems", ())
    rest = st.lists(
        values(schema.get("items", True), root),
        min_size=max(0, fewest - len(first)),
        max_size=min(most if most is not None else fewest + 3, fewest + 3),
        unique_by=repr if schema.get("uniqueItems") else None,
    )
    if not first:
        return rest
    return st.builds(lambda head, tail: [*head, *tail], st.tuples(*(values(item, root) for item in first)), rest)


def _objects(schema: Schema, root: Schema) -> SearchStrategy[dict[str, Any]]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    fields = {name: values(inner, root) for name, inner in properties.items()}
    needed = {name: fields.get(name, _ANYTHING) for name in sorted(required)}
    optional = {name: made for name, made in fields.items() if name not in required}
    known = st.fixed_dictionaries(needed, optional=optional)
    further = schema.get("additionalProperties", True)
    if further is False or (further is True and properties):
        return known
    extra = st.dictionaries(_NAMES, values(further, root), max_size=2)
    return st.builds(lambda more, given: {**more, **given}, extra, known)
