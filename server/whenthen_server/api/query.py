"""Query parameters: texts, read as what the route's schema says they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from whenthen.dsl.validate import escaped
from whenthen_server.problems import BadRequest

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read_query(given: Mapping[str, Sequence[str]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters by name, typed; a text that is not what the schema wants stays a text, to be refused.

    A list is given by repeating the parameter or with commas. Raises ``BadRequest`` for one given twice that is no
    list, and for NUL. The defaults of what is absent are filled in by ``with_defaults``, after the check.

    >>> read_query({"limit": ["5"]}, {"properties": {"limit": {"type": "integer"}}})
    {'limit': 5}
    """
    properties = schema.get("properties", {})
    read: dict[str, Any] = {}
    for name, texts in given.items():
        kind = properties.get(name, {}).get("type")
        if any("\0" in text for text in (name, *texts)):
            _refuse(name, "holds NUL", "leave that character out")
        if kind == "array":
            read[name] = [part for text in texts for part in text.split(",") if part]
        elif len(texts) > 1:
            _refuse(name, "is given more than once", "give it once")
        else:
            read[name] = _typed(kind, texts[0])
    return read


def with_defaults(query: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with the schema's defaults for those that are absent."""
    defaults = {name: inner["default"] for name, inner in schema.get("properties", {}).items() if "default" in inner}
    return defaults | query


def _typed(kind: str | None, text: str) -> Any:
    if kind == "boolean":
        return _BOOLEANS.get(text.lower(), text)
    if kind not in ("integer", "number") or not text.isascii() or "_" in text or len(text) > 40:
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if isfinite(value) else text  # a schema's bounds say nothing of what is no number


def _refuse(name: str, message: str, hint: str) -> None:
    name = name.replace("\0", "")
    error = {"pointer": f"/{escaped(name)}", "message": message, "hint": hint, "code": "invalid_query"}
    title = "The query cannot be read"
    raise BadRequest(f"The parameter {name!r} {message}.", code="invalid_query", title=title, errors=[error])
