"""Settings from environment variables: texts, read as what the setting is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any

from whenthen_server.settings.names import PREFIX, Setting, all_settings

_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_NEAR = 0.85
"""How alike a name must be to count as misspelt: other programs may have variables with our prefix, too."""


def from_environment(environ: Mapping[str, str]) -> tuple[list[tuple[Setting, Any]], list[str]]:
    """Return the settings that the environment gives, and the names that look misspelt.

    A text that is not what its setting wants stays a text, so that the schema refuses it. An empty variable is as good
    as none. ``FLASK_DEBUG`` asks for more log lines; nothing else: there is no debugger to switch on.
    """
    given: list[tuple[Setting, Any]] = []
    for setting in all_settings():
        text = next((environ[name] for name in setting.variables if environ.get(name)), None)
        if text is not None:
            given.append((setting, _read(setting, text)))
        elif setting.name == "logs.level" and _BOOLEANS.get(environ.get("FLASK_DEBUG", "").lower()):
            given.append((setting, "DEBUG"))
    return given, _misspelt(environ)


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    known = [name for setting in all_settings() for name in setting.variables]
    wrong = []
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=_NEAR)
            wrong += [f"{name}: there is no such setting; did you mean {near[0]}?"] if near else []
    return wrong


def _read(setting: Setting, text: str) -> Any:
    if setting.schema.get("enum") and text.upper() in setting.schema["enum"]:
        return text.upper()  # LOG_LEVEL=debug
    kind = setting.schema.get("type")
    if kind == "object":
        return _pairs(text, setting.schema["additionalProperties"]["type"])
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    return reader(text.strip()) if reader else text


def _number(kind: type[int | float]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            return text
        return value if isfinite(value) else text

    return read


def _pairs(text: str, inner: str) -> Any:
    """Read ``temperature=30,motion=0.1``."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    read = _number(float) if inner == "number" else str
    return {name.strip(): read(value.strip()) for name, _, value in pairs}


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _number(int),
    "number": _number(float),
    "boolean": lambda text: _BOOLEANS.get(text.lower(), text),
    "array": lambda text: [part.strip() for part in text.split(",") if part.strip()],
}
