"""Reads the settings: defaults, then the YAML file, then the environment; one wrong value stops the start."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from whenthen.dsl.validate import SchemaChecker
from whenthen.errors import Problem, WhenthenError
from whenthen_schemas import load
from whenthen_server.settings.environment import from_environment
from whenthen_server.settings.names import Setting, all_settings
from whenthen_server.settings.values import Settings
from whenthen_server.settings.yaml_file import read_yaml


class SettingsError(WhenthenError):
    """Settings with which the server does not start; each problem names setting, value and what is allowed."""

    code = "invalid_settings"

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@contextmanager
def about(name: str) -> Generator[None]:
    """Have what is wrong with a value in itself, beyond its form, told as what it is: a setting that stops the start.

    >>> with about("outbound.allow"):
    ...     raise ValueError("'?' is no network")
    Traceback (most recent call last):
    ...
    whenthen_server.settings.load.SettingsError: outbound.allow: '?' is no network
    """
    try:
        yield
    except (ValueError, OSError) as error:
        said = str(error)
        raise SettingsError((said if said.startswith(f"{name}.") else f"{name}: {said}",)) from error


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a YAML file (``None``: no file) with the environment's over it.

    Raises ``SettingsError`` with everything that is wrong, for example ``server.port: 70000 …``.

    >>> load_settings(None, {"WHENTHEN_SERVER_PORT": "8080"}).server.port
    8080
    """
    document, wrong = read_yaml(path) if path else ({}, [])
    given, more = from_environment(environ)
    wrong = [*wrong, *more]
    for setting, value in given:
        _put(document, setting.path, value)
    # The document is checked as it was given, before defaults hide where a value came from.
    wrong += [_told(problem, document) for problem in _checker().problems(document, "")]
    if wrong:
        raise SettingsError(tuple(dict.fromkeys(wrong)))
    built: Settings = _built(Settings, _with_defaults(load("settings"), document))
    return built


def _checker() -> SchemaChecker:
    return SchemaChecker(load("settings"))


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # the file is wrong there, and the check will say so
        document = inner
    document[path[-1]] = value


def _with_defaults(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for name, inner in schema["properties"].items():
        if "properties" in inner:
            filled[name] = _with_defaults(inner, value.get(name, {}))
        else:
            filled[name] = value.get(name, inner["default"])
    return filled


def _built(kind: Any, values: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{field.name: _typed(hints[field.name], values[field.name]) for field in fields(kind)})


def _typed(hint: Any, value: Any) -> Any:
    if is_dataclass(hint):
        return _built(hint, value)
    if value is not None and hint in (Path, Path | None):
        return Path(value).expanduser()
    if isinstance(value, list):
        return tuple(value)
    return value


def _told(problem: Problem, document: Any) -> str:
    """Return a problem in terms of settings: the name, what is wrong, what is allowed; never a secret's value."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in problem.pointer.split("/")[1:]]
    name = ".".join(steps)
    setting = next((known for known in all_settings() if known.name == name), None)
    secret = next((known for known in all_settings() if known.secret and name.startswith(f"{known.name}.")), None)
    if secret is not None:
        return f"{name}: the value (not shown) is not possible; {' '.join(_allowed(secret))}"
    if setting is None:
        return f"{name or 'settings'}: {_sentence(problem, name)}"
    said = f"{name}: {_shown(setting, _value(document, steps))} is not possible; {' '.join(_allowed(setting))}"
    return f"{said} ({problem.hint})" if problem.hint.startswith("did you mean") else said


def _sentence(problem: Problem, name: str) -> str:
    """Say of a wrong name which one was probably meant, anywhere in the file."""
    hint = problem.hint
    if problem.code == "unknown_field":
        wanted = name.rpartition(".")[2]
        near = [known.name for known in all_settings() if known.path[-1] == wanted]
        if not near and not hint.startswith("did you mean"):
            near = get_close_matches(name, [known.name for known in all_settings()], n=1)
        hint = f"did you mean {near[0]}?" if near else hint
    return f"{problem.message} ({hint})" if hint else problem.message


def _value(document: Any, steps: list[str]) -> Any:
    for step in steps:
        document = document[step]
    return document


def _shown(setting: Setting, value: Any) -> str:
    if setting.secret:
        return f"the value ({len(value)} characters, not shown)" if isinstance(value, str) else "the value (not shown)"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _allowed(setting: Setting) -> Iterator[str]:
    """Yield what a setting may be, in words."""
    schema = setting.schema
    if "enum" in schema:
        yield f"allowed: {', '.join(schema['enum'])}."
    if "minimum" in schema:
        kind = "a whole number" if schema["type"] == "integer" else "a number"
        yield f"allowed: {kind} from {schema['minimum']} to {schema['maximum']}."
    if schema.get("type") == "boolean":
        yield "allowed: true or false."
    if schema.get("type") == "array":
        yield "allowed: a list of texts."
    if "minLength" in schema:
        yield f"allowed: a text of at least {schema['minLength']} characters."
    if "not" in schema:
        yield "A placeholder is no secret."
    if "pattern" in schema:
        yield f"allowed: what matches {schema['pattern']}."
    yield f"{schema['description']}."
