"""Calls the hooks of one plugin, each guarded, and registers what is sound."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from types import ModuleType
from typing import Any

import pluggy

from whenthen.errors import PluginError
from whenthen.extend import hookspecs
from whenthen.extend.admit import admit
from whenthen.extend.guarded import said, shown
from whenthen.extend.hookspecs import API_VERSION, NAMESPACE
from whenthen.extend.registry import PluginRecord, Registry

MAX_THINGS = 1_000
"""What one hook may return at most; more is a mistake, or a list without an end."""

_PREFIX = f"{NAMESPACE}_"
_API = f"{NAMESPACE}_api"


def collect(registry: Registry, record: PluginRecord, plugin: Any, specs: ModuleType = hookspecs) -> None:
    """Register everything sound that *plugin* (a module or an object) offers; tell the rest in *record*.

    Never raises for what the plugin does, but lets an interrupt by the user pass.
    """
    hooks = [name for name in vars(specs) if name.startswith(_PREFIX)]
    try:
        record.api = _api(plugin)
        manager = _manager(plugin, record, specs)
        record.problems.extend(_strays(plugin, manager, hooks))
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        record.skip(str(error))
        return
    except BaseException as error:  # noqa: BLE001 - a plugin object may raise anything on any attribute access
        record.skip(f"cannot be registered: {said(error)}")
        return
    used = [hook for hook in hooks if getattr(manager.hook, hook).get_hookimpls()]
    for hook in used:
        kind = hook.removeprefix(_PREFIX).removesuffix("s")
        for thing in _things(getattr(manager.hook, hook), record):
            _add(registry, record, kind, thing)
    if not used and not record.problems:
        record.problems.append("registers nothing: no function in it is marked with @whenthen.hookimpl")
    if record.problems and not record.registered:
        record.status = "skipped"


def _api(plugin: Any) -> int | None:
    """Return the contract that a plugin was written for, if it says so; raises for one that is not spoken here."""
    api = getattr(plugin, _API, None)
    if api is None:
        return None
    if type(api) is not int or api < 1:
        raise PluginError(f"{_API} is {shown(api)}; write the number of the plugin contract, {_API} = {API_VERSION}")
    if api > API_VERSION:
        raise PluginError(
            f"was written for version {api} of the plugin contract, this whenthen speaks {API_VERSION}; "
            "install a newer whenthen or an older plugin"
        )
    return api


def _manager(plugin: Any, record: PluginRecord, specs: ModuleType) -> pluggy.PluginManager:
    """Return a manager of this one plugin: what one raises cannot end the calls of another."""
    if inspect.isclass(plugin):
        raise PluginError(f"{shown(plugin)} is a class; let the entry point name a module or an instance")
    manager = pluggy.PluginManager(NAMESPACE)
    manager.add_hookspecs(specs)
    # A hook that is to go says so here (pluggy's warn_on_impl), to whoever asks for the list of plugins.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manager.register(plugin, record.name)
    record.warnings.extend(" ".join(str(warning.message).split()) for warning in caught)
    return manager


def _strays(plugin: Any, manager: pluggy.PluginManager, hooks: list[str]) -> Iterator[str]:
    """Tell of hook implementations that would pass in silence: misspelt ones, and those without their mark."""
    # As pluggy's own check_pending does, but all of them, not the first.
    callers = manager.get_hookcallers(plugin) or []
    marked = [caller.name for caller in callers]
    for caller in callers:
        if not caller.has_spec() and not all(impl.optionalhook for impl in caller.get_hookimpls()):
            yield f"there is no hook {caller.name}{_nearest(caller.name, hooks)}"
    for name in _functions(plugin):
        if name in marked:
            continue
        if name in hooks:
            yield f"{name} is not marked with @whenthen.hookimpl, so it is not called"
        elif near := _nearest(name, hooks):
            yield f"there is no hook {name}{near}"


def _nearest(name: str, hooks: list[str]) -> str:
    # The prefix that all have in common would make everything near to everything.
    near = get_close_matches(name.removeprefix(_PREFIX), [hook.removeprefix(_PREFIX) for hook in hooks], n=1)
    return f"; did you mean {_PREFIX}{near[0]}?" if near else ""


def _functions(plugin: Any) -> Iterator[str]:
    for name in dir(plugin):
        # What stands there is looked at without running it: a property is none of our business.
        if name.startswith(_PREFIX) and callable(inspect.getattr_static(plugin, name, None)):
            yield name


def _things(caller: pluggy.HookCaller, record: PluginRecord) -> list[Any]:
    """Return what one hook returns, or nothing and a word about why."""
    name = caller.name
    if any(impl.wrapper or impl.hookwrapper for impl in caller.get_hookimpls()):
        record.problems.append(f"{name} wraps other plugins' hooks, which is not possible; return a list")
        return []
    try:
        return _listed(name, caller())
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        record.problems.append(str(error))
    except BaseException as error:  # noqa: BLE001 - a hook may raise anything
        record.problems.append(f"{name} raised {said(error)}")
    return []


def _listed(name: str, results: list[Any]) -> list[Any]:
    # pluggy leaves a None out, and there is but one plugin to answer.
    result: Any = results[0] if results else None
    if isinstance(result, str | bytes) or not hasattr(type(result), "__iter__"):
        raise PluginError(f"{name} returned {shown(result)}; return a list")
    things = list(islice(result, MAX_THINGS + 1))
    if len(things) > MAX_THINGS:
        raise PluginError(f"{name} returned more than {MAX_THINGS:,} things; none of them is taken")
    return things


def _add(registry: Registry, record: PluginRecord, kind: str, thing: Any) -> None:
    try:
        name = admit(kind, thing)
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        record.problems.append(str(error))
    except BaseException as error:  # noqa: BLE001 - a class may raise anything when it is looked at
        record.problems.append(f"{kind} {shown(thing)} cannot be looked at: {said(error)}")
    else:
        owner = registry.owner(kind, name)
        if owner is not None:
            record.problems.append(f"{kind} {name!r} is already registered by {owner}, which keeps it")
            return
        registry.add(kind, name, thing, record.name)
        record.registered.setdefault(kind, []).append(name)
