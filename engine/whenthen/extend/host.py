"""Loads plugins one by one, so that a bad one is reported and the rest goes on."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from whenthen.errors import PluginError
from whenthen.extend import hookspecs
from whenthen.extend.action import Action
from whenthen.extend.condition import Condition
from whenthen.extend.hookspecs import NAMESPACE, Function
from whenthen.extend.registry import KINDS, PluginRecord, Registry
from whenthen.extend.trigger import Trigger

ENTRY_POINT_GROUP = "whenthen"
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_BASES: dict[str, type] = {"trigger": Trigger, "condition": Condition, "action": Action, "function": Function}
_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith(f"{NAMESPACE}_"))


def load_registry(*, disabled: Collection[str] = (), extra: Iterable[tuple[str, Any]] = ()) -> Registry:
    """Return a registry of everything that installed packages register.

    Entry points of the group ``whenthen`` load one at a time, the product's own first; *disabled* names plugins to
    leave out; *extra* gives further (name, plugin object) pairs, as tests do. Never raises for a bad plugin: see
    ``Registry.plugins``.
    """
    registry = Registry()
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=_own_first):
        record = PluginRecord(point.name, *_distribution(point))
        registry.plugins.append(record)
        if point.name in disabled:
            record.status, record.problems = "skipped", ["switched off by name"]
            continue
        try:
            plugin = point.load()
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything while it loads
            _skip(record, f"cannot be imported: {type(error).__name__}: {error}")
            continue
        _take(registry, record, plugin)
    for name, plugin in extra:
        record = PluginRecord(name, "", "")
        registry.plugins.append(record)
        if name in disabled:
            record.status, record.problems = "skipped", ["switched off by name"]
        else:
            _take(registry, record, plugin)
    return registry


def _own_first(point: EntryPoint) -> tuple[bool, str]:
    return (point.dist is None or point.dist.name != NAMESPACE, point.name)


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _skip(record: PluginRecord, reason: str) -> None:
    record.status = "skipped"
    record.problems.append(reason)


def _take(registry: Registry, record: PluginRecord, plugin: Any) -> None:
    """Call one plugin's hooks, each guarded, and add what is sound."""
    manager = pluggy.PluginManager(NAMESPACE)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, record.name)
    except Exception as error:  # noqa: BLE001 - a plugin object may raise on any attribute access
        _skip(record, f"cannot be registered: {error}")
        return
    record.problems.extend(_misspelt(plugin))
    for hook in _HOOKS:
        caller = getattr(manager.hook, hook)
        if not caller.get_hookimpls():
            continue
        kind = hook.removeprefix(f"{NAMESPACE}_").removesuffix("s")
        try:
            things = [thing for result in caller() for thing in result]
        except Exception as error:  # noqa: BLE001 - a hook may raise anything
            record.problems.append(f"{hook} raised {type(error).__name__}: {error}")
            continue
        for thing in things:
            _add(registry, record, kind, thing)
    if record.problems and not record.registered:
        record.status = "skipped"


def _misspelt(plugin: Any) -> list[str]:
    """Name the hook implementations that no hook answers to, with the nearest real name."""
    problems = []
    for name in dir(plugin):
        if name.startswith(f"{NAMESPACE}_") and name not in _HOOKS and callable(getattr(plugin, name, None)):
            near = get_close_matches(name, _HOOKS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"there is no hook {name}{hint}")
    return problems


def _add(registry: Registry, record: PluginRecord, kind: str, thing: Any) -> None:
    try:
        name = _checked_name(registry, kind, thing)
    except PluginError as error:
        record.problems.append(str(error))
        return
    registry.add(kind, name, thing, record.name)
    record.registered.setdefault(kind, []).append(name)


def _checked_name(registry: Registry, kind: str, thing: Any) -> str:
    """Return the name under which a thing may be registered, or say why not."""
    base = _BASES.get(kind)
    if base is Function:
        if not isinstance(thing, Function):
            raise PluginError(f"{thing!r} is not a whenthen.Function")
        name: Any = thing.name
    else:
        if base is not None and not (inspect.isclass(thing) and issubclass(thing, base)):
            raise PluginError(f"{thing!r} is not a subclass of whenthen.{base.__name__}")
        name = getattr(thing, "type", None)
        _check_class(kind, name, thing)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{thing!r} needs a name in snake_case, not {name!r}")
    if name in registry.table(kind):
        raise PluginError(f"{kind} {name!r} is already registered by {registry.owner(kind, name)}, which keeps it")
    return name


def _check_class(kind: str, name: Any, thing: Any) -> None:
    schema = getattr(thing, "schema", None)
    if kind in ("trigger", "condition", "action"):
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise PluginError(f"the schema of {kind} {name!r} is not valid: {error.message}") from error
    if kind == "condition" and thing.evaluate is Condition.evaluate and thing.compile is Condition.compile:
        raise PluginError(f"condition {name!r} lacks the method evaluate")


assert all(hook.removeprefix(f"{NAMESPACE}_").removesuffix("s") in KINDS for hook in _HOOKS)  # noqa: S101
