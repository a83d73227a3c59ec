"""JSON from a stranger: one meaning, bounded depth, and the place of whatever is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

from whenthen.dsl.validate import escaped
from whenthen_server.problems import BadRequest

_SURROGATES = range(0xD800, 0xE000)
_LARGEST = 2**53
"""The largest integer that every reader of JSON reads alike (RFC 8259, section 6)."""
_LONG = 18
_CONTAINERS = frozenset({dict, list})


class _WrongError(ValueError):
    """Something that JSON or we do not allow; where it stands is looked up afterwards."""


def parse_json(data: bytes, *, max_depth: int) -> Any:
    """Return the value of a JSON text in UTF-8.

    Refuses with ``BadRequest`` what other readers would take to mean something else (a field given twice, NaN, numbers
    beyond double precision's range, bytes that are no UTF-8) and what nothing downstream can keep (half a surrogate
    pair, NUL, deeper than *max_depth*).

    >>> parse_json(b'{"a": [1, 2.5]}', max_depth=5)
    {'a': [1, 2.5]}
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse("invalid_utf8", "", f"byte {error.start + 1} is no UTF-8", "send JSON in UTF-8")
    try:
        value = _QUICK.decode(text)
    except json.JSONDecodeError as error:
        _refuse("invalid_json", "", f"line {error.lineno}, column {error.colno}: {error.msg}", "check the JSON there")
    except RecursionError:
        _too_deep(max_depth)
    except ValueError:
        _explain(text, max_depth)
    if _deeper(value, max_depth):
        _too_deep(max_depth)
    if b"\\u" in data:  # the only way in for characters that UTF-8 cannot carry, or that no table keeps
        _check_characters(value)
    return value


def _no_constant(name: str) -> NoReturn:
    raise _WrongError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise _WrongError(text)
    return value


def _safe(text: str) -> int:
    if len(text) > _LONG or abs(value := int(text)) > _LARGEST:
        raise _WrongError(text)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _WrongError
    return made


# Made once: ``json.loads`` with hooks would make one for each body.
_QUICK = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, parse_int=_safe, object_pairs_hook=_once)


def _deeper(value: Any, depth: int) -> bool:
    level = [value] if type(value) in _CONTAINERS else []
    while level:
        if depth == 0:
            return True
        depth -= 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
    return False


@dataclass(frozen=True, slots=True)
class _Bad:
    """Stands in a document where something is wrong."""

    code: str
    message: str
    hint: str


def _explain(text: str, max_depth: int) -> NoReturn:
    """Read once more, slowly, to find the place of what the quick reader refused."""
    value = json.loads(text, parse_constant=_bad_number, parse_float=_number, parse_int=_whole, object_pairs_hook=_all)
    if _deeper(value, max_depth):
        _too_deep(max_depth)
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        pointer, found = waiting.pop()
        if isinstance(found, _Bad):
            _refuse(found.code, pointer, found.message, found.hint)
        waiting.extend(_inner(pointer, found))
    _refuse("invalid_json", "", "the body cannot be read", "check the JSON")


def _inner(pointer: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{pointer}/{escaped(key)}", inner) for key, inner in value.items()]
    return [(f"{pointer}/{index}", inner) for index, inner in enumerate(value)] if isinstance(value, list) else []


def _bad_number(name: str) -> _Bad:
    return _Bad("invalid_number", f"{name[:20]} is not a finite number", "send a finite number, or null for none")


def _number(text: str) -> Any:
    value = float(text)
    return value if isfinite(value) else _bad_number(text)


def _whole(text: str) -> Any:
    try:
        return _safe(text)
    except _WrongError:
        return _Bad("invalid_number", "the integer is beyond ±2^53", "send it as a text, or with a decimal point")


def _all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        twice = _Bad("duplicate_field", "the field is given twice", "give it once")
        made[key] = twice if key in made else value
    return made


def _check_characters(value: Any) -> None:
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        pointer, found = waiting.pop()
        texts = [found] if isinstance(found, str) else list(found) if isinstance(found, dict) else []
        if any(not _storable(text) for text in texts):
            place = pointer.encode("utf-8", "replace").decode().replace("\0", "")
            _refuse("invalid_text", place, "a text holds NUL or half a surrogate pair", "leave that character out")
        waiting.extend(_inner(pointer, found))


def _storable(text: str) -> bool:
    """Tell whether a text can be kept and sent on: PostgreSQL takes no NUL, UTF-8 no lone surrogate.

    >>> _storable("grüße"), _storable("a" + chr(0))
    (True, False)
    """
    return "\0" not in text and not any(ord(character) in _SURROGATES for character in text)


def _too_deep(max_depth: int) -> NoReturn:
    _refuse("too_deep", "", f"the body is nested more than {max_depth} deep", "flatten it")


def _refuse(code: str, pointer: str, message: str, hint: str) -> NoReturn:
    error = {"pointer": pointer, "message": message, "hint": hint, "code": code}
    where = f"{pointer}: " if pointer else ""
    raise BadRequest(f"{where}{message}.", code=code, title="The body cannot be read", errors=[error])
