"""Checks one thing that a plugin wants to register: kind, name, schema, methods."""

from __future__ import annotations

import inspect
import json
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

import jsonschema_rs

from whenthen.errors import PluginError
from whenthen.extend.action import Action
from whenthen.extend.advisor import Advisor
from whenthen.extend.condition import Condition
from whenthen.extend.driver import Driver
from whenthen.extend.guarded import said, shown
from whenthen.extend.hookspecs import Function
from whenthen.extend.observer import Observer
from whenthen.extend.trigger import Trigger
from whenthen.model.firing import Delivery

MAX_NAME_CHARACTERS = 100
SERVICES = ("http", "devices", "rules", "events", "files", "messages", "functions")

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_BASES: dict[str, type] = {
    "trigger": Trigger,
    "condition": Condition,
    "action": Action,
    "driver": Driver,
    "advisor": Advisor,
    "observer": Observer,
}
_ONE_OF: dict[str, tuple[str, ...]] = {
    "trigger": ("sensors", "events", "schedule"),
    "condition": ("evaluate", "compile"),
    "action": ("perform", "consequences"),
    "driver": ("send",),
    "advisor": ("advise",),
    "observer": ("observe",),
}
"""What a class must write itself, at least one of them: without it the class can do nothing."""
_METHODS = {
    kind: [name for name, _ in inspect.getmembers_static(base, inspect.isfunction) if not name.startswith("_")]
    for kind, base in _BASES.items()
}
_MADE_WITH: dict[str, tuple[tuple[Any, ...], str]] = {
    "condition": (({}, ()), "a config and its inner conditions"),
    "observer": ((), "no arguments"),
}


def admit(kind: str, thing: Any) -> str:
    """Return the name under which *thing* may be registered as a *kind* (``condition``, …).

    Raises ``PluginError`` with a sentence that tells the author what to change. Whatever else *thing* raises while it
    is looked at goes through.
    """
    if kind == "function":
        return _function(thing)
    base = _BASES[kind]
    if isinstance(thing, base):
        raise PluginError(f"a {kind} is registered by its class; return {type(thing).__qualname__} itself")
    if not (inspect.isclass(thing) and issubclass(thing, base)):
        raise PluginError(f"{shown(thing)} is not a subclass of whenthen.{base.__name__}")
    name = _name(kind, getattr(thing, "type", None), f"{kind} {thing.__qualname__}", 'type = "…"')
    who = f"{kind} {name!r}"
    _check_methods(kind, thing, who)
    _check_construction(kind, thing, who)
    if kind != "observer":
        _check_schema(getattr(thing, "schema", None), who)
    _check_attributes(kind, thing, who)
    return name


def _name(kind: str, name: Any, who: str, example: str) -> str:
    if not name:
        raise PluginError(f"{who} has no name; give it {example}")
    # A subclass of str could answer differently each time that it is asked.
    if type(name) is not str or len(name) > MAX_NAME_CHARACTERS or not _NAME.fullmatch(name):
        raise PluginError(f"{who} needs a name in snake_case (one prefix and a dot may precede), not {shown(name)}")
    if kind == "function" and keyword.iskeyword(name):
        raise PluginError(f"{who} cannot have a word of the expression language as its name")
    return name


def _check_methods(kind: str, thing: type, who: str) -> None:
    base, wanted = _BASES[kind], _ONE_OF[kind]
    written = [name for name in wanted if getattr(thing, name, None) is not getattr(base, name)]
    if not written:
        methods = " or ".join([", ".join(wanted[:-1]), wanted[-1]] if len(wanted) > 1 else wanted)
        raise PluginError(f"{who} lacks the method {methods}")
    for name in _METHODS[kind]:
        method = getattr(thing, name)
        if not callable(method):
            raise PluginError(f"{who}: {name} is {shown(method)}, but must be a method")
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise PluginError(f"{who}: {name} is async, but is called directly; write def, not async def")


def _check_construction(kind: str, thing: type, who: str) -> None:
    arguments, in_words = _MADE_WITH.get(kind, (({},), "a config"))
    try:
        signature = inspect.signature(thing)
    except ValueError:  # one written in C may not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        raise PluginError(f"{who} is made with {in_words}, which its __init__ does not take") from None


def _check_schema(schema: Any, who: str) -> None:
    if not isinstance(schema, Mapping):
        raise PluginError(f"the schema of {who} is {shown(schema)}; write a dict, a JSON Schema of 2020-12")
    try:
        text = json.dumps(dict(schema), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PluginError(f"the schema of {who} is not JSON: {said(error)}") from None
    document: dict[str, Any] = json.loads(text)
    if document.get("type", "object") != "object":
        raise PluginError(f'the schema of {who} has type {document["type"]!r}; a config is an "object"')
    # Compiling a schema would fetch what it refers to, from wherever it says.
    for reference in _references(document):
        if not reference.startswith("#"):
            raise PluginError(f"the schema of {who} refers to {shown(reference)}; only references within it (#…) work")
    try:
        jsonschema_rs.Draft202012Validator(document)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        message = str(getattr(error, "message", error)).splitlines()[0]
        raise PluginError(f"the schema of {who} is not valid: {message}") from None


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for item in part:
            yield from _references(item)


def _check_attributes(kind: str, thing: Any, who: str) -> None:
    if kind == "condition":
        # A property may stand for reads when it depends on the config; only an instance has its value.
        _check_names("reads", inspect.getattr_static(thing, "reads"), who)
        if not isinstance(thing.nested, str | None):
            raise PluginError(f"{who}: nested is {shown(thing.nested)}; write the name of a config key")
    if kind == "action":
        if thing.delivery not in get_args(Delivery):
            raise PluginError(f"{who}: delivery is {shown(thing.delivery)}; write idempotent or at_most_once")
        _check_names("services", thing.services, who)
        for service in thing.services:
            if service not in SERVICES:
                near = get_close_matches(str(service), SERVICES, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(SERVICES)}"
                raise PluginError(f"{who} asks for the service {shown(service)}, which there is not{hint}")


def _check_names(what: str, names: Any, who: str) -> None:
    if isinstance(names, property):
        return
    if isinstance(names, str):
        raise PluginError(f'{who}: {what} is a text; write {what} = ("{names}",)')
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise PluginError(f"{who}: {what} is {shown(names)}; write a tuple of names")


def _function(thing: Any) -> str:
    if not isinstance(thing, Function):
        raise PluginError(f"{shown(thing)} is not a whenthen.Function")
    name = _name("function", thing.name, "a function", 'name="…"')
    who = f"function {name!r}"
    if not callable(thing.call):
        raise PluginError(f"{who} cannot be called: {shown(thing.call)}")
    if inspect.iscoroutinefunction(thing.call):
        raise PluginError(f"{who} is async, but is called directly; write def, not async def")
    _check_names("reads", thing.reads, who)
    if "." in name and not (thing.condition or thing.action):
        raise PluginError(f"{who}: expressions know no dot; name it {name.replace('.', '_')}")
    return name
