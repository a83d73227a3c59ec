"""Texts with placeholders: ``{name}`` or ``{name:.1f}``, looked up and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from whenthen.dsl.values import is_number
from whenthen.errors import TemplateError
from whenthen.model.reading import Scalar

Lookup = Callable[[str], Scalar | None]
"""Returns a name's value, ``None`` when it has none now; raises ``KeyError`` when nobody knows the name."""

Render = Callable[[Lookup], Any]

MAX_DEPTH = 100
"""How deep lists and objects may be nested around a text."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*(?:\.\w+)*)(?::([^{}]*))?\}|[{}]", re.ASCII)
_FORMAT = re.compile(r"[+,]?(0?\d{1,2})?(\.\d{1,2})?[dfeg%]?", re.ASCII)
_HINT = "write {name} or {name:.1f}; a brace that is meant as a brace is written twice"
_EXACT = 10**16
"""From here on a float's digits before the point are no longer all known; its own notation is kept."""

_NO_NAMES: frozenset[str] = frozenset()


class Template:
    """A JSON value whose texts may hold placeholders.

    *names* are those that it asks for; a *static* one asks for none and is returned as it is.

    >>> template = Template.compile({"message": "{temperature:.1f} °C", "value": "{temperature}"})
    >>> template.render({"temperature": 21.25}.get)
    {'message': '21.2 °C', 'value': 21.25}
    """

    __slots__ = ("_render", "names", "static", "value")

    def __init__(self, value: Any, render: Render | None, names: frozenset[str]) -> None:
        self.value = value
        self.names = names or _NO_NAMES
        self.static = render is None
        self._render = render

    @classmethod
    def compile(cls, value: Any, *, blank: bool = False) -> Template:
        """Return the template, or raise ``TemplateError``; with *blank* a missing value is empty, not ``unknown``."""
        names: set[str] = set()
        render = _compiled(value, _missing(blank), names, 0)
        return cls(value, render, frozenset(names))

    @classmethod
    def compile_config(cls, config: Mapping[str, Any], blank_keys: Collection[str] = ()) -> Template:
        """Return the template of an action's config, in which the texts of *blank_keys* leave missing values empty."""
        names: set[str] = set()
        parts = {key: _compiled(value, _missing(key in blank_keys), names, 1) for key, value in config.items()}
        return cls(config, _object(config, parts), frozenset(names))

    def render(self, lookup: Lookup) -> Any:
        """Return the value filled in; raises ``TemplateError`` when *lookup* raises ``KeyError``.

        A text that is exactly one placeholder becomes the value itself, ``None`` when there is none.

        >>> Template.compile("{co2} ppm").render({}.__getitem__)
        Traceback (most recent call last):
        whenthen.errors.TemplateError: nobody knows {co2}
        """
        return self.value if self._render is None else self._render(lookup)


def _missing(blank: bool) -> str:
    return "" if blank else "unknown"


def _compiled(value: Any, missing: str, names: set[str], depth: int) -> Render | None:
    """Return how to fill a value in, ``None`` when there is nothing to fill in."""
    if depth > MAX_DEPTH:
        raise TemplateError("lists and objects are nested too deep", f"at most {MAX_DEPTH} levels")
    if isinstance(value, str):
        return _text(value, missing, names)
    if isinstance(value, Mapping):
        return _object(value, {key: _compiled(inner, missing, names, depth + 1) for key, inner in value.items()})
    if isinstance(value, list):
        return _list(value, [_compiled(inner, missing, names, depth + 1) for inner in value])
    return None


def _object(value: Mapping[str, Any], parts: Mapping[str, Render | None]) -> Render | None:
    if not any(parts.values()):
        return None

    def render(lookup: Lookup) -> Any:
        return {key: value[key] if part is None else part(lookup) for key, part in parts.items()}

    return render


def _list(value: list[Any], parts: list[Render | None]) -> Render | None:
    if not any(parts):
        return None

    def render(lookup: Lookup) -> Any:
        return [kept if part is None else part(lookup) for kept, part in zip(value, parts, strict=True)]

    return render


def _text(text: str, missing: str, names: set[str]) -> Render | None:
    if "{" not in text and "}" not in text:
        return None
    pieces: list[str | tuple[str, str]] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        pieces += (text[end : found.start()], _piece(found))
        end = found.end()
    pieces.append(text[end:])
    pieces = [piece for piece in pieces if piece]
    names.update(piece[0] for piece in pieces if isinstance(piece, tuple))
    if len(pieces) == 1 and isinstance(pieces[0], tuple) and not pieces[0][1]:
        name = pieces[0][0]
        return lambda lookup: _value(lookup, name)

    def render(lookup: Lookup) -> str:
        return "".join(
            piece if isinstance(piece, str) else shown(_value(lookup, piece[0]), piece[1], missing) for piece in pieces
        )

    return render


def _piece(found: re.Match[str]) -> str | tuple[str, str]:
    """Return a plain brace, or a placeholder's name and format."""
    whole = found.group()
    if whole in ("{{", "}}"):
        return whole[0]
    name, form = found.group(1), found.group(2) or ""
    if name is None:
        raise TemplateError(f"a {whole!r} that belongs to no placeholder", _HINT)
    if not _works(form):
        raise TemplateError(f"cannot read the format {form!r} of {{{name}}}", "use for example .1f, ,.0f or 03d")
    return name, form


def _works(form: str) -> bool:
    """Tell whether numbers can be written with a format; found out now, it cannot fail at a firing."""
    if not _FORMAT.fullmatch(form):
        return False
    try:
        shown(1, form), shown(1.5, form)
    except ValueError:
        return False
    return True


def _value(lookup: Lookup, name: str) -> Scalar | None:
    try:
        return lookup(name)
    except KeyError:
        raise TemplateError(f"nobody knows {{{name}}}", "check the spelling of the sensor or variable") from None


def shown(value: Scalar | None, form: str = "", missing: str = "unknown") -> str:
    """Return a value as text: whole numbers without a point, booleans as JSON spells them.

    >>> shown(21.0), shown(True), shown(3.14159, ".2f"), shown(None)
    ('21', 'true', '3.14', 'unknown')
    """
    if value is None:
        return missing
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) or not is_number(value):
        return str(value)
    if form:
        return _formatted(value, form)
    return str(int(value)) if abs(value) < _EXACT and value == int(value) else repr(value)


def _formatted(value: float, form: str) -> str:
    if form.endswith("d"):
        return format(round(value), form)
    return format(float(value) if "." in form else value, form)
